package amop_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	amop "example.org/amop/bindings/go"
)

// examples returns clients of two nodes and a function that closes them.
func examples() (ctx context.Context, here, there *amop.Client, end func()) {
	ctx = context.Background()
	here, err := amop.Connect(ctx, nodes.Node(0))
	if err != nil {
		panic(err)
	}
	there, err = amop.Connect(ctx, nodes.Node(1))
	if err != nil {
		panic(err)
	}
	return ctx, here, there, func() {
		if err := errors.Join(here.Close(), there.Close()); err != nil {
			panic(err)
		}
	}
}

func Example() {
	ctx := context.Background()
	// With a chain: amop.Connect(ctx, amop.Endpoint("127.0.0.1:20200"), amop.Credentials("nodes/127.0.0.1/sdk"))
	client, err := amop.Connect(ctx, nodes.Node(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	_, err = client.ServeFunc(ctx, "example/greet", func(_ context.Context, request *amop.Request) ([]byte, error) {
		return append([]byte("hello, "), request.Data...), nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	reply, err := client.Publish(ctx, "example/greet", []byte("Ada"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", reply.Data)
	// Output: hello, Ada
}

func ExampleClient_Subscribe() {
	ctx, publisher, subscriber, end := examples()
	defer end()
	subscription, err := subscriber.Subscribe(ctx, "example/news")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, news := range []string{"rain", "sun"} {
		if err := publisher.Broadcast(ctx, "example/news", []byte(news)); err != nil {
			fmt.Println(err)
		}
	}
	left := 2
	for message := range subscription.Messages() {
		fmt.Printf("%v: %s\n", message.Kind, message.Data)
		if left--; left == 0 {
			break
		}
	}
	// Output:
	// broadcast: rain
	// broadcast: sun
}

func ExampleSubscription_All() {
	ctx, publisher, subscriber, end := examples()
	defer end()
	subscription, err := subscriber.Subscribe(ctx, "example/all")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := publisher.Publish(ctx, "example/all", []byte("the only one")); err != nil {
		fmt.Println(err)
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	for message, err := range subscription.All(reading) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n", message.Data)
		stop()
	}
	// Output:
	// the only one
	// the context ended before a message arrived: context canceled
}

func ExampleClient_SubscribeFunc() {
	ctx, publisher, subscriber, end := examples()
	defer end()
	print := func(_ context.Context, message *amop.Message) { fmt.Printf("%s: %s\n", message.Topic, message.Data) }
	subscription, err := subscriber.SubscribeFunc(ctx, "example/handler", print)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, n := range []string{"one", "two"} {
		if _, err := publisher.Publish(ctx, "example/handler", []byte(n)); err != nil {
			fmt.Println(err)
		}
	}
	// Lets the handler process what is queued.
	if err := subscription.Unsubscribe(ctx); err != nil {
		fmt.Println(err)
	}
	// Output:
	// example/handler: one
	// example/handler: two
}

func ExampleClient_ServeFunc() {
	ctx, publisher, server, end := examples()
	defer end()
	_, err := server.ServeFunc(ctx, "example/upper", func(_ context.Context, request *amop.Request) ([]byte, error) {
		if len(request.Data) == 0 {
			return nil, &amop.Failure{Code: 400, Data: []byte("nothing to do")}
		}
		return []byte(strings.ToUpper(string(request.Data))), nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	reply, err := publisher.Publish(ctx, "example/upper", []byte("quiet"))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", reply.Data)

	_, err = publisher.Publish(ctx, "example/upper", nil)
	var failure *amop.Error
	if errors.As(err, &failure) {
		fmt.Printf("%d: %s\n", failure.NodeCode, failure.Data)
	}
	// Output:
	// QUIET
	// 400: nothing to do
}

func ExampleClient_Serve() {
	ctx, publisher, server, end := examples()
	defer end()
	service, err := server.Serve(ctx, "example/later")
	if err != nil {
		fmt.Println(err)
		return
	}
	call := publisher.PublishAsync(ctx, "example/later", []byte("when?"))
	request := <-service.Requests()
	fmt.Printf("%s\n", request.Data)
	if err := request.Reply([]byte("now")); err != nil {
		fmt.Println(err)
	}
	reply, err := call.Wait()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", reply.Data)
	// Output:
	// when?
	// now
}

func ExampleClient_Publish() {
	ctx, publisher, _, end := examples()
	defer end()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, err := publisher.Publish(ctx, "example/nobody", []byte("anybody there?"))
	var failure *amop.Error
	switch {
	case errors.Is(err, amop.ErrNoSubscriber):
		fmt.Println("there is no subscriber")
	case errors.Is(err, context.DeadlineExceeded):
		fmt.Println("no answer within a minute")
	case errors.As(err, &failure):
		fmt.Printf("%v; delivered: %v\n", failure, failure.Delivery)
	}
	// Output: there is no subscriber
}

func ExampleClient_PublishAsync() {
	ctx, publisher, server, end := examples()
	defer end()
	square := func(_ context.Context, request *amop.Request) ([]byte, error) {
		var n int
		if _, err := fmt.Sscan(string(request.Data), &n); err != nil {
			return nil, err
		}
		return fmt.Append(nil, n*n), nil
	}
	if _, err := server.ServeFunc(ctx, "example/square", square); err != nil {
		fmt.Println(err)
		return
	}
	var calls []*amop.Call
	for n := range 4 {
		calls = append(calls, publisher.PublishAsync(ctx, "example/square", fmt.Append(nil, n)))
	}
	for _, call := range calls {
		reply, err := call.Wait()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s\n", reply.Data)
	}
	// Output:
	// 0
	// 1
	// 4
	// 9
}

func ExampleClient_Events() {
	ctx, client, _, end := examples()
	events, err := client.Events(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	end()
	for event := range events {
		if event.Kind == amop.EventClosed {
			fmt.Println(event.Kind)
		}
	}
	// Output: closed
}
