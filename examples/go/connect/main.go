// Connect connects to a node: connect 127.0.0.1:20200
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	amop "example.org/amop/bindings/go"
)

func main() {
	endpoint := "127.0.0.1:20200"
	if len(os.Args) > 1 {
		endpoint = os.Args[1]
	}
	if err := run(context.Background(), endpoint); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, endpoint string) error {
	client, err := amop.Connect(ctx, amop.Endpoint(endpoint))
	if err != nil {
		return err
	}
	fmt.Println("connected to", endpoint)
	// Use the client here.
	return client.Close()
}
