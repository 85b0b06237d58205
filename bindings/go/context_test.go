package amop_test

import (
	"context"
	"errors"
	"testing"
	"time"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/devnet"
)

// endings are the ways in which a context ends: each makes a context that ends at once or in a moment, and states its
// errors.
var endings = map[string]func(testing.TB) (ctx context.Context, errs []error, code amop.Code){
	"cancelled": func(testing.TB) (context.Context, []error, amop.Code) {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(moment, cancel)
		return ctx, []error{context.Canceled}, amop.ErrCancelled
	},
	"cancelled with a cause": func(testing.TB) (context.Context, []error, amop.Code) {
		because := errors.New("the user left")
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(moment, func() { cancel(because) })
		return ctx, []error{context.Canceled, because}, amop.ErrCancelled
	},
	"deadline": func(t testing.TB) (context.Context, []error, amop.Code) {
		ctx, cancel := context.WithTimeout(context.Background(), moment)
		t.Cleanup(cancel)
		return ctx, []error{context.DeadlineExceeded}, amop.ErrTimeout
	},
	"deadline with a cause": func(t testing.TB) (context.Context, []error, amop.Code) {
		because := errors.New("the user waits no longer")
		ctx, cancel := context.WithTimeoutCause(context.Background(), moment, because)
		t.Cleanup(cancel)
		return ctx, []error{context.DeadlineExceeded, because}, amop.ErrTimeout
	},
}

// moment is long enough for most calls to begin to wait.
const moment = 20 * time.Millisecond

// endedByContext are calls that wait until their context ends, and their results.
func endedByContext(t *testing.T) map[string]func(context.Context) error {
	t.Helper()
	frozen := devnetOfItsOwn(t)
	client := connect(t, frozen.Node(0), amop.Heartbeat(guard))
	renewing := connect(t, frozen.Node(0), amop.Heartbeat(guard))
	must[string](t)(frozen.Control(soon(t), "freeze 0"))
	t.Cleanup(func() { must[string](t)(frozen.Control(soon(t), "thaw 0")) })

	quiet := must[*amop.Subscription](t)(clientAt(t, 0).Subscribe(soon(t), freshTopic()))
	stopping, publisher := clientAt(t, 1), clientAt(t, 0)
	release, entered := make(chan struct{}), make(chan struct{}, 2)
	t.Cleanup(func() { close(release) })
	topic, served := freshTopic(), freshTopic()
	subscription := must[*amop.Subscription](t)(stopping.SubscribeFunc(soon(t), topic,
		func(context.Context, *amop.Message) {
			entered <- struct{}{}
			<-release
		}))
	service := must[*amop.Service](t)(stopping.ServeFunc(soon(t), served,
		func(context.Context, *amop.Request) ([]byte, error) {
			entered <- struct{}{}
			<-release
			return nil, nil
		}))
	must[*amop.Reply](t)(publisher.Publish(soon(t), topic, nil))
	publisher.PublishAsync(soon(t), served, nil)
	receive(t, entered)
	receive(t, entered)

	only := func(_ any, err error) error { return err }
	handle := func(context.Context, *amop.Message) {}
	serve := func(context.Context, *amop.Request) ([]byte, error) { return nil, nil }
	return map[string]func(context.Context) error{
		"Connect": func(ctx context.Context) error {
			return only(amop.Connect(ctx, frozen.Node(0), amop.ConnectTimeout(guard)))
		},
		"Publish":        func(ctx context.Context) error { return only(client.Publish(ctx, "t", nil)) },
		"Broadcast":      func(ctx context.Context) error { return client.Broadcast(ctx, "t", nil) },
		"PublishAsync":   func(ctx context.Context) error { return only(client.PublishAsync(ctx, "t", nil).Wait()) },
		"BroadcastAsync": func(ctx context.Context) error { return only(client.BroadcastAsync(ctx, "t", nil).Wait()) },
		"Subscribe":      func(ctx context.Context) error { return only(client.Subscribe(ctx, freshTopic())) },
		"SubscribeFunc":  func(ctx context.Context) error { return only(client.SubscribeFunc(ctx, freshTopic(), handle)) },
		"Serve":          func(ctx context.Context) error { return only(client.Serve(ctx, freshTopic())) },
		"ServeFunc":      func(ctx context.Context) error { return only(client.ServeFunc(ctx, freshTopic(), serve)) },
		"Next":           func(ctx context.Context) error { return only(quiet.Next(ctx)) },
		"All": func(ctx context.Context) (last error) {
			for _, err := range quiet.All(ctx) {
				last = err
			}
			return last
		},
		"ReloadCredentials":         renewing.ReloadCredentials,
		"Unsubscribe a handler":     subscription.Unsubscribe,
		"Unsubscribe a service":     service.Unsubscribe,
		"Shutdown":                  stopping.Shutdown,
		"Start of nodes, abandoned": func(ctx context.Context) error { <-ctx.Done(); return only(devnet.Start(ctx)) },
		"Control of nodes, late":    func(ctx context.Context) error { <-ctx.Done(); return only(frozen.Control(ctx, "sessions")) },
		"KillNode, late":            func(ctx context.Context) error { <-ctx.Done(); return frozen.KillNode(ctx, 1) },
	}
}

func TestErrorsOfAContextAreFoundHoweverItEndsACall(t *testing.T) {
	calls := endedByContext(t)
	for way, begin := range endings {
		for name, call := range calls {
			// The calls may end the client that others use, so they begin in this order.
			if name == "Shutdown" {
				continue
			}
			t.Run(name+", "+way, func(t *testing.T) { endsWithItsContext(t, call, begin) })
		}
	}
	for way, begin := range endings {
		t.Run("Shutdown, "+way, func(t *testing.T) { endsWithItsContext(t, calls["Shutdown"], begin) })
	}
}

func endsWithItsContext(
	t *testing.T, call func(context.Context) error, begin func(testing.TB) (context.Context, []error, amop.Code),
) {
	t.Helper()
	ctx, wanted, code := begin(t)
	for _, when := range []string{"while it waits", "before it begins"} {
		err := call(ctx)
		fails(t, err, code)
		for _, is := range wanted {
			if !errors.Is(err, is) {
				t.Fatalf("%s: %#v is not %v", when, err, is)
			}
		}
		<-ctx.Done()
	}
}
