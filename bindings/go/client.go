package amop

import (
	"context"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"amop/internal/capi"
	"amop/internal/waiting"
)

// defaultCloseTimeout is that of the library.
const defaultCloseTimeout = 5 * time.Second

// goodbyes is what the end of a client may take beyond the time that its handlers get: the library gives connections
// that long to write what is queued.
const goodbyes = time.Second

// Client is a connection to one or more nodes of one's institution. It reconnects by itself, for ever, and restores
// its topics. All its methods may be called from any goroutine, handlers included.
//
// Close ends it. (One that is collected unclosed is ended too; not while it has subscriptions, services, listeners or
// calls.)
type Client struct {
	core *core
	net  runtime.Cleanup
}

// core is a client without the handle that the program holds: what goroutines may refer to without keeping that one.
type core struct {
	handle       *capi.Client
	calls        *calls
	closeTimeout time.Duration
	maxEvents    int

	mu        sync.Mutex
	closing   bool
	members   map[member]struct{}
	listeners map[*listener]struct{}
	final     Stats
	// Events that listeners lost here.
	eventsDropped atomic.Uint64

	// Closed when everything has ended, the last handler too.
	ended chan struct{}
}

// member is a subscription or service.
type member interface {
	// The client has begun to end: takes no more. Doesn't wait.
	clientEnds()
	// Gives up what it holds, and tells handlers by their context that their time is over. Doesn't wait for them.
	abandon()
	// Whether it has a handler, for which the client's end waits.
	handles() bool
	// Closed after the last handler has returned, or the last message was read.
	isFinished() <-chan struct{}
}

// Connect connects. It returns when one node is ready; the others follow in the background. Name at least one with
// [Endpoint].
//
// It takes up to the [ConnectTimeout], or ends with ctx; ctx has no meaning for the client after that. When no node
// could be reached, the error says why the first one couldn't.
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
	connect := func() (*capi.Client, *capi.Error) { return capi.Connect(&options.ClientOptions) }
	handle, failure, ended := waiting.Call(ctx, connect, (*capi.Client).Free)
	if ended != nil {
		return nil, contextError(ctx, "a node was connected", DeliveryNo)
	}
	if failure != nil {
		return nil, fromC(failure)
	}
	closeTimeout := options.CloseTimeout
	if closeTimeout == 0 {
		closeTimeout = defaultCloseTimeout
	}
	c := &core{
		handle:       handle,
		calls:        newCalls(),
		closeTimeout: closeTimeout,
		maxEvents:    options.MaxEvents,
		members:      make(map[member]struct{}),
		listeners:    make(map[*listener]struct{}),
		ended:        make(chan struct{}),
	}
	client := &Client{core: c}
	client.net = runtime.AddCleanup(client, (*core).endUnclosed, c)
	return client, nil
}

// Close ends the client in order. It takes no more calls, and those in flight end with [ErrClosed]. Handlers get until
// the [CloseTimeout] to work off what is queued, then their context ends and the rest is dropped and counted;
// connections say goodbye. When it returns nil no handler of this client runs any more; [ErrTimeout] says that one
// hasn't returned. What wasn't read from a subscription's channel yet can be read until the CloseTimeout.
//
// A second Close waits for the first. Inside of a handler it returns at once, and the end comes after the handler has
// returned.
func (c *Client) Close() error {
	return c.Shutdown(context.Background())
}

// Shutdown is Close with a limit of its own: ctx's deadline is what handlers get, where it has one, and it returns when
// ctx ends.
func (c *Client) Shutdown(ctx context.Context) error {
	defer runtime.KeepAlive(c)
	limit := c.core.timeToClose(ctx)
	c.core.beginEnd(limit)
	if insideHandler() {
		return nil
	}
	timer := time.NewTimer(limit + goodbyes)
	defer timer.Stop()
	select {
	case <-c.core.ended:
		c.net.Stop()
		return nil
	case <-ctx.Done():
		return contextError(ctx, "all handlers had returned", DeliveryNo)
	case <-timer.C:
		return newError(ErrTimeout, "a handler has not returned within %v", limit)
	}
}

// timeToClose is how long handlers get.
func (c *core) timeToClose(ctx context.Context) time.Duration {
	if left, contextual := timeLeft(ctx, 0); contextual {
		return left
	}
	return c.closeTimeout
}

// endUnclosed ends a client that was collected: it has no members, listeners or calls, or it would be in use.
func (c *core) endUnclosed() {
	c.beginEnd(0)
}

// beginEnd starts the end, once.
func (c *core) beginEnd(limit time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.closing = true
		go c.end(time.Now().Add(limit), slices.Collect(maps.Keys(c.members)))
	}
}

// end is the end, in order: calls, topics, handlers, connections.
func (c *core) end(deadline time.Time, members []member) {
	c.calls.close()
	for _, m := range members {
		m.clientEnds()
	}
	c.letHandle(deadline, members)
	stats := c.stats()
	// How goodbyes fail doesn't matter to anybody.
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
	close(c.ended)
}

// letHandle lets handlers work off what is queued; those that aren't done by the deadline have to give up the rest.
func (c *core) letHandle(deadline time.Time, members []member) {
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

// join makes a member known to the client's end; false when that has begun.
func (c *core) join(m member) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.members[m] = struct{}{}
	return true
}

func (c *core) part(m member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.members, m)
}

// check refuses calls of a client that is closed or closing.
func (c *core) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return closedError()
	}
	return nil
}

func closedError() error {
	return newError(ErrClosed, "the client is closed")
}

// AddEndpoint names a further node to connect to, from now on. One that is there already changes nothing.
func (c *Client) AddEndpoint(endpoint string) error {
	return c.change(endpoint, c.core.handle.AddEndpoint)
}

// RemoveEndpoint leaves a node: what is queued for it is still written, calls in flight there end as lost, and what was
// listed at it alone moves to another. One that isn't there changes nothing.
func (c *Client) RemoveEndpoint(endpoint string) error {
	return c.change(endpoint, c.core.handle.RemoveEndpoint)
}

func (c *Client) change(endpoint string, change func(string) *capi.Error) error {
	defer runtime.KeepAlive(c)
	if err := c.core.check(); err != nil {
		return err
	}
	if capi.HasNUL(endpoint) {
		return newError(ErrInvalidEndpoint, "the endpoint %q holds a NUL", endpoint)
	}
	return fromC(change(endpoint))
}
