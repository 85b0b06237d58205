package amop

import (
	"context"
	"runtime"
	"sync"

	"amop/internal/capi"
)

// EventKind says what happened.
type EventKind int

const (
	// EventConnected: a node is connected for the first time.
	EventConnected EventKind = 1
	// EventLost: a connection is lost; the client reconnects by itself.
	EventLost EventKind = 2
	// EventReconnected: a node is connected again and lists all topics of this client.
	EventReconnected EventKind = 3
	// EventConnectFailed: a try to (re)connect failed; the next comes by itself.
	EventConnectFailed EventKind = 4
	// EventSlowConsumer: a subscription or service begins to lose messages. Once per episode; its figures tell how many.
	EventSlowConsumer EventKind = 5
	// EventHandlerFailed: a handler panicked or returned an error that is no [Failure]. Delivery continues.
	EventHandlerFailed EventKind = 6
	// EventClosed: the client is closed; the last event.
	EventClosed EventKind = 7
)

var eventNames = [...]string{
	EventConnected: "connected", EventLost: "lost", EventReconnected: "reconnected",
	EventConnectFailed: "connect failed", EventSlowConsumer: "slow consumer", EventHandlerFailed: "handler failed",
	EventClosed: "closed",
}

// String is the kind in words, "slow consumer".
func (k EventKind) String() string {
	if k > 0 && int(k) < len(eventNames) {
		return eventNames[k]
	}
	return "unknown event"
}

// Event is something that happened to a connection or subscription.
type Event struct {
	// Kind says what. A newer library may bring kinds that this package has no name for.
	Kind EventKind
	// Endpoint is the node, as the endpoint was given: of Connected, Lost, Reconnected, ConnectFailed.
	Endpoint string
	// NodeVersion is what the node calls itself, "2.11.2", and Protocol the agreed protocol version: of Connected and
	// Reconnected.
	NodeVersion string
	Protocol    int
	// Topic is that of the subscription or service: of SlowConsumer and HandlerFailed.
	Topic string
	// Message says how the handler failed: of HandlerFailed.
	Message string
	// Err says why, an [*Error]: of Lost and ConnectFailed.
	Err error
}

// defaultMaxEvents is how many events a listener holds, unless [MaxEvents] says otherwise; that of the library.
const defaultMaxEvents = 1024

// mostEvents bounds MaxEvents: room for all is made at once, a pointer each.
const mostEvents = 1 << 20

// listener is one who gets events: those of the library, and those of handlers here.
type listener struct {
	mu     sync.Mutex
	closed bool
	events chan *Event
}

// Events are what happens from now on, until ctx ends or the client does; then the channel is closed, in the latter case
// after [EventClosed]. Who reads too slowly loses the oldest of more than [MaxEvents], which is counted.
func (c *Client) Events(ctx context.Context) (<-chan *Event, error) {
	if err := c.core.check(); err != nil {
		return nil, err
	}
	source, failure := c.core.handle.Events()
	if failure != nil {
		return nil, fromC(failure)
	}
	most := c.core.maxEvents
	if most == 0 {
		most = defaultMaxEvents
	}
	l := &listener{events: make(chan *Event, most)}
	c.core.listen(l)
	stop := context.AfterFunc(ctx, source.Interrupt)
	go func() {
		// Also: a client with listeners isn't collected.
		defer runtime.KeepAlive(c)
		defer stop()
		for {
			event, failure := source.Take()
			if failure != nil {
				break
			}
			c.core.lost(l.push(eventOf(event)))
		}
		source.Free()
		c.core.leave(l)
		l.close()
	}()
	return l.events, nil
}

func eventOf(event *capi.Event) *Event {
	return &Event{
		Kind:        EventKind(event.Kind),
		Endpoint:    event.Endpoint,
		NodeVersion: event.NodeVersion,
		Protocol:    event.Protocol,
		Topic:       event.Topic,
		Message:     event.Message,
		Err:         fromC(event.Failure),
	}
}

// push makes room by giving up the oldest events, and tells how many; waits for nobody.
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

func (c *core) listen(l *listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listeners[l] = struct{}{}
}

func (c *core) leave(l *listener) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.listeners, l)
}

func (c *core) lost(events uint64) {
	c.eventsDropped.Add(events)
}

// tell tells all listeners of something that happened here.
func (c *core) tell(event *Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for l := range c.listeners {
		own := *event
		c.lost(l.push(&own))
	}
}
