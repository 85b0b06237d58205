package amop

import (
	"fmt"
	"log/slog"
	"math"
	"time"

	"amop/internal/capi"
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

// NodeGeneration is a generation of nodes.
type NodeGeneration int32

const (
	// GenerationAuto: the client finds out. The kind of certificate decides what is tried first. The default.
	GenerationAuto NodeGeneration = 0
	// Generation2: 2.x only, which has the channel protocol.
	Generation2 NodeGeneration = 2
	// Generation3: 3.x only, which has WebSocket.
	Generation3 NodeGeneration = 3
)

// String returns "auto", "2" or "3".
func (g NodeGeneration) String() string {
	return nameOf("generation", int(g), []string{0: "auto", 2: "2", 3: "3"})
}

// RetryPolicy states when a failed publish or broadcast is retried automatically.
type RetryPolicy int32

const (
	// RetryNever: never.
	RetryNever RetryPolicy = 1
	// RetryDefinite: on another node, if the error states that the message was not delivered. The default.
	RetryDefinite RetryPolicy = 2
	// RetryAtLeastOnce: also if the message may have been delivered. Subscribers that use this library discard the
	// duplicate; others may handle the message more than once.
	RetryAtLeastOnce RetryPolicy = 3
)

// String returns the name of the policy, such as "at least once".
func (p RetryPolicy) String() string {
	return nameOf("retry policy", int(p), []string{1: "never", 2: "definite", 3: "at least once"})
}

// OverflowPolicy states what a full subscription does with a new message.
type OverflowPolicy int32

const (
	// OverflowRefuse: refuses it; the publisher of a unicast receives [ErrSubscriberBusy]. The default.
	OverflowRefuse OverflowPolicy = 0
	// OverflowDropOldest: discards its oldest messages to make space.
	OverflowDropOldest OverflowPolicy = 1
)

// String returns the name of the policy, such as "drop oldest".
func (p OverflowPolicy) String() string {
	return nameOf("overflow policy", int(p), []string{"refuse", "drop oldest"})
}

// PlacementPolicy states at how many of the connected nodes a topic is listed.
type PlacementPolicy int32

const (
	// PlacementAll: at all connected nodes; the loss of a node loses no messages, and every broadcast is received. The
	// default of subscriptions.
	PlacementAll PlacementPolicy = 1
	// PlacementOne: at one node; the topic moves to another node when that one is lost. The default of services, because
	// nodes up to release 2.11 can lose a unicast between two clients of the same node. If the service were listed at
	// all nodes, every publisher would share a node with it.
	PlacementOne PlacementPolicy = 2
)

// String returns the name of the policy, "all" or "one".
func (p PlacementPolicy) String() string {
	return nameOf("placement policy", int(p), []string{1: "all", 2: "one"})
}

// ConfirmPolicy states whether subscribing and serving wait until a node has confirmed that it lists the topic. If the
// confirmation fails, the subscription or service is removed.
type ConfirmPolicy int32

const (
	// ConfirmAuto: while a node is connected. Without one it returns at once, and the subscription becomes active with the
	// first node; only for a topic that a node may refuse as too long does it wait for that node. The default.
	ConfirmAuto ConfirmPolicy = 0
	// ConfirmAlways: always, up to the time limit, also for the first node to be connected.
	ConfirmAlways ConfirmPolicy = 1
	// ConfirmNever: never. Whether a node lists the topic is not reported.
	ConfirmNever ConfirmPolicy = 2
)

// String returns the name of the policy, such as "always".
func (p ConfirmPolicy) String() string {
	return nameOf("confirm policy", int(p), []string{"auto", "always", "never"})
}

// TLSKind is a kind of TLS.
type TLSKind int32

const (
	// TLSAuto: as an option, the credentials decide. With RSA keys ECDHE is tried first, and static RSA only if the node
	// has nothing in common with it. As a statistic, the endpoint was not reached yet.
	TLSAuto TLSKind = 0
	// TLSECDHE: TLS 1.2 with ECDHE, for secp256k1 chains, and for RSA chains whose nodes support it.
	TLSECDHE TLSKind = 1
	// TLSStaticRSA: TLS 1.2 with static RSA key exchange, the only one of 2.x nodes with an RSA channel. It has no forward
	// secrecy.
	TLSStaticRSA TLSKind = 2
	// TLSGM: the GM suites over TLS 1.2, of GM channels of 2.x nodes.
	TLSGM TLSKind = 3
	// TLSTLCP: TLCP, of SM chains of generation 3.
	TLSTLCP TLSKind = 4
	// TLSOff: no TLS but plain TCP, without credentials, for 3.x nodes that are set up so (disable_ssl). Anybody on the way
	// can read and change what is sent.
	TLSOff TLSKind = 5
)

var tlsNames = [...]string{
	TLSAuto: "auto", TLSECDHE: "ecdhe", TLSStaticRSA: "static-rsa", TLSGM: "gm", TLSTLCP: "tlcp", TLSOff: "off",
}

// String returns the name of the kind, such as "static-rsa".
func (k TLSKind) String() string {
	if k >= 0 && int(k) < len(tlsNames) {
		return tlsNames[k]
	}
	return "unknown kind of TLS"
}

// nameOf returns the name of a value of an enumeration, or its number with what it is if it has no name.
func nameOf(what string, value int, names []string) string {
	if value >= 0 && value < len(names) && names[value] != "" {
		return names[value]
	}
	return fmt.Sprintf("%s %d", what, value)
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

// Credentials sets the folder with the SDK's credentials, or one of its files. The folder contains ca.crt, sdk.crt and
// sdk.key; or gmca.crt, gmsdk.crt, gmsdk.key, gmensdk.crt and gmensdk.key (2.x GM chains, also in gm below it); or
// sm_ca.crt, sm_sdk.crt, sm_sdk.key, sm_ensdk.crt and sm_ensdk.key (3.x SM chains); or the folder sdk with one of these
// sets. If the first set has a GM set beside it, nodes that have nothing in common with the first are tried with the
// other; a file that is given instead of its folder excludes the other sets. A node's own key (node.key) is used only if
// it is given.
//
// Without credentials given, they are looked for in $AMOP_CREDENTIALS and, only if that isn't set, in ., conf, sdk,
// nodes/127.0.0.1/sdk and amop-devnet/sdk. The files are found when connecting.
// The same files are read again at each reconnect, whatever the current folder is then.
func Credentials(folder string) Option {
	return clientOption(func(o *clientOptions) {
		o.Credentials, o.Files, o.PEM = o.text(ErrInvalidArgument, "the folder", folder), nil, nil
	})
}

// ConfigFile sets the path of a configuration file: a TOML file of this library, or the file that a program has for another
// SDK (java-sdk, go-sdk, the C SDK, web3sdk, nodejs-sdk, python-sdk), whose kind is recognised by its content. It is read
// when connecting. The other options precede what the file states; if an endpoint is given, those of the file are not used.
func ConfigFile(path string) Option {
	return clientOption(func(o *clientOptions) {
		o.ConfigFile = o.text(ErrInvalidArgument, "the configuration file", path)
	})
}

// CredentialFiles sets the paths of the three files: the CA, the client's certificate followed by the intermediate
// certificates up to the CA, and the private key (PKCS#8 or SEC1, not encrypted). All are PEM.
func CredentialFiles(ca, cert, key string) Option {
	return clientOption(func(o *clientOptions) {
		for _, name := range []string{ca, cert, key} {
			o.text(ErrInvalidArgument, "the file", name)
		}
		o.Credentials, o.Files, o.PEM = "", &capi.Files{CA: ca, Cert: cert, Key: key}, nil
	})
}

// CredentialPEM sets the contents of the three files.
func CredentialPEM(ca, cert, key []byte) Option {
	return clientOption(func(o *clientOptions) {
		o.Credentials, o.Files, o.PEM = "", nil, &capi.PEM{CA: ca, Cert: cert, Key: key}
	})
}

// CredentialFilesGM sets the paths of the five files of a GM chain: the CA, the client's certificate and private key for
// signatures, and those for encryption. Names that begin with gm or sm_ state whether GM over TLS 1.2 or TLCP is used;
// otherwise both are tried.
func CredentialFilesGM(ca, cert, key, encCert, encKey string) Option {
	return clientOption(func(o *clientOptions) {
		for _, name := range []string{ca, cert, key, encCert, encKey} {
			o.text(ErrInvalidArgument, "the file", name)
		}
		files := capi.Files{CA: ca, Cert: cert, Key: key, GM: true, EncCert: encCert, EncKey: encKey}
		o.Credentials, o.Files, o.PEM = "", &files, nil
	})
}

// CredentialPEMGM sets the contents of the five files of a GM chain. TLCP is tried first, then GM over TLS 1.2.
func CredentialPEMGM(ca, cert, key, encCert, encKey []byte) Option {
	return clientOption(func(o *clientOptions) {
		pem := capi.PEM{CA: ca, Cert: cert, Key: key, GM: true, EncCert: encCert, EncKey: encKey}
		o.Credentials, o.Files, o.PEM = "", nil, &pem
	})
}

// TLS sets the kind of TLS. Default: [TLSAuto], with which the credentials decide. [Connect] returns
// [ErrInvalidArgument] if the credentials are for another kind.
func TLS(kind TLSKind) Option {
	return clientOption(func(o *clientOptions) { o.TLS = int32(kind) })
}

// ExpiryWarning sets how long before its end a certificate in use is reported as [EventCertificateExpiring]. Default: 14
// days.
func ExpiryWarning(warning time.Duration) Option {
	return clientOption(func(o *clientOptions) { o.ExpiryWarning = o.duration("ExpiryWarning", warning) })
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

type retryOption RetryPolicy

func (o retryOption) client(options *clientOptions)   { options.Retry = int32(o) }
func (o retryOption) publish(options *publishOptions) { options.Retry = int32(o) }

// Retry sets when failed calls are retried automatically. On a publish or broadcast it overrides the option of the
// client.
func Retry(policy RetryPolicy) RetryOption {
	return retryOption(policy)
}

type laneOption func(*laneOptions)

func (o laneOption) subscription(options *laneOptions) { o(options) }
func (o laneOption) service(options *laneOptions)      { o(options) }

// MaxMessages sets the maximum number of queued messages or requests. Default: 65,536. In addition, up to 64 messages
// may be in the channel of a subscription or on their way to it, unless it drops its oldest messages.
func MaxMessages(messages int) LaneOption {
	return laneOption(func(o *laneOptions) { o.MaxMessages = o.bound("MaxMessages", messages) })
}

// MaxBytes sets the maximum number of queued bytes, counting 160 bytes per message besides its payload. An empty
// subscription accepts one message of any size. Default: 64 MiB.
func MaxBytes(bytes int) LaneOption {
	return laneOption(func(o *laneOptions) { o.MaxBytes = o.bound("MaxBytes", bytes) })
}

// Placement sets at how many nodes the topic is listed.
func Placement(policy PlacementPolicy) LaneOption {
	return laneOption(func(o *laneOptions) { o.Placement = int32(policy) })
}

// Confirm sets whether to wait until a node has listed the topic. Default: [ConfirmAuto].
func Confirm(policy ConfirmPolicy) LaneOption {
	return laneOption(func(o *laneOptions) { o.Confirm = int32(policy) })
}

type subscribeOption func(*laneOptions)

func (o subscribeOption) subscription(options *laneOptions) { o(options) }

// Overflow sets what happens at the limits of MaxMessages and MaxBytes. Lost messages are counted, and reported once
// by [EventSlowConsumer]. With [OverflowDropOldest] a reader that is too slow receives the newest messages: their channel
// has no buffer.
func Overflow(policy OverflowPolicy) SubscribeOption {
	return subscribeOption(func(o *laneOptions) { o.Overflow = int32(policy) })
}

type serveOption func(*laneOptions)

func (o serveOption) service(options *laneOptions) { o(options) }

// Concurrency sets how many calls of a service's handler run at once. Default: 64. With 1 they run one after the
// other, in the order of the requests.
func Concurrency(calls int) ServeOption {
	return serveOption(func(o *laneOptions) { o.concurrency = o.bound("Concurrency", calls) })
}

type publishOption func(*publishOptions)

func (o publishOption) publish(options *publishOptions) { o(options) }

// WaitForSubscriber sets whether a publish that was not delivered is retried until its deadline, for example because
// no node knows a subscriber yet, and whether a broadcast is sent only when a node knows one. It takes up to 5 s until
// all nodes know a new subscriber. Default: false.
func WaitForSubscriber(wait bool) PublishOption {
	return publishOption(func(o *publishOptions) { o.WaitForSubscriber = wait })
}

// AllNodes sets whether a broadcast is sent to every connected node, rather than to as many as reach all subscribers.
// Subscribers that use this library discard the duplicates, others receive them. Default: false.
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

// Timeout sets the time limit of the call. An earlier deadline of the context takes precedence. Without either, the
// client's CallTimeout applies.
func Timeout(timeout time.Duration) CallOption {
	return timeoutOption(timeout)
}
