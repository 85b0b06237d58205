package amop

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"amop/internal/capi"
	"amop/internal/waiting"
)

// source is a subscription or service in C.
type source interface {
	Unsubscribe() *capi.Error
	Stats() (capi.LaneStats, *capi.Error)
	Free()
}

// lane is what subscriptions and services have in common: a source, one goroutine that reads it, and their end.
type lane struct {
	// A client with subscriptions or services isn't collected.
	owner   *Client
	topic   string
	source  source
	handled bool

	// The context of handlers, until their time is over.
	ctx    context.Context
	cancel context.CancelFunc
	// Closed when what is held is to be given up, when it has been, and when the last handler has returned after that.
	abandoned, emptied, finished chan struct{}
	abandonOnce                  sync.Once
	// Taken from the source, and then given up.
	dropped atomic.Uint64

	mu    sync.Mutex
	over  bool
	final LaneStats
}

func (l *lane) init(owner *Client, topic string, source source, handled bool) {
	l.owner, l.topic, l.source, l.handled = owner, topic, source, handled
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.abandoned, l.emptied, l.finished = make(chan struct{}), make(chan struct{}), make(chan struct{})
}

// enter makes a source in C, within the time that the options or the context give.
func enter[S source](
	ctx context.Context, c *Client, topic string, options *laneOptions, call func() (S, *capi.Error),
) (S, error) {
	var none S
	options.text(ErrInvalidTopic, "the topic", topic)
	if options.err != nil {
		return none, options.err
	}
	if err := c.core.check(); err != nil {
		return none, err
	}
	const what = "a node listed the topic"
	if ctx.Err() != nil {
		return none, contextError(ctx, what, DeliveryNo)
	}
	var contextual bool
	options.Timeout, contextual = timeLeft(ctx, options.Timeout)
	made, failure, ended := waiting.Call(ctx, call, S.Free)
	if ended != nil {
		return none, contextError(ctx, what, DeliveryNo)
	}
	if failure != nil {
		e := errorOf(failure)
		if e.Code == ErrTimeout && contextual {
			e.causes = append(e.causes, context.DeadlineExceeded)
		}
		return none, e
	}
	return made, nil
}

// Topic is the topic.
func (l *lane) Topic() string {
	return l.topic
}

// Stats are its figures so far; after its end, the last ones.
func (l *lane) Stats() LaneStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	stats := l.final
	if !l.over {
		// Fails only in the child of a fork, which has no figures.
		seen, _ := l.source.Stats()
		stats = LaneStats(seen)
	}
	stats.Dropped += l.dropped.Load()
	return stats
}

// Unsubscribe takes no more and tells the nodes. What is queued is still there to read; a handler works it off until
// ctx's deadline, or without one for the client's [CloseTimeout], then its context ends and the rest is dropped and
// counted (requests are answered as dropped). When it returns nil the handler doesn't run any more; [ErrTimeout] says
// that it hasn't returned. It may be called again.
//
// Inside of a handler it returns at once, and the end comes by itself.
func (l *lane) Unsubscribe(ctx context.Context) error {
	limit := l.owner.core.timeToClose(ctx)
	l.unsubscribe()
	if !l.handled {
		return nil
	}
	giveUp := time.AfterFunc(limit, l.abandon)
	if insideHandler() {
		return nil
	}
	timer := time.NewTimer(limit + goodbyes)
	defer timer.Stop()
	select {
	case <-l.finished:
		giveUp.Stop()
		return nil
	case <-ctx.Done():
		return contextError(ctx, "the handler had returned", DeliveryNo)
	case <-timer.C:
		return newError(ErrTimeout, "the handler has not returned within %v", limit)
	}
}

// unsubscribe takes no more. It fails only where that is so already.
func (l *lane) unsubscribe() {
	_ = l.source.Unsubscribe()
}

func (l *lane) handles() bool {
	return l.handled
}

func (l *lane) isFinished() <-chan struct{} {
	return l.finished
}

// abandon has what is held given up, and ends the time of handlers.
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

// giveUp frees the source, with what it holds; its figures stay. For the reader, when it has read for the last time.
func (l *lane) giveUp() {
	l.mu.Lock()
	seen, _ := l.source.Stats()
	l.final, l.over = LaneStats(seen), true
	l.final.Dropped += l.final.HeldMessages
	l.final.HeldMessages, l.final.HeldBytes = 0, 0
	l.mu.Unlock()
	l.source.Free()
	close(l.emptied)
}

// finish is the end, after the last handler has returned.
func (l *lane) finish(self member) {
	l.owner.core.part(self)
	l.cancel()
	close(l.finished)
}

// handlerFailed emits the event of a handler that failed.
func (l *lane) handlerFailed(text string) {
	l.owner.core.tell(&Event{Kind: EventHandlerFailed, Topic: l.topic, Message: text})
}
