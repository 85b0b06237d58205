package waiting

import (
	"context"
	"errors"
	"testing"

	"example.org/amop/bindings/go/internal/capi"
)

func TestCallReturnsItsResult(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for _, ctx := range []context.Context{context.Background(), ctx} {
		result, failure, err := Call(ctx, func() (int, *capi.Error) { return 1, nil }, func(int) { t.Error("late") })
		if result != 1 || failure != nil || err != nil {
			t.Fatal(result, failure, err)
		}
		_, failure, err = Call(ctx, func() (int, *capi.Error) { return 0, &capi.Error{Code: 7} }, func(int) { t.Error("late") })
		if failure == nil || failure.Code != 7 || err != nil {
			t.Fatal(failure, err)
		}
	}
}

func TestLateResultIsPassedToCleanup(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	gate, late := make(chan struct{}), make(chan int, 1)
	call := func() (int, *capi.Error) {
		cancel()
		<-gate
		return 5, nil
	}
	_, _, err := Call(ctx, call, func(result int) { late <- result })
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(gate)
	if <-late != 5 {
		t.Fatal("another value was passed to cleanup")
	}
}

func TestCallsBeyondTheLimitWaitWithoutAThread(t *testing.T) {
	gate, running := make(chan struct{}), make(chan struct{}, most)
	done := make(chan error)
	for range most {
		go func() {
			_, _, err := Call(context.Background(), func() (int, *capi.Error) {
				running <- struct{}{}
				<-gate
				return 0, nil
			}, func(int) {})
			done <- err
		}()
	}
	for range most {
		<-running
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _, err := Call(ctx, func() (int, *capi.Error) { panic("there is no slot") }, func(int) {})
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(gate)
	for range most {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if len(slots) != 0 {
		t.Fatalf("%d slots are still taken", len(slots))
	}
}
