package amop

import (
	"context"
	"errors"
	"sync"

	"amop/internal/capi"
)

// Publish sends a message to one subscriber, which the node picks, and waits for its reply. A subscriber that only
// listens replies with nothing as soon as it has the message; one that serves, with what its handler returns.
//
// It ends at ctx's deadline, or after [Timeout], whichever comes first; with neither, after the client's
// [CallTimeout]. Thousands of goroutines may wait in it: they need no thread each.
//
// An [*Error] tells by Delivery whether the message may have been delivered all the same, also where ctx ended the
// call.
func (c *Client) Publish(ctx context.Context, topic string, data []byte, opts ...PublishOption) (*Reply, error) {
	call := c.send(ctx, false, topic, data, opts)
	return call.within(ctx)
}

// Broadcast sends a message to all subscribers and waits for the node's ack, which says nothing of who hears it. For
// the rest it is as [Client.Publish].
func (c *Client) Broadcast(ctx context.Context, topic string, data []byte, opts ...PublishOption) error {
	call := c.send(ctx, true, topic, data, opts)
	_, err := call.within(ctx)
	return err
}

// PublishAsync starts a publish and doesn't wait. Messages of one goroutine are sent in the order of its calls. What is
// known at once, say that the topic is invalid, has ended the call when this returns.
//
// data isn't kept. The call ends as that of [Client.Publish] does; when ctx is cancelled it is, too.
func (c *Client) PublishAsync(ctx context.Context, topic string, data []byte, opts ...PublishOption) *Call {
	call := c.send(ctx, false, topic, data, opts)
	call.watch(ctx)
	return call
}

// BroadcastAsync starts a broadcast and doesn't wait; for the rest it is as [Client.PublishAsync].
func (c *Client) BroadcastAsync(ctx context.Context, topic string, data []byte, opts ...PublishOption) *Call {
	call := c.send(ctx, true, topic, data, opts)
	call.watch(ctx)
	return call
}

// Call is a publish or broadcast under way. It ends exactly once.
type Call struct {
	// A client with calls under way isn't collected.
	client *Client
	// Whether the call's deadline is that of its context.
	contextual bool
	done       chan struct{}
	// Set before done is closed.
	reply *Reply
	err   error

	mu     sync.Mutex
	handle *capi.Call
	ended  bool
	// Why it was asked to end early, the cause that the context gives for it, and what stops to watch the context.
	reason, cause error
	unwatch       func() bool
}

// Done is closed when the call has ended.
func (c *Call) Done() <-chan struct{} {
	return c.done
}

// Wait waits for the end of the call: the subscriber's reply, or why there is none. Of a broadcast the reply is nil.
func (c *Call) Wait() (*Reply, error) {
	<-c.done
	return c.reply, c.err
}

// send starts a call. One that can't start has ended.
func (c *Client) send(ctx context.Context, broadcast bool, topic string, data []byte, opts []PublishOption) *Call {
	call := &Call{client: c, done: make(chan struct{})}
	var options publishOptions
	options.Broadcast = broadcast
	for _, option := range opts {
		option.publish(&options)
	}
	options.text(ErrInvalidTopic, "the topic", topic)
	if options.err != nil {
		call.conclude(nil, options.err)
		return call
	}
	options.Timeout, call.contextual = timeLeft(ctx, options.Timeout)
	if ctx.Err() != nil {
		call.conclude(nil, contextError(ctx, "anything was sent", DeliveryNo))
		return call
	}
	c.core.calls.start(c.core.handle, call, topic, data, &options.Sending)
	return call
}

// within waits for the call's end, and ends it with the context.
func (c *Call) within(ctx context.Context) (*Reply, error) {
	select {
	case <-c.done:
	case <-ctx.Done():
		c.end(ctx.Err(), context.Cause(ctx))
	}
	return c.Wait()
}

// watch ends the call with the context.
func (c *Call) watch(ctx context.Context) {
	if ctx.Done() == nil {
		return
	}
	unwatch := context.AfterFunc(ctx, func() { c.end(ctx.Err(), context.Cause(ctx)) })
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		unwatch()
	} else {
		c.unwatch = unwatch
	}
}

// errClosing is the reason of calls that the closing client ends.
var errClosing = errors.New("the client was closed")

// end asks the call to end early. Its completion comes all the same, soon.
func (c *Call) end(reason, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.reason != nil {
		return
	}
	c.reason, c.cause = reason, cause
	if c.handle != nil {
		c.handle.Cancel()
	}
}

// started takes the handle of a call that C has accepted; it may have completed already.
func (c *Call) started(handle *capi.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		handle.Free()
	case c.reason != nil:
		handle.Cancel()
		c.handle = handle
	default:
		c.handle = handle
	}
}

// completed ends the call as C says, and gives the handle that is to be freed, if it's there.
func (c *Call) completed(completion *capi.Completion) *capi.Call {
	var reply *Reply
	var err error
	if completion.Failure != nil {
		err = c.failed(completion.Failure)
	} else if completion.Endpoint != "" {
		reply = &Reply{Data: completion.Data, Endpoint: completion.Endpoint}
	}
	return c.conclude(reply, err)
}

// failed is the error of a call that failed, or was ended early, in the words of who ended it.
func (c *Call) failed(failure *capi.Error) error {
	c.mu.Lock()
	reason, cause := c.reason, c.cause
	c.mu.Unlock()
	e := errorOf(failure)
	switch {
	case e.Code == ErrCancelled && reason == errClosing:
		e.Code, e.Message = ErrClosed, "the client was closed before the call had an answer"
		return e
	case e.Code == ErrCancelled && reason != nil:
		return endedBy(reason, cause, "there was an answer", e.Delivery)
	case e.Code == ErrTimeout && c.contextual:
		// The library's clock was first to tell that the context's deadline has passed.
		e.causes = append(e.causes, context.DeadlineExceeded)
	}
	return e
}

// conclude ends the call, for those who wait.
func (c *Call) conclude(reply *Reply, err error) *capi.Call {
	c.mu.Lock()
	handle, unwatch := c.handle, c.unwatch
	c.handle, c.unwatch, c.ended = nil, nil, true
	c.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
	c.reply, c.err = reply, err
	close(c.done)
	return handle
}
