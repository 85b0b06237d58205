// Package waiting lets a context end calls that wait in C, and limits the threads that such calls occupy.
package waiting

import (
	"context"

	"example.org/amop/bindings/go/internal/capi"
)

// most is the maximum number of operating system threads that wait in C for connections. Further
// calls wait here, without a thread. Nothing else occupies one.
const most = 64

var slots = make(chan struct{}, most)

// ContextError returns the error of a call that its context has ended before `what` happened. The package amop sets it,
// for packages that can't make such an error.
var ContextError func(ctx context.Context, what string) error

// Call makes a call that waits in C. If the context ends first, Call returns the error of the context as its last
// result, and late receives the result of the call when it completes.
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
	abandoned := make(chan struct{})
	go func() {
		result, failure := call()
		<-slots
		select {
		case done <- outcome{result, failure}:
		case <-abandoned:
			if failure == nil {
				late(result)
			}
		}
	}()
	select {
	case o := <-done:
		return o.result, o.failure, nil
	case <-ctx.Done():
		close(abandoned)
		return none, nil, ctx.Err()
	}
}
