// Several_nodes publishes through several nodes of one institution: several_nodes hello 127.0.0.1:20200 127.0.0.1:20202
//
// It stays connected to each of the nodes. When one goes down, messages go through the others; when it is back, it is used
// again. The program need not do anything for that: it only prints what happens.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	amop "example.org/amop/bindings/go"
	"examples/program"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "Usage: several_nodes TOPIC ENDPOINT ...")
		os.Exit(2)
	}
	program.Exit(run(os.Args[1], os.Args[2:]))
}

func run(topic string, endpoints []string) error {
	ctx := program.UntilInterrupted()
	client, err := amop.Connect(ctx, amop.Endpoints(endpoints...), amop.OnEvent(report))
	if err != nil {
		return err
	}
	defer client.Close()

	ticks := time.NewTicker(200 * time.Millisecond)
	defer ticks.Stop()
	for number := 0; ; number++ {
		if err := publish(ctx, client, topic, number); err != nil {
			return err
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return client.Close()
		}
	}
}

// publish sends one message and prints which node it went through.
func publish(ctx context.Context, client *amop.Client, topic string, number int) error {
	// A message that was certainly not delivered is sent again, through another node, within the time limit.
	reply, err := client.Publish(ctx, topic, fmt.Appendf(nil, "message %d", number), amop.WaitForSubscriber(true))
	var failure *amop.Error
	switch {
	case err == nil:
		fmt.Printf("message %d went through %s\n", number, reply.Endpoint)
	case errors.As(err, &failure) && failure.Delivery == amop.DeliveryMaybe && ctx.Err() == nil:
		// It was in flight at the node that went down. Sending it again could deliver it twice: amop.Retry with
		// amop.RetryAtLeastOnce does so, for subscribers to whom that does no harm.
		fmt.Printf("message %d may have been delivered: %v\n", number, err)
	case errors.As(err, &failure) && failure.Retriable:
		fmt.Printf("message %d was not delivered: %v\n", number, err)
	default:
		return err
	}
	return nil
}

// report prints lost and restored connections.
func report(event *amop.Event) {
	switch event.Kind {
	case amop.EventLost:
		fmt.Printf("lost %s\n", event.Endpoint)
	case amop.EventReconnected:
		fmt.Printf("%s is back\n", event.Endpoint)
	}
}
