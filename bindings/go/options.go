package amop

import (
	"math"
	"time"

	"amop/internal/capi"
)

// Option is a setting of a client, for [Connect].
type Option interface {
	client(*clientOptions)
}

// SubscribeOption is a setting of a subscription, for [Client.Subscribe] and [Client.SubscribeFunc].
type SubscribeOption interface {
	subscription(*laneOptions)
}

// ServeOption is a setting of a service, for [Client.Serve] and [Client.ServeRequests].
type ServeOption interface {
	service(*laneOptions)
}

// PublishOption is a setting of one publish or broadcast.
type PublishOption interface {
	publish(*publishOptions)
}

// LaneOption is a setting of subscriptions and services.
type LaneOption interface {
	SubscribeOption
	ServeOption
}

// CallOption is a setting of all calls that wait for something.
type CallOption interface {
	LaneOption
	PublishOption
}

// RetryOption is a setting of a client, or of one publish or broadcast.
type RetryOption interface {
	Option
	PublishOption
}

// RetryPolicy says when a failed publish is tried again by itself.
type RetryPolicy int32

const (
	// RetryNever: never.
	RetryNever RetryPolicy = 1
	// RetryDefinite: on another node, when the failure says that nothing was delivered. The default.
	RetryDefinite RetryPolicy = 2
	// RetryAtLeastOnce: also when it may have been delivered. Subscribers that use this library drop the duplicate, others
	// may handle the message more than once.
	RetryAtLeastOnce RetryPolicy = 3
)

// OverflowPolicy says what a full subscription does with a further message.
type OverflowPolicy int32

const (
	// OverflowRefuse: refuses it; the publisher of a unicast is told that the subscriber is busy. The default.
	OverflowRefuse OverflowPolicy = 0
	// OverflowDropOldest: gives up the oldest accepted messages to make room.
	OverflowDropOldest OverflowPolicy = 1
)

// PlacementPolicy says at how many nodes a topic is listed.
type PlacementPolicy int32

const (
	// PlacementAll: at all connected nodes: survives the loss of any, hears every broadcast. The default of
	// subscriptions.
	PlacementAll PlacementPolicy = 1
	// PlacementOne: at one at a time, moved when it is lost. The default of services: listed at all nodes, a service
	// would make every publisher that shares one of them stall, since nodes lose unicasts to clients of their own.
	PlacementOne PlacementPolicy = 2
)

// firstError keeps what was wrong with the first unusable option.
type firstError struct {
	err *Error
}

func (f *firstError) fail(code Code, format string, values ...any) {
	if f.err == nil {
		f.err = newError(code, format, values...)
	}
}

// duration takes a time, which must not be negative; 0 stands for the default.
func (f *firstError) duration(name string, value time.Duration) time.Duration {
	if value < 0 {
		f.fail(ErrInvalidArgument, "%s is %v: take a time above 0, or 0 for the default", name, value)
	}
	return value
}

// bound takes a number, which must not be negative; 0 stands for the default.
func (f *firstError) bound(name string, value int) int {
	if value < 0 {
		f.fail(ErrInvalidArgument, "%s is %d: take a number above 0, or 0 for the default", name, value)
	}
	return value
}

// text takes what C can take.
func (f *firstError) text(code Code, name, value string) string {
	if capi.HasNUL(value) {
		f.fail(code, "%s %q holds a NUL", name, value)
	}
	return value
}

type clientOptions struct {
	firstError
	capi.ClientOptions
}

type laneOptions struct {
	firstError
	capi.LaneOptions
	concurrency int
}

type publishOptions struct {
	firstError
	capi.Sending
}

type clientOption func(*clientOptions)

func (o clientOption) client(options *clientOptions) { o(options) }

// Options puts options together into one.
func Options(options ...Option) Option {
	return clientOption(func(o *clientOptions) {
		for _, option := range options {
			option.client(o)
		}
	})
}

// Endpoint is a node to connect to: "host:port", "IPv4:port" or "[IPv6]:port". Several name several nodes.
func Endpoint(endpoint string) Option {
	return Endpoints(endpoint)
}

// Endpoints are nodes to connect to.
func Endpoints(endpoints ...string) Option {
	return clientOption(func(o *clientOptions) {
		for _, endpoint := range endpoints {
			o.Endpoints = append(o.Endpoints, o.text(ErrInvalidEndpoint, "the endpoint", endpoint))
		}
	})
}

