package amop

import (
	"log/slog"
	"math"
	"time"

	"example.org/amop/bindings/go/internal/capi"
)

// Option is an option of a client, for [Connect].
type Option interface {
	client(*clientOptions)
}

// SubscribeOption is an option of a subscription, for [Client.Subscribe] and [Client.SubscribeFunc].
type SubscribeOption interface {
	subscription(*laneOptions)
}

// ServeOption is an option of a service, for [Client.Serve] and [Client.ServeFunc].
type ServeOption interface {
	service(*laneOptions)
}

// PublishOption is an option of one publish or broadcast.
type PublishOption interface {
	publish(*publishOptions)
}

// LaneOption is an option of subscriptions and services.
type LaneOption interface {
	SubscribeOption
	ServeOption
}

// CallOption is an option of all calls that wait.
type CallOption interface {
	LaneOption
	PublishOption
}

// RetryOption is an option of a client, or of one publish or broadcast.
type RetryOption interface {
	Option
	PublishOption
}

// firstError keeps the error of the first invalid option.
type firstError struct {
	err *Error
}

func (f *firstError) fail(code Code, format string, values ...any) {
	if f.err == nil {
		f.err = newError(code, format, values...)
	}
}

// duration checks that a time is not negative; 0 stands for the default.
func (f *firstError) duration(name string, value time.Duration) time.Duration {
	if value < 0 {
		f.fail(ErrInvalidArgument, "invalid %s %v: use a time above 0, or 0 for the default", name, value)
	}
	return value
}

// bound checks that a number is not negative; 0 stands for the default.
func (f *firstError) bound(name string, value int) int {
	if value < 0 {
		f.fail(ErrInvalidArgument, "invalid %s %d: use a number above 0, or 0 for the default", name, value)
	}
	return value
}

// text checks that a string contains no NUL, which C would take for its end.
func (f *firstError) text(code Code, name, value string) string {
	if capi.HasNUL(value) {
		f.fail(code, "%s %q contains a NUL", name, value)
	}
	return value
}

type clientOptions struct {
	firstError
	capi.ClientOptions
	onEvent []EventHandler
	logger  *slog.Logger
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

// publishing returns the options of a publish or broadcast. Without any it needs no memory.
func publishing(opts []PublishOption) publishOptions {
	if len(opts) == 0 {
		return publishOptions{}
	}
	var options publishOptions
	for _, option := range opts {
		option.publish(&options)
	}
	return options
}

type clientOption func(*clientOptions)

func (o clientOption) client(options *clientOptions) { o(options) }

// Options combines options into one.
func Options(options ...Option) Option {
	return clientOption(func(o *clientOptions) {
		for _, option := range options {
			option.client(o)
		}
	})
}

// Endpoint adds a node to connect to: "host:port", "IPv4:port" or "[IPv6]:port". It can be used several times.
func Endpoint(endpoint string) Option {
	return Endpoints(endpoint)
}

// Endpoints adds several nodes to connect to.
func Endpoints(endpoints ...string) Option {
	return clientOption(func(o *clientOptions) {
		for _, endpoint := range endpoints {
			o.Endpoints = append(o.Endpoints, o.text(ErrInvalidEndpoint, "the endpoint", endpoint))
		}
	})
}

// ConnectTimeout sets the time limit of one attempt to connect, which includes TCP, TLS and channel handshake.
// Default: 10 s.
func ConnectTimeout(timeout time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.ConnectTimeout = o.duration("ConnectTimeout", timeout) })
}

// CallTimeout sets the time limit of calls that have no [Timeout] and no deadline of their context. Default: 10 s.
func CallTimeout(timeout time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.CallTimeout = o.duration("CallTimeout", timeout) })
}

// CloseTimeout sets how long [Client.Close] and the Unsubscribe methods wait for handlers if their context has no
// deadline. Default: 5 s.
func CloseTimeout(timeout time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.CloseTimeout = o.duration("CloseTimeout", timeout) })
}

// Heartbeat sets the heartbeat interval. Default: 10 s. Keep it below 60 s, because nodes close connections that are
// idle for that long. See [MissedHeartbeats].
func Heartbeat(interval time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.Heartbeat = o.duration("Heartbeat", interval) })
}

// MissedHeartbeats sets the number of heartbeat intervals after which a connection on which nothing arrives is
// closed. Default: 2.
func MissedHeartbeats(heartbeats int) Option {
	return clientOption(func(o *clientOptions) {
		o.MissedHeartbeats = o.bound("MissedHeartbeats", heartbeats)
		if heartbeats > math.MaxUint32 {
			o.fail(ErrInvalidArgument, "invalid MissedHeartbeats %d: use a 32-bit number", heartbeats)
		}
	})
}

