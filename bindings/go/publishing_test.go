package amop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/devnet"
)

// stuck serves a topic whose requests are answered only by the test.
func stuck(t *testing.T, client *amop.Client) (topic string, requests <-chan *amop.Request) {
	t.Helper()
	topic = freshTopic()
	service := must[*amop.Service](t)(client.Serve(soon(t), topic))
	return topic, service.Requests()
}

func TestContextEndsAPublishAndReportsDelivery(t *testing.T) {
	server, client := clientAt(t, 1), clientAt(t, 0)
	topic, requests := stuck(t, server)
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		go func() {
			<-requests
			cancel()
		}()
		_, err := client.Publish(ctx, topic, []byte("?"))
		e := fails(t, err, amop.ErrCancelled)
		equal(t, errors.Is(err, context.Canceled), true)
		equal(t, e.Delivery, amop.DeliveryMaybe)
		equal(t, e.Timeout(), false)
	})
	t.Run("deadline", func(t *testing.T) {
		for _, limit := range shortLimits {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			_, err := client.Publish(ctx, topic, []byte("?"))
			cancel()
			e := fails(t, err, amop.ErrTimeout)
			equal(t, errors.Is(err, context.DeadlineExceeded), true)
			equal(t, e.Timeout(), true)
			// Otherwise the message could not be sent in that time.
			if e.Delivery == amop.DeliveryMaybe {
				return
			}
		}
		t.Fatal("no message was sent within the longest limit")
	})
}

func TestDeadlineIsExceededWhateverTheCode(t *testing.T) {
	because := errors.New("the user waits no longer")
	client := clientAt(t, 0)
	topic, _ := stuck(t, clientAt(t, 1))
	within := func(t *testing.T) context.Context {
		ctx, cancel := context.WithTimeoutCause(context.Background(), 30*time.Millisecond, because)
		t.Cleanup(cancel)
		return ctx
	}
	exceeded := func(t *testing.T, err error, code amop.Code) {
		t.Helper()
		if e := fails(t, err, code); !errors.Is(err, context.DeadlineExceeded) || !e.Timeout() {
			t.Fatalf("%v is not the end of the deadline", err)
		}
	}
	t.Run("an answer that does not arrive", func(t *testing.T) {
		for range 20 {
			_, err := client.Publish(within(t), topic, nil)
			exceeded(t, err, amop.ErrTimeout)
			if !errors.Is(err, because) {
				t.Fatalf("%v has not the cause of the context", err)
			}
			_, err = client.PublishAsync(within(t), topic, nil).Wait()
			exceeded(t, err, amop.ErrTimeout)
			if !errors.Is(err, because) {
				t.Fatalf("%v has not the cause of the context", err)
			}
		}
	})
	t.Run("a subscriber that does not come", func(t *testing.T) {
		var err error
		for _, limit := range shortLimits {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			_, err = client.Publish(ctx, freshTopic(), nil, amop.WaitForSubscriber(true))
			cancel()
			// Otherwise the node did not answer in that time.
			if errors.Is(err, amop.ErrNoSubscriber) {
				break
			}
		}
		exceeded(t, err, amop.ErrNoSubscriber)
	})
	t.Run("no subscriber, well before the deadline", func(t *testing.T) {
		_, err := client.Publish(soon(t), freshTopic(), nil)
		fails(t, err, amop.ErrNoSubscriber)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("the deadline has not passed")
		}
	})
	t.Run("a node that does not come", func(t *testing.T) {
		nodes := devnetOfItsOwn(t, devnet.Nodes(1))
		client := connect(t, nodes.Node(0))
		ok(t, nodes.KillNode(soon(t), 0))
		_, err := client.Subscribe(within(t), topic, amop.Confirm(amop.ConfirmAlways))
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, because) {
			t.Fatalf("%v is not the end of the deadline", err)
		}
	})
}

func TestCauseOfACancellationIsKept(t *testing.T) {
	client := clientAt(t, 0)
	topic, requests := stuck(t, clientAt(t, 1))
	because := errors.New("the user left")
	ctx, cancel := context.WithCancelCause(context.Background())
	go func() {
		<-requests
		cancel(because)
	}()
	call := client.PublishAsync(ctx, topic, nil)
	_, err := call.Wait()
	fails(t, err, amop.ErrCancelled)
	if !errors.Is(err, because) || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the user left") {
		t.Fatalf("%v", err)
	}
}

