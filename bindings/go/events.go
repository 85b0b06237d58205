package amop

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"example.org/amop/bindings/go/internal/capi"
)

// EventKind is the kind of an event.
type EventKind int

const (
	// EventConnected: the client connected to a node for the first time.
	EventConnected EventKind = 1
	// EventLost: a connection was lost; the client reconnects automatically.
	EventLost EventKind = 2
	// EventReconnected: the client reconnected to a node, and its topics are listed there again.
	EventReconnected EventKind = 3
	// EventConnectFailed: an attempt to connect failed; the client will try again.
	EventConnectFailed EventKind = 4
	// EventSlowConsumer: a subscription or service has begun to lose messages. Emitted once per episode; its statistics
	// count the messages.
	EventSlowConsumer EventKind = 5
	// EventHandlerFailed: a handler panicked or returned an error other than a [Failure]. Delivery continues.
	EventHandlerFailed EventKind = 6
	// EventClosed: the client is closed. The last event.
	EventClosed EventKind = 7
	// EventCertificateExpiring: a certificate in use ends soon, see [ExpiryWarning]. Emitted once for each certificate; a
	// listener that is created after that receives it first.
	EventCertificateExpiring EventKind = 8
	// EventVerified: a subscriber of a private topic has proved to hold an allowed key, so that the node passes messages on
	// to the subscribers at that subscriber's node. A node that verified them for an earlier publisher does not ask again,
	// so that no event is emitted.
	EventVerified EventKind = 9
	// EventRejected: a subscriber of a private topic could not be verified. Emitted when the reason is a new one for this
	// topic and these nodes.
	EventRejected EventKind = 10
)

var eventNames = []string{
	EventConnected: "connected", EventLost: "lost", EventReconnected: "reconnected",
	EventConnectFailed: "connect failed", EventSlowConsumer: "slow consumer", EventHandlerFailed: "handler failed",
	EventClosed: "closed", EventCertificateExpiring: "certificate expiring",
	EventVerified: "verified", EventRejected: "rejected",
}

// String returns the name of the kind, such as "slow consumer".
func (k EventKind) String() string {
	return nameOf("event", int(k), eventNames)
}

// Event is something that happened to a connection or subscription.
type Event struct {
	// Kind is the kind of the event. A newer library may emit kinds that this package has no name for.
	Kind EventKind
	// Endpoint is the endpoint, as it was added, of Connected, Lost, Reconnected and ConnectFailed, and of Verified and
	// Rejected that of the publisher's node.
	Endpoint string
	// NodeVersion is the version that the node reported, such as "2.11.2", and Protocol the negotiated protocol version,
	// of Connected and Reconnected.
	NodeVersion string
	Protocol    int
	// Topic is the topic of the subscription or service, of SlowConsumer and HandlerFailed, or the private topic, of
	// Verified and Rejected.
	Topic string
	// Message states how the handler failed, of HandlerFailed, or names the certificate and its file, of
	// CertificateExpiring, or gives the reason, of Rejected.
	Message string
	// NodeID is the id of the subscriber's node, of Verified and Rejected. Key is the public key that the subscriber has
	// signed with, as 130 hex digits, of Verified, and of Rejected if it can be known.
	NodeID string
	Key    string
	// Expires is the last moment at which the certificate is valid, of CertificateExpiring.
	Expires time.Time
	// Err is the reason, an [*Error], of Lost and ConnectFailed.
	Err error
}

// EventHandler handles an event; see [OnEvent].
type EventHandler func(event *Event)

// defaultMaxEvents is the default of [MaxEvents], as in the library.
const defaultMaxEvents = 1024

// maxMaxEvents limits MaxEvents, because the channel allocates a pointer for each event.
const maxMaxEvents = 1 << 20

// listener is the channel of one call of [Client.Events]. It receives events of the library, and of handlers in this
// package.
type listener struct {
	mu     sync.Mutex
	closed bool
	events chan *Event
	// lost counts the events that were discarded.
	lost atomic.Uint64
}

// Events returns a channel for the events from now on. It is closed when ctx ends or, after [EventClosed], when the
// client is closed. A reader that is too slow loses the oldest events if more than [MaxEvents] are queued; they are
// counted.
func (c *Client) Events(ctx context.Context) (<-chan *Event, error) {
	if err := c.core.check(); err != nil {
		return nil, err
	}
	source, failure := c.core.handle.Events()
	if failure != nil {
		return nil, fromC(failure)
	}
	l := newListener(c.core.maxEvents)
	c.core.addListener(l)
	stop := context.AfterFunc(ctx, source.Interrupt)
	go func() {
		// A client with listeners must not be collected.
		defer runtime.KeepAlive(c)
		defer stop()
		l.readAll(source)
		c.core.removeListener(l)
		l.close()
	}()
	return l.events, nil
}

// handle passes the events of a source, until it ends, to handlers. It returns a listener for the events of this package, and
// a channel that is closed after the last call.
func handle(source *capi.Events, most int, handlers []EventHandler, logger *slog.Logger) (*listener, <-chan struct{}) {
	l, done := newListener(most), make(chan struct{})
	go func() {
		l.readAll(source)
		l.close()
	}()
	go func() {
		defer close(done)
		for event := range l.events {
			for _, handler := range handlers {
				own := *event
				l.guarded(logger, func() { handler(&own) })
			}
		}
	}()
	return l, done
}

// guarded calls a handler of events. One that ends its goroutine ends only that.
func (l *listener) guarded(logger *slog.Logger, call func()) {
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		guarded(&core{logger: logger}, call, func(string) {})
	}()
	<-returned
}

func newListener(most int) *listener {
	if most == 0 {
		most = defaultMaxEvents
	}
	return &listener{events: make(chan *Event, most)}
}

// readAll queues the events of a source until it ends, and frees it.
func (l *listener) readAll(source *capi.Events) {
	for {
		event, failure := source.Take()
		if failure != nil {
			source.Free()
			return
		}
		l.lost.Add(l.push(eventOf(event)))
	}
}

func eventOf(event *capi.Event) *Event {
	var expires time.Time
	if event.Expires != 0 {
		expires = time.Unix(event.Expires, 0)
	}
	return &Event{
		Kind:        EventKind(event.Kind),
		Endpoint:    event.Endpoint,
		NodeVersion: event.NodeVersion,
		Protocol:    event.Protocol,
		Topic:       event.Topic,
		Message:     event.Message,
		NodeID:      event.NodeID,
		Key:         event.Key,
		Expires:     expires,
		Err:         fromC(event.Failure),
	}
}

// push queues an event. It discards the oldest events if the channel is full, and returns how many. It does not wait.
func (l *listener) push(event *Event) (lost uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed {
		select {
		case l.events <- event:
			return lost
		default:
		}
		select {
		case <-l.events:
			lost++
		default:
		}
	}
	return lost
}

func (l *listener) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	close(l.events)
}

func (c *core) addListener(l *listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listeners[l] = struct{}{}
}

func (c *core) removeListener(l *listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.listeners, l)
	c.eventsDropped += l.lost.Load()
}

// droppedEvents returns how many events the listeners of this package have lost.
func (c *core) droppedEvents() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	dropped := c.eventsDropped
	for l := range c.listeners {
		dropped += l.lost.Load()
	}
	return dropped
}

// emit passes an event of this package to all listeners.
func (c *core) emit(event *Event) {
	c.logEvent(event)
	c.mu.Lock()
	defer c.mu.Unlock()
	for l := range c.listeners {
		own := *event
		l.lost.Add(l.push(&own))
	}
}