// StartOffline sets whether Connect returns a client even if no node can be reached. The client keeps trying, and
// until it succeeds calls fail with [ErrNotConnected]. Invalid options or credentials are still errors. Default:
// false.
func StartOffline(offline bool) Option {
	return clientOption(func(o *clientOptions) { o.StartOffline = offline })
}

// ReconnectMin sets the pause before the first attempt to reconnect. The pause doubles with each failed attempt, up
// to [ReconnectMax], and is varied randomly by up to 50 %. Default: 100 ms.
func ReconnectMin(pause time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.ReconnectMin = o.duration("ReconnectMin", pause) })
}

// ReconnectMax sets the longest pause between attempts to reconnect. Default: 10 s.
func ReconnectMax(pause time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.ReconnectMax = o.duration("ReconnectMax", pause) })
}

// AnswerTimeout sets how long a request may wait for its answer before the library answers TOO_SLOW on behalf of the
// service. Default: 4.5 s, at 3.x nodes 29.5 s: half a second before the node would deliver the message again.
func AnswerTimeout(timeout time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.AnswerTimeout = o.duration("AnswerTimeout", timeout) })
}

// Echo sets whether the client's own broadcasts are delivered to its own subscriptions. Default: false.
func Echo(echo bool) Option {
	return clientOption(func(o *clientOptions) { o.Echo = echo })
}

// MaxInFlight sets the maximum number of calls of the client that are under way, whatever they wait for. Further calls
// fail at once. Default: 65,536.
func MaxInFlight(calls int) Option {
	return clientOption(func(o *clientOptions) { o.MaxInFlight = o.bound("MaxInFlight", calls) })
}

// MaxSendBytes sets the maximum number of bytes queued to send at each connection, and the maximum number that calls of
// the client keep while they wait for a node, a subscriber or a retry. Further calls fail with [ErrOverloaded], and so do
// replies of handlers, whose requests stay open. Default: 256 MiB.
func MaxSendBytes(bytes int) Option {
	return clientOption(func(o *clientOptions) { o.MaxSendBytes = o.bound("MaxSendBytes", bytes) })
}

// MaxHeldBytes sets the maximum number of bytes queued in all subscriptions and services together, counting 160 bytes
// per message besides its payload. Default: 512 MiB. At the limit, an empty subscription still accepts one message,
// and one with [OverflowDropOldest] discards its oldest messages to make space.
func MaxHeldBytes(bytes int) Option {
	return clientOption(func(o *clientOptions) { o.MaxHeldBytes = o.bound("MaxHeldBytes", bytes) })
}

// MaxEvents sets the maximum number of events queued for each listener. At the limit the oldest event is discarded
// and counted. Default: 1,024.
func MaxEvents(events int) Option {
	return clientOption(func(o *clientOptions) {
		o.MaxEvents = o.bound("MaxEvents", events)
		if events > maxMaxEvents {
			o.fail(ErrInvalidArgument, "invalid MaxEvents %d: use at most %d", events, maxMaxEvents)
		}
	})
}

// OnEvent adds a handler for all events of the client, also for those before [Connect] returns. Its calls are sequential, on a
// goroutine of their own. A handler that is too slow loses the oldest events if more than [MaxEvents] are queued. A panic is
// logged.
//
// If Connect fails, no call runs or begins when it returns, unless its context has ended. [Client.Close] waits for the last
// call, which is for [EventClosed].
func OnEvent(handler EventHandler) Option {
	return clientOption(func(o *clientOptions) {
		if handler == nil {
			o.fail(ErrInvalidArgument, "the handler of OnEvent is nil")
		}
		o.onEvent = append(o.onEvent, handler)
	})
}

// DuplicateWindow sets how long a message is remembered, so that duplicates of it are recognised and not delivered.
// Default: 60 s.
func DuplicateWindow(window time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.DuplicateWindow = o.duration("DuplicateWindow", window) })
}

// MaxDuplicates sets the maximum number of messages that are remembered. Default: 65,536.
func MaxDuplicates(messages int) Option {
	return clientOption(func(o *clientOptions) { o.MaxDuplicates = o.bound("MaxDuplicates", messages) })
}

// Group sets the group of the chain in which nodes are asked for their peers. Messages do not depend on groups.
// Default: 1.
func Group(group int64) Option {
	return clientOption(func(o *clientOptions) { o.Group = group })
}

// Generation sets which generations of nodes the client connects to. Default: [GenerationAuto], with which it tries both at
// each endpoint until it has been connected there. All nodes of one client are of one generation, that of the first one
// connected; endpoints of the other one are down with [ErrUnsupported].
func Generation(generation NodeGeneration) Option {
	return clientOption(func(o *clientOptions) { o.Generation = int32(generation) })
}

// Logger sets a logger for this client: its events, and the failures of its handlers with their stacks. The log of the
// library, which all clients share, is passed to the logger of [SetLogger]; without this option the failures are, too.
func Logger(to *slog.Logger) Option {
	return clientOption(func(o *clientOptions) { o.logger = to })
}
