package amop_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/devnet"
)

// serve serves a fresh topic.
func serve(t *testing.T, client *amop.Client, handler amop.Handler, opts ...amop.ServeOption) (string, *amop.Service) {
	t.Helper()
	topic := freshTopic()
	return topic, must[*amop.Service](t)(client.ServeFunc(soon(t), topic, handler, opts...))
}

func TestResultOfAHandlerIsTheReply(t *testing.T) {
	server, client := clientAt(t, 1), clientAt(t, 0)
	topic, service := serve(t, server, func(_ context.Context, request *amop.Request) ([]byte, error) {
		if request.Kind != amop.Unicast || !request.IsOpen() {
			return nil, fmt.Errorf("%v, open: %v", request.Kind, request.IsOpen())
		}
		return append([]byte("hello, "), request.Data...), nil
	})
	equal(t, service.Topic(), topic)
	reply := must[*amop.Reply](t)(client.Publish(soon(t), topic, []byte("Ada")))
	equal(t, string(reply.Data), "hello, Ada")
	equal(t, closed(t, service.Requests()), 0)
	equal(t, service.Stats().Accepted, 1)
	_, err := server.ServeFunc(soon(t), topic, func(context.Context, *amop.Request) ([]byte, error) { return nil, nil })
	fails(t, err, amop.ErrAlreadyServed)
}

// panickingError is an error whose text is not available.
type panickingError struct{}

func (panickingError) Error() string { panic("no text is available") }

func TestHandlerErrorsFailTheRequest(t *testing.T) {
	server, client := clientAt(t, 1), clientAt(t, 0)
	events := must[<-chan *amop.Event](t)(server.Events(soon(t)))
	cases := []struct {
		name     string
		handler  amop.Handler
		code     amop.Code
		nodeCode int
		data     string
		// Of the event; empty: there is none.
		detail string
	}{
		{"an error", func(context.Context, *amop.Request) ([]byte, error) {
			return nil, errors.New("out of ink")
		}, amop.ErrSubscriberFailed, -5000, "the handler failed", "out of ink"},
		{"a failure", func(context.Context, *amop.Request) ([]byte, error) {
			return nil, fmt.Errorf("wrapped: %w", &amop.Failure{Code: 7, Data: []byte{1, 0}})
		}, amop.ErrRemote, 7, "\x01\x00", ""},
		{"a failure through the request", func(_ context.Context, request *amop.Request) ([]byte, error) {
			return nil, request.Fail(8, []byte("eight"))
		}, amop.ErrRemote, 8, "eight", ""},
		{"a code of 32 bits", func(context.Context, *amop.Request) ([]byte, error) {
			return nil, &amop.Failure{Code: 160010, Data: []byte("why")}
		}, amop.ErrRemote, 160010, "why", ""},
		{"a code of the nodes", func(context.Context, *amop.Request) ([]byte, error) {
			return nil, &amop.Failure{Code: 100}
		}, amop.ErrSubscriberFailed, -5000, "the handler failed", "100 can't be a failure's code"},
		{"a code of the library", func(context.Context, *amop.Request) ([]byte, error) {
			return nil, &amop.Failure{Code: -5012}
		}, amop.ErrSubscriberFailed, -5000, "the handler failed", "-5012 can't be a failure's code"},
		{"a code above 32 bits", func(context.Context, *amop.Request) ([]byte, error) {
			return nil, &amop.Failure{Code: math.MaxInt}
		}, amop.ErrSubscriberFailed, -5000, "the handler failed", "invalid failure code"},
		{"a panic", func(context.Context, *amop.Request) ([]byte, error) {
			panic("no paper")
		}, amop.ErrSubscriberFailed, -5000, "the handler failed", "the handler panicked: no paper"},
		{"a nil failure", func(context.Context, *amop.Request) ([]byte, error) {
			return nil, (*amop.Failure)(nil)
		}, amop.ErrSubscriberFailed, -5000, "the handler failed", "<nil>"},
		{"a nil error of the library", func(context.Context, *amop.Request) ([]byte, error) {
			return nil, (*amop.Error)(nil)
		}, amop.ErrSubscriberFailed, -5000, "the handler failed", "the handler panicked: "},
		{"an error that panics", func(context.Context, *amop.Request) ([]byte, error) {
			return nil, panickingError{}
		}, amop.ErrSubscriberFailed, -5000, "the handler failed", "no text is available"},
		{"an error without a text", func(context.Context, *amop.Request) ([]byte, error) {
			return nil, errors.New("")
		}, amop.ErrSubscriberFailed, -5000, "the handler failed", "the error has no text"},
		{"an ended goroutine", func(context.Context, *amop.Request) ([]byte, error) {
			runtime.Goexit()
			return nil, nil
		}, amop.ErrSubscriberFailed, -5000, "the handler failed", "the handler ended its goroutine"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			topic, _ := serve(t, server, c.handler, amop.Concurrency(1))
			for range 2 {
				_, err := client.Publish(soon(t), topic, nil, amop.Retry(amop.RetryNever))
				e := fails(t, err, c.code)
				equal(t, e.NodeCode, c.nodeCode)
				equal(t, string(e.Data), c.data)
				if c.detail == "" {
					continue
				}
				if strings.Contains(e.Error(), c.detail) {
					t.Fatalf("the publisher received %q", e)
				}
				event := happens(t, events)
				equal(t, event.Kind, amop.EventHandlerFailed)
				equal(t, event.Topic, topic)
				// Texts that the library makes go on with what to do.
				if !strings.Contains(event.Message, c.detail) {
					t.Fatalf("the event has %q", event.Message)
				}
			}
		})
	}
}

