package amop

import (
	"context"
	"errors"
	"iter"

	"example.org/amop/bindings/go/internal/capi"
)

// channelCapacity is the capacity of a subscription's channel: enough that reader and writer rarely wait for each other.
// Messages beyond it stay in the library, which limits their number and size.
const channelCapacity = capi.Batch

// Subscription is a subscription to a topic, until it is unsubscribed or closed, or its client is closed.
type Subscription struct {
	lane
	handle *capi.Subscription
	// Messages are passed to one of the two.
	messages chan *Message
	handler  func(context.Context, *Message)
	// backlog are messages that were taken from the library and not passed on yet, a part of buffer. Only the reader
	// uses both.
	backlog []*Message
	buffer  [channelCapacity]*Message
	// batch is the maximum number of messages that are taken for a handler at once.
	batch int
	// newest is the queue in front of the channel if the oldest messages are dropped, else nil.
	newest *newest
}

// Subscribe subscribes to a topic. Messages are read from [Subscription.Messages], or with [Subscription.Next] or
// [Subscription.All]. A topic can have any number of subscriptions. Each receives every message, unicast or
// broadcast, in the order of arrival.
//
// A unicast is answered with an empty reply as soon as one subscription has accepted it, so that a slow reader does
// not cause the node to deliver it to another subscriber. Use [Client.ServeFunc] to send replies.
//
// Subscribe returns when a node has listed the topic, or at once if no node is connected; see [Confirm]. ctx limits that time, as in [Client.Publish], and does not
// affect the subscription afterwards.
func (c *Client) Subscribe(ctx context.Context, topic string, opts ...SubscribeOption) (*Subscription, error) {
	return c.subscribe(ctx, topic, nil, opts)
}

// SubscribeFunc subscribes to a topic. Messages are passed to a handler, one call after the other, in order, on a
// goroutine of the subscription, so that a slow handler does not delay others. The handler may be called before
// SubscribeFunc returns. Its context is cancelled when the time that closing gives to handlers is over. A panic of
// the handler emits [EventHandlerFailed], and delivery continues.
//
// See [Client.Subscribe] for everything else.
func (c *Client) SubscribeFunc(
	ctx context.Context, topic string, handler func(context.Context, *Message), opts ...SubscribeOption,
) (*Subscription, error) {
	if handler == nil {
		return nil, newError(ErrInvalidArgument, "the handler is nil")
	}
	return c.subscribe(ctx, topic, handler, opts)
}

func (c *Client) subscribe(
	ctx context.Context, topic string, handler func(context.Context, *Message), opts []SubscribeOption,
) (*Subscription, error) {
	var options laneOptions
	for _, option := range opts {
		option.subscription(&options)
	}
	subscribe := func(queue *capi.Queue, tag uintptr) (*capi.Subscription, capi.Call, *capi.Error) {
		return c.core.handle.Subscribe(topic, &options.LaneOptions, queue, tag)
	}
	handle, confirmed, err := beginSource(ctx, c, topic, &options, subscribe)
	if err != nil {
		return nil, err
	}
	s := &Subscription{handle: handle, handler: handler, batch: channelCapacity}
	dropsOldest := OverflowPolicy(options.Overflow) == OverflowDropOldest
	if dropsOldest && handler == nil {
		s.newest, s.messages = newNewest(&options), make(chan *Message)
	} else {
		s.messages = make(chan *Message, channelCapacity)
	}
	if dropsOldest {
		// What is taken for the handler can't be dropped any more.
		s.batch = 1
	}
	s.init(c, topic, handle, handler != nil)
	if handler != nil {
		close(s.messages)
	}
	if !c.core.addMember(s) {
		handle.Free()
		return nil, closedError()
	}
	if s.newest != nil {
		go s.readNewest()
	} else {
		go s.read()
	}
	if err := s.confirm(ctx, confirmed, s); err != nil {
		return nil, err
	}
	return s, nil
}

