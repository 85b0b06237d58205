package amop_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/devnet"
)

func TestPanicOfAHandlerIsReportedAndDeliveryContinues(t *testing.T) {
	subscriber, publisher := clientAt(t, 1), clientAt(t, 0)
	events := must[<-chan *amop.Event](t)(subscriber.Events(soon(t)))
	topic := freshTopic()
	got := make(chan string, 3)
	subscription := must[*amop.Subscription](t)(subscriber.SubscribeFunc(soon(t), topic,
		func(_ context.Context, message *amop.Message) {
			switch data := string(message.Data); data {
			case "panic":
				panic(errors.New("no paper"))
			case "end":
				runtime.Goexit()
			default:
				got <- data
			}
		}))
	for _, data := range []string{"one", "panic", "two", "end", "three"} {
		must[*amop.Reply](t)(publisher.Publish(soon(t), topic, []byte(data)))
	}
	for _, data := range []string{"one", "two", "three"} {
		equal(t, receive(t, got), data)
	}
	for _, text := range []string{"the handler panicked: no paper", "the handler ended its goroutine"} {
		event := happens(t, events)
		equal(t, *event, amop.Event{Kind: amop.EventHandlerFailed, Topic: topic, Message: text})
	}
	ok(t, subscription.Unsubscribe(soon(t)))
	equal(t, subscription.Stats(), amop.LaneStats{Accepted: 5})
}

func TestSlowListenerLosesTheOldestEvents(t *testing.T) {
	client := clientAt(t, 1, amop.MaxEvents(2))
	events := must[<-chan *amop.Event](t)(client.Events(soon(t)))
	topic := freshTopic()
	subscription := must[*amop.Subscription](t)(client.SubscribeFunc(soon(t), topic,
		func(_ context.Context, message *amop.Message) { panic(string(message.Data)) }))
	for _, data := range []string{"1", "2", "3", "4", "5"} {
		must[*amop.Reply](t)(client.Publish(soon(t), topic, []byte(data)))
	}
	ok(t, subscription.Unsubscribe(soon(t)))
	if dropped := client.Stats().EventsDropped; dropped != 3 && dropped != 4 {
		// 4, because of the event of the first connection.
		t.Fatalf("%d events were dropped", dropped)
	}
	equal(t, receive(t, events).Message, "the handler panicked: 4")
	ok(t, client.Close())
	equal(t, receive(t, events).Message, "the handler panicked: 5")
	equal(t, receive(t, events).Kind, amop.EventClosed)
	equal(t, closed(t, events), 0)
}

func TestContextEndsAListener(t *testing.T) {
	client := clientAt(t, 0)
	ctx, cancel := context.WithCancel(context.Background())
	events := must[<-chan *amop.Event](t)(client.Events(ctx))
	cancel()
	equal(t, closed(t, events), 0)
	ended := must[<-chan *amop.Event](t)(client.Events(ctx))
	equal(t, closed(t, ended), 0)
}

