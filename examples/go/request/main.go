// Request asks a service for the price of an item: request 127.0.0.1:20200 price apple
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	amop "example.org/amop/bindings/go"
	"examples/program"
)

func main() {
	endpoint, topic := program.Argument(1, "127.0.0.1:20200"), program.Argument(2, "price")
	reply, err := request(endpoint, topic, program.Argument(3, "apple"))
	var failure *amop.Error
	switch {
	case err == nil:
		fmt.Printf("%s\n", reply.Data)
	case errors.Is(err, amop.ErrRemote) && errors.As(err, &failure):
		// What the service has answered instead of a reply: a code and data of its own.
		program.Exit(fmt.Errorf("the service failed with code %d: %s", failure.NodeCode, failure.Data))
	case errors.As(err, &failure) && failure.Delivery == amop.DeliveryMaybe:
		program.Exit(fmt.Errorf("it may have been delivered: %w", err))
	default:
		program.Exit(err)
	}
}

func request(endpoint, topic, item string) (*amop.Reply, error) {
	// A minute in all. Waits for a service that is started later.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := amop.Connect(ctx, amop.Endpoint(endpoint))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.Publish(ctx, topic, []byte(item), amop.WaitForSubscriber(true))
}
