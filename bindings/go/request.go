package amop

import (
	"errors"
	"fmt"
	"runtime"

	"amop/internal/capi"
)

// ErrReplyLater is what a [Handler] returns that will answer the request later, from any goroutine.
var ErrReplyLater = errors.New("amop: the request is answered later")

// Failure is an error of a [Handler] that tells the publisher a code of its own.
type Failure struct {
	// Code has to fit 16 bits, must not be 0, not one of the nodes' own (100 to 104), and not one that the library
	// answers by itself (-5013 to -5010).
	Code int
	// Data goes with it.
	Data []byte
}

// Error returns a text for logs; the publisher receives Code and Data.
func (f *Failure) Error() string {
	return fmt.Sprintf("amop: the handler failed the request with code %d: %q", f.Code, f.Data)
}

// The result and data of a failure without a code of its own. Errors and panics of handlers stay in this program: their
// texts may name files, hosts or data that are no concern of other institutions.
const (
	failed     = -5000
	failedText = "the handler failed"
)

// Request is a unicast to a service that waits for its answer.
type Request struct {
	*Message
	inner *capi.Request
}

func newRequest(topic string, inner *capi.Request) *Request {
	return &Request{Message: messageOf(topic, &inner.Message), inner: inner}
}

// Reply sends the reply; it may be empty. Doesn't wait, and doesn't keep data. [ErrRequestExpired] says that it came too
// late, [ErrAlreadyAnswered] that there was an answer before.
func (r *Request) Reply(data []byte) error {
	defer runtime.KeepAlive(r)
	return fromC(r.inner.Answer(0, data))
}

// Fail tells the publisher that it failed: a code, which has to fit 16 bits, must not be 0, not one of the nodes' own
// (100 to 104), and not one that the library answers by itself (-5013 to -5010), and data to go with it. For the rest it
// is as [Request.Reply].
func (r *Request) Fail(code int, data []byte) error {
	defer runtime.KeepAlive(r)
	if code == 0 || int(int16(code)) != code {
		return newError(ErrInvalidArgument, "%d can't be a failure's code: take -32768 to 32767, not 0", code)
	}
	return fromC(r.inner.Answer(int32(code), data))
}

// IsOpen tells whether an answer can still be given.
func (r *Request) IsOpen() bool {
	defer runtime.KeepAlive(r)
	return r.inner.IsOpen()
}

// freeWhenCollected is the net for requests that nobody answers: publishers are told that they were dropped.
func (r *Request) freeWhenCollected() {
	runtime.AddCleanup(r, (*capi.Request).Free, r.inner)
}

// settle answers as a handler's results say, unless the handler itself has answered. It returns why the handler failed,
// if it did.
func (r *Request) settle(data []byte, err error) error {
	if errors.Is(err, ErrReplyLater) {
		r.freeWhenCollected()
		return nil
	}
	defer r.inner.Free()
	var failure *Failure
	switch {
	case err == nil:
		err = r.Reply(data)
	case errors.As(err, &failure):
		err = r.Fail(failure.Code, failure.Data)
	default:
		_ = r.Fail(failed, []byte(failedText))
		return err
	}
	// An answer that can't be sent is a failure of the handler; one that comes too late is not.
	if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrInvalidArgument) || errors.Is(err, ErrOverloaded) {
		_ = r.Fail(failed, []byte(failedText))
		return err
	}
	return nil
}
