// Run_tasks runs one of the programs of the documentation, for the tests: run_tasks NAME ENDPOINT [SECOND THIRD]
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	amop "example.org/amop/bindings/go"
	"examples/program"
	"examples/snippets"
)

func main() {
	program.Exit(run(context.Background(), os.Args[1], os.Args[2], os.Args[3:]))
}

func run(ctx context.Context, name, endpoint string, others []string) error {
	// Programs that connect themselves, or not at all.
	switch name {
	case "nodes":
		client, err := snippets.Nodes(ctx, endpoint, others[0], others[1])
		if err == nil {
			for _, endpoint := range client.Stats().Endpoints {
				fmt.Println(endpoint.Endpoint)
			}
		}
		return err
	case "credentials":
		client, err := snippets.Credentials(ctx, endpoint)
		return connected(client, err)
	case "configuration":
		client, err := snippets.Configuration(ctx)
		return connected(client, err)
	case "testing":
		return snippets.Testing(ctx)
	case "log":
		if err := snippets.Log(); err != nil {
			return err
		}
	}

	// The tests don't depend on the speed of the machine.
	client, err := amop.Connect(ctx, amop.Endpoint(endpoint), amop.CallTimeout(time.Minute))
	if err != nil {
		return err
	}
	defer client.Close()
	switch name {
	case "subscribe":
		return snippets.Subscribe(ctx, client)
	case "serve", "log":
		if err := snippets.Serve(ctx, client); err != nil {
			return err
		}
		fmt.Println("serving")
		select {}
	case "publish":
		return snippets.Publish(ctx, client)
	case "broadcast":
		return snippets.Broadcast(ctx, client)
	case "events":
		fmt.Println("connected")
		return snippets.Events(ctx, client)
	case "flow":
		return snippets.Flow(ctx, client)
	case "private":
		subscriber, err := amop.Connect(ctx, amop.Endpoint(others[0]))
		if err != nil {
			return err
		}
		defer subscriber.Close()
		if err := snippets.Private(ctx, client, subscriber); err != nil {
			return err
		}
		fmt.Println("done")
		return nil
	case "observe":
		snippets.Observe(client)
		return nil
	}
	return fmt.Errorf("no program %s", name)
}

func connected(client *amop.Client, err error) error {
	if err == nil {
		fmt.Println("connected to", client.Stats().Endpoints[0].Endpoint)
	}
	return err
}