func TestRequestIsAnsweredOnceNowOrLater(t *testing.T) {
	server, client := clientAt(t, 1), clientAt(t, 0)
	later := make(chan *amop.Request, 1)
	topic, _ := serve(t, server, func(_ context.Context, request *amop.Request) ([]byte, error) {
		later <- request
		return nil, amop.ErrReplyLater
	})
	call := client.PublishAsync(soon(t), topic, []byte("?"))
	request := receive(t, later)
	equal(t, request.IsOpen(), true)
	fails(t, request.Fail(0, nil), amop.ErrInvalidArgument)
	fails(t, request.Fail(104, nil), amop.ErrInvalidArgument)
	ok(t, request.Reply([]byte("!")))
	equal(t, request.IsOpen(), false)
	fails(t, request.Reply([]byte("!!")), amop.ErrAlreadyAnswered)
	fails(t, request.Fail(1, nil), amop.ErrAlreadyAnswered)
	equal(t, string(must[*amop.Reply](t)(call.Wait()).Data), "!")
	equal(t, string(request.Data), "?")

	topic, requests := stuck(t, server)
	call = client.PublishAsync(soon(t), topic, nil)
	ok(t, receive(t, requests).Fail(9, []byte("nine")))
	_, err := call.Wait()
	equal(t, fails(t, err, amop.ErrRemote).NodeCode, 9)
}

func TestCodeThatA3xNodeCannotCarryLeavesTheRequestOpen(t *testing.T) {
	own := devnetOfItsOwn(t, devnet.Nodes(1), devnet.Generation(amop.Generation3), devnet.TLS(amop.TLSOff))
	topic, requests := stuck(t, connect(t, own.Node(0)))
	call := connect(t, own.Node(0)).PublishAsync(soon(t), topic, nil)
	request := receive(t, requests)
	for _, code := range []int{160010, 100101, 32768, -32769, math.MaxInt32, math.MinInt32} {
		fails(t, request.Fail(code, []byte("x")), amop.ErrInvalidArgument)
		equal(t, request.IsOpen(), true)
	}
	ok(t, request.Fail(32767, []byte("x")))
	_, err := call.Wait()
	equal(t, fails(t, err, amop.ErrRemote).NodeCode, 32767)
}

func TestUnreachableRequestIsAnsweredByTheCollector(t *testing.T) {
	client := clientAt(t, 0)
	topic, _ := serve(t, clientAt(t, 1), func(context.Context, *amop.Request) ([]byte, error) {
		return nil, amop.ErrReplyLater
	})
	// Retry if the collector was slower than the time limit of the library.
	err := error(amop.ErrSubscriberTooSlow)
	for limit := time.Now().Add(guard); errors.Is(err, amop.ErrSubscriberTooSlow) && time.Now().Before(limit); {
		call := client.PublishAsync(soon(t), topic, nil, amop.Retry(amop.RetryNever))
		for done := false; !done; {
			runtime.GC()
			select {
			case <-call.Done():
				done = true
			default:
			}
		}
		_, err = call.Wait()
	}
	fails(t, err, amop.ErrSubscriberDropped)
}

func TestLibraryAnswersForASlowService(t *testing.T) {
	client := clientAt(t, 0)
	for _, limit := range shortLimits {
		server := clientAt(t, 1, amop.AnswerTimeout(limit))
		topic, requests := stuck(t, server)
		call := client.PublishAsync(soon(t), topic, nil, amop.Retry(amop.RetryNever))
		var request *amop.Request
		select {
		case request = <-requests:
		case <-call.Done():
		}
		_, err := call.Wait()
		fails(t, err, amop.ErrSubscriberTooSlow)
		equal(t, server.Stats().Total.TooSlow, 1)
		if request == nil {
			// It expired before it was read.
			continue
		}
		equal(t, request.IsOpen(), false)
		fails(t, request.Reply(nil), amop.ErrRequestExpired)
		fails(t, request.Reply(nil), amop.ErrRequestExpired)
		return
	}
	t.Fatal("no request was read within the longest limit")
}

