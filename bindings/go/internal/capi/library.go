// Package capi is the only package that calls C: thin Go values over the functions of amop.h, without contexts,
// goroutines or policy. It keeps no Go pointer in C, and C calls Go only for the log.
//
// Functions that wait in C occupy a thread of the operating system meanwhile and document that. Waiting for messages,
// requests, completions and events is left to Go's poller and occupies none.
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
// #include "glue.h"
import "C"

import (
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Batch is the maximum number of messages, requests or completions that are taken by one call of C.
const Batch = 64

// CheckVersion checks that the loaded library can serve the header that this package was compiled with.
var CheckVersion = sync.OnceValue(func() *Error {
	var failure *C.amop_error
	return taken(C.amop_check_version(C.AMOP_ABI, C.AMOP_VERSION_NUMBER, &failure), &failure)
})

// Version returns the version of the library, such as 1.2.3.
func Version() string {
	return C.GoString(C.amop_version())
}

// StatusName returns the C name of a status, such as AMOP_ERROR_TIMEOUT; empty for an unknown number.
func StatusName(code int32) string {
	return text(C.amop_status_name(C.int32_t(code)))
}

// live counts the C handles that Go owns.
var live atomic.Int64

// Live returns the number of C handles that Go owns.
func Live() int64 {
	return live.Load()
}

// handle is a C handle, of pointer type P, that many goroutines use until one of them frees it.
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

// enter locks the pointer for use until leave, or returns an error if the handle is freed.
func (h *handle[P]) enter() *Error {
	h.mu.RLock()
	if h.freed {
		h.mu.RUnlock()
		return &Error{Code: statusClosed, Message: "the handle is closed"}
	}
	return nil
}

func (h *handle[P]) leave() {
	h.mu.RUnlock()
}

// use calls act with the pointer, or returns an error if the handle is freed.
func (h *handle[P]) use(act func(P) *Error) *Error {
	if err := h.enter(); err != nil {
		return err
	}
	defer h.leave()
	return act(h.ptr)
}

// release frees the handle, when no goroutine uses it any more. A second call does nothing.
func (h *handle[P]) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.freed {
		h.free(h.ptr)
		h.freed = true
		live.Add(-1)
	}
}

// cText returns a string for C, in Go's memory. Callers have rejected strings that contain a NUL.
func cText(s string) *C.char {
	bytes := make([]byte, len(s)+1)
	copy(bytes, s)
	return (*C.char)(unsafe.Pointer(&bytes[0]))
}

// shortText is a place for a string for C that usually needs no memory of its own.
type shortText [256]byte

// of returns a string for C, in this place if it fits.
func (t *shortText) of(s string) *C.char {
	if len(s) >= len(t) {
		return cText(s)
	}
	t[copy(t[:], s)] = 0
	return (*C.char)(unsafe.Pointer(&t[0]))
}

// HasNUL reports whether a string contains a NUL and can't be passed to C.
func HasNUL(s string) bool {
	return strings.IndexByte(s, 0) >= 0
}

// pointer returns the address of the first byte. Its type has no pointers, so that cgo does not search for pointers
// in the object that contains the bytes, which may be a field of it.
func pointer(data []byte) *C.uint8_t {
	return (*C.uint8_t)(unsafe.SliceData(data))
}

// text copies a string that C lends; empty for NULL.
func text(s *C.char) string {
	if s == nil {
		return ""
	}
	return C.GoString(s)
}

// view returns the bytes that C lends, without a copy.
func view(bytes C.amop_bytes) []byte {
	return unsafe.Slice((*byte)(bytes.data), int(bytes.len))
}

// copied copies the bytes that C lends; never nil, so that an empty payload is not nil.
func copied(bytes C.amop_bytes) []byte {
	return append(make([]byte, 0, int(bytes.len)), view(bytes)...)
}

// names remembers the last string that C lent, so that the endpoint of many messages is copied only once.
type names struct {
	last string
}

func (n *names) text(bytes C.amop_bytes) string {
	if seen := view(bytes); string(seen) != n.last {
		n.last = string(seen)
	}
	return n.last
}

// array is C memory for a batch, which C writes and Go reads.
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
