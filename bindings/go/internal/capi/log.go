package capi

// #include "glue.h"
import "C"

import "sync/atomic"

// logger receives the records of the library.
var logger atomic.Pointer[func(level int32, target, message string)]

// SetLog passes the records of the library from a level on, an AMOP_LOG_*, to a function, on a thread of the library;
// level 0 disables the log.
func SetLog(level int32, log func(level int32, target, message string)) *Error {
	logger.Store(&log)
	var failure *C.amop_error
	return taken(C.amopgo_set_log_level(C.int32_t(level), &failure), &failure)
}

//export amopgoLog
func amopgoLog(level C.int32_t, target, message *C.char) {
	// A panic must not enter C, and there is no caller to report it to.
	defer func() { _ = recover() }()
	if log := logger.Load(); log != nil && *log != nil {
		(*log)(int32(level), text(target), text(message))
	}
}
