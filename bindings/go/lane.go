package amop

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"example.org/amop/bindings/go/internal/capi"
)

// source is a subscription or service in C.
type source interface {
	Unsubscribe() *capi.Error
	Stats() (capi.LaneStats, *capi.Error)
	Free()
}

// lane is the common part of subscriptions and services: a source, one goroutine that reads it, and their end.
type lane struct {
	// owner keeps the client reachable, so that a client with subscriptions or services is not collected.
	owner   *Client
	topic   string
	source  source
	handled bool

	// ctx is the context of handlers.
	ctx    context.Context
	cancel context.CancelFunc
	// abandoned is closed when what is queued is to be discarded, emptied when that is done, and finished when the last
	// handler has returned after that.
	abandoned, emptied, finished chan struct{}
	abandonOnce                  sync.Once
	// dropped counts messages that were taken from the source and then discarded.
	dropped atomic.Uint64

	mu    sync.Mutex
	ended bool
	final LaneStats
}

func (l *lane) init(owner *Client, topic string, source source, handled bool) {
	l.owner, l.topic, l.source, l.handled = owner, topic, source, handled
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.abandoned, l.emptied, l.finished = make(chan struct{}), make(chan struct{}), make(chan struct{})
}

// beginSource creates a source in C, whose items may arrive at once, and returns the call that completes when it is
// confirmed.
func beginSource[S source](
	ctx context.Context, c *Client, topic string, options *laneOptions,
	begin func(*capi.Queue, uintptr) (S, capi.Call, *capi.Error),
) (made S, confirmed *Call, err error) {
	options.text(ErrInvalidTopic, "the topic", topic)
	if options.err != nil {
		return made, nil, options.err
	}
	if err := c.core.check(); err != nil {
		return made, nil, err
	}
	const what = "a node listed the topic"
	if ctx.Err() != nil {
		return made, nil, contextError(ctx, what, DeliveryNo)
	}
	confirmed = &Call{client: c, awaited: what, done: make(chan struct{})}
	var contextual bool
	options.Timeout, contextual = timeLeft(ctx, options.Timeout)
	if contextual {
		confirmed.ctx = ctx
	}
	err = c.core.calls.begin(confirmed, func(queue *capi.Queue, tag uintptr) (capi.Call, *capi.Error) {
		source, call, failure := begin(queue, tag)
		made = source
		return call, failure
	})
	return made, confirmed, err
}

// confirm waits until a node has listed the topic, as far as the options demand it. If that fails, the source has ended:
// confirm discards what is queued and waits for the handler, up to the CloseTimeout.
func (l *lane) confirm(ctx context.Context, confirmed *Call, self member) error {
	_, err := confirmed.within(ctx)
	if err == nil {
		return nil
	}
	self.abandon()
	if !insideHandler() {
		timer := time.NewTimer(l.owner.core.closeTimeout)
		defer timer.Stop()
		select {
		case <-l.finished:
		case <-timer.C:
		}
	}
	return err
}

// Topic returns the topic.
func (l *lane) Topic() string {
	return l.topic
}

// Stats returns the current statistics, or the last ones after the end.
func (l *lane) Stats() LaneStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	stats := l.final
	if !l.ended {
		// Fails only in a child process of a fork, which has no statistics.
		seen, _ := l.source.Stats()
		stats = LaneStats(seen)
	}
	stats.Dropped += l.dropped.Load()
	return stats
}

// Unsubscribe ends the subscription or service: it accepts no more messages, and the nodes receive a topic list
// without it. Queued messages can still be read. A handler processes them until the deadline of ctx or, without one,
// until the client's [CloseTimeout]; then its context is cancelled and the rest is discarded and counted (requests
// are answered as dropped). When Unsubscribe returns nil, the handler does not run any more; [ErrTimeout] means that
// it has not returned. It may be called again.
//
// Inside of a handler Unsubscribe returns at once, and the subscription or service ends in the background.
func (l *lane) Unsubscribe(ctx context.Context) error {
	limit := l.owner.core.timeToClose(ctx)
	l.unsubscribe()
	if !l.handled {
		return nil
	}
	giveUp := time.AfterFunc(limit-reserve(limit), l.abandon)
	if insideHandler() {
		return nil
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-l.finished:
		giveUp.Stop()
		return nil
	case <-ctx.Done():
		return contextError(ctx, "the handler had returned", DeliveryNo)
	case <-timer.C:
		e := newError(ErrTimeout, "the handler has not returned within %s", span(limit))
		atDeadline(ctx, e)
		return e
	}
}

// unsubscribe stops accepting messages. It fails only if that was done before.
func (l *lane) unsubscribe() {
	_ = l.source.Unsubscribe()
}

func (l *lane) handles() bool {
	return l.handled
}

func (l *lane) isFinished() <-chan struct{} {
	return l.finished
}

// abandon makes the reader discard what is queued, and cancels the context of handlers.
func (l *lane) abandon() {
	l.abandonOnce.Do(func() {
		close(l.abandoned)
		l.cancel()
	})
}

func (l *lane) isAbandoned() bool {
	select {
	case <-l.abandoned:
		return true
	default:
		return false
	}
}

// discard frees the source with what is queued in it, and keeps its last statistics. The reader calls it after its
// last read.
func (l *lane) discard() {
	l.mu.Lock()
	seen, _ := l.source.Stats()
	l.final, l.ended = LaneStats(seen), true
	l.final.Dropped += l.final.HeldMessages
	l.final.HeldMessages, l.final.HeldBytes = 0, 0
	l.mu.Unlock()
	l.source.Free()
	close(l.emptied)
}

// finish ends the lane after the last handler has returned.
func (l *lane) finish(self member) {
	l.owner.core.removeMember(self)
	l.cancel()
	close(l.finished)
}

// handlerFailed emits the event of a handler that failed.
func (l *lane) handlerFailed(text string) {
	l.owner.core.emit(&Event{Kind: EventHandlerFailed, Topic: l.topic, Message: text})
}
