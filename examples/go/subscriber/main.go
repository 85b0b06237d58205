// Subscriber prints the messages of a topic: subscriber 127.0.0.1:20201 hello
package main

import (
	"fmt"

	amop "example.org/amop/bindings/go"
	"examples/program"
)

func main() {
	program.Exit(run(program.ReadArguments("127.0.0.1:20201", false)))
}

func run(arguments program.Arguments) error {
	ctx := program.UntilInterrupted()
	client, err := amop.Connect(ctx, amop.Endpoint(arguments.Endpoint))
	if err != nil {
		return err
	}
	defer client.Close()
	subscription, err := client.Subscribe(ctx, arguments.Topic)
	if err != nil {
		return err
	}
	fmt.Println("Subscriber success")

	for seen := uint64(0); seen < arguments.Count; seen++ {
		message, err := subscription.Next(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("%s received: %s\n", program.LocalTime(), message.Data)
	}
	return client.Close()
}
