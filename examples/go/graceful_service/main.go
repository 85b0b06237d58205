// Graceful_service takes orders and asks the service of topic "price" for each: graceful_service 127.0.0.1:20201 order
//
// On Ctrl-C and SIGTERM, as service managers and Kubernetes send it, it shuts down so that no request is lost: it
// unsubscribes, so that nodes choose other instances of the service; it answers the requests that it has accepted, for
// which it may still send requests of its own; then it closes the client. A second signal ends it at once.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	amop "example.org/amop/bindings/go"
	"examples/program"
)

// shutdownTime is the time that a shutdown may take. Kubernetes kills a pod 30 s after SIGTERM.
const shutdownTime = 25 * time.Second

func main() {
	program.Exit(run(program.Argument(1, "127.0.0.1:20201"), program.Argument(2, "order")))
}

func run(endpoint, topic string) error {
	running, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client, err := amop.Connect(running, amop.Endpoint(endpoint), amop.Logger(slog.Default()))
	if err != nil {
		return err
	}
	defer client.Close()

	order := func(ctx context.Context, request *amop.Request) ([]byte, error) {
		fmt.Printf("order: %s\n", request.Data)
		// ctx ends when the time for the shutdown is over, not when it begins.
		price, err := client.Publish(ctx, "price", request.Data, amop.WaitForSubscriber(true))
		if err != nil {
			// Logged with the reason; whoever ordered receives a fixed text.
			return nil, fmt.Errorf("asking for the price: %w", err)
		}
		return fmt.Appendf(nil, "ordered %s at %s", request.Data, price.Data), nil
	}
	orders, err := client.ServeFunc(running, topic, order)
	if err != nil {
		return err
	}
	fmt.Println("serving", topic)

	<-running.Done()
	stop()
	fmt.Println("stopping")
	ending, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	err = errors.Join(orders.Unsubscribe(ending), client.Shutdown(ending))
	if err == nil {
		fmt.Println("stopped")
	}
	return err
}
