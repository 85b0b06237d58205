package capi

// #include "glue.h"
import "C"

import (
	"errors"
	"os"
	"syscall"
)

// readiness waits with Go's poller for a descriptor of the library, without occupying a thread; close ends the wait.
//
// The library raises the descriptor when an item arrives and lowers it when a read finds none. So each raise after an
// unsuccessful read is a new edge, as the edge-triggered poller needs.
type readiness struct {
	file *os.File
	conn syscall.RawConn
}

// newReadiness watches a duplicate of the descriptor, because the library closes its own.
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
	// The poller needs non-blocking descriptors. The mode is shared with the library, which reads only bytes that it wrote.
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

// wait calls look until it returns true. It returns false if the readiness was closed meanwhile.
func (r *readiness) wait(look func() bool) bool {
	return look() || r.conn.Read(func(uintptr) bool { return look() }) == nil
}

// close ends the current and all further waits.
func (r *readiness) close() {
	// Fails only if it is already closed.
	if r.file.Close() == nil {
		live.Add(-1)
	}
}

// watch returns the readiness of the descriptor that fd returns.
func watch(fd func(*C.int32_t, **C.amop_error) C.amop_status) (*readiness, *Error) {
	var number C.int32_t
	var failure *C.amop_error
	if err := taken(fd(&number, &failure), &failure); err != nil {
		return nil, err
	}
	ready, err := newReadiness(int(number))
	if err != nil {
		return nil, &Error{Code: statusRuntime, Message: "could not watch a file descriptor: " + err.Error()}
	}
	return ready, nil
}

// await calls look until there is an item. It returns nil, or an error if no more will arrive.
func (r *readiness) await(look func() C.amop_status) *Error {
	var status C.amop_status
	found := r.wait(func() bool {
		status = look()
		return status != C.AMOP_ERROR_TIMEOUT
	})
	switch {
	case !found:
		return &Error{Code: statusClosed, Message: "the wait was interrupted"}
	case status != C.AMOP_OK:
		return &Error{Code: int32(status), Message: "no more items will arrive: the source has ended"}
	}
	return nil
}
