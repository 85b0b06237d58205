package amop_test

import (
	"context"
	"errors"
	"testing"
	"time"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/devnet"
)

// offline returns a client of the first node of its own nodes, which is down, and the nodes.
func offline(t *testing.T, opts ...amop.Option) (*amop.Client, *devnet.Devnet) {
	t.Helper()
	own := devnetOfItsOwn(t)
	ok(t, own.KillNode(soon(t), 0))
	opts = append(opts, own.Node(0), amop.StartOffline(true), amop.CallTimeout(time.Hour),
		amop.ReconnectMin(time.Millisecond), amop.ReconnectMax(10*time.Millisecond))
	return connect(t, opts...), own
}

func TestOfflineSubscriptionsAndServicesStartWithTheFirstNode(t *testing.T) {
	client, own := offline(t)
	handled := make(chan string, 10)
	// Without a deadline, none of these waits for the node.
	ctx := context.Background()
	read := must[*amop.Subscription](t)(client.Subscribe(ctx, "read"))
	must[*amop.Subscription](t)(client.SubscribeFunc(ctx, "handled",
		func(_ context.Context, message *amop.Message) { handled <- string(message.Data) }))
	must[*amop.Service](t)(client.ServeFunc(ctx, "served",
		func(context.Context, *amop.Request) ([]byte, error) { return []byte("yes"), nil }))
	must[*amop.Service](t)(client.Serve(ctx, "asked", amop.Confirm(amop.ConfirmNever)))
	_, err := client.Subscribe(ctx, "refused", amop.Confirm(amop.ConfirmAlways), amop.Timeout(20*time.Millisecond))
	var e *amop.Error
	if !errors.As(err, &e) || e.Code != amop.ErrTimeout && e.Code != amop.ErrNotConnected {
		t.Fatal(err)
	}
	ok(t, own.RestartNode(soon(t), 0))
	publisher := connect(t, own.Node(1))
	for _, topic := range []string{"read", "handled"} {
		must[*amop.Reply](t)(publisher.Publish(soon(t), topic, []byte(topic), amop.WaitForSubscriber(true)))
	}
	equal(t, string(receive(t, read.Messages()).Data), "read")
	equal(t, receive(t, handled), "handled")
	reply := must[*amop.Reply](t)(publisher.Publish(soon(t), "served", nil, amop.WaitForSubscriber(true)))
	equal(t, string(reply.Data), "yes")
}

func TestOnlySomeConfirmationsWaitForAConnectedNode(t *testing.T) {
	own := devnetOfItsOwn(t, devnet.Nodes(1))
	client := connect(t, own.Node(0), amop.Heartbeat(guard))
	must[string](t)(own.Control(soon(t), "freeze 0"))
	t.Cleanup(func() { must[string](t)(own.Control(soon(t), "thaw 0")) })
	ctx := context.Background()
	must[*amop.Subscription](t)(client.Subscribe(ctx, "read", amop.Confirm(amop.ConfirmNever)))
	must[*amop.Service](t)(client.Serve(ctx, "served", amop.Confirm(amop.ConfirmNever)))
	for _, confirm := range []amop.ConfirmPolicy{amop.ConfirmAuto, amop.ConfirmAlways} {
		_, err := client.Subscribe(ctx, "t", amop.Confirm(confirm), amop.Timeout(20*time.Millisecond))
		fails(t, err, amop.ErrTimeout)
		_, err = client.Serve(ctx, "s", amop.Confirm(confirm), amop.Timeout(20*time.Millisecond))
		fails(t, err, amop.ErrTimeout)
	}
}

