package amop_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/devnet"
	"example.org/amop/bindings/go/internal/capi"
)

// guard is the longest time that a test waits; passing tests wait far less.
const guard = 60 * time.Second

// shortLimits are to be tested one after the other: on a busy machine the first may pass before the step that a test is
// about.
var shortLimits = []time.Duration{50 * time.Millisecond, 400 * time.Millisecond, 1500 * time.Millisecond, 4 * time.Second}

// nodes are two embedded nodes for all tests. Tests that kill nodes start their own.
var nodes *devnet.Devnet

func TestMain(m *testing.M) {
	if name := os.Getenv(programVariable); name != "" {
		os.Exit(runProgram(name))
	}
	started, err := devnet.Start(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	nodes = started
	if err := patient(nodes); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := nodes.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	// By now all handles of the tests are freed, unless there is a leak.
	if held := settled(0); held != 0 && code == 0 {
		fmt.Fprintf(os.Stderr, "%d C handles were not freed\n", held)
		code = 1
	}
	os.Exit(code)
}

// patient makes nodes wait for replies as long as a slow machine may take.
func patient(nodes *devnet.Devnet) error {
	_, err := nodes.Control(context.Background(), fmt.Sprintf("push-limit %v", guard.Seconds()))
	return err
}

// settled waits until at most so many C handles exist and returns their number. Goroutines free their handles when they
// end, the collector frees the rest.
func settled(most int64) int64 {
	for deadline := time.Now().Add(guard); capi.Live() > most && time.Now().Before(deadline); {
		runtime.GC()
		time.Sleep(pause)
	}
	return capi.Live()
}

// pause is the time between two looks at a condition.
const pause = time.Millisecond

// until waits until a condition holds that nothing announces.
func until(t testing.TB, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(guard); !holds(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			t.Fatal("the condition does not hold")
		}
	}
}

// soon returns a context that ends after guard.
func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), guard)
	t.Cleanup(cancel)
	return ctx
}

// clientAt connects a client to a node and closes it with the test.
func clientAt(t testing.TB, node int, opts ...amop.Option) *amop.Client {
	t.Helper()
	return connect(t, append([]amop.Option{nodes.Node(node)}, opts...)...)
}

func connect(t testing.TB, opts ...amop.Option) *amop.Client {
	t.Helper()
	opts = append([]amop.Option{
		amop.ReconnectMin(10 * time.Millisecond), amop.ReconnectMax(100 * time.Millisecond),
		amop.ConnectTimeout(guard), amop.CallTimeout(guard), amop.CloseTimeout(guard),
		amop.AnswerTimeout(guard),
	}, opts...)
	client, err := amop.Connect(soon(t), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ok(t, client.Close()) })
	return client
}

var topics atomic.Int64

// freshTopic returns a topic that no other test uses.
func freshTopic() string {
	return fmt.Sprintf("go/%d", topics.Add(1))
}

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v (%#v)", err, err)
	}
}

// must returns the result of a call that must succeed.
func must[T any](t testing.TB) func(T, error) T {
	return func(result T, err error) T {
		t.Helper()
		ok(t, err)
		return result
	}
}

// fails returns the error, which must have a code.
func fails(t testing.TB, err error, code amop.Code) *amop.Error {
	t.Helper()
	var e *amop.Error
	if !errors.As(err, &e) {
		t.Fatalf("wanted an *amop.Error %v, got %#v", code, err)
	}
	if !errors.Is(err, code) || e.Code != code {
		t.Fatalf("wanted %v, got %v: %v", code, e.Code, err)
	}
	if e.Error() == "" {
		t.Fatalf("%v has no text", code)
	}
	return e
}

func equal[T comparable](t testing.TB, got, wanted T) {
	t.Helper()
	if got != wanted {
		t.Fatalf("got %v, wanted %v", got, wanted)
	}
}

// receive returns the next value of a channel.
func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case item, more := <-from:
		if !more {
			t.Fatal("the channel is closed")
		}
		return item
	case <-time.After(guard):
		t.Fatal("nothing arrived")
		panic("unreachable")
	}
}

// happens returns the next event other than Connected, which may be emitted after a test has begun to listen.
func happens(t testing.TB, events <-chan *amop.Event) *amop.Event {
	t.Helper()
	for {
		if event := receive(t, events); event.Kind != amop.EventConnected {
			return event
		}
	}
}

// closed waits until a channel is closed and returns the number of values received before.
func closed[T any](t testing.TB, channel <-chan T) (before int) {
	t.Helper()
	limit := time.After(guard)
	for {
		select {
		case _, more := <-channel:
			if !more {
				return before
			}
			before++
		case <-limit:
			t.Fatal("the channel isn't closed")
		}
	}
}

// devnetOfItsOwn starts nodes for a test that kills them.
func devnetOfItsOwn(t testing.TB, opts ...devnet.Option) *devnet.Devnet {
	t.Helper()
	started, err := devnet.Start(soon(t), opts...)
	ok(t, err)
	t.Cleanup(func() { ok(t, started.Stop()) })
	ok(t, patient(started))
	return started
}
