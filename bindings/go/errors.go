package amop

import (
	"context"
	"errors"
	"fmt"

	"example.org/amop/bindings/go/internal/capi"
	"example.org/amop/bindings/go/internal/waiting"
)

// Code is the kind of an error: a number that is the same in every language and never changes its meaning. 100 to 104
// are codes of the nodes.
//
// Codes can be compared with errors: errors.Is(err, amop.ErrNoSubscriber).
type Code int32

// The kinds of errors.
const (
	// ErrInvalidArgument: an argument is invalid: empty, out of range, or not UTF-8.
	ErrInvalidArgument Code = 1
	// ErrInvalidTopic: a topic is empty, too long (2.x nodes accept 254 bytes), not UTF-8, or contains a TAB or NUL.
	ErrInvalidTopic Code = 2
	// ErrInvalidEndpoint: an endpoint is not host:port, IPv4:port or [IPv6]:port.
	ErrInvalidEndpoint Code = 3
	// ErrTooLarge: the message does not fit in one frame (100 MiB - 64 KiB).
	ErrTooLarge Code = 4

	// ErrCredentialsNotFound: no credentials were set and none were found; the text lists the places searched.
	ErrCredentialsNotFound Code = 20
	// ErrCredentialsInvalid: a certificate or key can't be read or parsed.
	ErrCredentialsInvalid Code = 21
	// ErrKeyEncrypted: the private key is encrypted.
	ErrKeyEncrypted Code = 22
	// ErrKeyMismatch: the private key does not belong to the certificate.
	ErrKeyMismatch Code = 23
	// ErrCertificateDates: the client's certificate or the CA has expired or is not yet valid.
	ErrCertificateDates Code = 24

	// ErrResolve: the host name can't be resolved.
	ErrResolve Code = 30
	// ErrConnect: the TCP connection failed: nothing listens there, or there is no route.
	ErrConnect Code = 31
	// ErrConnectTimeout: TCP, TLS and channel handshake did not complete within the connect timeout.
	ErrConnectTimeout Code = 32
	// ErrTLS: the TLS handshake failed.
	ErrTLS Code = 33
	// ErrNodeCertificate: this client refused the node's certificate.
	ErrNodeCertificate Code = 34
	// ErrClientCertificate: the node refused this client's certificate.
	ErrClientCertificate Code = 35
	// ErrTLSNoCommon: the node and the client have no cipher suite or curve in common.
	ErrTLSNoCommon Code = 36
	// ErrHandshake: the handshake after TLS failed: there is no common protocol version, or the peer is not a node.
	ErrHandshake Code = 37
	// ErrListen: an embedded node can't listen on its port.
	ErrListen Code = 38

	// ErrNotConnected: no node is connected.
	ErrNotConnected Code = 40
	// ErrConnectionLost: the connection was lost while the call was in flight.
	ErrConnectionLost Code = 41
	// ErrProtocol: the node or a subscriber violated the protocol.
	ErrProtocol Code = 42

	// ErrTimeout: the deadline of the call or of its context passed.
	ErrTimeout Code = 50
	// ErrCancelled: the context of the call was cancelled.
	ErrCancelled Code = 51
	// ErrClosed: the client or subscription is closed or closing.
	ErrClosed Code = 52
	// ErrOverloaded: a limit of this client is reached: calls in flight, or bytes queued for sending.
	ErrOverloaded Code = 53

	// ErrNoSubscriber: no node knows a subscriber of the topic, or all subscribers failed (node code 100).
	ErrNoSubscriber Code = 100
	// ErrRemoteNode: the remote node could not reach its SDK (node code 101, older nodes).
	ErrRemoteNode Code = 101
	// ErrNodeTimeout: the time limit of the node passed (node code 102).
	ErrNodeTimeout Code = 102
	// ErrBandwidth: the bandwidth limit of the node rejected the message (node code 103).
	ErrBandwidth Code = 103
	// ErrSubscriberUnreachable: the remote node had no further subscriber to try (node code 104).
	ErrSubscriberUnreachable Code = 104
	// ErrOwnNodeOnly: all subscribers are connected to nodes of this client only, and these (2.8.0 to 2.11.2) don't
	// deliver to SDKs of their own, or not until the deadline of the call.
	ErrOwnNodeOnly Code = 105
	// ErrRemote: any other code from a node or a subscriber; see [Error.NodeCode].
	ErrRemote Code = 199

	// ErrSubscriberFailed: the subscriber's handler failed (result -5000).
	ErrSubscriberFailed Code = 200
	// ErrSubscriberDropped: the subscriber dropped the request without an answer (result -5010).
	ErrSubscriberDropped Code = 201
	// ErrSubscriberTooSlow: the subscriber's handler did not answer in time (result -5011).
	ErrSubscriberTooSlow Code = 202
	// ErrSubscriberBusy: all queues of the subscriber were full (result -5012).
	ErrSubscriberBusy Code = 203
	// ErrSubscriberUnsubscribed: the subscriber had just unsubscribed from the topic (result -5013).
	ErrSubscriberUnsubscribed Code = 204

	// ErrAlreadyServed: this client already serves the topic.
	ErrAlreadyServed Code = 300
	// ErrUnsupported: this build of the library, or this node, does not support the operation.
	ErrUnsupported Code = 302
	// ErrForked: the client was created before a fork, by the parent process.
	ErrForked Code = 303
	// ErrRuntime: the library could not start a thread or open a file descriptor.
	ErrRuntime Code = 304
	// ErrAlreadyAnswered: the request has already been answered.
	ErrAlreadyAnswered Code = 305
	// ErrRequestExpired: the request can no longer be answered: the library has answered it, or its connection was lost.
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
	ErrOwnNodeOnly:            "own node only",
	ErrRemote:                 "remote",
	ErrSubscriberFailed:       "subscriber failed",
	ErrSubscriberDropped:      "subscriber dropped",
	ErrSubscriberTooSlow:      "subscriber too slow",
	ErrSubscriberBusy:         "subscriber busy",
	ErrSubscriberUnsubscribed: "subscriber unsubscribed",
	ErrAlreadyServed:          "already served",
	ErrUnsupported:            "unsupported",
	ErrForked:                 "forked",
	ErrRuntime:                "runtime",
	ErrAlreadyAnswered:        "already answered",
	ErrRequestExpired:         "request expired",
	ErrInternal:               "internal",
}

