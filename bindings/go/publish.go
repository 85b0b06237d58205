package amop

import (
	"context"
	"errors"
	"sync"

	"amop/internal/capi"
)

// Publish sends a message to one subscriber, which the node picks, and waits for its reply. A subscriber that does
// not serve the topic acknowledges the message with an empty reply as soon as its client has accepted it.
//
// Publish ends at the deadline of ctx or after [Timeout], whichever is first, and without either after the client's
// [CallTimeout]. Goroutines that wait in Publish need no thread each.
//
// The Delivery of an [*Error] states whether the message may have been delivered, also if ctx ended the call.
func (c *Client) Publish(ctx context.Context, topic string, data []byte, opts ...PublishOption) (*Reply, error) {
	call := c.send(ctx, false, topic, data, opts)
	return call.within(ctx)
}

// Broadcast sends a message to all subscribers and waits for the acknowledgement of the node, which does not confirm
// delivery to any subscriber. See [Client.Publish] for time limits and errors.
func (c *Client) Broadcast(ctx context.Context, topic string, data []byte, opts ...PublishOption) error {
	call := c.send(ctx, true, topic, data, opts)
	_, err := call.within(ctx)
	return err
}

// PublishAsync starts a publish and does not wait. Messages are sent in the order in which a goroutine starts them.
// An error that is known at once, such as an invalid topic, completes the call before PublishAsync returns.
//
// data is not kept. The call ends like [Client.Publish], also when ctx is cancelled.
func (c *Client) PublishAsync(ctx context.Context, topic string, data []byte, opts ...PublishOption) *Call {
	call := c.send(ctx, false, topic, data, opts)
	call.watch(ctx)
	return call
}

// BroadcastAsync starts a broadcast and does not wait. See [Client.PublishAsync].
func (c *Client) BroadcastAsync(ctx context.Context, topic string, data []byte, opts ...PublishOption) *Call {
	call := c.send(ctx, true, topic, data, opts)
	call.watch(ctx)
	return call
}

// Call is a publish or broadcast in flight. It completes exactly once.
type Call struct {
	// awaited is what the call waits for, for the text of errors.
	awaited string
	// client keeps the client reachable, so that a client with calls in flight is not collected.
	client *Client
	// ctx is the context of the call if its deadline is that of the call, else nil.
	ctx context.Context
	// waits states that the call waits for a subscriber until its deadline.
	waits bool
	done  chan struct{}
	// reply and err are set before done is closed.
	reply *Reply
	err   error

	mu     sync.Mutex
	handle *capi.Call
	ended  bool
	// reason and cause state why the call was cancelled; unwatch stops watching the context.
	reason, cause error
	unwatch       func() bool
}

// Done returns a channel that is closed when the call has completed.
func (c *Call) Done() <-chan struct{} {
	return c.done
}

// Wait waits until the call has completed and returns the reply or the error. The reply of a broadcast is nil.
func (c *Call) Wait() (*Reply, error) {
	<-c.done
	return c.reply, c.err
}

// send starts a call. A call that can't start has completed.
func (c *Client) send(ctx context.Context, broadcast bool, topic string, data []byte, opts []PublishOption) *Call {
	call := &Call{client: c, awaited: "there was an answer", done: make(chan struct{})}
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
	var contextual bool
	options.Timeout, contextual = timeLeft(ctx, options.Timeout)
	if contextual {
		call.ctx, call.waits = ctx, options.WaitForSubscriber
	}
	if ctx.Err() != nil {
		call.conclude(nil, contextError(ctx, "anything was sent", DeliveryNo))
		return call
	}
	c.core.calls.start(c.core.handle, call, topic, data, &options.Sending)
	return call
}

// within waits until the call has completed, and cancels it when the context ends.
func (c *Call) within(ctx context.Context) (*Reply, error) {
	select {
	case <-c.done:
	case <-ctx.Done():
		c.end(ctx.Err(), context.Cause(ctx))
	}
	return c.Wait()
}

// watch cancels the call when the context ends.
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

// errClosing is the reason of calls that are cancelled because the client closes.
var errClosing = errors.New("the client was closed")

// end cancels the call. Its completion arrives soon afterwards.
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

// started stores the handle of a call that C has accepted and that may have completed already.
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

// completed completes the call with the result from C. It returns the handle to be freed, if it is known.
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

// failed returns the error of a call that failed. If the call was cancelled, the error states by what.
func (c *Call) failed(failure *capi.Error) error {
	c.mu.Lock()
	reason, cause := c.reason, c.cause
	c.mu.Unlock()
	e := errorOf(failure)
	switch {
	case e.Code == ErrCancelled && reason == errClosing:
		e.Code, e.Message = ErrClosed, "the client was closed before the call completed"
		return e
	case e.Code == ErrCancelled && reason != nil:
		return endedBy(reason, cause, c.awaited, e.Delivery)
	case c.ctx != nil:
		atDeadline(c.ctx, e)
		if e.causes == nil && c.waits && endsWait(e.Code) {
			// Too little time was left for a further try.
			e.causes = append(e.causes, context.DeadlineExceeded)
		}
	}
	return e
}

// endsWait reports whether a call that waits for a subscriber fails with this code only because of its deadline.
func endsWait(code Code) bool {
	switch code {
	case ErrNoSubscriber, ErrNotConnected, ErrSubscriberBusy, ErrSubscriberUnsubscribed:
		return true
	default:
		return false
	}
}

// conclude completes the call and wakes the goroutines that wait for it.
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
