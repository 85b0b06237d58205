package amop

import (
	"context"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"example.org/amop/bindings/go/internal/capi"
	"example.org/amop/bindings/go/internal/waiting"
)

// defaultCloseTimeout is the default of the library.
const defaultCloseTimeout = 5 * time.Second

// reserve returns the last part of the time for an end: handlers whose context has been cancelled return in it, and the
// library writes what is queued.
func reserve(limit time.Duration) time.Duration {
	return min(limit/5, 500*time.Millisecond)
}

// Client is a connection to one or more nodes. It reconnects automatically until it is closed, and restores its
// topics. All its methods may be called from any goroutine, including handlers.
//
// Call Close when done. A Client that becomes unreachable without it is closed by the garbage collector, but not
// while it has subscriptions, services, listeners or calls. Pass a Client on by its pointer: a copy of the struct does not
// keep it from being collected, and go vet reports copies.
type Client struct {
	_    noCopy
	core *core
	net  runtime.Cleanup
}

// noCopy makes go vet report copies of the struct that it is a field of.
type noCopy struct{}

// Lock does nothing.
func (*noCopy) Lock() {}

// Unlock does nothing.
func (*noCopy) Unlock() {}

// core is the shared state of a Client. Goroutines refer to core, not to the Client, so that an unclosed Client can
// still be collected.
type core struct {
	handle *capi.Client
	// logger is the logger of this client; nil if it has none.
	logger       *slog.Logger
	calls        *calls
	closeTimeout time.Duration
	maxEvents    int

	mu        sync.Mutex
	closing   bool
	members   map[member]struct{}
	listeners map[*listener]struct{}
	final     Stats
	// eventsDropped counts events that former listeners of this package lost.
	eventsDropped uint64
	// handled is closed after the last call of the handlers of OnEvent; nil if there are none.
	handled <-chan struct{}

	// ended is closed when everything has ended, including the last handler.
	ended chan struct{}
}

// member is a subscription or service.
type member interface {
	// clientClosing is called when the client begins to close. The member accepts no more messages. It does not wait.
	clientClosing()
	// abandon discards what is queued and cancels the context of handlers. It does not wait for them.
	abandon()
	// handles reports whether the member has a handler, for which closing waits.
	handles() bool
	// isFinished returns a channel that is closed after the last handler has returned or the last message was read.
	isFinished() <-chan struct{}
}

// Connect connects to the nodes named by [Endpoint]. It returns when one node is ready; the client connects to the
// others in the background.
//
// Connect takes at most the [ConnectTimeout] and ends early with ctx, which does not affect the client afterwards. If
// no node can be reached, it returns the error of the first endpoint.
func Connect(ctx context.Context, opts ...Option) (*Client, error) {
	if failure := capi.CheckVersion(); failure != nil {
		return nil, fromC(failure)
	}
	var options clientOptions
	for _, option := range opts {
		option.client(&options)
	}
	if options.err != nil {
		return nil, options.err
	}
	var events *listener
	var handled <-chan struct{}
	var listen func(*capi.Events)
	if len(options.onEvent) > 0 {
		listen = func(source *capi.Events) {
			events, handled = handle(source, options.MaxEvents, options.onEvent, options.logger)
		}
	}
	connect := func() (*capi.Client, *capi.Error) { return capi.Connect(&options.ClientOptions, listen) }
	client, failure, ended := waiting.Call(ctx, connect, (*capi.Client).Free)
	if ended != nil {
		return nil, contextError(ctx, "a node was connected", DeliveryNo)
	}
	if failure != nil {
		if handled != nil {
			select {
			case <-handled:
			case <-ctx.Done():
			}
		}
		e := errorOf(failure)
		atDeadline(ctx, e)
		return nil, e
	}
	closeTimeout := options.CloseTimeout
	if closeTimeout == 0 {
		closeTimeout = defaultCloseTimeout
	}
	c := &core{
		logger:       options.logger,
		handle:       client,
		handled:      handled,
		calls:        newCalls(),
		closeTimeout: closeTimeout,
		maxEvents:    options.MaxEvents,
		members:      make(map[member]struct{}),
		listeners:    make(map[*listener]struct{}),
		ended:        make(chan struct{}),
	}
	if events != nil {
		c.addListener(events)
	}
	if c.logger != nil {
		source, failure := client.Events()
		if failure != nil {
			client.Free()
			return nil, fromC(failure)
		}
		go c.logEvents(source)
	}
	outer := &Client{core: c}
	outer.net = runtime.AddCleanup(outer, (*core).closeUnreachable, c)
	return outer, nil
}

// Close closes the client. Calls in flight fail with [ErrClosed], new ones are refused. Handlers process what is
// queued until the [CloseTimeout]; then their context is cancelled and the rest is discarded and counted. When Close
// returns nil, no handler of this client runs any more; [ErrTimeout] means that a handler has not returned. Messages
// in the channel of a subscription can be read until the CloseTimeout.
//
// A second Close waits for the first. Inside of a handler Close returns at once, and the client closes after the
// handler has returned.
func (c *Client) Close() error {
	return c.Shutdown(context.Background())
}