func TestRequestsBeyondConcurrencyWaitUpToTheLimit(t *testing.T) {
	server, client := clientAt(t, 1), clientAt(t, 0)
	gate, running := make(chan struct{}), make(chan string, 8)
	topic, service := serve(t, server, func(_ context.Context, request *amop.Request) ([]byte, error) {
		running <- string(request.Data)
		<-gate
		return request.Data, nil
	}, amop.Concurrency(2), amop.MaxMessages(2))
	var calls []*amop.Call
	publish := func(name string) {
		calls = append(calls, client.PublishAsync(soon(t), topic, []byte(name), amop.Retry(amop.RetryNever)))
	}
	publish("a")
	publish("b")
	receive(t, running)
	receive(t, running)
	publish("c")
	publish("d")
	publish("e")
	_, err := calls[4].Wait()
	fails(t, err, amop.ErrSubscriberBusy)
	equal(t, service.Stats().HeldMessages, 2)
	close(gate)
	for n, call := range calls[:4] {
		reply := must[*amop.Reply](t)(call.Wait())
		equal(t, string(reply.Data), string(rune('a'+n)))
	}
	equal(t, service.Stats(), amop.LaneStats{Accepted: 4, Refused: 1})
}

func TestConcurrencyOneHandlesRequestsInOrder(t *testing.T) {
	const count = 300
	server, client := clientAt(t, 1), clientAt(t, 0)
	var mu sync.Mutex
	var order []string
	topic, _ := serve(t, server, func(_ context.Context, request *amop.Request) ([]byte, error) {
		if !mu.TryLock() {
			t.Error("two handlers run at once")
			return nil, nil
		}
		defer mu.Unlock()
		order = append(order, string(request.Data))
		return nil, nil
	}, amop.Concurrency(1))
	var calls []*amop.Call
	for n := range count {
		calls = append(calls, client.PublishAsync(soon(t), topic, fmt.Append(nil, n)))
	}
	for _, call := range calls {
		must[*amop.Reply](t)(call.Wait())
	}
	mu.Lock()
	defer mu.Unlock()
	for n, data := range order {
		equal(t, data, fmt.Sprint(n))
	}
	equal(t, len(order), count)
}

func TestHandlerMayCallEveryFunction(t *testing.T) {
	server, client := clientAt(t, 1), clientAt(t, 0)
	inner, _ := serve(t, client, func(_ context.Context, request *amop.Request) ([]byte, error) {
		return request.Data, nil
	})
	topic, _ := serve(t, server, func(ctx context.Context, request *amop.Request) ([]byte, error) {
		reply, err := server.Publish(ctx, inner, request.Data)
		if err != nil {
			return nil, err
		}
		subscription, err := server.Subscribe(ctx, freshTopic())
		if err != nil {
			return nil, err
		}
		return reply.Data, subscription.Close()
	})
	reply := must[*amop.Reply](t)(client.Publish(soon(t), topic, []byte("through")))
	equal(t, string(reply.Data), "through")
}

func TestUnsubscribeOfAServiceAnswersQueuedRequests(t *testing.T) {
	server, client := clientAt(t, 1), clientAt(t, 0)
	topic, requests := stuck(t, server)
	service := must[*amop.Service](t)(server.Serve(soon(t), freshTopic()))
	ok(t, service.Close())
	equal(t, closed(t, service.Requests()), 0)
	first := client.PublishAsync(soon(t), topic, nil, amop.Retry(amop.RetryNever))
	request := receive(t, requests)
	ok(t, request.Reply(nil))
	must[*amop.Reply](t)(first.Wait())

	topic = freshTopic()
	service = must[*amop.Service](t)(server.Serve(soon(t), topic))
	var calls []*amop.Call
	for range 5 {
		calls = append(calls, client.PublishAsync(soon(t), topic, nil, amop.Retry(amop.RetryNever)))
	}
	ok(t, receive(t, service.Requests()).Reply(nil))
	until(t, func() bool { return service.Stats().Accepted >= 5 })
	ok(t, service.Close())
	answered := 0
	for _, call := range calls {
		if _, err := call.Wait(); err == nil {
			answered++
		} else {
			fails(t, err, amop.ErrSubscriberDropped)
		}
	}
	equal(t, answered, 1)
	equal(t, service.Stats(), amop.LaneStats{Accepted: 5, Dropped: 4})
}
