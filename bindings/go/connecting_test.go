package amop_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/devnet"
	"example.org/amop/bindings/go/internal/capi"
)

// credential returns the path of a credentials file of the nodes.
func credential(name string) string {
	return filepath.Join(nodes.Credentials(), name)
}

func TestCredentialsMayBeAFolderFilesOrPEM(t *testing.T) {
	read := func(name string) []byte { return must[[]byte](t)(os.ReadFile(credential(name))) }
	endpoint := amop.Endpoint(nodes.Endpoints()[0])
	for name, credentials := range map[string]amop.Option{
		"folder": amop.Credentials(nodes.Credentials()),
		"files":  amop.CredentialFiles(credential("ca.crt"), credential("sdk.crt"), credential("sdk.key")),
		"PEM":    amop.CredentialPEM(read("ca.crt"), read("sdk.crt"), read("sdk.key")),
		"the last one named": amop.Options(amop.Credentials("/nowhere"), amop.CredentialFiles("a", "b", "c"),
			amop.Credentials(nodes.Credentials())),
	} {
		t.Run(name, func(t *testing.T) { connect(t, endpoint, credentials) })
	}
	t.Run("found in $AMOP_CREDENTIALS", func(t *testing.T) {
		t.Setenv("AMOP_CREDENTIALS", nodes.Credentials())
		connect(t, endpoint)
	})
}

func TestConfigurationFileOfAnotherSDKConnects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	text := fmt.Sprintf("[Network]\nType=\"channel\"\nCAFile=%q\nCert=%q\nKey=%q\n[[Network.Connection]]\nNodeURL=%q\nGroupID=1\n",
		credential("ca.crt"), credential("sdk.crt"), credential("sdk.key"), nodes.Endpoints()[0])
	ok(t, os.WriteFile(path, []byte(text), 0o600))
	connect(t, amop.ConfigFile(path))
	_, err := amop.Connect(t.Context(), amop.ConfigFile(filepath.Join(t.TempDir(), "missing.toml")))
	if !errors.Is(err, amop.ErrInvalidArgument) || !strings.Contains(err.Error(), "missing.toml") {
		t.Errorf("a missing file: %v", err)
	}
}

// silent returns the address of a listener that sends nothing.
func silent(t *testing.T) string {
	t.Helper()
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { ok(t, listener.Close()) })
	return listener.Addr().String()
}

// free returns an address on which nothing listens.
func free(t *testing.T) string {
	t.Helper()
	socket := must[int](t)(syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0))
	t.Cleanup(func() { ok(t, syscall.Close(socket)) })
	ok(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	address := must[syscall.Sockaddr](t)(syscall.Getsockname(socket)).(*syscall.SockaddrInet4)
	return fmt.Sprintf("127.0.0.1:%d", address.Port)
}

