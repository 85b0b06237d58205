package amop_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/internal/capi"
)

func TestCloseCompletesCallsInFlightAndRefusesNewOnes(t *testing.T) {
	topic, requests := stuck(t, clientAt(t, 1))
	client := clientAt(t, 0)
	call := client.PublishAsync(context.Background(), topic, nil)
	receive(t, requests)
	ok(t, client.Close())
	_, err := call.Wait()
	cancelled := fails(t, err, amop.ErrClosed)
	equal(t, cancelled.Delivery, amop.DeliveryMaybe)

	_, err = client.Publish(soon(t), topic, nil)
	refused := fails(t, err, amop.ErrClosed)
	equal(t, refused.Delivery, amop.DeliveryNo)
	equal(t, refused.Message, "the client was closed")
	equal(t, cancelled.Message, refused.Message)
	fails(t, client.Broadcast(soon(t), topic, nil), amop.ErrClosed)
	_, err = client.Subscribe(soon(t), topic)
	fails(t, err, amop.ErrClosed)
	_, err = client.Serve(soon(t), topic)
	fails(t, err, amop.ErrClosed)
	_, err = client.Events(soon(t))
	fails(t, err, amop.ErrClosed)
	fails(t, client.AddEndpoint("127.0.0.1:1"), amop.ErrClosed)
	fails(t, client.RemoveEndpoint("127.0.0.1:1"), amop.ErrClosed)
	equal(t, client.Stats().Total.Calls, 1)
}

func TestCloseCompletesCallsThatWaitForASubscriber(t *testing.T) {
	client := clientAt(t, 0)
	calls := make([]*amop.Call, 40)
	for n := range calls {
		calls[n] = client.PublishAsync(soon(t), freshTopic(), nil, amop.WaitForSubscriber(true))
	}
	until(t, func() bool { return client.Stats().Retries > 0 })
	ok(t, client.Close())
	for _, call := range calls {
		select {
		case <-call.Done():
		default:
			t.Fatal("a call completes after the close")
		}
		_, err := call.Wait()
		fails(t, err, amop.ErrClosed)
	}
}

func TestCloseMayBeCalledRepeatedlyFromAnyGoroutine(t *testing.T) {
	client := clientAt(t, 0)
	var group sync.WaitGroup
	for range 8 {
		group.Add(2)
		go func() {
			defer group.Done()
			if err := client.Close(); err != nil {
				t.Error(err)
			}
		}()
		go func() {
			defer group.Done()
			subscription, err := client.Subscribe(soon(t), freshTopic())
			if err == nil {
				err = subscription.Close()
			}
			if err != nil && !errors.Is(err, amop.ErrClosed) {
				t.Error(err)
			}
			if _, err := client.Publish(soon(t), freshTopic(), nil); err == nil {
				t.Error("a message was delivered")
			}
		}()
	}
	group.Wait()
	ok(t, client.Close())
	ok(t, client.Shutdown(soon(t)))
}

func TestCloseLetsHandlersProcessTheirQueue(t *testing.T) {
	const count = 200
	server, client := clientAt(t, 1), clientAt(t, 0)
	gate, entered := make(chan struct{}), make(chan struct{}, 2*count)
	topic := freshTopic()
	subscription := must[*amop.Subscription](t)(server.SubscribeFunc(soon(t), topic,
		func(context.Context, *amop.Message) { entered <- struct{}{}; <-gate }))
	served, service := serve(t, server, func(_ context.Context, request *amop.Request) ([]byte, error) {
		entered <- struct{}{}
		<-gate
		return request.Data, nil
	})
	var calls []*amop.Call
	for range count {
		must[*amop.Reply](t)(client.Publish(soon(t), topic, nil))
	}
	for n := range count {
		calls = append(calls, client.PublishAsync(soon(t), served, fmt.Append(nil, n)))
	}
	until(t, func() bool { return service.Stats().Accepted >= count })
	done := make(chan error)
	go func() { done <- server.Close() }()
	receive(t, entered)
	close(gate)
	ok(t, receive(t, done))
	equal(t, subscription.Stats(), amop.LaneStats{Accepted: count})
	for n, call := range calls {
		reply := must[*amop.Reply](t)(call.Wait())
		equal(t, string(reply.Data), fmt.Sprint(n))
	}
}

// closes closes a client whose CloseTimeout is too short for a busy machine.
func closes(t *testing.T, client *amop.Client) {
	t.Helper()
	until(t, func() bool { return client.Close() == nil })
}

