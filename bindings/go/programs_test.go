package amop_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	amop "example.org/amop/bindings/go"
)

// The test binary itself is the program that is run.
const (
	programVariable = "AMOP_TEST_PROGRAM"
	nodesVariable   = "AMOP_TEST_NODES"
)

// programs are the functions of child processes, by name.
var programs = map[string]func() error{
	// Loads the library and does not use it.
	"nothing": func() error { return nil },
	// Exits while messages arrive, calls are in flight and handlers run.
	"without closing": func() error {
		ctx := context.Background()
		seen := strings.Split(os.Getenv(nodesVariable), " ")
		client, err := amop.Connect(ctx, amop.Endpoints(seen[1:]...), amop.Credentials(seen[0]))
		if err != nil {
			return err
		}
		topic := fmt.Sprintf("program/%d", os.Getpid())
		entered := make(chan struct{}, 1)
		_, err = client.SubscribeFunc(ctx, topic, func(context.Context, *amop.Message) {
			select {
			case entered <- struct{}{}:
			default:
			}
		})
		if err != nil {
			return err
		}
		events, err := client.Events(ctx)
		if err != nil {
			return err
		}
		go func() {
			for range events {
			}
		}()
		for range 100 {
			client.PublishAsync(ctx, topic, []byte("on the way"), amop.WaitForSubscriber(true))
		}
		<-entered
		return nil
	},
}

func runProgram(name string) int {
	if err := programs[name](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestProgramsThatExitDoNotCrashOrHang(t *testing.T) {
	runs := 20
	if wanted, err := strconv.Atoi(os.Getenv("AMOP_TEST_RUNS")); err == nil {
		runs = wanted
	}
	for name := range programs {
		t.Run(name, func(t *testing.T) {
			for range runs {
				command := exec.CommandContext(soon(t), os.Args[0])
				// Without this the race detector sleeps before the program exits.
				command.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", programVariable+"="+name,
					nodesVariable+"="+nodes.Credentials()+" "+strings.Join(nodes.Endpoints(), " "))
				if output, err := command.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, output)
				}
			}
		})
	}
}
