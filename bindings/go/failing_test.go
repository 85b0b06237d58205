package amop_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	amop "example.org/amop/bindings/go"
	"example.org/amop/bindings/go/internal/capi"
)

func TestCodesMatchThoseOfC(t *testing.T) {
	known := 0
	for number := range int32(1000) {
		if number == 0 {
			continue
		}
		name := "AMOP_ERROR_" + strings.ToUpper(strings.ReplaceAll(amop.Code(number).String(), " ", "_"))
		if seen := capi.StatusName(number); seen != "" {
			equal(t, name, seen)
			known++
		} else if !strings.HasPrefix(amop.Code(number).String(), "code ") {
			t.Fatalf("C has no code %d", number)
		}
	}
	if known < 40 {
		t.Fatalf("only %d codes", known)
	}
	equal(t, amop.ErrTimeout.Error(), "amop: timeout")
}

func TestErrorsIsFindsCodesAndCauses(t *testing.T) {
	client := clientAt(t, 0)
	_, err := client.Publish(soon(t), freshTopic(), nil)
	if !errors.Is(err, amop.ErrNoSubscriber) || errors.Is(err, amop.ErrTimeout) {
		t.Fatal("errors.Is does not find the code")
	}
	var e *amop.Error
	if !errors.As(err, &e) || !e.Retriable || e.NodeCode != 100 {
		t.Fatalf("%#v", err)
	}
	equal(t, amop.DeliveryNo.String(), "no")
	equal(t, amop.DeliveryMaybe.String(), "maybe")
}

// chain is a CA with the certificates that it has signed.
type chain struct {
	ca, cert, key []byte
}

// mint creates a chain with one key that is valid from a date on.
func mint(t *testing.T, key crypto.Signer, from time.Time) chain {
	t.Helper()
	template := func(name string, isCA bool) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
			NotBefore: from, NotAfter: from.Add(48 * time.Hour),
			IsCA: isCA, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		}
	}
	encode := func(kind string, der []byte, err error) []byte {
		ok(t, err)
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	ca, leaf := template("ca", true), template("leaf", false)
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	made := chain{ca: encode("CERTIFICATE", caDER, err)}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), key)
	made.cert = encode("CERTIFICATE", leafDER, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	made.key = encode("PRIVATE KEY", keyDER, err)
	return made
}

func (c chain) credentials() amop.Option {
	return amop.CredentialPEM(c.ca, c.cert, c.key)
}

func TestExpiredCertificateIsReported(t *testing.T) {
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	expired := mint(t, key, time.Now().Add(-7*24*time.Hour))
	_, err := amop.Connect(soon(t), amop.Endpoint(nodes.Endpoints()[0]), expired.credentials())
	fails(t, err, amop.ErrCertificateDates)
}

// answering returns the address of a server that calls act for each connection.
func answering(t *testing.T, act func(net.Conn)) string {
	t.Helper()
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { ok(t, listener.Close()) })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			act(connection)
			_ = connection.Close()
		}
	}()
	return listener.Addr().String()
}

func TestPeersThatAreNotNodesAreReported(t *testing.T) {
	babbling := answering(t, func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) })
	_, err := amop.Connect(soon(t), amop.Endpoint(babbling), amop.Credentials(nodes.Credentials()))
	fails(t, err, amop.ErrTLS)

	own := mint(t, must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 2048)), time.Now().Add(-time.Hour))
	server := &tls.Config{
		Certificates: []tls.Certificate{must[tls.Certificate](t)(tls.X509KeyPair(own.cert, own.key))},
		MaxVersion:   tls.VersionTLS12,
		ClientAuth:   tls.RequireAnyClientCert,
	}
	garbage := answering(t, func(c net.Conn) { _, _ = tls.Server(c, server).Write(bytes.Repeat([]byte{0xff}, 64)) })
	_, err = amop.Connect(soon(t), amop.Endpoint(garbage), own.credentials())
	fails(t, err, amop.ErrHandshake)

	// Like stock nodes with RSA certificates, but it closes the connection after TLS.
	static := server.Clone()
	static.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	stock := answering(t, func(c net.Conn) { _ = tls.Server(c, static).Handshake() })
	_, err = amop.Connect(soon(t), amop.Endpoint(stock), own.credentials())
	fails(t, err, amop.ErrHandshake)
	_, err = amop.Connect(soon(t), amop.Endpoint(stock), own.credentials(), amop.TLS(amop.TLSECDHE))
	fails(t, err, amop.ErrTLSNoCommon)
}

func TestCallsBeyondTheLimitsAreRefused(t *testing.T) {
	topic, requests := stuck(t, clientAt(t, 1))
	client := clientAt(t, 0, amop.MaxInFlight(1))
	call := client.PublishAsync(soon(t), topic, nil)
	request := receive(t, requests)
	_, err := client.Publish(soon(t), topic, nil)
	e := fails(t, err, amop.ErrOverloaded)
	equal(t, e.Retriable, true)
	ok(t, request.Reply(nil))
	must[*amop.Reply](t)(call.Wait())
}

