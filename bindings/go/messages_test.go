package amop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	amop "example.org/amop/bindings/go"
)

func TestMessageHasAllItsFields(t *testing.T) {
	subscriber, publisher := clientAt(t, 1), clientAt(t, 0)
	topic := freshTopic()
	subscription := must[*amop.Subscription](t)(subscriber.Subscribe(soon(t), topic))
	equal(t, subscription.Topic(), topic)
	data := []byte{0, 1, 255, 0}
	before := time.Now().Truncate(time.Millisecond)
	reply := must[*amop.Reply](t)(publisher.Publish(soon(t), topic, data))
	equal(t, len(reply.Data), 0)
	equal(t, reply.Endpoint, nodes.Endpoints()[0])
	ok(t, publisher.Broadcast(soon(t), topic, nil))

	message := must[*amop.Message](t)(subscription.Next(soon(t)))
	equal(t, message.Topic, topic)
	equal(t, message.Kind, amop.Unicast)
	equal(t, string(message.Data), string(data))
	equal(t, len(message.Seq), 32)
	equal(t, message.Endpoint, nodes.Endpoints()[1])
	if at := message.ReceivedAt; at.Before(before) || at.After(time.Now()) {
		t.Fatalf("received at %v", at)
	}
	message = receive(t, subscription.Messages())
	equal(t, message.Kind, amop.Broadcast)
	if message.Data == nil || len(message.Data) != 0 {
		t.Fatalf("an empty payload became %v", message.Data)
	}
}

func TestChannelIteratorAndHandlerKeepTheOrder(t *testing.T) {
	const count = 2000
	subscriber, publisher := clientAt(t, 1), clientAt(t, 0)
	topic := freshTopic()
	read := must[*amop.Subscription](t)(subscriber.Subscribe(soon(t), topic))
	ranged := must[*amop.Subscription](t)(subscriber.Subscribe(soon(t), topic))
	handled := make(chan string, count)
	must[*amop.Subscription](t)(subscriber.SubscribeFunc(soon(t), topic,
		func(_ context.Context, message *amop.Message) { handled <- string(message.Data) }))
	calls := make([]*amop.Call, count)
	for n := range calls {
		calls[n] = publisher.PublishAsync(soon(t), topic, fmt.Append(nil, n))
	}
	for n := range calls {
		must[*amop.Reply](t)(calls[n].Wait())
		equal(t, string(receive(t, read.Messages()).Data), fmt.Sprint(n))
		equal(t, receive(t, handled), fmt.Sprint(n))
	}
	n := 0
	for message, err := range ranged.All(soon(t)) {
		ok(t, err)
		equal(t, string(message.Data), fmt.Sprint(n))
		if n++; n == count {
			break
		}
	}
	equal(t, n, count)
	equal(t, read.Stats().Accepted, count)
}

func TestReadingEndsWithTheContextOrTheSubscription(t *testing.T) {
	client := clientAt(t, 0)
	subscription := must[*amop.Subscription](t)(client.Subscribe(soon(t), freshTopic()))
	ctx, cancel := context.WithCancel(soon(t))
	cancel()
	_, err := subscription.Next(ctx)
	fails(t, err, amop.ErrCancelled)
	if !errors.Is(err, context.Canceled) {
		t.Fatal("the error of the context is missing")
	}
	ended := 0
	for message, err := range subscription.All(ctx) {
		fails(t, err, amop.ErrCancelled)
		if message != nil {
			t.Fatal("a message arrived that was not sent")
		}
		ended++
	}
	equal(t, ended, 1)
	ok(t, subscription.Close())
	_, err = subscription.Next(soon(t))
	fails(t, err, amop.ErrClosed)
	for range subscription.All(soon(t)) {
		t.Fatal("a message arrived after the end")
	}
	equal(t, closed(t, subscription.Messages()), 0)
}

// countingContext counts how often a reader begins to wait, which each does once, and again after each wake.
type countingContext struct {
	context.Context
	waits atomic.Int64
}

func (c *countingContext) Done() <-chan struct{} {
	c.waits.Add(1)
	return c.Context.Done()
}

