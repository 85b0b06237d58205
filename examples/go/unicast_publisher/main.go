// Unicast_publisher publishes to one subscriber of a topic repeatedly: unicast_publisher 127.0.0.1:20200 hello
package main

import (
	"context"

	amop "example.org/amop/bindings/go"
	"examples/program"
)

func main() {
	arguments := program.ReadArguments("127.0.0.1:20200", true)
	program.Exit(program.Publish(arguments, "hello, FISCO BCOS, I am unique broadcast publisher!",
		func(ctx context.Context, client *amop.Client, message []byte) error {
			_, err := client.Publish(ctx, arguments.Topic, message)
			return err
		}))
}
