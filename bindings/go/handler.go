package amop

import (
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
)

// guarded runs one call of a handler of a client. A panic is recovered, passed to failed as text, and logged with its
// stack. The end of the goroutine by [runtime.Goexit] is passed to failed, too, but can't be stopped.
func guarded(c *core, handle func(), failed func(text string)) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if value := recover(); value != nil {
			failed(fmt.Sprintf("the handler panicked: %v", value))
			c.logError("the handler panicked", "panic", value, "stack", string(debug.Stack()))
		} else {
			failed("the handler ended its goroutine")
		}
	}()
	handle()
	returned = true
}

// guardedName is the name of guarded in stacks.
var guardedName = runtime.FuncForPC(reflect.ValueOf(guarded).Pointer()).Name()

// insideHandler reports whether the caller runs in a handler of this package, possibly of another client. A function
// must not wait for handlers then, because it might wait for itself. Handlers run on the goroutine that calls
// guarded, so that the stack shows it.
func insideHandler() bool {
	pcs := make([]uintptr, 64)
	for {
		n := runtime.Callers(1, pcs)
		if n < len(pcs) {
			pcs = pcs[:n]
			break
		}
		pcs = make([]uintptr, 2*len(pcs))
	}
	frames := runtime.CallersFrames(pcs)
	for {
		frame, more := frames.Next()
		if frame.Function == guardedName {
			return true
		}
		if !more {
			return false
		}
	}
}
