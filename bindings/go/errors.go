package amop

import (
	"context"
	"errors"
	"fmt"

	"amop/internal/capi"
)

// Code says what went wrong, as a number that is the same in every language and never changes its meaning. 100 to 104
// are the nodes' own.
//
// Codes are errors to compare with: errors.Is(err, amop.ErrNoSubscriber).
type Code int32

// What can go wrong.
const (
	// ErrInvalidArgument: an argument is unusable: empty, out of range, not UTF-8.
	ErrInvalidArgument Code = 1
	// ErrInvalidTopic: a topic is empty, longer than 254 bytes, not UTF-8, or holds a TAB or NUL.
	ErrInvalidTopic Code = 2
	// ErrInvalidEndpoint: an endpoint isn't host:port, IPv4:port or [IPv6]:port.
	ErrInvalidEndpoint Code = 3
	// ErrTooLarge: the message doesn't fit one frame (100 MiB - 64 KiB).
	ErrTooLarge Code = 4

	// ErrCredentialsNotFound: no credentials were given and none found; the text lists every place tried.
	ErrCredentialsNotFound Code = 20
	// ErrCredentialsInvalid: a certificate or key can't be read or parsed.
	ErrCredentialsInvalid Code = 21
	// ErrKeyEncrypted: the private key is encrypted.
	ErrKeyEncrypted Code = 22
	// ErrKeyMismatch: the private key doesn't belong to the certificate.
	ErrKeyMismatch Code = 23
	// ErrCertificateDates: an own certificate or the CA is expired or not yet valid.
	ErrCertificateDates Code = 24

	// ErrResolve: the host name can't be resolved.
	ErrResolve Code = 30
	// ErrConnect: TCP connect failed: nothing listens there, or no route.
	ErrConnect Code = 31
	// ErrConnectTimeout: TCP, TLS or handshake didn't end within the connect limit.
	ErrConnectTimeout Code = 32
	// ErrTLS: the TLS handshake failed.
	ErrTLS Code = 33
	// ErrNodeCertificate: this client refused the node's certificate.
	ErrNodeCertificate Code = 34
	// ErrClientCertificate: the node refused this client's certificate.
	ErrClientCertificate Code = 35
	// ErrTLSNoCommon: node and client share no cipher suite or curve.
	ErrTLSNoCommon Code = 36
	// ErrHandshake: the node refused the channel handshake: no common protocol version.
	ErrHandshake Code = 37
	// ErrListen: the embedded node can't listen on its port.
	ErrListen Code = 38

	// ErrNotConnected: no node is connected at the moment.
	ErrNotConnected Code = 40
	// ErrConnectionLost: the connection went away while the call was in flight.
	ErrConnectionLost Code = 41
	// ErrProtocol: the node or a subscriber violated the protocol.
	ErrProtocol Code = 42

	// ErrTimeout: the call's own deadline passed, be it the context's.
	ErrTimeout Code = 50
	// ErrCancelled: the call's context was cancelled.
	ErrCancelled Code = 51
	// ErrClosed: the client, or subscription, is closed or closing.
	ErrClosed Code = 52
	// ErrOverloaded: a bound of this client is reached: calls in flight, or bytes queued to send.
	ErrOverloaded Code = 53

	// ErrNoSubscriber: no node knows a subscriber of the topic, or all of them failed (node code 100).
	ErrNoSubscriber Code = 100
	// ErrRemoteNode: the remote node could not reach its SDK (node code 101, older nodes).
	ErrRemoteNode Code = 101
	// ErrNodeTimeout: the node's own time limit passed (node code 102).
	ErrNodeTimeout Code = 102
	// ErrBandwidth: the node's AMOP bandwidth limit rejected the message (node code 103).
	ErrBandwidth Code = 103
	// ErrSubscriberUnreachable: the remote node had no subscriber left to try (node code 104).
	ErrSubscriberUnreachable Code = 104
	// ErrRemote: any other code that a node or a subscriber answered; see [Error.NodeCode].
	ErrRemote Code = 199

	// ErrSubscriberFailed: the subscriber's handler failed (result -5000).
	ErrSubscriberFailed Code = 200
	// ErrSubscriberDropped: the subscriber dropped the request unanswered (result -5010).
	ErrSubscriberDropped Code = 201
	// ErrSubscriberTooSlow: the subscriber's handler didn't answer before the node's limit (result -5011).
	ErrSubscriberTooSlow Code = 202
	// ErrSubscriberBusy: the subscriber has no room for more (result -5012).
	ErrSubscriberBusy Code = 203
	// ErrSubscriberUnsubscribed: the subscriber has just left the topic (result -5013).
	ErrSubscriberUnsubscribed Code = 204

	// ErrAlreadyServed: this client serves the topic already.
	ErrAlreadyServed Code = 300
	// ErrWouldDeadlock: the call would wait for the very handler that makes it.
	ErrWouldDeadlock Code = 301
	// ErrUnsupported: this build of the library, or this node, doesn't have it.
	ErrUnsupported Code = 302
	// ErrForked: the process forked after the library had started; the child can't use it.
	ErrForked Code = 303
	// ErrRuntime: threads or file descriptors that the library needs can't be had.
	ErrRuntime Code = 304
	// ErrAlreadyAnswered: the request was answered before.
	ErrAlreadyAnswered Code = 305
	// ErrRequestExpired: the request's time is over: the library has answered it, or its connection is gone.
	ErrRequestExpired Code = 306
	// ErrInternal: a bug in the library.
	ErrInternal Code = 307
)