// Shutdown closes the client like [Client.Close], within ctx: the deadline of ctx, if it has one, replaces the
// CloseTimeout, and Shutdown returns when ctx ends.
func (c *Client) Shutdown(ctx context.Context) error {
	defer runtime.KeepAlive(c)
	limit := c.core.timeToClose(ctx)
	c.core.beginClose(limit)
	if insideHandler() {
		return nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-c.core.ended:
		c.net.Stop()
		return nil
	case <-ctx.Done():
		return contextError(ctx, "all handlers had returned", DeliveryNo)
	case <-timer.C:
		e := newError(ErrTimeout, "a handler has not returned within %s", span(limit))
		atDeadline(ctx, e)
		return e
	}
}

// timeToClose returns how long handlers get.
func (c *core) timeToClose(ctx context.Context) time.Duration {
	if left, contextual := timeLeft(ctx, 0); contextual {
		return left
	}
	return c.closeTimeout
}

// closeUnreachable closes a client that was collected. It has no members, listeners or calls, because they would keep
// it reachable.
func (c *core) closeUnreachable() {
	c.beginClose(c.closeTimeout)
}

// beginClose starts closing, once.
func (c *core) beginClose(limit time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.closing = true
		go c.close(limit, slices.Collect(maps.Keys(c.members)))
	}
}

// close closes the client in order: calls, topics, handlers, connections.
func (c *core) close(limit time.Duration, members []member) {
	deadline := time.Now().Add(limit)
	c.calls.close()
	for _, m := range members {
		m.clientClosing()
	}
	c.drainHandlers(deadline.Add(-reserve(limit)), members)
	stats := c.stats()
	// Ignore an error: no call and no handler depends on how the connections are closed.
	_ = c.handle.Close(max(time.Until(deadline), time.Millisecond))
	<-c.calls.drained
	c.mu.Lock()
	c.final = stats
	c.mu.Unlock()
	c.handle.Free()
	for _, m := range members {
		if m.handles() {
			<-m.isFinished()
		} else {
			time.AfterFunc(time.Until(deadline), m.abandon)
		}
	}
	if c.handled != nil {
		<-c.handled
	}
	close(c.ended)
}

// drainHandlers waits until handlers have processed what is queued, and abandons those that have not at the deadline.
func (c *core) drainHandlers(deadline time.Time, members []member) {
	timer := time.NewTimer(time.Until(deadline))
	defer timer.Stop()
	late := false
	for _, m := range members {
		if !m.handles() {
			continue
		}
		if !late {
			select {
			case <-m.isFinished():
				continue
			case <-timer.C:
				late = true
			}
		}
		m.abandon()
	}
}

// addMember registers a member, and reports false if the client is closing.
func (c *core) addMember(m member) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.members[m] = struct{}{}
	return true
}

func (c *core) removeMember(m member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.members, m)
}

// check returns an error if the client is closed or closing.
func (c *core) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return closedError()
	}
	return nil
}

// closedText is the text of errors of a closed client, that of the library.
const closedText = "the client was closed"

func closedError() error {
	return newError(ErrClosed, closedText)
}

// ReloadCredentials loads the credentials again from the same files, which were renewed, and makes the connections anew
// with them, one after the other: each once no call is in flight and no request unanswered there, or after the
// [CloseTimeout]. Without this call the files are read again at each reconnect. A handler should not call it, because its
// own request is unanswered meanwhile.
//
// If the credentials can't be used, it returns the reason, the previous ones stay in use and no connection is ended. If a
// node can't be connected anew, it returns the reason, and the connections to the nodes after it are left as they are.
// If ctx ends first, the rest is done in the background.
func (c *Client) ReloadCredentials(ctx context.Context) error {
	defer runtime.KeepAlive(c)
	if err := c.core.check(); err != nil {
		return err
	}
	handle := c.core.handle
	reload := func() (struct{}, *capi.Error) { return struct{}{}, handle.ReloadCredentials() }
	_, failure, ended := waiting.Call(ctx, reload, func(struct{}) {})
	if ended != nil {
		return contextError(ctx, "all connections were made anew", DeliveryNo)
	}
	return fromC(failure)
}

// AddEndpoint adds an endpoint to connect to. It does nothing if the client already has it.
func (c *Client) AddEndpoint(endpoint string) error {
	return c.change(endpoint, c.core.handle.AddEndpoint)
}

// RemoveEndpoint removes an endpoint. Queued messages are still written. The connection is closed once no call is in
// flight and no request unanswered, or after the [CloseTimeout]; calls still in flight then fail with
// [ErrConnectionLost]. Topics listed only at that node move to another. It does nothing if the client has no such
// endpoint.
func (c *Client) RemoveEndpoint(endpoint string) error {
	return c.change(endpoint, c.core.handle.RemoveEndpoint)
}

func (c *Client) change(endpoint string, change func(string) *capi.Error) error {
	defer runtime.KeepAlive(c)
	if err := c.core.check(); err != nil {
		return err
	}
	if capi.HasNUL(endpoint) {
		return newError(ErrInvalidEndpoint, "the endpoint %q contains a NUL", endpoint)
	}
	return fromC(change(endpoint))
}
