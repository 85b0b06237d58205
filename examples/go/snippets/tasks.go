// Package snippets has the programs of the documentation's pages about tasks. The tests run each of them with run_tasks.
package snippets

// --8<-- [start:imports]
import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/devnet"
)

// --8<-- [end:imports]

// Subscribe prints messages.
func Subscribe(ctx context.Context, client *amop.Client) error {
	// --8<-- [start:subscribe]
	news, err := client.Subscribe(ctx, "news")
	if err != nil {
		return err
	}
	for message := range news.Messages() {
		fmt.Printf("%s\n", message.Data)
	}
	// --8<-- [end:subscribe]
	return nil
}

// Serve answers requests.
func Serve(ctx context.Context, client *amop.Client) error {
	// --8<-- [start:serve]
	greet := func(_ context.Context, request *amop.Request) ([]byte, error) {
		return append([]byte("hello, "), request.Data...), nil
	}
	_, err := client.ServeFunc(ctx, "greet", greet, amop.Concurrency(64))
	// --8<-- [end:serve]
	return err
}

// Publish sends to one subscriber.
func Publish(ctx context.Context, client *amop.Client) error {
	// --8<-- [start:publish]
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	reply, err := client.Publish(ctx, "greet", []byte("Ada"), amop.WaitForSubscriber(true))
	var failure *amop.Error
	switch {
	case err == nil:
		fmt.Printf("%s\n", reply.Data)
	case errors.As(err, &failure) && failure.Delivery == amop.DeliveryNo:
		fmt.Println("not delivered:", err)
	default:
		fmt.Println("may have been delivered:", err)
	}
	// --8<-- [end:publish]
	return nil
}

// Broadcast sends to all subscribers.
func Broadcast(ctx context.Context, client *amop.Client) error {
	// --8<-- [start:broadcast]
	err := client.Broadcast(ctx, "news", []byte("rain"))
	// --8<-- [end:broadcast]
	return err
}

// Nodes connects to several nodes.
func Nodes(ctx context.Context, first, second, third string) (*amop.Client, error) {
	// --8<-- [start:nodes]
	client, err := amop.Connect(ctx, amop.Endpoints(first, second))
	if err != nil {
		return nil, err
	}
	err = errors.Join(client.AddEndpoint(third), client.RemoveEndpoint(first))
	// --8<-- [end:nodes]
	return client, err
}

// Events prints lost and restored connections.
func Events(ctx context.Context, client *amop.Client) error {
	// --8<-- [start:events]
	events, err := client.Events(ctx)
	if err != nil {
		return err
	}
	for event := range events {
		switch event.Kind {
		case amop.EventLost:
			fmt.Printf("lost %s: %v\n", event.Endpoint, event.Err)
		case amop.EventReconnected:
			fmt.Println(event.Endpoint, "is back")
		}
	}
	// --8<-- [end:events]
	return nil
}

// Flow limits a queue.
func Flow(ctx context.Context, client *amop.Client) error {
	// --8<-- [start:flow]
	prices, err := client.Subscribe(ctx, "prices", amop.MaxMessages(1000), amop.Overflow(amop.OverflowDropOldest))
	if err != nil {
		return err
	}
	fmt.Println(prices.Stats().Dropped, "messages were dropped")
	// --8<-- [end:flow]
	return nil
}

// Private uses a private topic.
func Private(ctx context.Context, publisher, subscriber *amop.Client) error {
	// --8<-- [start:private]
	key, err := os.ReadFile("orders.pem")
	if err != nil {
		return err
	}
	if _, err := subscriber.Subscribe(ctx, "orders", amop.Key(key)); err != nil {
		return err
	}

	public, err := os.ReadFile("orders.pem.pub")
	if err != nil {
		return err
	}
	orders, err := publisher.PrivateTopic("orders", string(public))
	if err != nil {
		return err
	}
	defer orders.Close()
	_, err = orders.Publish(ctx, []byte("one more"), amop.WaitForSubscriber(true))
	// --8<-- [end:private]
	return err
}

// Credentials names the folder of the credentials.
func Credentials(ctx context.Context, endpoint string) (*amop.Client, error) {
	// --8<-- [start:credentials]
	client, err := amop.Connect(ctx, amop.Endpoint(endpoint), amop.Credentials("nodes/127.0.0.1/sdk"))
	// --8<-- [end:credentials]
	return client, err
}

// Configuration reads a file.
func Configuration(ctx context.Context) (*amop.Client, error) {
	// --8<-- [start:configuration]
	client, err := amop.Connect(ctx, amop.ConfigFile("config.toml"), amop.CallTimeout(5*time.Second))
	// --8<-- [end:configuration]
	return client, err
}

// Testing sends a message over embedded nodes.
func Testing(ctx context.Context) error {
	// --8<-- [start:testing]
	nodes, err := devnet.Start(ctx)
	if err != nil {
		return err
	}
	defer nodes.Stop()
	service, err := amop.Connect(ctx, nodes.Node(1))
	if err != nil {
		return err
	}
	defer service.Close()
	echo := func(_ context.Context, request *amop.Request) ([]byte, error) { return request.Data, nil }
	if _, err := service.ServeFunc(ctx, "echo", echo); err != nil {
		return err
	}
	client, err := amop.Connect(ctx, nodes.Node(0))
	if err != nil {
		return err
	}
	defer client.Close()
	reply, err := client.Publish(ctx, "echo", []byte("hi"), amop.WaitForSubscriber(true))
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", reply.Data) // hi
	// --8<-- [end:testing]
	return nil
}

// Observe prints statistics.
func Observe(client *amop.Client) {
	// --8<-- [start:observe]
	stats := client.Stats()
	fmt.Println(stats.Retries, "retries,", stats.Duplicates, "duplicates")
	for _, endpoint := range stats.Endpoints {
		fmt.Printf("%s: %v\n", endpoint.Endpoint, endpoint.State)
	}
	// --8<-- [end:observe]
}

// Log writes the log of the library to standard error.
func Log() error {
	// --8<-- [start:log]
	// LevelError shows only failures, LevelDebug each step.
	handler := slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo})
	err := amop.SetLogger(slog.New(handler))
	// --8<-- [end:log]
	return err
}