func TestExhaustedDescriptorsAreReported(t *testing.T) {
	client := clientAt(t, 0)
	before := capi.Live()
	var limit syscall.Rlimit
	ok(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = 3
	ok(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	_, subscribed := client.Subscribe(soon(t), freshTopic())
	_, served := client.Serve(soon(t), freshTopic())
	_, published := client.Publish(soon(t), freshTopic(), nil)
	_, listened := client.Events(soon(t))
	ok(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	for _, err := range []error{subscribed, served, published, listened} {
		fails(t, err, amop.ErrRuntime)
	}
	// Less if a handle of an earlier test was freed meanwhile.
	if now := settled(before); now > before {
		t.Fatalf("%d handles before, %d after", before, now)
	}
	// Connecting works again afterwards.
	must[*amop.Subscription](t)(client.Subscribe(soon(t), freshTopic()))
	_, err := client.Publish(soon(t), freshTopic(), nil)
	fails(t, err, amop.ErrNoSubscriber)
}

func TestLostConnectionIsReportedAndRestored(t *testing.T) {
	own := devnetOfItsOwn(t)
	server, client := connect(t, own.Node(1)), connect(t, own.Node(0))
	events := must[<-chan *amop.Event](t)(client.Events(soon(t)))
	topic, requests := stuck(t, server)
	call := client.PublishAsync(soon(t), topic, nil)
	request := receive(t, requests)
	ok(t, own.KillNode(soon(t), 0))
	_, err := call.Wait()
	equal(t, fails(t, err, amop.ErrConnectionLost).Delivery, amop.DeliveryMaybe)
	ok(t, request.Reply(nil))
	event := happens(t, events)
	equal(t, event.Kind, amop.EventLost)
	equal(t, event.Endpoint, own.Endpoints()[0])
	fails(t, event.Err, amop.ErrConnectionLost)
	event = receive(t, events)
	equal(t, event.Kind, amop.EventConnectFailed)
	fails(t, event.Err, amop.ErrConnect)
	ok(t, own.RestartNode(soon(t), 0))
	for event.Kind != amop.EventReconnected {
		event = receive(t, events)
	}
	equal(t, event.Endpoint, own.Endpoints()[0])
	call = client.PublishAsync(soon(t), topic, nil, amop.WaitForSubscriber(true))
	ok(t, receive(t, requests).Reply([]byte("again")))
	equal(t, string(must[*amop.Reply](t)(call.Wait()).Data), "again")
	equal(t, client.Stats().Total.Losses, 1)
	ok(t, client.Close())
	for event := range events {
		equal(t, event.Kind, amop.EventClosed)
	}
}

func TestCallsCompleteWhileANodeIsKilledUnderLoad(t *testing.T) {
	own := devnetOfItsOwn(t)
	server, client := connect(t, own.Node(0), own.Node(1)), connect(t, own.Node(0), own.Node(1))
	topic := freshTopic()
	must[*amop.Service](t)(server.ServeFunc(soon(t), topic,
		func(_ context.Context, request *amop.Request) ([]byte, error) { return request.Data, nil }))
	must[*amop.Reply](t)(client.Publish(soon(t), topic, nil, amop.WaitForSubscriber(true)))

	stop := make(chan struct{})
	type tally struct{ answered, failed int }
	tallies := make(chan tally)
	for range 8 {
		go func() {
			var seen tally
			for {
				select {
				case <-stop:
					tallies <- seen
					return
				default:
				}
				_, err := client.Publish(soon(t), topic, []byte("?"), amop.WaitForSubscriber(true), amop.Timeout(2*time.Second))
				var e *amop.Error
				switch {
				case err == nil:
					seen.answered++
				case errors.As(err, &e) && e.Code != amop.ErrInternal:
					seen.failed++
				default:
					t.Errorf("%#v", err)
				}
			}
		}()
	}
	for node := range 2 {
		ok(t, own.KillNode(soon(t), node))
		must[*amop.Reply](t)(client.Publish(soon(t), topic, nil, amop.WaitForSubscriber(true), amop.Retry(amop.RetryAtLeastOnce), amop.Timeout(guard)))
		ok(t, own.RestartNode(soon(t), node))
		must[*amop.Reply](t)(client.Publish(soon(t), topic, nil, amop.WaitForSubscriber(true), amop.Retry(amop.RetryAtLeastOnce), amop.Timeout(guard)))
	}
	close(stop)
	var all tally
	for range 8 {
		seen := receive(t, tallies)
		all.answered += seen.answered
		all.failed += seen.failed
	}
	if all.answered == 0 {
		t.Fatal("no call received an answer")
	}
	t.Logf("%d calls answered, %d failed", all.answered, all.failed)
	// A call that a second node answered may still be taken back from the first.
	until(t, func() bool { return client.Stats().Total.InFlight == 0 })
}