func TestMessageWakesOneOfManyReaders(t *testing.T) {
	const readers, messages = 32, 100
	client, topic := clientAt(t, 0), freshTopic()
	subscription := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic))
	ctx := &countingContext{Context: soon(t)}
	seen, ended := make(chan string), make(chan error)
	for range readers {
		go func() {
			for {
				message, err := subscription.Next(ctx)
				if err != nil {
					ended <- err
					return
				}
				seen <- string(message.Data)
			}
		}()
	}
	until(t, func() bool { return ctx.waits.Load() == readers })
	for n := range messages {
		must[*amop.Reply](t)(client.Publish(soon(t), topic, []byte(strconv.Itoa(n))))
		equal(t, receive(t, seen), strconv.Itoa(n))
		// The reader that was woken waits again.
		until(t, func() bool { return ctx.waits.Load() >= readers+int64(n)+1 })
	}
	equal(t, ctx.waits.Load(), readers+messages)
	ok(t, subscription.Unsubscribe(soon(t)))
	for range readers {
		fails(t, receive(t, ended), amop.ErrClosed)
	}
	equal(t, ctx.waits.Load(), readers+messages)
}

func TestQueuedMessagesCanBeReadAfterUnsubscribe(t *testing.T) {
	const count = 500
	client := clientAt(t, 0)
	topic := freshTopic()
	subscription := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic))
	for n := range count {
		must[*amop.Reply](t)(client.Publish(soon(t), topic, fmt.Append(nil, n)))
	}
	ok(t, subscription.Unsubscribe(soon(t)))
	ok(t, subscription.Unsubscribe(soon(t)))
	for n := range count {
		equal(t, string(receive(t, subscription.Messages()).Data), fmt.Sprint(n))
	}
	equal(t, closed(t, subscription.Messages()), 0)
	stats := subscription.Stats()
	equal(t, stats, amop.LaneStats{Accepted: count})
}

func TestCloseOfASubscriptionCountsUnreadMessages(t *testing.T) {
	const count = 500
	client := clientAt(t, 0)
	topic := freshTopic()
	subscription := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic))
	for range count {
		must[*amop.Reply](t)(client.Publish(soon(t), topic, []byte("unread")))
	}
	receive(t, subscription.Messages())
	ok(t, subscription.Close())
	ok(t, subscription.Close())
	equal(t, closed(t, subscription.Messages()), 0)
	equal(t, subscription.Stats(), amop.LaneStats{Accepted: count, Dropped: count - 1})
}

func TestSlowReaderLosesMessagesByItsOverflowPolicy(t *testing.T) {
	subscriber, publisher := clientAt(t, 1), clientAt(t, 0)
	events := must[<-chan *amop.Event](t)(subscriber.Events(soon(t)))
	topic := freshTopic()
	refusing := must[*amop.Subscription](t)(subscriber.Subscribe(soon(t), topic, amop.MaxMessages(8)))
	// Besides the 8, one message waits for the channel, which has a capacity of 64. How many reached it depends on timing.
	const capacity = 8 + 1 + 64
	sent := 0
	var err error
	for err == nil && sent < 2*capacity {
		if _, err = publisher.Publish(soon(t), topic, fmt.Append(nil, sent), amop.Retry(amop.RetryNever)); err == nil {
			sent++
		}
	}
	busy := fails(t, err, amop.ErrSubscriberBusy)
	equal(t, busy.Delivery, amop.DeliveryMaybe)
	equal(t, busy.NodeCode, -5012)
	if sent < 8 || sent > capacity {
		t.Fatalf("%d messages were accepted", sent)
	}
	event := happens(t, events)
	equal(t, event.Kind, amop.EventSlowConsumer)
	equal(t, event.Topic, topic)
	equal(t, refusing.Stats().Refused, 1)
	for n := range sent {
		equal(t, string(receive(t, refusing.Messages()).Data), fmt.Sprint(n))
	}
	ok(t, refusing.Close())

	dropping := must[*amop.Subscription](t)(subscriber.Subscribe(soon(t), topic,
		amop.MaxMessages(8), amop.Overflow(amop.OverflowDropOldest)))
	for n := range 2 * capacity {
		must[*amop.Reply](t)(publisher.Publish(soon(t), topic, fmt.Append(nil, n)))
	}
	// All are accepted; the newest 8 are read, although nobody read while the others came.
	for dropping.Stats().Accepted < 2*capacity || dropping.Stats().HeldMessages != 8 {
		time.Sleep(time.Millisecond)
	}
	event = happens(t, events)
	equal(t, event.Kind, amop.EventSlowConsumer)
	ok(t, dropping.Unsubscribe(soon(t)))
	for n := range 8 {
		equal(t, string(receive(t, dropping.Messages()).Data), fmt.Sprint(2*capacity-8+n))
	}
	equal(t, closed(t, dropping.Messages()), 0)
	equal(t, dropping.Stats(), amop.LaneStats{Accepted: 2 * capacity, Dropped: 2*capacity - 8})
}

