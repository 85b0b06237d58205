// Service answers requests for the price of an item: service 127.0.0.1:20201 price
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	amop "example.org/amop/bindings/go"
	"examples/program"
)

// noPrice is the code with which a request for an unknown item fails. Programs choose their own.
const noPrice = 1

var prices = map[string]string{"apple": "1.20", "pear": "0.95"}

func main() {
	program.Exit(run(program.Argument(1, "127.0.0.1:20201"), program.Argument(2, "price")))
}

func run(endpoint, topic string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	client, err := amop.Connect(ctx, amop.Endpoint(endpoint))
	if err != nil {
		return err
	}
	defer client.Close()
	service, err := client.ServeFunc(ctx, topic, answer)
	if err != nil {
		return err
	}
	fmt.Println("serving", topic)
	<-ctx.Done()
	// A second signal ends the program at once.
	stop()
	// Close accepts no more requests, and answers those that have arrived.
	if err := service.Close(); err != nil {
		return err
	}
	return client.Close()
}

// answer returns the reply to a request. Of an error that is not a Failure, the publisher would receive a fixed text.
func answer(_ context.Context, request *amop.Request) ([]byte, error) {
	price, known := prices[string(request.Data)]
	if !known {
		return nil, &amop.Failure{Code: noPrice, Data: fmt.Appendf(nil, "no price for %s", request.Data)}
	}
	return []byte(price), nil
}
