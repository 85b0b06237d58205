package amop

import (
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
)

// guarded runs one call of a handler. A panic is told to `failed`, with its stack, and goes no further; so is the end of
// its goroutine by [runtime.Goexit], which can't be stopped.
func guarded(handle func(), failed func(text string)) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if value := recover(); value != nil {
			failed(fmt.Sprintf("the handler panicked: %v", value))
			tellLog("the handler panicked", "panic", value, "stack", string(debug.Stack()))
		} else {
			failed("the handler ended its goroutine")
		}
	}()
	handle()
	returned = true
}

// guardedName is how stacks call guarded.
var guardedName = runtime.FuncForPC(reflect.ValueOf(guarded).Pointer()).Name()

// insideHandler tells whether the caller runs in a handler of this package, be it of another client: then nothing may
// wait for handlers, it might wait for itself. Handlers don't start goroutines of their own here, so that their
// stack says it.
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
