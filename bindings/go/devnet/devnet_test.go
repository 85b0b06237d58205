package devnet_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/devnet"
)

func Example() {
	ctx := context.Background()
	nodes, err := devnet.Start(ctx, devnet.Nodes(2))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer nodes.Stop()

	subscriber, err := amop.Connect(ctx, nodes.Node(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer subscriber.Close()
	subscription, err := subscriber.Subscribe(ctx, "hello")
	if err != nil {
		fmt.Println(err)
		return
	}

	publisher, err := amop.Connect(ctx, nodes.Node(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer publisher.Close()
	if _, err := publisher.Publish(ctx, "hello", []byte("from node to node")); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s\n", (<-subscription.Messages()).Data)
	// Output: from node to node
}

func start(t *testing.T, opts ...devnet.Option) *devnet.Devnet {
	t.Helper()
	nodes, err := devnet.Start(context.Background(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := nodes.Stop(); err != nil {
				t.Error(err)
			}
		}
	})
	return nodes
}

func fails(t *testing.T, err error, code amop.Code) {
	t.Helper()
	var e *amop.Error
	if !errors.As(err, &e) || !errors.Is(err, code) || e.Message == "" {
		t.Fatalf("wanted %v, got %#v", code, err)
	}
}

func TestDevnetUsesPortsAndFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "chain")
	nodes := start(t, devnet.Nodes(3), devnet.Folder(folder), devnet.Like211(true))
	if nodes.NodeCount() != 3 || len(nodes.Endpoints()) != 3 {
		t.Fatalf("%v", nodes.Endpoints())
	}
	if nodes.Credentials() != filepath.Join(folder, "sdk") {
		t.Fatalf("%v", nodes.Credentials())
	}
	before, err := os.ReadFile(filepath.Join(nodes.Credentials(), "sdk.crt"))
	if err != nil {
		t.Fatal(err)
	}
	again := start(t, devnet.Nodes(1), devnet.Folder(folder))
	after, err := os.ReadFile(filepath.Join(again.Credentials(), "sdk.crt"))
	if err != nil || string(after) != string(before) {
		t.Fatalf("other certificates: %v", err)
	}
}

func TestInvalidOptionsAreRejected(t *testing.T) {
	ctx := context.Background()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, number, _ := net.SplitHostPort(taken.Addr().String())
	port, _ := strconv.Atoi(number)
	for _, c := range []struct {
		opts []devnet.Option
		code amop.Code
	}{
		{[]devnet.Option{devnet.Nodes(1), devnet.Port(port)}, amop.ErrListen},
		{[]devnet.Option{devnet.Nodes(-1)}, amop.ErrInvalidArgument},
		{[]devnet.Option{devnet.Nodes(9), devnet.Port(65530)}, amop.ErrInvalidArgument},
		{[]devnet.Option{devnet.Port(-1)}, amop.ErrInvalidArgument},
		{[]devnet.Option{devnet.Port(65536)}, amop.ErrInvalidArgument},
		{[]devnet.Option{devnet.Folder("a\x00b")}, amop.ErrInvalidArgument},
	} {
		_, err := devnet.Start(ctx, c.opts...)
		fails(t, err, c.code)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := devnet.Start(ended); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestNodesCanBeKilledAndRestarted(t *testing.T) {
	ctx := context.Background()
	nodes := start(t, devnet.Nodes(1))
	for range 2 {
		if err := nodes.KillNode(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	_, err := amop.Connect(ctx, nodes.Node(0))
	fails(t, err, amop.ErrConnect)
	for range 2 {
		if err := nodes.RestartNode(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
	client, err := amop.Connect(ctx, nodes.Node(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	fails(t, nodes.KillNode(ctx, 1), amop.ErrInvalidArgument)
	fails(t, nodes.RestartNode(ctx, -1), amop.ErrInvalidArgument)
	if err := nodes.Stop(); err != nil {
		t.Fatal(err)
	}
	fails(t, nodes.KillNode(ctx, 0), amop.ErrClosed)
	fails(t, nodes.RestartNode(ctx, 0), amop.ErrClosed)
}

func TestDevnetIsControlledByCommands(t *testing.T) {
	ctx := context.Background()
	nodes := start(t, devnet.Nodes(1))
	client, err := amop.Connect(ctx, nodes.Node(0))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Subscribe(ctx, "t"); err != nil {
		t.Fatal(err)
	}
	// The node loses one unicast and then works again.
	for command, wanted := range map[string]string{
		"fault lose type=0x30 times=1 topic=t": `{"fault":1}`,
		"thaw 0":                               "{}",
	} {
		if answer, err := nodes.Control(ctx, command); err != nil || answer != wanted {
			t.Fatalf("%s: %q, %v", command, answer, err)
		}
	}
	// The call ends when the node has lost its message.
	losing, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	call := client.PublishAsync(losing, "t", nil)
	for hits := ""; hits != `{"hits":1}`; {
		if hits, err = nodes.Control(losing, "hits 1"); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if _, err := call.Wait(); !errors.Is(err, amop.ErrCancelled) {
		t.Fatal(err)
	}
	if _, err := client.Publish(ctx, "t", nil, amop.Timeout(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"explode", "kill 1", "freeze", "a\x00b"} {
		_, err := nodes.Control(ctx, command)
		fails(t, err, amop.ErrInvalidArgument)
	}
}