var codeNames = map[Code]string{
	ErrInvalidArgument:        "invalid argument",
	ErrInvalidTopic:           "invalid topic",
	ErrInvalidEndpoint:        "invalid endpoint",
	ErrTooLarge:               "too large",
	ErrCredentialsNotFound:    "credentials not found",
	ErrCredentialsInvalid:     "credentials invalid",
	ErrKeyEncrypted:           "key encrypted",
	ErrKeyMismatch:            "key mismatch",
	ErrCertificateDates:       "certificate dates",
	ErrResolve:                "resolve",
	ErrConnect:                "connect",
	ErrConnectTimeout:         "connect timeout",
	ErrTLS:                    "tls",
	ErrNodeCertificate:        "node certificate",
	ErrClientCertificate:      "client certificate",
	ErrTLSNoCommon:            "tls no common",
	ErrHandshake:              "handshake",
	ErrListen:                 "listen",
	ErrNotConnected:           "not connected",
	ErrConnectionLost:         "connection lost",
	ErrProtocol:               "protocol",
	ErrTimeout:                "timeout",
	ErrCancelled:              "cancelled",
	ErrClosed:                 "closed",
	ErrOverloaded:             "overloaded",
	ErrNoSubscriber:           "no subscriber",
	ErrRemoteNode:             "remote node",
	ErrNodeTimeout:            "node timeout",
	ErrBandwidth:              "bandwidth",
	ErrSubscriberUnreachable:  "subscriber unreachable",
	ErrRemote:                 "remote",
	ErrSubscriberFailed:       "subscriber failed",
	ErrSubscriberDropped:      "subscriber dropped",
	ErrSubscriberTooSlow:      "subscriber too slow",
	ErrSubscriberBusy:         "subscriber busy",
	ErrSubscriberUnsubscribed: "subscriber unsubscribed",
	ErrAlreadyServed:          "already served",
	ErrWouldDeadlock:          "would deadlock",
	ErrUnsupported:            "unsupported",
	ErrForked:                 "forked",
	ErrRuntime:                "runtime",
	ErrAlreadyAnswered:        "already answered",
	ErrRequestExpired:         "request expired",
	ErrInternal:               "internal",
}

// String is the code's name in words, "no subscriber"; a number for a code that a newer library brought.
func (c Code) String() string {
	if name, known := codeNames[c]; known {
		return name
	}
	return fmt.Sprintf("code %d", int32(c))
}

// Error makes a code an error to compare with; errors that calls return are of type [*Error].
func (c Code) Error() string {
	return "amop: " + c.String()
}

// Delivery says whether a failed message may have reached a subscriber all the same.
type Delivery int

const (
	// DeliveryNo: it has not: sending it again can't make a duplicate.
	DeliveryNo Delivery = iota
	// DeliveryMaybe: it may have been delivered; a further try may be a duplicate.
	DeliveryMaybe
)

// String is "no" or "maybe".
func (d Delivery) String() string {
	if d == DeliveryMaybe {
		return "maybe"
	}
	return "no"
}

// Error is what every call of this package returns when it fails. It is the code that errors.Is finds, and where a
// context ended the call, also [context.Canceled] or [context.DeadlineExceeded] and the context's cause.
type Error struct {
	// Code says what went wrong.
	Code Code
	// Message says what happened, to what, and what to do. Texts may improve between versions; programs decide by Code.
	Message string
	// Retriable tells whether the same call may succeed later without a change by the caller. It says nothing of
	// duplicates: see Delivery.
	Retriable bool
	// Delivery tells whether the message may have reached a subscriber all the same.
	Delivery Delivery
	// NodeCode is the result that the node or the subscriber answered; 0 where none did.
	NodeCode int
	// Data is what a subscriber sent along with its failure; nil otherwise.
	Data []byte

	// causes are the errors of the context that ended the call.
	causes []error
}

// Error is the message.
func (e *Error) Error() string {
	return e.Message
}

// Is tells whether target is the error's [Code].
func (e *Error) Is(target error) bool {
	return target == error(e.Code)
}

// Unwrap gives the errors of the context that ended the call; none when no context did.
func (e *Error) Unwrap() []error {
	return e.causes
}

// Timeout tells whether it was time that ran out, as [net.Error] does.
func (e *Error) Timeout() bool {
	return e.Code == ErrTimeout || e.Code == ErrConnectTimeout || e.Code == ErrNodeTimeout
}

// fromC makes the error of a failure in C; nil for none.
func fromC(failure *capi.Error) error {
	if failure == nil {
		return nil
	}
	return errorOf(failure)
}

func errorOf(failure *capi.Error) *Error {
	delivery := DeliveryNo
	if failure.Maybe {
		delivery = DeliveryMaybe
	}
	return &Error{
		Code:      Code(failure.Code),
		Message:   failure.Message,
		Retriable: failure.Retriable,
		Delivery:  delivery,
		NodeCode:  int(failure.NodeCode),
		Data:      failure.Data,
	}
}

func newError(code Code, format string, values ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, values...)}
}

// contextError is the error of a call that its context ended; `what` didn't happen before.
func contextError(ctx context.Context, what string, delivery Delivery) *Error {
	return endedBy(ctx.Err(), context.Cause(ctx), what, delivery)
}

// endedBy is the error of a call that was ended for a reason of its context's.
func endedBy(reason, cause error, what string, delivery Delivery) *Error {
	e := &Error{Code: ErrCancelled, Delivery: delivery, causes: []error{reason}}
	if errors.Is(reason, context.DeadlineExceeded) {
		e.Code, e.Retriable = ErrTimeout, true
	}
	e.Message = fmt.Sprintf("the context ended before %s: %v", what, reason)
	if cause != nil && cause != reason {
		e.Message = fmt.Sprintf("%s (%v)", e.Message, cause)
		e.causes = append(e.causes, cause)
	}
	return e
}