func TestConnectReportsTheCauseOfAFailure(t *testing.T) {
	empty := t.TempDir()
	t.Setenv("AMOP_CREDENTIALS", empty)
	read := func(name string) []byte { return must[[]byte](t)(os.ReadFile(credential(name))) }
	good := amop.Credentials(nodes.Credentials())
	// In memory, so that reading files takes no part of a short limit.
	ready := amop.CredentialPEM(read("ca.crt"), read("sdk.crt"), read("sdk.key"))
	node := amop.Endpoint(nodes.Endpoints()[0])
	other := otherChain(t)
	for name, c := range map[string]struct {
		opts []amop.Option
		code amop.Code
		text string
	}{
		"no endpoint":        {[]amop.Option{good}, amop.ErrInvalidArgument, "endpoint"},
		"no port":            {[]amop.Option{amop.Endpoint("localhost"), good}, amop.ErrInvalidEndpoint, "localhost"},
		"a NUL":              {[]amop.Option{amop.Endpoint("a\x00b:1"), good}, amop.ErrInvalidEndpoint, "NUL"},
		"not UTF-8":          {[]amop.Option{amop.Endpoint("\xff:1"), good}, amop.ErrInvalidArgument, "Endpoint is not UTF-8"},
		"a NUL in a folder":  {[]amop.Option{node, amop.Credentials("\x00")}, amop.ErrInvalidArgument, "NUL"},
		"a NUL in a file":    {[]amop.Option{node, amop.CredentialFiles("a", "\x00", "b")}, amop.ErrInvalidArgument, "NUL"},
		"a negative time":    {[]amop.Option{node, good, amop.CallTimeout(-1)}, amop.ErrInvalidArgument, "CallTimeout"},
		"a negative bound":   {[]amop.Option{node, good, amop.MaxInFlight(-1)}, amop.ErrInvalidArgument, "MaxInFlight"},
		"too many events":    {[]amop.Option{node, good, amop.MaxEvents(1 << 40)}, amop.ErrInvalidArgument, "MaxEvents"},
		"an unknown policy":  {[]amop.Option{node, good, amop.Retry(99)}, amop.ErrInvalidArgument, "invalid Retry 99"},
		"an endless time":    {[]amop.Option{node, good, amop.CallTimeout(1<<63 - 1)}, amop.ErrInvalidArgument, "call_timeout"},
		"no credentials":     {[]amop.Option{node}, amop.ErrCredentialsNotFound, empty},
		"nothing in them":    {[]amop.Option{node, amop.CredentialPEM(nil, nil, nil)}, amop.ErrCredentialsInvalid, ""},
		"somebody's key":     {[]amop.Option{node, amop.CredentialPEM(read("ca.crt"), read("sdk.crt"), other("sdk.key"))}, amop.ErrKeyMismatch, ""},
		"an encrypted key":   {[]amop.Option{node, amop.CredentialPEM(read("ca.crt"), read("sdk.crt"), []byte(encrypted))}, amop.ErrKeyEncrypted, ""},
		"nobody listens":     {[]amop.Option{amop.Endpoint(free(t)), good}, amop.ErrConnect, ""},
		"no such host":       {[]amop.Option{amop.Endpoint(strings.Repeat("a", 64) + ".invalid:1"), good}, amop.ErrResolve, ".invalid"},
		"a silent node":      {[]amop.Option{amop.Endpoint(silent(t)), ready, amop.ConnectTimeout(50 * time.Millisecond)}, amop.ErrConnectTimeout, ""},
		"another chain's CA": {[]amop.Option{node, amop.CredentialPEM(other("ca.crt"), other("sdk.crt"), other("sdk.key"))}, amop.ErrNodeCertificate, ""},
		"another chain's certificate": {[]amop.Option{node,
			amop.CredentialPEM(read("ca.crt"), other("sdk.crt"), other("sdk.key"))}, amop.ErrClientCertificate, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := amop.Connect(soon(t), c.opts...)
			if client != nil {
				t.Fatal("connect returned a client")
			}
			e := fails(t, err, c.code)
			equal(t, e.Delivery, amop.DeliveryNo)
			if !strings.Contains(e.Message, c.text) {
				t.Fatalf("%q does not contain %q", e.Message, c.text)
			}
		})
	}
}

