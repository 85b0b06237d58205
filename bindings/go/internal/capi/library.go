// Package capi is the one place that speaks C: thin Go values over the functions of amop.h, without contexts,
// goroutines or policy. Nothing here keeps a Go pointer in C, and nothing but the log is called from C.
//
// Functions that wait in C hold a thread of the operating system meanwhile and say so; waiting for messages,
// requests, completions and events is left to Go's poller and holds none.
package capi

// #cgo noescape amopgo_send
// #cgo nocallback amopgo_send
// #cgo noescape amopgo_take_completions
// #cgo nocallback amopgo_take_completions
// #cgo nocallback amopgo_free_completions
// #cgo noescape amopgo_take_messages
// #cgo nocallback amopgo_take_messages
// #cgo nocallback amopgo_free_messages
// #cgo noescape amopgo_take_requests
// #cgo nocallback amopgo_take_requests
// #cgo noescape amopgo_answer
// #cgo nocallback amopgo_answer
// #include <stdlib.h>
// #include <string.h>
// #include "glue.h"
import "C"

import (
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Batch is how many messages, requests or completions are taken in one crossing at most.
const Batch = 64

// CheckVersion tells whether the library that was loaded can serve the header that this package was compiled with.
var CheckVersion = sync.OnceValue(func() *Error {
	var failure *C.amop_error
	return taken(C.amop_check_version(C.AMOP_VERSION_NUMBER, &failure), &failure)
})

// Version is the library's version, 1.2.3.
func Version() string {
	return C.GoString(C.amop_version())
}

// StatusName is the name of a status in C, AMOP_ERROR_TIMEOUT; empty for a number that is none.
func StatusName(code int32) string {
	return text(C.amop_status_name(C.int32_t(code)))
}

// live counts the C handles that Go holds.
var live atomic.Int64

// Live is how many C handles Go holds: all are freed when it's back to what it was.
func Live() int64 {
	return live.Load()
}

// handle is a C handle, P a pointer, that many goroutines use until one of them frees it.
type handle[P any] struct {
	mu    sync.RWMutex
	ptr   P
	freed bool
	free  func(P)
}

func newHandle[P any](ptr P, free func(P)) *handle[P] {
	live.Add(1)
	return &handle[P]{ptr: ptr, free: free}
}

// use lends the pointer; an error when it's freed.
func (h *handle[P]) use(act func(P) *Error) *Error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.freed {
		return &Error{Code: statusClosed, Message: "it is closed"}
	}
	return act(h.ptr)
}

// release frees the handle, after those who use it; a second time does nothing.
func (h *handle[P]) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.freed {
		h.free(h.ptr)
		h.freed = true
		live.Add(-1)
	}
}

// cText is a text as C takes it, in Go's memory. Callers have refused texts that hold a NUL.
func cText(s string) *C.char {
	bytes := make([]byte, len(s)+1)
	copy(bytes, s)
	return (*C.char)(unsafe.Pointer(&bytes[0]))
}

// HasNUL tells whether a text can't be passed to C.
func HasNUL(s string) bool {
	return strings.IndexByte(s, 0) >= 0
}

// pointer is where bytes begin. It is of a type without pointers, so that cgo doesn't look for any in the rest of what
// holds the bytes, which may be a field.
func pointer(data []byte) *C.uint8_t {
	return (*C.uint8_t)(unsafe.SliceData(data))
}

// text copies a text that C lends; empty for NULL.
func text(s *C.char) string {
	if s == nil {
		return ""
	}
	return C.GoString(s)
}

// view is what C lends, without a copy.
func view(bytes C.amop_bytes) []byte {
	return unsafe.Slice((*byte)(bytes.data), int(bytes.len))
}

// copied is what C lends, to keep; never nil, so that an empty payload is one.
func copied(bytes C.amop_bytes) []byte {
	return append(make([]byte, 0, int(bytes.len)), view(bytes)...)
}

// names remembers the last text that C lent, so that the endpoint that thousands of messages share is copied once.
type names struct {
	last string
}

func (n *names) text(s *C.char) string {
	if s == nil {
		return ""
	}
	seen := unsafe.Slice((*byte)(unsafe.Pointer(s)), C.strlen(s))
	if string(seen) != n.last {
		n.last = string(seen)
	}
	return n.last
}

// array is C memory for a batch, which is written there and read here.
type array[T any] struct {
	items *[Batch]T
}

func newArray[T any]() array[T] {
	var item T
	live.Add(1)
	return array[T]{(*[Batch]T)(C.calloc(Batch, C.size_t(unsafe.Sizeof(item))))}
}

func (a *array[T]) release() {
	C.free(unsafe.Pointer(a.items))
	a.items = nil
	live.Add(-1)
}