// String returns the name of the code, such as "no subscriber", or its number if a newer library introduced it.
func (c Code) String() string {
	if name, known := codeNames[c]; known {
		return name
	}
	return fmt.Sprintf("code %d", int32(c))
}

// Error makes a code an error to compare with. Errors that calls return are of type [*Error].
func (c Code) Error() string {
	return "amop: " + c.String()
}

// Delivery states whether the message of a failed call may have been delivered to a subscriber.
type Delivery int

const (
	// DeliveryNo: not delivered; sending the message again cannot produce a duplicate.
	DeliveryNo Delivery = iota
	// DeliveryMaybe: possibly delivered; sending the message again may produce a duplicate.
	DeliveryMaybe
)

// String returns "no" or "maybe".
func (d Delivery) String() string {
	return nameOf("delivery", int(d), []string{"no", "maybe"})
}

// Error is the error of every call of this package. errors.Is finds its code and, if a context ended the call, also
// [context.Canceled] or [context.DeadlineExceeded] and the cause of the context.
type Error struct {
	// Code is the kind of the error.
	Code Code
	// Message states what happened, to what, and what to do. Texts may change between versions, so programs should test
	// Code.
	Message string
	// Retriable reports whether the same call may succeed later without a change by the caller. Whether a retry may
	// produce a duplicate is stated by Delivery.
	Retriable bool
	// Delivery states whether the message may have been delivered to a subscriber.
	Delivery Delivery
	// NodeCode is the result code that the node or the subscriber sent; 0 if there is none.
	NodeCode int
	// Data is what a subscriber sent with its failure; nil if there is none.
	Data []byte

	// causes are the errors of the context that ended the call.
	causes []error
}

// Error returns the message.
func (e *Error) Error() string {
	return e.Message
}

// Is reports whether target is the [Code] of the error.
func (e *Error) Is(target error) bool {
	return target == error(e.Code)
}

// Unwrap returns the errors of the context that ended the call, if one did.
func (e *Error) Unwrap() []error {
	return e.causes
}

// Timeout reports whether a time limit passed, like the method of [net.Error].
func (e *Error) Timeout() bool {
	switch e.Code {
	case ErrTimeout, ErrConnectTimeout, ErrNodeTimeout:
		return true
	default:
		return errors.Is(e, context.DeadlineExceeded)
	}
}

// fromC converts an error from C; nil stays nil.
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

func init() {
	waiting.ContextError = func(ctx context.Context, what string) error {
		return contextError(ctx, what, DeliveryNo)
	}
}

// contextError returns the error of a call that was ended by its context before `what` happened.
func contextError(ctx context.Context, what string, delivery Delivery) *Error {
	return endedBy(ctx.Err(), context.Cause(ctx), what, delivery)
}

// endedBy returns the error of a call that was ended for the reason and cause of a context.
func endedBy(reason, cause error, what string, delivery Delivery) *Error {
	e := &Error{Code: ErrCancelled, Delivery: delivery, causes: []error{reason}}
	if errors.Is(reason, context.DeadlineExceeded) {
		e.Code, e.Retriable = ErrTimeout, true
	}
	e.Message = "the context ended before " + what + ": " + reason.Error()
	if cause != nil && cause != reason {
		// Sprint accepts a cause that is a nil pointer, or whose method panics.
		e.Message += " (" + fmt.Sprint(cause) + ")"
		e.causes = append(e.causes, cause)
	}
	return e
}
