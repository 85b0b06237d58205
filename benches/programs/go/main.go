// Program is the Go program of the comparison of languages: goroutines that publish, or with the argument async calls
// that do not wait, and a handler for messages. See benches/src/languages.rs for what it reads and writes.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"
	"sync/atomic"

	amop "example.org/amop/bindings/go"
)

const (
	inFlight = 256
	topic    = "bench/unicast"
)

var data = make([]byte, 64)

func main() {
	arguments := os.Args[1:]
	publish := goroutines
	if arguments[0] == "async" {
		publish, arguments = async, arguments[1:]
	}
	ctx := context.Background()
	client := must(amop.Connect(ctx, amop.Endpoint(arguments[0]), amop.Credentials(arguments[1])))
	var left atomic.Int64
	must(client.SubscribeFunc(ctx, arguments[2], func(context.Context, *amop.Message) {
		if left.Add(-1) == 0 {
			fmt.Println("done")
		}
	}))
	fmt.Println("ready")
	var command string
	var messages int64
	for {
		if _, err := fmt.Scan(&command, &messages); err != nil {
			break
		}
		if command == "publish" {
			publish(client, messages)
			fmt.Println("done")
		} else {
			left.Store(messages)
			fmt.Println("started")
		}
	}
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
}

// goroutines publishes from as many goroutines as there are calls in flight.
func goroutines(client *amop.Client, messages int64) {
	var left atomic.Int64
	left.Store(messages)
	var all sync.WaitGroup
	for range inFlight {
		all.Add(1)
		go func() {
			defer all.Done()
			for left.Add(-1) >= 0 {
				must(client.Publish(context.Background(), topic, data))
			}
		}()
	}
	all.Wait()
}

// async publishes from one goroutine, without waiting for a call before the next ones are in flight.
func async(client *amop.Client, messages int64) {
	calls := make(chan *amop.Call, inFlight-1)
	go func() {
		defer close(calls)
		for range messages {
			calls <- client.PublishAsync(context.Background(), topic, data)
		}
	}()
	for call := range calls {
		must(call.Wait())
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