func TestEventsAndKindsHaveNames(t *testing.T) {
	equal(t, amop.EventSlowConsumer.String(), "slow consumer")
	equal(t, amop.EventKind(99).String(), "event 99")
	equal(t, amop.EndpointDown.String(), "down")
	equal(t, amop.EndpointState(99).String(), "unknown state")
	equal(t, amop.VerificationPending.String(), "pending")
	equal(t, amop.VerificationVerified.String(), "verified")
	equal(t, amop.VerificationRejected.String(), "rejected")
	equal(t, amop.VerificationState(99).String(), "unknown state")
	equal(t, amop.Broadcast.String(), "broadcast")
	equal(t, amop.Unicast.String(), "unicast")
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	come chan struct{}
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.come <- struct{}{}:
	default:
	}
	return l.text.Write(line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestLogIsPassedToSlogWithoutPayloads(t *testing.T) {
	collected := &lines{come: make(chan struct{}, 1)}
	level := slog.LevelDebug
	ok(t, amop.SetLogger(slog.New(slog.NewTextHandler(collected, &slog.HandlerOptions{Level: level}))))
	t.Cleanup(func() { ok(t, amop.SetLogger(nil)) })
	client := clientAt(t, 0)
	topic, _ := serve(t, client, func(context.Context, *amop.Request) ([]byte, error) { panic("for the log") })
	_, err := client.Publish(soon(t), topic, []byte("a-secret-payload"), amop.Retry(amop.RetryNever))
	fails(t, err, amop.ErrSubscriberFailed)
	for !strings.Contains(collected.String(), "target=amop::") || !strings.Contains(collected.String(), "for the log") {
		receive(t, collected.come)
	}
	if text := collected.String(); strings.Contains(text, "a-secret-payload") || !strings.Contains(text, "reporting_test.go") {
		t.Fatalf("%s", text)
	}
	// A logger that panics has no effect on the library; a disabled one receives no records.
	ok(t, amop.SetLogger(slog.New(panicking{collected})))
	clientAt(t, 0)
	receive(t, collected.come)
	ok(t, amop.SetLogger(slog.New(slog.DiscardHandler)))
	clientAt(t, 0)
}

func TestClientHasALoggerOfItsOwn(t *testing.T) {
	collected, others := &lines{come: make(chan struct{}, 1)}, &lines{come: make(chan struct{}, 1)}
	server := clientAt(t, 0, amop.Logger(slog.New(slog.NewTextHandler(collected, nil))))
	other := clientAt(t, 0, amop.Logger(slog.New(slog.NewTextHandler(others, nil))))
	topic, _ := serve(t, server, func(context.Context, *amop.Request) ([]byte, error) { panic("for the log") })
	_, err := other.Publish(soon(t), topic, []byte("a-secret-payload"), amop.Retry(amop.RetryNever))
	fails(t, err, amop.ErrSubscriberFailed)
	ok(t, server.Close())
	for _, part := range []string{"for the log", "reporting_test.go", "level=INFO msg=closed"} {
		for !strings.Contains(collected.String(), part) {
			receive(t, collected.come)
		}
	}
	ok(t, other.Close())
	for !strings.Contains(others.String(), "msg=closed") {
		receive(t, others.come)
	}
	if strings.Contains(collected.String(), "secret") || strings.Contains(others.String(), "for the log") {
		t.Fatalf("%s %s", collected.String(), others.String())
	}
}

func TestLoggerOfAClientMayPanic(t *testing.T) {
	collected := &lines{come: make(chan struct{}, 1)}
	server := clientAt(t, 0, amop.Logger(slog.New(panicking{collected})))
	topic, _ := serve(t, server, func(context.Context, *amop.Request) ([]byte, error) { panic("for the log") })
	for range 2 {
		_, err := clientAt(t, 0).Publish(soon(t), topic, nil, amop.Retry(amop.RetryNever))
		fails(t, err, amop.ErrSubscriberFailed)
		receive(t, collected.come)
	}
	ok(t, server.Close())
}

func TestEnumerationsHaveNames(t *testing.T) {
	names := map[string]fmt.Stringer{
		"unicast": amop.Unicast, "broadcast": amop.Broadcast, "kind 0": amop.Kind(0), "kind 9": amop.Kind(9),
		"no": amop.DeliveryNo, "maybe": amop.DeliveryMaybe, "delivery 2": amop.Delivery(2), "delivery -1": amop.Delivery(-1),
		"never": amop.RetryNever, "definite": amop.RetryDefinite, "at least once": amop.RetryAtLeastOnce,
		"retry policy 0": amop.RetryPolicy(0),
		"refuse":         amop.OverflowRefuse, "drop oldest": amop.OverflowDropOldest, "overflow policy 7": amop.OverflowPolicy(7),
		"all": amop.PlacementAll, "one": amop.PlacementOne, "placement policy 0": amop.PlacementPolicy(0),
		"always": amop.ConfirmAlways, "confirm policy 3": amop.ConfirmPolicy(3),
		"auto": amop.GenerationAuto, "2": amop.Generation2, "3": amop.Generation3, "generation 1": amop.NodeGeneration(1),
		"slow consumer": amop.EventSlowConsumer, "event 0": amop.EventKind(0), "event 99": amop.EventKind(99),
		"no subscriber": amop.ErrNoSubscriber, "code 9999": amop.Code(9999),
	}
	for name, value := range names {
		equal(t, value.String(), name)
	}
}

func TestVersionIsThatOfTheLibrary(t *testing.T) {
	if parts := strings.Split(amop.Version(), "."); len(parts) != 3 {
		t.Fatalf("%q is not a version", amop.Version())
	}
}

type panicking struct{ collected *lines }

func (panicking) Enabled(context.Context, slog.Level) bool { return true }
func (p panicking) Handle(context.Context, slog.Record) error {
	_, _ = p.collected.Write([]byte("!"))
	panic("in a log")
}
func (p panicking) WithAttrs([]slog.Attr) slog.Handler { return p }
func (p panicking) WithGroup(string) slog.Handler      { return p }

func TestStatsCountMessagesAndCalls(t *testing.T) {
	server, client := clientAt(t, 1), clientAt(t, 0)
	topic, _ := serve(t, server, func(_ context.Context, request *amop.Request) ([]byte, error) { return nil, nil })
	for range 10 {
		must[*amop.Reply](t)(client.Publish(soon(t), topic, []byte("12345")))
	}
	stats := client.Stats()
	equal(t, len(stats.Endpoints), 1)
	node := stats.Endpoints[0]
	equal(t, node.Endpoint, nodes.Endpoints()[0])
	equal(t, node.Connected, true)
	equal(t, node.State, amop.EndpointConnected)
	equal(t, node.LastError, nil)
	equal(t, stats.Total.State, amop.EndpointConnected)
	equal(t, node.Overloaded, 0)
	equal(t, stats.CallsWaiting, 0)
	equal(t, stats.PartialBroadcasts, 0)
	equal(t, node.Connects, 1)
	equal(t, node.Calls, 10)
	equal(t, node.RoundTrips.Count, 10)
	trips := node.RoundTrips
	if trips.Median == 0 || trips.Median > trips.P90 || trips.P90 > trips.P99 || trips.P99 > trips.Max {
		t.Fatalf("%+v", trips)
	}
	if node.FramesSent < 10 || node.BytesSent < 50 || node.FramesReceived < 10 || node.Writes == 0 {
		t.Fatalf("%+v", node)
	}
	equal(t, stats.Total.Calls, 10)
	equal(t, stats.Total.Endpoint, "")
	equal(t, server.Stats().Total.MessagesReceived, 10)
}

func TestStatsStateWhyAnEndpointIsDown(t *testing.T) {
	down := must[*devnet.Devnet](t)(devnet.Start(soon(t), devnet.Nodes(1)))
	t.Cleanup(func() { ok(t, down.Stop()) })
	client := must[*amop.Client](t)(amop.Connect(soon(t), down.Node(0)))
	t.Cleanup(func() { ok(t, client.Close()) })
	events := must[<-chan *amop.Event](t)(client.Events(context.Background()))
	ok(t, down.KillNode(soon(t), 0))
	for receive(t, events).Kind != amop.EventConnectFailed {
	}
	node := client.Stats().Endpoints[0]
	equal(t, node.State, amop.EndpointDown)
	equal(t, node.Connected, false)
	var reason *amop.Error
	if !errors.As(node.LastError, &reason) || reason.Message == "" {
		t.Fatalf("%v", node.LastError)
	}
	equal(t, client.Stats().Total.LastError, nil)
}
