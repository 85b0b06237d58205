package amop

import (
	"context"
	"iter"

	"amop/internal/capi"
)

// channelRoom is how many messages a subscription's channel holds: enough that reader and writer rarely wait for each
// other; what isn't read stays with the library, which bounds it in messages and bytes.
const channelRoom = capi.Batch

// Subscription is a topic that a client listens to, until it is unsubscribed or closed, or its client is.
type Subscription struct {
	lane
	handle *capi.Subscription
	// One of the two has the messages.
	messages chan *Message
	handler  func(context.Context, *Message)
	// Taken from the library and not passed on yet: a part of `room`. Both are the reader's.
	backlog []*Message
	room    [channelRoom]*Message
}

// Subscribe subscribes to a topic; its messages are read from [Subscription.Messages], or with [Subscription.Next] or
// [Subscription.All]. Any number of subscriptions may be to the same topic, each gets every message: unicasts and
// broadcasts, in the order of arrival.
//
// A unicast is answered, with an empty reply, as soon as one subscription has taken it, so that slow reading never makes
// a node deliver it again. To reply something, use [Client.Serve].
//
// It returns when a node lists the topic. ctx bounds that, as in [Client.Publish], and has no meaning after it.
func (c *Client) Subscribe(ctx context.Context, topic string, opts ...SubscribeOption) (*Subscription, error) {
	return c.subscribe(ctx, topic, nil, opts)
}

// SubscribeFunc subscribes to a topic whose messages go to a handler, one call after the other, in order, on a
// goroutine of the subscription's own: a slow handler delays no other. It may be called before SubscribeFunc has
// returned. Its context ends when the time that closing gives it is over. A handler that panics is told of by an event;
// delivery goes on.
//
// For the rest it is as [Client.Subscribe].
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
	subscribe := func() (*capi.Subscription, *capi.Error) {
		return c.core.handle.Subscribe(topic, &options.LaneOptions)
	}
	handle, err := enter(ctx, c, topic, &options, subscribe)
	if err != nil {
		return nil, err
	}
	s := &Subscription{handle: handle, messages: make(chan *Message, channelRoom), handler: handler}
	s.init(c, topic, handle, handler != nil)
	if handler != nil {
		close(s.messages)
	}
	if !c.core.join(s) {
		handle.Free()
		return nil, closedError()
	}
	go s.read()
	return s, nil
}

// Messages is where the messages come out, in order; closed at the end: after [Subscription.Unsubscribe] or the
// client's end, and all that was queued is read, or after [Subscription.Close]. With a handler it's closed from the
// start.
func (s *Subscription) Messages() <-chan *Message {
	return s.messages
}

// Next is the next message. [ErrClosed] says that none will come any more.
func (s *Subscription) Next(ctx context.Context) (*Message, error) {
	select {
	case message, more := <-s.messages:
		if !more {
			return nil, newError(ErrClosed, "no more messages will come: the subscription has ended")
		}
		return message, nil
	case <-ctx.Done():
		return nil, contextError(ctx, "a message came", DeliveryNo)
	}
}

// All are the messages until ctx ends or the subscription does.
func (s *Subscription) All(ctx context.Context) iter.Seq[*Message] {
	return func(yield func(*Message) bool) {
		for ctx.Err() == nil {
			message, err := s.Next(ctx)
			if err != nil || !yield(message) {
				return
			}
		}
	}
}

// Close unsubscribes and drops what wasn't read, which is counted; Messages is closed. With a handler it is
// Unsubscribe, with the client's [CloseTimeout]. A second Close does nothing.
func (s *Subscription) Close() error {
	if s.handler != nil {
		return s.Unsubscribe(context.Background())
	}
	s.clientEnds()
	s.abandon()
	<-s.finished
	// What was in the channel already.
	for range s.messages {
		s.dropped.Add(1)
	}
	return nil
}

// clientEnds is what the client's end does first. Who reads the channel gets time to read on.
func (s *Subscription) clientEnds() {
	s.unsubscribe()
}

// read passes the messages on, until there are no more or they are given up.
func (s *Subscription) read() {
	over := false
	defer func() {
		if !over {
			// The handler has ended this goroutine.
			go s.read()
		}
	}()
	for s.fill() {
		s.pass()
	}
	over = true
	s.giveUp()
	if s.handler == nil {
		close(s.messages)
	}
	s.finish(s)
}

// fill takes messages from the library, no more than there is room for; false at the end.
func (s *Subscription) fill() bool {
	if s.isAbandoned() {
		s.dropped.Add(uint64(len(s.backlog)))
		return false
	}
	if len(s.backlog) > 0 {
		return true
	}
	room := channelRoom
	if s.handler == nil {
		room = max(1, channelRoom-len(s.messages))
	}
	messages, failure := s.handle.Take(room)
	for n := range messages {
		s.room[n] = messageOf(s.topic, &messages[n])
	}
	s.backlog = s.room[:len(messages)]
	return failure == nil
}

// pass passes on what was taken. What is left when it ends is given up.
func (s *Subscription) pass() {
	for len(s.backlog) > 0 && !s.isAbandoned() {
		if s.handler != nil {
			message := s.next()
			guarded(func() { s.handler(s.ctx, message) }, s.handlerFailed)
			continue
		}
		select {
		case s.messages <- s.backlog[0]:
			s.next()
		case <-s.abandoned:
		}
	}
}

// next takes a message out of the backlog, which doesn't keep it alive then.
func (s *Subscription) next() *Message {
	message := s.backlog[0]
	s.backlog[0] = nil
	s.backlog = s.backlog[1:]
	return message
}
