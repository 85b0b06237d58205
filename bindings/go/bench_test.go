package amop_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	amop "example.org/amop/bindings/go"
)

// Benchmarks of the binding, with embedded nodes in the same process: go test -run '^$' -bench . ./bindings/go

func echoing(b *testing.B) (topic string, client *amop.Client) {
	b.Helper()
	server, client := clientAt(b, 1), clientAt(b, 0)
	topic = freshTopic()
	must[*amop.Service](b)(server.ServeFunc(soon(b), topic,
		func(_ context.Context, request *amop.Request) ([]byte, error) { return request.Data, nil }))
	return topic, client
}

func BenchmarkRoundTrip(b *testing.B) {
	topic, client := echoing(b)
	data := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		must[*amop.Reply](b)(client.Publish(context.Background(), topic, data))
	}
}

func BenchmarkPublishesInFlight(b *testing.B) {
	for _, count := range []int{16, 256, 4096} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			topic, client := echoing(b)
			data := make([]byte, 64)
			b.ReportAllocs()
			b.ResetTimer()
			// All goroutines share the counter of the loop.
			var left atomic.Int64
			left.Store(int64(b.N))
			done := make(chan error)
			for range count {
				go func() {
					for left.Add(-1) >= 0 {
						if _, err := client.Publish(context.Background(), topic, data); err != nil {
							done <- err
							return
						}
					}
					done <- nil
				}()
			}
			for range count {
				ok(b, <-done)
			}
		})
	}
}

func BenchmarkMessagesReceived(b *testing.B) {
	subscriber, publisher := clientAt(b, 1), clientAt(b, 0)
	topic := freshTopic()
	subscription := must[*amop.Subscription](b)(subscriber.Subscribe(soon(b), topic, amop.MaxMessages(1<<30)))
	data := make([]byte, 64)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		inFlight := make(chan *amop.Call, 256)
		go func() {
			for range b.N {
				inFlight <- publisher.BroadcastAsync(context.Background(), topic, data)
			}
			close(inFlight)
		}()
		for call := range inFlight {
			if _, err := call.Wait(); err != nil {
				b.Error(err)
			}
		}
	}()
	for range b.N {
		receive(b, subscription.Messages())
	}
}
