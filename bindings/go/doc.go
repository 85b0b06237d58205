// Package amop is a client for AMOP, the publish/subscribe messaging of FISCO BCOS chains.
//
// A program connects to its own institution's node over mutual TLS, subscribes to topics, and reaches other programs
// through the chain's nodes: by publish (unicast: the node picks one subscriber, whose reply comes back) or broadcast
// (multicast: all subscribers).
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
// [Client.Serve] answers requests, [Client.Publish] makes them; the package amop/devnet has nodes to try and test with.
//
// # What is promised
//
// Every call ends exactly once: with a reply, an [*Error], its own deadline, its context, or when the client closes. An
// error says what failed, what to do, and whether the message may have been delivered all the same.
//
// A subscription's messages come in the order in which its connection received them, each once. Queues are bounded; what
// is lost to a full one is counted and announced by an [Event]. Lost connections come back by themselves, topics
// included.
//
// # Goroutines and threads
//
// Everything may be called from any goroutine, handlers included. Each subscription, service and listener has one
// goroutine, each client one for its calls; they wait in Go's poller, so that neither thousands of calls in flight nor
// thousands of subscriptions need threads. Calls that the library makes wait in C (connecting, subscribing) hold one
// each, of 64 at most in the process.
//
// A panic of a handler is caught, and told to the publisher and by an event.
//
// # Building
//
// The package needs cgo and the C library: by default the one that pkg-config knows as "amop", with the build tag
// amop_static the one that was built in the source tree, which then goes into the program.
package amop
