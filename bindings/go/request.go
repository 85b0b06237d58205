package amop

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"

	"example.org/amop/bindings/go/internal/capi"
)

// ErrReplyLater is returned by a [Handler] that will answer the request later, from any goroutine.
var ErrReplyLater = errors.New("amop: the request is answered later")

// Failure is an error of a [Handler] that sends a code of its own to the publisher.
type Failure struct {
	// Code has to fit in 32 bits and must not be 0, a code of the nodes (100 to 104) or a code of the library (-5013 to
	// -5010).
	Code int
	// Data is sent with the code.
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

// Request is a unicast that a service has received and that waits for its answer.
type Request struct {
	*Message
	inner *capi.Request
}

func newRequest(topic string, inner *capi.Request) *Request {
	return &Request{Message: messageOf(topic, &inner.Message), inner: inner}
}

// Reply sends the reply, which may be empty. It does not wait and does not keep data. It returns [ErrRequestExpired]
// if the request can no longer be answered, and [ErrAlreadyAnswered] if it has been answered. [ErrOverloaded] means that
// too many bytes wait to be sent on the request's connection: the request stays open and can be answered later.
func (r *Request) Reply(data []byte) error {
	defer runtime.KeepAlive(r)
	return fromC(r.inner.Answer(0, data))
}

// Fail answers with a failure: a code and data. The code has to fit in 32 bits and must not be 0, a code of the nodes
// (100 to 104) or a code of the library (-5013 to -5010). See [Request.Reply] for its errors.
func (r *Request) Fail(code int, data []byte) error {
	defer runtime.KeepAlive(r)
	if code == 0 || int64(int32(code)) != int64(code) {
		return newError(ErrInvalidArgument, "invalid failure code %d: use a 32-bit number, except 0", code)
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

// outcome is what the results of a handler demand.
type outcome struct {
	data  []byte
	later bool
	// failure is an answer with a code of the handler, or nil.
	failure *Failure
	// text states why the handler failed; empty if it did not.
	text string
}

// outcomeOf reads the results of a handler. It calls methods of the error, which may panic.
func outcomeOf(data []byte, err error) outcome {
	var failure *Failure
	switch {
	case err == nil:
		return outcome{data: data}
	case errors.Is(err, ErrReplyLater):
		return outcome{later: true}
	case errors.As(err, &failure) && failure != nil:
		return outcome{failure: failure}
	default:
		// Sprint accepts an error that is a nil pointer, or whose method panics.
		return outcome{text: cmp.Or(fmt.Sprint(err), "the error has no text")}
	}
}

// settle answers as the handler's results demand, unless the handler itself has answered. It returns why the handler
// failed; empty if it did not.
func (r *Request) settle(results outcome) string {
	if results.later {
		r.freeWhenCollected()
		return ""
	}
	defer r.inner.Free()
	var err error
	switch {
	case results.text != "":
		_ = r.Fail(failed, []byte(failedText))
		return results.text
	case results.failure != nil:
		err = r.Fail(results.failure.Code, results.failure.Data)
	default:
		err = r.Reply(results.data)
	}
	// An answer that can't be sent is a failure of the handler; one that comes too late is not.
	if errors.Is(err, ErrTooLarge) || errors.Is(err, ErrInvalidArgument) || errors.Is(err, ErrOverloaded) {
		_ = r.Fail(failed, []byte(failedText))
		return err.Error()
	}
	return ""
}
