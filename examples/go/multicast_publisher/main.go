// Multicast_publisher publishes to all subscribers of a topic repeatedly: multicast_publisher 127.0.0.1:20200 hello
package main

import (
	"context"

	amop "example.org/amop/bindings/go"
	"examples/program"
)

func main() {
	arguments := program.ReadArguments("127.0.0.1:20200", true)
	program.Exit(program.Publish(arguments, "hello, FISCO BCOS, I am multi broadcast publisher!",
		func(ctx context.Context, client *amop.Client, message []byte) error {
			return client.Broadcast(ctx, arguments.Topic, message)
		}))
}