func TestCloseTimesOutWhileAHandlerBlocks(t *testing.T) {
	publisher := clientAt(t, 0)
	for name, end := range map[string]func(*amop.Client, *amop.Subscription) error{
		"the client by CloseTimeout": func(c *amop.Client, _ *amop.Subscription) error { return c.Close() },
		"the subscription by CloseTimeout": func(_ *amop.Client, s *amop.Subscription) error {
			return s.Unsubscribe(context.Background())
		},
		"the client by context": func(c *amop.Client, _ *amop.Subscription) error {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			return c.Shutdown(ctx)
		},
		"the subscription by context": func(_ *amop.Client, s *amop.Subscription) error {
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			return s.Unsubscribe(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			client := clientAt(t, 1, amop.CloseTimeout(20*time.Millisecond))
			topic := freshTopic()
			gate, entered, told := make(chan struct{}), make(chan struct{}, 8), make(chan struct{})
			subscription := must[*amop.Subscription](t)(client.SubscribeFunc(soon(t), topic,
				func(ctx context.Context, _ *amop.Message) {
					entered <- struct{}{}
					// The context is cancelled when the time for closing is over. This handler ignores it.
					<-ctx.Done()
					close(told)
					<-gate
				}))
			for range 3 {
				must[*amop.Reply](t)(publisher.Publish(soon(t), topic, nil))
			}
			receive(t, entered)
			err := end(client, subscription)
			fails(t, err, amop.ErrTimeout)
			closed(t, told)
			close(gate)
			closes(t, client)
			// The other two messages were discarded.
			equal(t, subscription.Stats(), amop.LaneStats{Accepted: 3, Dropped: 2})
		})
	}
}

func TestCloseInsideOfAHandlerIsDeferred(t *testing.T) {
	publisher := clientAt(t, 0)
	for name, end := range map[string]func(*amop.Client, *amop.Subscription) error{
		"the client": func(c *amop.Client, _ *amop.Subscription) error { return c.Close() },
		"the subscription": func(_ *amop.Client, s *amop.Subscription) error {
			return s.Unsubscribe(context.Background())
		},
		"the subscription, by Close": func(_ *amop.Client, s *amop.Subscription) error { return s.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			client := clientAt(t, 1)
			topic := freshTopic()
			self := make(chan *amop.Subscription, 1)
			results := make(chan error, 1)
			subscription := must[*amop.Subscription](t)(client.SubscribeFunc(soon(t), topic,
				func(context.Context, *amop.Message) { results <- end(client, <-self) }))
			self <- subscription
			must[*amop.Reply](t)(publisher.Publish(soon(t), topic, nil))
			ok(t, receive(t, results))
			ok(t, client.Close())
			equal(t, subscription.Stats(), amop.LaneStats{Accepted: 1})
		})
	}
	t.Run("a service", func(t *testing.T) {
		client := clientAt(t, 1)
		self := make(chan *amop.Service, 1)
		topic, service := serve(t, client, func(context.Context, *amop.Request) ([]byte, error) {
			err := (<-self).Close()
			return []byte("done"), errors.Join(err, client.Close())
		})
		self <- service
		reply := must[*amop.Reply](t)(publisher.Publish(soon(t), topic, nil))
		equal(t, string(reply.Data), "done")
		ok(t, client.Close())
	})
	t.Run("another client's", func(t *testing.T) {
		client, other := clientAt(t, 1), clientAt(t, 1)
		topic := freshTopic()
		gate, entered := make(chan struct{}), make(chan struct{})
		slow := must[*amop.Subscription](t)(other.SubscribeFunc(soon(t), topic,
			func(context.Context, *amop.Message) { close(entered); <-gate }))
		served, _ := serve(t, client, func(context.Context, *amop.Request) ([]byte, error) {
			return nil, other.Close()
		})
		must[*amop.Reply](t)(publisher.Publish(soon(t), topic, nil))
		closed(t, entered)
		// Two handlers that close each other's clients must not wait for each other.
		must[*amop.Reply](t)(publisher.Publish(soon(t), served, nil))
		close(gate)
		ok(t, other.Close())
		equal(t, slow.Stats().Accepted, 1)
	})
}

func TestChannelCanBeReadAfterTheClientIsClosed(t *testing.T) {
	const count = 300
	client, publisher := clientAt(t, 1), clientAt(t, 0)
	topic := freshTopic()
	read := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic))
	left := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic))
	for n := range count {
		must[*amop.Reply](t)(publisher.Publish(soon(t), topic, fmt.Append(nil, n)))
	}
	ok(t, client.Shutdown(soon(t)))
	n := 0
	for message := range read.Messages() {
		equal(t, string(message.Data), fmt.Sprint(n))
		n++
	}
	equal(t, n, count)
	ok(t, left.Close())
	equal(t, left.Stats(), amop.LaneStats{Accepted: count, Dropped: count})
}

func TestUnreadChannelIsDiscardedAfterTheCloseTimeout(t *testing.T) {
	const count = 300
	client, publisher := clientAt(t, 1, amop.CloseTimeout(10*time.Millisecond)), clientAt(t, 0)
	topic := freshTopic()
	left := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic))
	for range count {
		must[*amop.Reply](t)(publisher.Publish(soon(t), topic, nil))
	}
	closes(t, client)
	until(t, func() bool { return left.Stats().HeldMessages == 0 })
	inChannel := closed(t, left.Messages())
	equal(t, left.Stats(), amop.LaneStats{Accepted: count, Dropped: uint64(count - inChannel)})
	if inChannel > 64 {
		t.Fatalf("%d were in the channel", inChannel)
	}
}