const encrypted = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGwMBsGCSqGSIb3DQEFAzAOBAi1kW8yuY5q5wICCAAEgZBbq6sVGyB4HHDNe8Oc
-----END ENCRYPTED PRIVATE KEY-----
`

// otherChain reads credentials of another chain.
func otherChain(t *testing.T) func(name string) []byte {
	t.Helper()
	chain := devnetOfItsOwn(t)
	return func(name string) []byte {
		return must[[]byte](t)(os.ReadFile(filepath.Join(chain.Credentials(), name)))
	}
}

func TestContextEndsConnectWithoutLeaks(t *testing.T) {
	before := capi.Live()
	quiet := amop.Options(amop.Endpoint(silent(t)), amop.Credentials(nodes.Credentials()), amop.ConnectTimeout(guard))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := amop.Connect(ctx, quiet)
	e := fails(t, err, amop.ErrTimeout)
	if !errors.Is(err, context.DeadlineExceeded) || !e.Retriable {
		t.Fatalf("%#v", e)
	}
	ctx, cancel = context.WithCancel(context.Background())
	time.AfterFunc(time.Millisecond, cancel)
	_, err = amop.Connect(ctx, quiet)
	fails(t, err, amop.ErrCancelled)
	if !errors.Is(err, context.Canceled) {
		t.Fatal("the error of the context is missing")
	}
	// A client that is connected too late is freed.
	for range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		time.AfterFunc(time.Millisecond, cancel)
		if client, err := amop.Connect(ctx, nodes.Node(0)); err == nil {
			ok(t, client.Close())
		} else {
			fails(t, err, amop.ErrCancelled)
		}
	}
	if now := settled(before); now > before {
		t.Fatalf("%d handles before, %d after", before, now)
	}
}

func TestClientMayStartOffline(t *testing.T) {
	client := connect(t, amop.Endpoint(free(t)), amop.Credentials(nodes.Credentials()), amop.StartOffline(true))
	_, err := client.Publish(soon(t), freshTopic(), nil)
	e := fails(t, err, amop.ErrNotConnected)
	equal(t, e.Retriable, true)
	equal(t, e.Delivery, amop.DeliveryNo)
	ok(t, client.AddEndpoint(nodes.Endpoints()[0]))
	topic := freshTopic()
	must[*amop.Subscription](t)(clientAt(t, 1).Subscribe(soon(t), topic))
	must[*amop.Reply](t)(client.Publish(soon(t), topic, nil, amop.WaitForSubscriber(true)))
}

func TestEndpointsCanBeAddedAndRemoved(t *testing.T) {
	client := connect(t, nodes.Node(0))
	equal(t, len(client.Stats().Endpoints), 1)
	events := must[<-chan *amop.Event](t)(client.Events(soon(t)))
	second := nodes.Endpoints()[1]
	ok(t, client.AddEndpoint(second))
	ok(t, client.AddEndpoint(second))
	event := receive(t, events)
	for event.Endpoint != second {
		// The event of the first endpoint.
		event = receive(t, events)
	}
	equal(t, event.Kind, amop.EventConnected)
	if event.NodeVersion == "" || event.Protocol == 0 {
		t.Fatalf("%+v", event)
	}
	stats := client.Stats()
	equal(t, len(stats.Endpoints), 2)
	equal(t, stats.Endpoints[1].Endpoint, second)
	equal(t, stats.Endpoints[1].Connected, true)
	ok(t, client.RemoveEndpoint(second))
	ok(t, client.RemoveEndpoint(second))
	fails(t, client.AddEndpoint("nonsense"), amop.ErrInvalidEndpoint)
	fails(t, client.RemoveEndpoint(":"), amop.ErrInvalidEndpoint)
	fails(t, client.AddEndpoint("\x00:1"), amop.ErrInvalidEndpoint)
	equal(t, len(client.Stats().Endpoints), 1)
}

func TestAllOptionsAreAcceptedTogether(t *testing.T) {
	client := connect(t, amop.Endpoints(nodes.Endpoints()...), amop.Credentials(nodes.Credentials()),
		amop.ConnectTimeout(guard), amop.CallTimeout(guard), amop.CloseTimeout(guard), amop.AnswerTimeout(guard),
		amop.Heartbeat(guard), amop.MissedHeartbeats(3), amop.StartOffline(false),
		amop.ReconnectMin(time.Millisecond), amop.ReconnectMax(time.Second),
		amop.Retry(amop.RetryAtLeastOnce), amop.Echo(false),
		amop.MaxInFlight(100), amop.MaxSendBytes(1<<20), amop.MaxHeldBytes(1<<20), amop.MaxEvents(10),
		amop.DuplicateWindow(time.Second), amop.MaxDuplicates(100), amop.Group(1))
	topic := freshTopic()
	service := must[*amop.Service](t)(client.ServeFunc(soon(t), topic,
		func(_ context.Context, request *amop.Request) ([]byte, error) { return request.Data, nil },
		amop.MaxMessages(10), amop.MaxBytes(1000), amop.Placement(amop.PlacementOne), amop.Concurrency(0),
		amop.Timeout(guard)))
	reply := must[*amop.Reply](t)(client.Publish(soon(t), topic, []byte("x"),
		amop.Timeout(guard), amop.Retry(amop.RetryDefinite), amop.WaitForSubscriber(true)))
	equal(t, string(reply.Data), "x")
	ok(t, service.Close())
	for _, opts := range [][]amop.SubscribeOption{
		{amop.MaxMessages(-1)}, {amop.MaxBytes(-1)}, {amop.Timeout(-1)}, {amop.Overflow(9)}, {amop.Placement(9)},
	} {
		_, err := client.Subscribe(soon(t), topic, opts...)
		fails(t, err, amop.ErrInvalidArgument)
	}
	for _, opts := range [][]amop.ServeOption{{amop.Concurrency(-1)}, {amop.Placement(9)}, {amop.MaxBytes(-1)}} {
		_, err := client.Serve(soon(t), topic, opts...)
		fails(t, err, amop.ErrInvalidArgument)
	}
	_, err := client.Publish(soon(t), topic, nil, amop.Timeout(-1))
	fails(t, err, amop.ErrInvalidArgument)
	_, err = client.SubscribeFunc(soon(t), topic, nil)
	fails(t, err, amop.ErrInvalidArgument)
	_, err = client.ServeFunc(soon(t), topic, nil)
	fails(t, err, amop.ErrInvalidArgument)
}

func TestWireNamesOfPrivateTopicsAreRejected(t *testing.T) {
	client := clientAt(t, 0)
	for _, topic := range []string{"#!$TopicNeedVerify_a", "#!$VerifyChannel_a", "#!$PushChannel_a"} {
		_, err := client.Subscribe(soon(t), topic)
		if e := fails(t, err, amop.ErrInvalidTopic); !strings.Contains(e.Message, "private topic") {
			t.Fatal(e)
		}
		_, err = client.Serve(soon(t), topic)
		fails(t, err, amop.ErrInvalidTopic)
	}
}

func TestEveryCallRejectsInvalidTopics(t *testing.T) {
	client := clientAt(t, 0)
	for _, topic := range []string{"", "a\tb", "a\x00b", strings.Repeat("x", 255)} {
		_, err := client.Publish(soon(t), topic, nil)
		fails(t, err, amop.ErrInvalidTopic)
		fails(t, client.Broadcast(soon(t), topic, nil), amop.ErrInvalidTopic)
		_, err = client.Subscribe(soon(t), topic)
		fails(t, err, amop.ErrInvalidTopic)
		_, err = client.Serve(soon(t), topic)
		fails(t, err, amop.ErrInvalidTopic)
	}
	_, err := client.Publish(soon(t), "\xff", nil)
	fails(t, err, amop.ErrInvalidTopic)
}

func TestEveryKindOfChannelIsConnected(t *testing.T) {
	for _, kind := range []amop.TLSKind{amop.TLSECDHE, amop.TLSStaticRSA, amop.TLSGM} {
		own := must[*devnet.Devnet](t)(devnet.Start(soon(t), devnet.Nodes(1), devnet.TLS(kind)))
		client := connect(t, own.Node(0))
		equal(t, client.Stats().Endpoints[0].TLS, kind)
		ok(t, client.ReloadCredentials(soon(t)))
		equal(t, client.Stats().Endpoints[0].Connects, 2)
		ok(t, client.Close())
		pinned := connect(t, own.Node(0), amop.TLS(kind))
		ok(t, pinned.Close())
		if _, err := amop.Connect(soon(t), own.Node(0), amop.TLS(amop.TLSTLCP)); !errors.Is(err, amop.ErrInvalidArgument) {
			t.Errorf("%v: %v", kind, err)
		}
		ok(t, own.Stop())
	}
	equal(t, amop.TLSStaticRSA.String(), "static-rsa")
}

func TestEveryKindOf3xNodeIsConnected(t *testing.T) {
	for _, kind := range []amop.TLSKind{amop.TLSECDHE, amop.TLSTLCP, amop.TLSOff} {
		options := []devnet.Option{devnet.Nodes(1), devnet.Generation(amop.Generation3), devnet.TLS(kind), devnet.Like316(true)}
		own := must[*devnet.Devnet](t)(devnet.Start(soon(t), options...))
		equal(t, own.Credentials() == "", kind == amop.TLSOff)
		client := connect(t, own.Node(0), amop.Generation(amop.Generation3))
		equal(t, client.Stats().Endpoints[0].TLS, kind)
		ok(t, client.Close())
		ok(t, own.Stop())
	}
	_, err := devnet.Start(soon(t), devnet.Generation(amop.Generation3), devnet.TLS(amop.TLSGM))
	fails(t, err, amop.ErrInvalidArgument)
	equal(t, amop.TLSOff.String(), "off")
}

func TestGMCredentialsAreReadFromFilesOrMemory(t *testing.T) {
	own := must[*devnet.Devnet](t)(devnet.Start(soon(t), devnet.Nodes(1), devnet.TLS(amop.TLSGM)))
	t.Cleanup(func() { own.Stop() })
	var files [5]string
	var pem [5][]byte
	for n, name := range []string{"gmca.crt", "gmsdk.crt", "gmsdk.key", "gmensdk.crt", "gmensdk.key"} {
		files[n] = filepath.Join(own.Credentials(), "gm", name)
		pem[n] = must[[]byte](t)(os.ReadFile(files[n]))
	}
	for _, option := range []amop.Option{
		amop.CredentialFilesGM(files[0], files[1], files[2], files[3], files[4]),
		amop.CredentialPEMGM(pem[0], pem[1], pem[2], pem[3], pem[4]),
	} {
		client := connect(t, amop.Endpoint(own.Endpoints()[0]), option)
		equal(t, client.Stats().Endpoints[0].TLS, amop.TLSGM)
		ok(t, client.Close())
	}
}

func TestCertificateThatEndsSoonEmitsAnEvent(t *testing.T) {
	// Certificates of the devnet are valid for a hundred years.
	client := clientAt(t, 0, amop.ExpiryWarning(101*366*24*time.Hour))
	events := must[<-chan *amop.Event](t)(client.Events(soon(t)))
	event := receive(t, events)
	equal(t, event.Kind, amop.EventCertificateExpiring)
	if !strings.HasPrefix(event.Message, "CN=") || event.Expires.Before(time.Now()) {
		t.Fatalf("%+v", event)
	}
}
