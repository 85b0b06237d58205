package amop

import (
	"errors"
	"runtime"

	"amop/internal/capi"
)

// ErrReplyLater is returned by a [Handler] that will answer the request later, from any goroutine.
var ErrReplyLater = errors.New("amop: the request is answered later")

// Failure is an error of a [Handler] that sends a code of its own to the publisher.
type Failure struct {
	// Code has to fit in 16 bits and must not be 0, a code of the nodes (100 to 104) or a code of the library (-5013 to
	// -5010).
	Code int
	// Data is sent with the code.
	Data []byte
}

// Error returns a text for logs. The publisher receives Code and Data.
func (f *Failure) Error() string {
	return "amop: the handler failed the request: " + string(f.Data)
}

// failed is the result code of a failure without a code of its own.
const failed = -5000

// Request is a unicast that a service has received and that waits for its answer.
type Request struct {
	*Message
	inner *capi.Request
}

func newRequest(topic string, inner *capi.Request) *Request {
	return &Request{Message: messageOf(topic, &inner.Message), inner: inner}
}

// Reply sends the reply, which may be empty. It does not wait and does not keep data. It returns [ErrRequestExpired]
// if the request can no longer be answered, and [ErrAlreadyAnswered] if it has been answered.
func (r *Request) Reply(data []byte) error {
	defer runtime.KeepAlive(r)
	return fromC(r.inner.Answer(0, data))
}

// Fail answers with a failure: a code and data. The code has to fit in 16 bits and must not be 0, a code of the nodes
// (100 to 104) or a code of the library (-5013 to -5010). See [Request.Reply] for its errors.
func (r *Request) Fail(code int, data []byte) error {
	defer runtime.KeepAlive(r)
	if code == 0 || int(int16(code)) != code {
		return newError(ErrInvalidArgument, "invalid failure code %d: use -32768 to 32767, except 0", code)
	}
	return fromC(r.inner.Answer(int32(code), data))
}

// IsOpen reports whether the request can still be answered.
func (r *Request) IsOpen() bool {
	defer runtime.KeepAlive(r)
	return r.inner.IsOpen()
}

// freeWhenCollected frees a request that becomes unreachable without an answer, so that the publisher receives
// [ErrSubscriberDropped].
func (r *Request) freeWhenCollected() {
	runtime.AddCleanup(r, (*capi.Request).Free, r.inner)
}

// settle answers with the results of a handler, unless the handler itself has answered.
func (r *Request) settle(data []byte, err error) {
	if errors.Is(err, ErrReplyLater) {
		r.freeWhenCollected()
		return
	}
	defer r.inner.Free()
	var failure *Failure
	switch {
	case err == nil:
		err = r.Reply(data)
	case errors.As(err, &failure):
		err = r.Fail(failure.Code, failure.Data)
	default:
		err = r.Fail(failed, []byte(err.Error()))
	}
	// An answer that can't be sent is a failure of the handler, but one that is too late is not.
	if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrInvalidArgument) {
		_ = r.Fail(failed, []byte(err.Error()))
	}
}
