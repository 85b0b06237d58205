package amop

import (
	"context"
	"errors"
	"sync"

	"example.org/amop/bindings/go/internal/capi"
)

// Publish sends a message to one subscriber, which the node picks, and waits for its reply. A subscriber that does
// not serve the topic acknowledges the message with an empty reply as soon as its client has accepted it.
//
// Publish ends at the deadline of ctx or after [Timeout], whichever is first, and without either after the client's
// [CallTimeout]. Goroutines that wait in Publish need no thread each.
//
// The Delivery of an [*Error] states whether the message may have been delivered, also if ctx ended the call.
func (c *Client) Publish(ctx context.Context, topic string, data []byte, opts ...PublishOption) (*Reply, error) {
	return c.sendAndWait(ctx, false, topic, data, opts)
}

// Broadcast sends a message to all subscribers and waits for the acknowledgement of the node, which does not confirm
// delivery to any subscriber. See [Client.Publish] for time limits and errors.
func (c *Client) Broadcast(ctx context.Context, topic string, data []byte, opts ...PublishOption) error {
	_, err := c.sendAndWait(ctx, true, topic, data, opts)
	return err
}

// PublishAsync starts a publish and does not wait. Messages are sent in the order in which a goroutine starts them.
// An error that is known at once, such as an invalid topic, completes the call before PublishAsync returns.
//
// data is not kept. The call ends like [Client.Publish], also when ctx is cancelled.
func (c *Client) PublishAsync(ctx context.Context, topic string, data []byte, opts ...PublishOption) *Call {
	call := &Call{client: c, awaited: answered, done: make(chan struct{})}
	call.send(ctx, false, topic, data, opts)
	call.watch(ctx)
	return call
}

// BroadcastAsync starts a broadcast and does not wait. See [Client.PublishAsync].
func (c *Client) BroadcastAsync(ctx context.Context, topic string, data []byte, opts ...PublishOption) *Call {
	call := &Call{client: c, awaited: answered, done: make(chan struct{})}
	call.send(ctx, true, topic, data, opts)
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
	// borrowed states that the call is used again.
	borrowed bool
	// done is closed when the call has completed. If the call is borrowed, it then has one element instead.
	done chan struct{}
	// reply and err are set before that.
	reply *Reply
	err   error

	mu     sync.Mutex
	handle capi.Call
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

// answered is what publishes and broadcasts wait for.
const answered = "there was an answer"

// sendAndWait makes a call with memory of earlier calls, because no goroutine keeps it.
func (c *Client) sendAndWait(
	ctx context.Context, broadcast bool, topic string, data []byte, opts []PublishOption,
) (*Reply, error) {
	call := c.core.calls.borrow(c)
	call.send(ctx, broadcast, topic, data, opts)
	reply, err := call.within(ctx)
	c.core.calls.giveBack(call)
	return reply, err
}

// reset makes a borrowed call ready for its next use.
func (c *Call) reset() {
	c.client, c.ctx, c.waits = nil, nil, false
	c.reply, c.err = nil, nil
	// Closing the client may look at the call at any time.
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended, c.reason, c.cause = false, nil, nil
}

// send starts the call. If it can't start, it has completed.
func (c *Call) send(ctx context.Context, broadcast bool, topic string, data []byte, opts []PublishOption) {
	options := publishing(opts)
	options.Broadcast = broadcast
	options.text(ErrInvalidTopic, "the topic", topic)
	if options.err != nil {
		c.conclude(nil, options.err)
		return
	}
	var contextual bool
	options.Timeout, contextual = timeLeft(ctx, options.Timeout)
	if contextual {
		c.ctx, c.waits = ctx, options.WaitForSubscriber
	}
	if ctx.Err() != nil {
		c.conclude(nil, contextError(ctx, "anything was sent", DeliveryNo))
		return
	}
	core := c.client.core
	core.calls.start(core.handle, c, topic, data, &options.Sending)
}

// within waits until the call has completed, and cancels it when the context ends.
func (c *Call) within(ctx context.Context) (*Reply, error) {
	if ended := ctx.Done(); ended != nil {
		select {
		case <-c.done:
			return c.reply, c.err
		case <-ended:
			c.end(ctx.Err(), context.Cause(ctx))
		}
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
var errClosing = errors.New(closedText)

// end cancels the call. Its completion arrives soon afterwards.
func (c *Call) end(reason, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.reason != nil {
		return
	}
	c.reason, c.cause = reason, cause
	if c.handle.Exists() {
		c.handle.Cancel()
	}
}

// started stores the handle of a call that C has accepted and that may have completed already.
func (c *Call) started(handle capi.Call) {
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
func (c *Call) completed(completion *capi.Completion) capi.Call {
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
		e.Code, e.Message = ErrClosed, errClosing.Error()
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

// refused returns the error of a call that C did not start. The deadline may have passed before.
func (c *Call) refused(failure *capi.Error) error {
	e := errorOf(failure)
	if c.ctx != nil && (e.Code == ErrTimeout || endsWait(e.Code)) {
		atDeadline(c.ctx, e)
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
func (c *Call) conclude(reply *Reply, err error) capi.Call {
	c.mu.Lock()
	handle, unwatch := c.handle, c.unwatch
	c.handle, c.unwatch, c.ended = capi.Call{}, nil, true
	c.mu.Unlock()
	if unwatch != nil {
		unwatch()
	}
	c.reply, c.err = reply, err
	// From here on a goroutine that waited may use the call for something else.
	if c.borrowed {
		c.done <- struct{}{}
	} else {
		close(c.done)
	}
	return handle
}