// Credentials is the folder with ca.crt, sdk.crt and sdk.key.
//
// Without credentials given, they are looked for in $AMOP_CREDENTIALS and, only if that isn't set, in ., conf, sdk,
// nodes/127.0.0.1/sdk and amop-devnet/sdk. Files are read when connecting, and again at each reconnect.
func Credentials(folder string) Option {
	return clientOption(func(o *clientOptions) {
		o.Credentials, o.Files, o.PEM = o.text(ErrInvalidArgument, "the folder", folder), nil, nil
	})
}

// CredentialFiles are the three files by name: the CA, the own certificate followed by those between it and the CA, the
// private key (PKCS#8 or SEC1, not encrypted); all PEM.
func CredentialFiles(ca, cert, key string) Option {
	return clientOption(func(o *clientOptions) {
		for _, name := range []string{ca, cert, key} {
			o.text(ErrInvalidArgument, "the file", name)
		}
		o.Credentials, o.Files, o.PEM = "", &capi.Files{CA: ca, Cert: cert, Key: key}, nil
	})
}

// CredentialPEM is the content of three such files.
func CredentialPEM(ca, cert, key []byte) Option {
	return clientOption(func(o *clientOptions) {
		o.Credentials, o.Files, o.PEM = "", nil, &capi.PEM{CA: ca, Cert: cert, Key: key}
	})
}

// ConnectTimeout is how long one try to connect may take: TCP, TLS and handshake together. Default 10 s.
func ConnectTimeout(timeout time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.ConnectTimeout = o.duration("ConnectTimeout", timeout) })
}

// CallTimeout is the deadline of every call that has none of its own, nor by its context. Default 10 s.
func CallTimeout(timeout time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.CallTimeout = o.duration("CallTimeout", timeout) })
}

// CloseTimeout is how long [Client.Close] and the Unsubscribe methods let handlers finish, unless their context says
// otherwise. Default 5 s.
func CloseTimeout(timeout time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.CloseTimeout = o.duration("CloseTimeout", timeout) })
}

// Heartbeat is the time between heartbeats. Default 10 s; nodes end a connection that is idle for 60 s.
func Heartbeat(interval time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.Heartbeat = o.duration("Heartbeat", interval) })
}

// MissedHeartbeats is after how many heartbeats in a row without a byte from the node a connection is dead. Default 2.
func MissedHeartbeats(heartbeats int) Option {
	return clientOption(func(o *clientOptions) {
		o.MissedHeartbeats = o.bound("MissedHeartbeats", heartbeats)
		if heartbeats > math.MaxUint32 {
			o.fail(ErrInvalidArgument, "MissedHeartbeats is %d: that is never", heartbeats)
		}
	})
}

// StartOffline tells whether Connect gives a client though no node can be reached: it goes on trying, and until it
// succeeds calls end with ErrNotConnected. Default no. What can't change by itself, such as credentials, is an error all
// the same.
func StartOffline(offline bool) Option {
	return clientOption(func(o *clientOptions) { o.StartOffline = offline })
}

// ReconnectMin is the first pause before a reconnect; it duplicates, with +-50 % jitter. Default 100 ms.
func ReconnectMin(pause time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.ReconnectMin = o.duration("ReconnectMin", pause) })
}

// ReconnectMax is the longest pause before a reconnect. Default 10 s.
func ReconnectMax(pause time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.ReconnectMax = o.duration("ReconnectMax", pause) })
}

// AnswerTimeout is how long a request may wait for its answer before the library answers for the service that it is too
// slow. Default 4.5 s: half a second before a 2.x node would deliver the message to somebody else.
func AnswerTimeout(timeout time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.AnswerTimeout = o.duration("AnswerTimeout", timeout) })
}

// Echo tells whether this client's own broadcasts come back to its subscriptions. Default no.
func Echo(echo bool) Option {
	return clientOption(func(o *clientOptions) { o.Echo = echo })
}

// MaxInFlight sets the maximum number of calls of the client that are under way, whatever they wait for. Further calls
// fail at once. Default: 65,536.
func MaxInFlight(calls int) Option {
	return clientOption(func(o *clientOptions) { o.MaxInFlight = o.bound("MaxInFlight", calls) })
}

// MaxSendBytes sets the maximum number of bytes queued to send at each connection, and the maximum number that calls of
// the client keep while they wait for a node, a subscriber or a retry. Default: 256 MiB.
func MaxSendBytes(bytes int) Option {
	return clientOption(func(o *clientOptions) { o.MaxSendBytes = o.bound("MaxSendBytes", bytes) })
}

// MaxHeldBytes is most bytes held in all subscriptions and services together, payloads and 160 for each message. Default
// 512 MiB.
func MaxHeldBytes(bytes int) Option {
	return clientOption(func(o *clientOptions) { o.MaxHeldBytes = o.bound("MaxHeldBytes", bytes) })
}