func TestContextThatEndsTheConfirmationRemovesTheSubscription(t *testing.T) {
	client, own := offline(t)
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(time.Millisecond, cancel)
	called := make(chan struct{}, 10)
	_, err := client.SubscribeFunc(ctx, "t", func(context.Context, *amop.Message) { called <- struct{}{} },
		amop.Confirm(amop.ConfirmAlways))
	fails(t, err, amop.ErrCancelled)
	if !errors.Is(err, context.Canceled) {
		t.Fatal("the error of the context is missing")
	}
	_, err = client.Serve(ctx, "served", amop.Confirm(amop.ConfirmAlways))
	fails(t, err, amop.ErrCancelled)
	ctx, cancel = context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err = client.Serve(ctx, "served", amop.Confirm(amop.ConfirmAlways))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	// Nothing is left of them.
	service := must[*amop.Service](t)(client.Serve(context.Background(), "served"))
	ok(t, own.RestartNode(soon(t), 0))
	publisher := connect(t, own.Node(1))
	answer := publisher.PublishAsync(soon(t), "served", nil, amop.WaitForSubscriber(true))
	ok(t, receive(t, service.Requests()).Reply(nil))
	must[*amop.Reply](t)(answer.Wait())
	_, err = publisher.Publish(soon(t), "t", nil)
	fails(t, err, amop.ErrNoSubscriber)
	equal(t, len(called), 0)
}

func TestClosingEndsTheWaitForAConfirmation(t *testing.T) {
	client, _ := offline(t)
	ended := make(chan error)
	for range 2 {
		go func() {
			_, err := client.Subscribe(context.Background(), "t", amop.Confirm(amop.ConfirmAlways))
			ended <- err
		}()
	}
	ok(t, client.Close())
	for range 2 {
		fails(t, receive(t, ended), amop.ErrClosed)
	}
}

func TestHandlerOfConnectReceivesAllEvents(t *testing.T) {
	own := devnetOfItsOwn(t)
	kinds := make(chan amop.EventKind, 100)
	listen := amop.OnEvent(func(event *amop.Event) { kinds <- event.Kind })
	ok(t, own.KillNode(soon(t), 0))
	_, err := amop.Connect(soon(t), own.Node(0), listen)
	fails(t, err, amop.ErrConnect)
	// No call runs or begins when Connect returns.
	close(kinds)
	seen := []amop.EventKind{}
	for kind := range kinds {
		seen = append(seen, kind)
	}
	equal(t, seen[0], amop.EventConnectFailed)
	equal(t, seen[len(seen)-1], amop.EventClosed)

	ok(t, own.RestartNode(soon(t), 0))
	kinds = make(chan amop.EventKind, 100)
	client := must[*amop.Client](t)(amop.Connect(soon(t), own.Node(0), listen,
		amop.OnEvent(func(*amop.Event) { panic("logged") })))
	equal(t, receive(t, kinds), amop.EventConnected)
	must[*amop.Subscription](t)(client.SubscribeFunc(soon(t), "t",
		func(context.Context, *amop.Message) { panic("reported") }))
	must[*amop.Reply](t)(connect(t, own.Node(1)).Publish(soon(t), "t", nil, amop.WaitForSubscriber(true)))
	equal(t, receive(t, kinds), amop.EventHandlerFailed)
	ok(t, client.Close())
	close(kinds)
	equal(t, receive(t, kinds), amop.EventClosed)
	_, err = amop.Connect(soon(t), own.Node(0), amop.OnEvent(nil))
	fails(t, err, amop.ErrInvalidArgument)
}

func TestHandlerMayWaitForACall(t *testing.T) {
	server, client := clientAt(t, 1), clientAt(t, 0)
	echo, topic := freshTopic(), freshTopic()
	must[*amop.Service](t)(server.ServeFunc(soon(t), echo,
		func(_ context.Context, request *amop.Request) ([]byte, error) { return request.Data, nil }))
	replies := make(chan string, 1)
	must[*amop.Subscription](t)(client.SubscribeFunc(soon(t), topic, func(_ context.Context, message *amop.Message) {
		reply, err := client.PublishAsync(context.Background(), echo, message.Data).Wait()
		if err == nil {
			replies <- string(reply.Data)
		}
	}))
	must[*amop.Reply](t)(server.Publish(soon(t), topic, []byte("1")))
	equal(t, receive(t, replies), "1")
}