func TestSlowHandlerThatDropsTheOldestReceivesTheNewest(t *testing.T) {
	const sent = 200
	client := clientAt(t, 0)
	topic := freshTopic()
	entered, release, handled := make(chan struct{}, 1), make(chan struct{}), make(chan string, sent)
	first := true
	dropping := must[*amop.Subscription](t)(client.SubscribeFunc(soon(t), topic,
		func(_ context.Context, message *amop.Message) {
			if first {
				first = false
				entered <- struct{}{}
				<-release
			}
			handled <- string(message.Data)
		}, amop.MaxMessages(8), amop.Overflow(amop.OverflowDropOldest)))
	must[*amop.Reply](t)(client.Publish(soon(t), topic, []byte("0")))
	receive(t, entered)
	for n := 1; n < sent; n++ {
		must[*amop.Reply](t)(client.Publish(soon(t), topic, fmt.Append(nil, n)))
	}
	close(release)
	equal(t, receive(t, handled), "0")
	for n := range 8 {
		equal(t, receive(t, handled), fmt.Sprint(sent-8+n))
	}
	equal(t, dropping.Stats().Dropped, sent-9)
}

func TestClosedSubscriptionThatDropsTheOldestCountsUnreadMessages(t *testing.T) {
	client := clientAt(t, 0)
	topic := freshTopic()
	dropping := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic,
		amop.MaxBytes(1), amop.Overflow(amop.OverflowDropOldest)))
	for range 5 {
		must[*amop.Reply](t)(client.Publish(soon(t), topic, []byte("more than a byte")))
	}
	ok(t, dropping.Close())
	equal(t, closed(t, dropping.Messages()), 0)
	equal(t, dropping.Stats(), amop.LaneStats{Accepted: 5, Dropped: 5})
}

func TestLargePayloadsArriveComplete(t *testing.T) {
	client := clientAt(t, 0)
	topic := freshTopic()
	_ = must[*amop.Service](t)(client.ServeFunc(soon(t), topic,
		func(_ context.Context, request *amop.Request) ([]byte, error) { return request.Data, nil }))
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	reply := must[*amop.Reply](t)(client.Publish(soon(t), topic, data))
	if !bytes.Equal(reply.Data, data) {
		t.Fatal("the payload of 16 MiB was changed")
	}
	_, err := client.Publish(soon(t), topic, make([]byte, 100<<20))
	e := fails(t, err, amop.ErrTooLarge)
	equal(t, e.Delivery, amop.DeliveryNo)
}

// Bytes inside of a struct with Go pointers can be sent, because only the bytes are passed to C.
func TestBytesInsideOfAStructWithPointersCanBeSent(t *testing.T) {
	client := clientAt(t, 0)
	topic := freshTopic()
	must[*amop.Service](t)(client.ServeFunc(soon(t), topic,
		func(_ context.Context, request *amop.Request) ([]byte, error) {
			answer := &struct {
				pointer *int
				data    [4]byte
			}{new(int), [4]byte(request.Data)}
			return answer.data[:], nil
		}))
	question := &struct {
		data    [4]byte
		pointer *int
	}{[4]byte{1, 2, 3, 4}, new(int)}
	reply := must[*amop.Reply](t)(client.Publish(soon(t), topic, question.data[:]))
	equal(t, [4]byte(reply.Data), question.data)
}

func TestTopicMayHaveManySubscriptionsAndAService(t *testing.T) {
	client, publisher := clientAt(t, 1), clientAt(t, 0)
	topic := freshTopic()
	one := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic, amop.Placement(amop.PlacementAll)))
	two := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic))
	must[*amop.Service](t)(client.ServeFunc(soon(t), topic,
		func(context.Context, *amop.Request) ([]byte, error) { return []byte("served"), nil }))
	reply := must[*amop.Reply](t)(publisher.Publish(soon(t), topic, []byte("to the service")))
	equal(t, string(reply.Data), "served")
	ok(t, publisher.Broadcast(soon(t), topic, []byte("to all"), amop.AllNodes(true)))
	equal(t, string(receive(t, one.Messages()).Data), "to all")
	equal(t, string(receive(t, two.Messages()).Data), "to all")
}

func TestEchoDeliversOwnBroadcasts(t *testing.T) {
	// At both nodes, because a node does not send a broadcast back on the connection it came from.
	client := connect(t, nodes.Node(0), nodes.Node(1), amop.Echo(true))
	topic := freshTopic()
	subscription := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic))
	// Repeat until the second node is connected and lists the topic.
	for heard := false; !heard; {
		ok(t, client.Broadcast(soon(t), topic, []byte("to myself"), amop.AllNodes(true)))
		select {
		case message := <-subscription.Messages():
			equal(t, string(message.Data), "to myself")
			heard = true
		default:
		}
	}
}
