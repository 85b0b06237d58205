// Package amop is a client for AMOP, the publish/subscribe messaging of FISCO BCOS chains.
//
// A program connects to the node of its own institution over mutual TLS, subscribes to topics, and reaches other
// programs through the nodes of the chain. Publish is a unicast: the node picks one subscriber, whose reply is
// returned. Broadcast is a multicast to all subscribers.
//
//	client, err := amop.Connect(ctx, amop.Endpoint("127.0.0.1:20200"))
//	if err != nil {
//		return err
//	}
//	defer client.Close()
//
//	subscription, err := client.Subscribe(ctx, "news")
//	if err != nil {
//		return err
//	}
//	for message := range subscription.Messages() {
//		fmt.Printf("%s\n", message.Data)
//	}
//
// [Client.ServeFunc] answers requests, [Client.Publish] sends them. The package amop/devnet runs nodes for trials and
// tests.
//
// # Guarantees
//
// Every call completes exactly once: with a reply, an [*Error], its deadline, its context, or when the client is
// closed. An error states what failed, what to do, and whether the message may have been delivered.
//
// A subscription receives each message once, in the order in which its connection received them. Queues are bounded;
// messages that a full queue loses are counted and reported by an [Event]. The client reconnects automatically and
// restores its topics.
//
// # Goroutines and threads
//
// All functions may be called from any goroutine, including handlers. Each subscription, service and listener has one
// goroutine, and each client one for its calls. They wait in Go's poller, so that calls in flight and subscriptions
// need no threads of their own. Calls that wait in C (connecting, subscribing) occupy a thread each, at most 64 in
// the process.
//
// A panic of a handler is recovered, and reported to the publisher and by an event.
//
// # Building
//
// The package needs cgo. The module of a release carries the static C library for Linux on amd64; the build tag
// amop_devnet links the one that has embedded nodes. Elsewhere, with the build tag amop_installed and in the source tree the
// package links the library that pkg-config knows as "amop". The build
// tag amop_static links the static library of the source tree instead.
package amop
