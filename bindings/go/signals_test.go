package amop_test

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	amop "example.org/amop/bindings/go"
)

// maskOf returns the name of a thread of this process and the signals that it blocks; false if it has exited.
func maskOf(t *testing.T, status string) (name string, mask uint64, runs bool) {
	t.Helper()
	text, err := os.ReadFile(status)
	if err != nil {
		return "", 0, false
	}
	for line := range strings.Lines(string(text)) {
		switch field, value, _ := strings.Cut(strings.TrimSpace(line), ":"); field {
		case "Name":
			name = strings.TrimSpace(value)
		case "SigBlk":
			mask = must[uint64](t)(strconv.ParseUint(strings.TrimSpace(value), 16, 64))
		}
	}
	return name, mask, true
}

func TestThreadsOfTheLibraryBlockSignals(t *testing.T) {
	statuses := func() []string { return must[[]string](t)(filepath.Glob("/proc/self/task/*/status")) }
	if len(statuses()) == 0 {
		t.Skip("there is no /proc")
	}
	client := clientAt(t, 0)
	topic, _ := serve(t, client, func(context.Context, *amop.Request) ([]byte, error) { return nil, nil })
	must[*amop.Reply](t)(client.Publish(soon(t), topic, nil))
	names := map[string]bool{}
	for _, status := range statuses() {
		name, mask, runs := maskOf(t, status)
		// Go's runtime handles signals itself, and unblocks them on the thread that calls Go for the log.
		if !runs || !strings.HasPrefix(name, "amop") || name == "amop-log" {
			continue
		}
		names[name] = true
		for _, number := range []syscall.Signal{
			syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM,
		} {
			if mask>>(number-1)&1 == 0 {
				t.Errorf("%s does not block %v", name, number)
			}
		}
	}
	if len(names) == 0 {
		t.Error("the library has no threads")
	}
}

func TestProgramReceivesItsSignals(t *testing.T) {
	client := clientAt(t, 0)
	topic, _ := serve(t, client, func(context.Context, *amop.Request) ([]byte, error) { return nil, nil })
	must[*amop.Reply](t)(client.Publish(soon(t), topic, nil))
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR1)
	defer signal.Stop(signals)
	for n, number := range []syscall.Signal{syscall.SIGTERM, syscall.SIGUSR1} {
		ok(t, syscall.Kill(os.Getpid(), number))
		equal(t, fmt.Sprint(n, receive(t, signals)), fmt.Sprint(n, number))
	}
}
