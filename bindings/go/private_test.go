package amop_test

import (
	"reflect"
	"strings"
	"testing"

	amop "example.org/amop/bindings/go"
)

var (
	privateKey = strings.Repeat("11", 32)
	publicKey  = "044f355bdcb7cc0af728ef3cceb9615d90684bb5b2ca5f859ab0f0b704075871aa" +
		"385b6b1b8ead809ca67454d9683fcf2ba03456d6fe2c4abe2b07f0fbdbb2f1c1"
)

func TestVerifiedSubscribersReceivePrivateMessages(t *testing.T) {
	publisher, subscriber := connect(t, nodes.Node(0)), connect(t, nodes.Node(1))
	topic := freshTopic()
	events := must[<-chan *amop.Event](t)(publisher.Events(soon(t)))
	opened := must[*amop.PrivateTopic](t)(publisher.PrivateTopic(topic, publicKey))
	defer opened.Close()
	subscription := must[*amop.Subscription](t)(subscriber.Subscribe(soon(t), topic, amop.Key([]byte(privateKey))))
	defer subscription.Close()
	for event := range events {
		if event.Kind != amop.EventVerified {
			continue
		}
		if event.Topic != topic || event.Key != publicKey || event.NodeID == "" {
			t.Fatalf("the event is %+v", event)
		}
		break
	}
	must[*amop.Reply](t)(publisher.Publish(soon(t), topic, []byte("x"), amop.Private(true), amop.WaitForSubscriber(true)))
	if message := <-subscription.Messages(); message.Topic != topic || string(message.Data) != "x" {
		t.Fatalf("the message is %+v", message)
	}
}

func TestPrivateTopicsSendWithoutAnOption(t *testing.T) {
	publisher, subscriber := connect(t, nodes.Node(0)), connect(t, nodes.Node(1))
	topic := freshTopic()
	opened := must[*amop.PrivateTopic](t)(publisher.PrivateTopic(topic, publicKey))
	defer opened.Close()
	subscription := must[*amop.Subscription](t)(subscriber.Subscribe(soon(t), topic, amop.Key([]byte(privateKey))))
	defer subscription.Close()
	waiting := amop.WaitForSubscriber(true)
	must[*amop.Reply](t)(opened.Publish(soon(t), []byte("1"), waiting, amop.Private(false)))
	ok(t, opened.Broadcast(soon(t), []byte("2"), waiting))
	must[*amop.Reply](t)(opened.PublishAsync(soon(t), []byte("3"), waiting).Wait())
	must[*amop.Reply](t)(opened.BroadcastAsync(soon(t), []byte("4"), waiting).Wait())
	for _, data := range []string{"1", "2", "3", "4"} {
		equal(t, string((<-subscription.Messages()).Data), data)
	}
	// The public topic of the same name is another one.
	_, err := publisher.Publish(soon(t), topic, nil)
	fails(t, err, amop.ErrNoSubscriber)
}

func TestStatisticsStateWherePrivateTopicsStand(t *testing.T) {
	publisher, subscriber := connect(t, nodes.Node(0)), connect(t, nodes.Node(1))
	topic := freshTopic()
	events := must[<-chan *amop.Event](t)(publisher.Events(soon(t)))
	opened := must[*amop.PrivateTopic](t)(publisher.PrivateTopic(topic, publicKey))
	defer opened.Close()
	subscription := must[*amop.Subscription](t)(subscriber.Subscribe(soon(t), topic, amop.Key([]byte(privateKey))))
	defer subscription.Close()
	var verified *amop.Event
	for verified = range events {
		if verified.Kind == amop.EventVerified {
			break
		}
	}
	expected := []amop.PrivateTopicStats{{
		Topic:   topic,
		Allowed: []string{publicKey},
		Verifications: []amop.VerificationStats{{
			Endpoint: verified.Endpoint, NodeID: verified.NodeID, State: amop.VerificationVerified, Key: publicKey,
		}},
	}}
	if found := publisher.Stats().PrivateTopics; !reflect.DeepEqual(found, expected) {
		t.Fatalf("the publisher has %+v", found)
	}
	found := subscriber.Stats().PrivateTopics
	if len(found) != 1 || found[0].Key != publicKey || found[0].ChallengesSigned == 0 || found[0].ChallengesRefused != 0 ||
		len(found[0].Allowed)+len(found[0].Verifications) != 0 {
		t.Fatalf("the subscriber has %+v", found)
	}
}

func TestUnusableKeysOfPrivateTopicsAreRefused(t *testing.T) {
	client, topic := connect(t, nodes.Node(0)), freshTopic()
	// A file that could not be read leaves a program with an empty key. Without a key it would use the public topic.
	_, err := client.Subscribe(soon(t), topic, amop.Key(nil))
	fails(t, err, amop.ErrCredentialsInvalid)
	_, err = client.Serve(soon(t), topic, amop.Key([]byte{}))
	fails(t, err, amop.ErrCredentialsInvalid)
	_, err = client.Subscribe(soon(t), topic, amop.Key([]byte("no key")))
	fails(t, err, amop.ErrCredentialsInvalid)
	_, err = client.Serve(soon(t), topic, amop.Key([]byte("no key")))
	fails(t, err, amop.ErrCredentialsInvalid)
	_, err = client.PrivateTopic(topic)
	fails(t, err, amop.ErrInvalidArgument)
	_, err = client.PrivateTopic(topic, "no key")
	fails(t, err, amop.ErrCredentialsInvalid)
	_, err = client.PrivateTopic(strings.Repeat("x", 186), publicKey)
	fails(t, err, amop.ErrInvalidTopic)
	_, err = client.Publish(soon(t), topic, nil, amop.Private(true))
	fails(t, err, amop.ErrInvalidArgument)
	opened := must[*amop.PrivateTopic](t)(client.PrivateTopic(topic, publicKey))
	if opened.Topic() != topic {
		t.Fatalf("the topic is %q", opened.Topic())
	}
	fails(t, opened.Allow("no key"), amop.ErrCredentialsInvalid)
	opened.Close()
	opened.Close()
	// Also while the topic is open elsewhere.
	other := must[*amop.PrivateTopic](t)(client.PrivateTopic(topic, publicKey))
	defer other.Close()
	fails(t, opened.Allow(publicKey), amop.ErrClosed)
	_, err = opened.Publish(soon(t), nil)
	fails(t, err, amop.ErrClosed)
	fails(t, opened.Broadcast(soon(t), nil), amop.ErrClosed)
	_, err = opened.PublishAsync(soon(t), nil).Wait()
	fails(t, err, amop.ErrClosed)
	_, err = opened.BroadcastAsync(soon(t), nil).Wait()
	fails(t, err, amop.ErrClosed)
}
