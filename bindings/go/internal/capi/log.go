package capi

// #include "glue.h"
import "C"

import "sync/atomic"

// logger is who gets the library's records.
var logger atomic.Pointer[func(level int32, target, message string)]

// SetLog passes the library's records from a level on, an AMOP_LOG_*, to a function, on a thread of the library's;
// level 0 ends it.
func SetLog(level int32, tell func(level int32, target, message string)) *Error {
	logger.Store(&tell)
	var failure *C.amop_error
	return taken(C.amopgo_set_log_level(C.int32_t(level), &failure), &failure)
}

//export amopgoLog
func amopgoLog(level C.int32_t, target, message *C.char) {
	// A panic must not go on in C; who logs has no caller to tell.
	defer func() { _ = recover() }()
	if tell := logger.Load(); tell != nil && *tell != nil {
		(*tell)(int32(level), text(target), text(message))
	}
}