func TestCauseWithoutATextEndsACall(t *testing.T) {
	client := clientAt(t, 0)
	topic, requests := stuck(t, clientAt(t, 1))
	ctx, cancel := context.WithCancelCause(context.Background())
	call := client.PublishAsync(ctx, topic, nil)
	receive(t, requests)
	cancel(panickingError{})
	_, err := call.Wait()
	fails(t, err, amop.ErrCancelled)
	equal(t, errors.Is(err, panickingError{}), true)
}

func TestEndedContextSendsNothing(t *testing.T) {
	client := clientAt(t, 0)
	topic := freshTopic()
	subscription := must[*amop.Subscription](t)(clientAt(t, 1).Subscribe(soon(t), topic))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := client.Publish(ctx, topic, nil)
	equal(t, fails(t, err, amop.ErrCancelled).Delivery, amop.DeliveryNo)
	fails(t, client.Broadcast(ctx, topic, nil), amop.ErrCancelled)
	past, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	_, err = client.Publish(past, topic, nil)
	fails(t, err, amop.ErrTimeout)
	_, err = client.Subscribe(ctx, topic)
	fails(t, err, amop.ErrCancelled)
	_, err = client.ServeFunc(past, topic, func(context.Context, *amop.Request) ([]byte, error) { return nil, nil })
	fails(t, err, amop.ErrTimeout)
	_, err = amop.Connect(ctx, nodes.Node(0))
	fails(t, err, amop.ErrCancelled)
	ok(t, subscription.Unsubscribe(soon(t)))
	equal(t, closed(t, subscription.Messages()), 0)
}

func TestTimeoutsApplyWithoutAContextDeadline(t *testing.T) {
	client := clientAt(t, 0, amop.CallTimeout(30*time.Millisecond))
	topic, _ := stuck(t, clientAt(t, 1))
	for _, opts := range [][]amop.PublishOption{nil, {amop.Timeout(20 * time.Millisecond)}} {
		_, err := client.Publish(context.Background(), topic, nil, opts...)
		fails(t, err, amop.ErrTimeout)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("the error names a context without a deadline")
		}
		var timeout net.Error
		if errors.As(err, &timeout) || os.IsTimeout(err) != true {
			t.Fatal("the error is not a timeout")
		}
	}
}

func TestPublishesOfOneGoroutineAreSentInOrder(t *testing.T) {
	server, client := clientAt(t, 1), clientAt(t, 0)
	topic := freshTopic()
	must[*amop.Service](t)(server.ServeFunc(soon(t), topic,
		func(_ context.Context, request *amop.Request) ([]byte, error) { return request.Data, nil }))
	var calls []*amop.Call
	for n := range 100 {
		calls = append(calls, client.PublishAsync(context.Background(), topic, fmt.Append(nil, n)))
	}
	broadcast := client.BroadcastAsync(soon(t), topic, []byte("all"))
	for n, call := range calls {
		closed(t, call.Done())
		for range 2 {
			reply := must[*amop.Reply](t)(call.Wait())
			equal(t, string(reply.Data), fmt.Sprint(n))
		}
	}
	reply, err := broadcast.Wait()
	ok(t, err)
	if reply != nil {
		t.Fatal("a broadcast has a reply")
	}
	// An error that is known at once has completed the call.
	refused := client.PublishAsync(context.Background(), "a\tb", nil)
	select {
	case <-refused.Done():
	default:
		t.Fatal("a call that can't start has not completed")
	}
	_, err = refused.Wait()
	fails(t, err, amop.ErrInvalidTopic)
}

func TestPublishCanWaitForASubscriber(t *testing.T) {
	client := clientAt(t, 0)
	topic := freshTopic()
	_, err := client.Publish(soon(t), topic, nil)
	equal(t, fails(t, err, amop.ErrNoSubscriber).NodeCode, 100)
	call := client.PublishAsync(soon(t), topic, nil, amop.WaitForSubscriber(true))
	must[*amop.Subscription](t)(clientAt(t, 1).Subscribe(soon(t), topic))
	must[*amop.Reply](t)(call.Wait())
}

