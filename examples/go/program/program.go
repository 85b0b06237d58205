// Package program is shared by the programs: arguments, timestamps and signals.
package program

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Arguments are the arguments of a program.
type Arguments struct {
	Endpoint string
	Topic    string
	Count    uint64
	Interval time.Duration
}

// ReadArguments parses `[endpoint] [topic] [--count N] [--interval SECONDS]`, the latter for programs with an interval. It
// exits the program after --help, or if the arguments are invalid.
func ReadArguments(endpoint string, hasInterval bool) Arguments {
	name := filepath.Base(os.Args[0])
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	count := flags.Uint64("count", math.MaxUint64, "exits after this number of messages")
	interval := 2.0
	usage := fmt.Sprintf("Usage: %s [ENDPOINT] [TOPIC] [--count N]", name)
	if hasInterval {
		flags.Float64Var(&interval, "interval", interval, "the time between two messages, in seconds")
		usage += " [--interval SECONDS]"
	}
	usage += "\n\n" +
		"  ENDPOINT            The node to connect to [default: " + endpoint + "]\n" +
		"  TOPIC               Where the messages go [default: hello]\n" +
		"  --count N           Exits after this number of messages"
	if hasInterval {
		usage += "\n  --interval SECONDS  The time between two messages [default: 2]"
	}
	flags.Usage = func() {}
	wrong := func(text string) {
		fmt.Fprintf(os.Stderr, "%s%s\n", text, usage)
		os.Exit(2)
	}

	positions := []string{endpoint, "hello"}
	for position, rest := 0, os.Args[1:]; ; position++ {
		if err := flags.Parse(rest); errors.Is(err, flag.ErrHelp) {
			fmt.Println(usage)
			os.Exit(0)
		} else if err != nil {
			wrong("") // The flag package has printed the reason.
		}
		if flags.NArg() == 0 {
			break
		}
		if position == len(positions) {
			wrong(fmt.Sprintf("%s: unexpected argument: %s\n", name, flags.Arg(0)))
		}
		// Options may follow it.
		positions[position], rest = flags.Arg(0), flags.Args()[1:]
	}
	if !(interval >= 0 && interval < 1e9) {
		wrong(fmt.Sprintf("%s: invalid number of seconds %v\n", name, interval))
	}
	return Arguments{
		Endpoint: positions[0],
		Topic:    positions[1],
		Count:    *count,
		Interval: time.Duration(interval * float64(time.Second)),
	}
}

// Argument returns an argument of the program by its position, or a default if there are fewer.
func Argument(position int, otherwise string) string {
	if position < len(os.Args) {
		return os.Args[position]
	}
	return otherwise
}

// LocalTime returns the local time, such as 2020/08/11 21:21:50.
func LocalTime() string {
	return time.Now().Format("2006/01/02 15:04:05")
}

// UntilInterrupted returns a context that Ctrl-C and SIGTERM end. A second signal ends the program at once.
func UntilInterrupted() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx
}

// Exit exits the program and prints the error, if there is one. Ctrl-C and SIGTERM are not errors.
func Exit(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
