package capi

// #include "glue.h"
import "C"

import (
	"errors"
	"os"
	"syscall"
)

// readiness waits with Go's poller for a descriptor of the library's: no thread is held, and Close ends the wait.
//
// The library raises the descriptor when something comes and lowers it when a look finds nothing, so that each
// raising after a look in vain is a new edge: what the poller, which is edge-triggered, needs.
type readiness struct {
	file *os.File
	conn syscall.RawConn
}

// newReadiness watches a duplicate, since the library closes its descriptor itself.
func newReadiness(fd int) (*readiness, error) {
	syscall.ForkLock.RLock()
	own, err := syscall.Dup(fd)
	if err == nil {
		syscall.CloseOnExec(own)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	// The poller takes no other. The mode is shared with the library, which reads only what it knows to be there.
	if err := syscall.SetNonblock(own, true); err != nil {
		return nil, errors.Join(os.NewSyscallError("fcntl", err), syscall.Close(own))
	}
	file := os.NewFile(uintptr(own), "amop")
	conn, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	live.Add(1)
	return &readiness{file, conn}, nil
}

// wait looks until a look finds something; false when it was closed meanwhile.
func (r *readiness) wait(look func() bool) bool {
	return look() || r.conn.Read(func(uintptr) bool { return look() }) == nil
}

// close ends waits, now and later.
func (r *readiness) close() {
	// Fails only when it's closed already.
	if r.file.Close() == nil {
		live.Add(-1)
	}
}

// watch makes the readiness of what has the descriptor that `fd` asks for.
func watch(fd func(*C.int32_t, **C.amop_error) C.amop_status) (*readiness, *Error) {
	var number C.int32_t
	var failure *C.amop_error
	if err := taken(fd(&number, &failure), &failure); err != nil {
		return nil, err
	}
	ready, err := newReadiness(int(number))
	if err != nil {
		return nil, &Error{Code: statusRuntime, Message: "no descriptor can be waited for: " + err.Error()}
	}
	return ready, nil
}

// await looks until there is something: nil, or why nothing will come any more.
func (r *readiness) await(look func() C.amop_status) *Error {
	var status C.amop_status
	found := r.wait(func() bool {
		status = look()
		return status != C.AMOP_ERROR_TIMEOUT
	})
	switch {
	case !found:
		return &Error{Code: statusClosed, Message: "the wait for it was ended"}
	case status != C.AMOP_OK:
		return &Error{Code: int32(status), Message: "no more will come: it has ended"}
	}
	return nil
}