func TestBroadcastCanWaitForASubscriber(t *testing.T) {
	client := clientAt(t, 0)
	topic := freshTopic()
	call := client.BroadcastAsync(soon(t), topic, []byte("early"), amop.WaitForSubscriber(true))
	subscription := must[*amop.Subscription](t)(clientAt(t, 1).Subscribe(soon(t), topic))
	must[*amop.Reply](t)(call.Wait())
	equal(t, string(must[*amop.Message](t)(subscription.Next(soon(t))).Data), "early")
}

func TestEightGoroutinesReceiveTheirOwnReplies(t *testing.T) {
	const each = 250
	server, client := clientAt(t, 1), clientAt(t, 0)
	topic := freshTopic()
	must[*amop.Service](t)(server.ServeFunc(soon(t), topic,
		func(_ context.Context, request *amop.Request) ([]byte, error) { return request.Data, nil }))
	var publishers sync.WaitGroup
	for p := range 8 {
		publishers.Add(1)
		go func() {
			defer publishers.Done()
			for n := range each {
				data := fmt.Sprintf("%d %d", p, n)
				reply, err := client.Publish(soon(t), topic, []byte(data))
				if err != nil || string(reply.Data) != data {
					t.Errorf("%v, %v", reply, err)
				}
			}
		}()
	}
	publishers.Wait()
	stats := client.Stats()
	equal(t, stats.Total.RoundTrips.Count, 8*each)
	equal(t, stats.Total.InFlight, 0)
}

// inC returns how many goroutines are in a call of C. Each occupies a thread. The threads of the process aren't counted,
// because Go starts a further one whenever the machine interrupts a short call of C, and keeps all of them.
func inC() int {
	stacks := make([]byte, 64<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte("/capi._Cfunc_"))
}

func TestConnectingOccupiesOneThread(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error)
	go func() {
		_, err := amop.Connect(ctx, amop.Credentials(nodes.Credentials()), amop.Endpoint(silent(t)))
		result <- err
	}()
	until(t, func() bool { return inC() == 1 })
	cancel()
	if err := receive(t, result); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestThousandsOfCallsInFlightWaitWithoutThreads(t *testing.T) {
	const count = 4096
	server, client := clientAt(t, 1), clientAt(t, 0)
	topic, requests := stuck(t, server)
	results := make(chan error, count)
	for n := range count {
		go func() {
			reply, err := client.Publish(soon(t), topic, fmt.Append(nil, n))
			if err == nil && string(reply.Data) != fmt.Sprint(n) {
				err = fmt.Errorf("%d got the answer of %s", n, reply.Data)
			}
			results <- err
		}()
	}
	var open []*amop.Request
	for range count {
		open = append(open, receive(t, requests))
	}
	// All 4,096 calls are in flight now, in as many goroutines. Some may not have returned from C yet after starting theirs.
	until(t, func() bool { return inC() == 0 })
	for _, request := range open {
		ok(t, request.Reply(request.Data))
	}
	for range count {
		ok(t, receive(t, results))
	}
}

func TestHundredsOfSubscriptionsWaitWithoutThreads(t *testing.T) {
	const count = 500
	subscriber, publisher := clientAt(t, 1), clientAt(t, 0)
	topic := freshTopic()
	subscriptions := make([]*amop.Subscription, count)
	var group sync.WaitGroup
	for n := range subscriptions {
		group.Add(1)
		go func() {
			defer group.Done()
			subscription, err := subscriber.Subscribe(soon(t), topic)
			if err != nil {
				t.Error(err)
				return
			}
			subscriptions[n] = subscription
		}()
	}
	group.Wait()
	if t.Failed() {
		return
	}
	ok(t, publisher.Broadcast(soon(t), topic, []byte("all")))
	for _, subscription := range subscriptions {
		receive(t, subscription.Messages())
	}
	until(t, func() bool { return inC() == 0 })
}