// Messages returns the channel of the messages, in order. It is closed at the end: after [Subscription.Unsubscribe]
// or the end of the client, when everything that was queued has been read, or after [Subscription.Close]. If the
// subscription has a handler, it is closed from the start.
func (s *Subscription) Messages() <-chan *Message {
	return s.messages
}

// Next returns the next message, or [ErrClosed] if no more messages will arrive.
func (s *Subscription) Next(ctx context.Context) (*Message, error) {
	select {
	case message, more := <-s.messages:
		if !more {
			return nil, newError(ErrClosed, "no more messages will arrive: the subscription has ended, or its client is closed")
		}
		return message, nil
	case <-ctx.Done():
		return nil, contextError(ctx, "a message arrived", DeliveryNo)
	}
}

// All returns an iterator over the messages until the subscription ends. If ctx ends before, the last pair is the error
// of ctx, without a message.
//
//	for message, err := range subscription.All(ctx) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(string(message.Data))
//	}
func (s *Subscription) All(ctx context.Context) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		for {
			if ctx.Err() != nil {
				yield(nil, contextError(ctx, "a message arrived", DeliveryNo))
				return
			}
			message, err := s.Next(ctx)
			if errors.Is(err, ErrClosed) {
				return
			}
			if !yield(message, err) || err != nil {
				return
			}
		}
	}
}

// Stats returns the current statistics, or the last ones after the end.
func (s *Subscription) Stats() LaneStats {
	stats := s.lane.Stats()
	if s.newest != nil {
		messages, bytes := s.newest.held()
		stats.HeldMessages += messages
		stats.HeldBytes += bytes
	}
	return stats
}

// Close unsubscribes, discards messages that were not read, which are counted, and closes Messages. With a handler it
// is Unsubscribe with the client's [CloseTimeout]. A second Close does nothing.
func (s *Subscription) Close() error {
	if s.handler != nil {
		return s.Unsubscribe(context.Background())
	}
	s.clientClosing()
	s.abandon()
	<-s.finished
	// Messages that are still in the channel.
	for range s.messages {
		s.dropped.Add(1)
	}
	return nil
}

// clientClosing only unsubscribes, so that messages in the channel can still be read.
func (s *Subscription) clientClosing() {
	s.unsubscribe()
}

// read passes messages on until no more arrive or the subscription is abandoned.
func (s *Subscription) read() {
	finished := false
	defer func() {
		if !finished {
			// The handler has ended this goroutine, so continue on another one.
			go s.read()
		}
	}()
	for s.fill() {
		s.pass()
	}
	finished = true
	s.discard()
	if s.handler == nil {
		close(s.messages)
	}
	s.finish(s)
}

// fill takes as many messages from the library as the channel has capacity for. It returns false at the end.
func (s *Subscription) fill() bool {
	if s.isAbandoned() {
		s.dropped.Add(uint64(len(s.backlog)))
		return false
	}
	if len(s.backlog) > 0 {
		return true
	}
	capacity := s.batch
	if s.handler == nil {
		capacity = max(1, channelCapacity-len(s.messages))
	}
	messages, failure := s.handle.Take(capacity)
	for n := range messages {
		s.buffer[n] = messageOf(s.topic, &messages[n])
	}
	s.backlog = s.buffer[:len(messages)]
	return failure == nil
}

// pass passes on what was taken. If the subscription is abandoned meanwhile, the rest stays in the backlog.
func (s *Subscription) pass() {
	for len(s.backlog) > 0 && !s.isAbandoned() {
		if s.handler != nil {
			message := s.next()
			guarded(s.owner.core, func() { s.handler(s.ctx, message) }, s.handlerFailed)
			continue
		}
		select {
		case s.messages <- s.backlog[0]:
			s.next()
		case <-s.abandoned:
		}
	}
}

// next removes a message from the backlog, which does not keep it reachable.
func (s *Subscription) next() *Message {
	message := s.backlog[0]
	s.backlog[0] = nil
	s.backlog = s.backlog[1:]
	return message
}