// MaxEvents is most events held for each listener; one that reads too slowly loses the oldest. Default 1,024.
func MaxEvents(events int) Option {
	return clientOption(func(o *clientOptions) {
		o.MaxEvents = o.bound("MaxEvents", events)
		if events > mostEvents {
			o.fail(ErrInvalidArgument, "MaxEvents is %d: take at most %d", events, mostEvents)
		}
	})
}

// DuplicateWindow is how long a message is remembered, so that a duplicate of it isn't delivered again. Default 60 s.
func DuplicateWindow(window time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.DuplicateWindow = o.duration("DuplicateWindow", window) })
}

// MaxDuplicates is most messages remembered for that. Default 65,536.
func MaxDuplicates(messages int) Option {
	return clientOption(func(o *clientOptions) { o.MaxDuplicates = o.bound("MaxDuplicates", messages) })
}

// Group is the group of the chain that nodes are asked about their peers in; messages know no groups. Default 1.
func Group(group int64) Option {
	return clientOption(func(o *clientOptions) { o.Group = group })
}

type retryOption RetryPolicy

func (o retryOption) client(options *clientOptions)   { options.Retry = int32(o) }
func (o retryOption) publish(options *publishOptions) { options.Retry = int32(o) }

// Retry says when a failed publish is tried again by itself; on a publish it overrides the client's.
func Retry(policy RetryPolicy) RetryOption {
	return retryOption(policy)
}

type laneOption func(*laneOptions)

func (o laneOption) subscription(options *laneOptions) { o(options) }
func (o laneOption) service(options *laneOptions)      { o(options) }

// MaxMessages is most messages, or requests, held for it. Default 65,536. (Beyond them up to 64 may be in a
// subscription's channel or on their way to it.)
func MaxMessages(messages int) LaneOption {
	return laneOption(func(o *laneOptions) { o.MaxMessages = o.bound("MaxMessages", messages) })
}

// MaxBytes is most bytes held for it, payloads and 160 for each message; one message of any size is taken when it is
// empty. Default 64 MiB.
func MaxBytes(bytes int) LaneOption {
	return laneOption(func(o *laneOptions) { o.MaxBytes = o.bound("MaxBytes", bytes) })
}

// Placement says at how many nodes the topic is listed.
func Placement(policy PlacementPolicy) LaneOption {
	return laneOption(func(o *laneOptions) { o.Placement = int32(policy) })
}

type subscribeOption func(*laneOptions)

func (o subscribeOption) subscription(options *laneOptions) { o(options) }

// Overflow says what happens beyond MaxMessages and MaxBytes. What is lost is counted, and an event tells of it.
func Overflow(policy OverflowPolicy) SubscribeOption {
	return subscribeOption(func(o *laneOptions) { o.Overflow = int32(policy) })
}

type serveOption func(*laneOptions)

func (o serveOption) service(options *laneOptions) { o(options) }

// Concurrency is how many calls of a service's handler run at once. Default 64; with 1 they run one after the other, in
// the order of the requests.
func Concurrency(calls int) ServeOption {
	return serveOption(func(o *laneOptions) { o.concurrency = o.bound("Concurrency", calls) })
}

type publishOption func(*publishOptions)

func (o publishOption) publish(options *publishOptions) { o(options) }

// WaitForSubscriber tells whether a publish goes on trying until its deadline while nothing was delivered, say because
// no node knows a subscriber yet (topics take up to 5 s to travel between nodes). Default no.
func WaitForSubscriber(wait bool) PublishOption {
	return publishOption(func(o *publishOptions) { o.WaitForSubscriber = wait })
}

// AllNodes tells whether a broadcast goes through every connected node instead of one that reaches all. Subscribers that
// use this library drop the duplicates, others see them. Default no.
func AllNodes(all bool) PublishOption {
	return publishOption(func(o *publishOptions) { o.AllNodes = all })
}

type timeoutOption time.Duration

func (t timeoutOption) subscription(o *laneOptions) {
	o.Timeout = o.duration("Timeout", time.Duration(t))
}
func (t timeoutOption) service(o *laneOptions) { o.Timeout = o.duration("Timeout", time.Duration(t)) }
func (t timeoutOption) publish(o *publishOptions) {
	o.Timeout = o.duration("Timeout", time.Duration(t))
}

// Timeout is how long the call may take. A context that ends earlier ends it earlier; without a Timeout, nor a deadline
// of the context, it's the client's CallTimeout.
func Timeout(timeout time.Duration) CallOption {
	return timeoutOption(timeout)
}
