// Package waiting makes calls that wait in C end with a context, and bounds the threads that they hold.
package waiting

import (
	"context"

	"amop/internal/capi"
)

// most bounds the threads of the operating system that wait in C at once, for connections and topic lists. Calls
// beyond it wait here, without a thread. (Publishes and messages hold none.)
const most = 64

var slots = make(chan struct{}, most)

// Call makes a call that waits in C, and comes back without it when the context ends first: then the last result is
// the context's error, and `late` gets what the call gave after all.
func Call[T any](ctx context.Context, call func() (T, *capi.Error), late func(T)) (T, *capi.Error, error) {
	var none T
	if ctx.Err() != nil {
		return none, nil, ctx.Err()
	}
	select {
	case slots <- struct{}{}:
	case <-ctx.Done():
		return none, nil, ctx.Err()
	}
	if ctx.Done() == nil {
		defer func() { <-slots }()
		result, failure := call()
		return result, failure, nil
	}
	type outcome struct {
		result  T
		failure *capi.Error
	}
	done := make(chan outcome)
	gone := make(chan struct{})
	go func() {
		result, failure := call()
		<-slots
		select {
		case done <- outcome{result, failure}:
		case <-gone:
			if failure == nil {
				late(result)
			}
		}
	}()
	select {
	case o := <-done:
		return o.result, o.failure, nil
	case <-ctx.Done():
		close(gone)
		return none, nil, ctx.Err()
	}
}