func TestEveryHandleIsFreed(t *testing.T) {
	before := capi.Live()
	client := connect(t, nodes.Node(0), nodes.Node(1))
	topic := freshTopic()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	events := must[<-chan *amop.Event](t)(client.Events(ctx))
	subscription := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic))
	must[*amop.Subscription](t)(client.SubscribeFunc(soon(t), topic, func(context.Context, *amop.Message) {}))
	served, _ := serve(t, client, func(_ context.Context, request *amop.Request) ([]byte, error) { return nil, nil })
	for range 100 {
		client.PublishAsync(soon(t), topic, nil)
		client.PublishAsync(soon(t), served, nil)
		client.BroadcastAsync(soon(t), topic, nil)
	}
	receive(t, subscription.Messages())
	// At least the nodes, the client, both subscriptions and the service. Those of earlier tests may be freed meanwhile.
	if held := capi.Live(); held < 5 {
		t.Fatalf("only %d handles are counted", held)
	}
	ok(t, subscription.Close())
	cancel()
	closed(t, events)
	ok(t, client.Close())
	if now := settled(before); now > before {
		t.Fatalf("%d handles before, %d after", before, now)
	}
}

func TestUnreachableClientIsClosedByTheCollector(t *testing.T) {
	before := capi.Live()
	ended := make(chan struct{})
	func() {
		client := must[*amop.Client](t)(amop.Connect(soon(t), nodes.Node(0)))
		runtime.AddCleanup(client, func(struct{}) { close(ended) }, struct{}{})
		_, err := client.Publish(soon(t), freshTopic(), nil)
		fails(t, err, amop.ErrNoSubscriber)
	}()
	for done := false; !done; {
		runtime.GC()
		select {
		case <-ended:
			done = true
		default:
		}
	}
	if now := settled(before); now > before {
		t.Fatalf("%d handles before, %d after", before, now)
	}
}

func TestClientInUseIsNotCollected(t *testing.T) {
	topic := freshTopic()
	messages, client := func() (<-chan *amop.Message, weak.Pointer[amop.Client]) {
		client := must[*amop.Client](t)(amop.Connect(soon(t), nodes.Node(1)))
		subscription := must[*amop.Subscription](t)(client.Subscribe(soon(t), topic))
		return subscription.Messages(), weak.Make(client)
	}()
	publisher := clientAt(t, 0)
	for range 10 {
		runtime.GC()
		must[*amop.Reply](t)(publisher.Publish(soon(t), topic, []byte("still there")))
		equal(t, string(receive(t, messages).Data), "still there")
	}
	ok(t, client.Value().Close())
}

func TestDeadlineThatEndsAShutdownIsThatOfTheContext(t *testing.T) {
	client, publisher := clientAt(t, 1), clientAt(t, 0)
	topic := freshTopic()
	entered, release := make(chan bool, 1), make(chan struct{})
	defer close(release)
	subscription := must[*amop.Subscription](t)(client.SubscribeFunc(soon(t), topic,
		func(context.Context, *amop.Message) {
			entered <- true
			<-release
		}))
	must[*amop.Reply](t)(publisher.Publish(soon(t), topic, nil))
	receive(t, entered)
	// The timer of the library and that of the context end at the same time.
	for range 100 {
		for _, end := range []func(context.Context) error{subscription.Unsubscribe, client.Shutdown} {
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Millisecond)
			err := end(ctx)
			cancel()
			fails(t, err, amop.ErrTimeout)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%v is not a deadline of the context", err)
			}
		}
	}
}

func TestCloseKeepsItsTimeAtAFrozenNode(t *testing.T) {
	const moment, hour = 100 * time.Millisecond, time.Hour
	frozen := devnetOfItsOwn(t)
	ends := map[string]struct {
		timeout time.Duration
		close   func(*amop.Client) error
	}{
		"CloseTimeout": {moment, (*amop.Client).Close},
		"deadline": {hour, func(client *amop.Client) error {
			ctx, cancel := context.WithTimeout(context.Background(), moment)
			defer cancel()
			return client.Shutdown(ctx)
		}},
		"cancelled": {hour, func(client *amop.Client) error {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return client.Shutdown(ctx)
		}},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			client := connect(t, frozen.Node(0), amop.Heartbeat(hour), amop.CallTimeout(hour), amop.CloseTimeout(end.timeout))
			must[string](t)(frozen.Control(soon(t), "freeze 0"))
			t.Cleanup(func() { must[string](t)(frozen.Control(soon(t), "thaw 0")) })
			// More than the buffers of two sockets hold.
			call := client.PublishAsync(context.Background(), "t", make([]byte, 24<<20))
			until(t, func() bool { return client.Stats().Total.QueuedBytes > 0 })
			ended := make(chan error, 1)
			go func() { ended <- end.close(client) }()
			// On a busy machine the end of the client comes after the time.
			if err := receive(t, ended); err != nil && !errors.Is(err, amop.ErrTimeout) && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			closed(t, call.Done())
			_, err := call.Wait()
			fails(t, err, amop.ErrClosed)
		})
	}
}
