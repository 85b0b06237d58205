package amop

import (
	"time"

	"example.org/amop/bindings/go/internal/capi"
)

// Kind states how a message was sent.
type Kind int

const (
	// Unicast: to one subscriber, chosen by the node.
	Unicast Kind = 1
	// Broadcast: to all subscribers.
	Broadcast Kind = 2
)

// String returns "unicast" or "broadcast".
func (k Kind) String() string {
	return nameOf("kind", int(k), []string{1: "unicast", 2: "broadcast"})
}

// Message is what a subscription receives. The receiver owns it and may keep and change it.
type Message struct {
	// Topic is the topic that the message was published on.
	Topic string
	// Kind states whether the message was sent to one subscriber or to all.
	Kind Kind
	// Data is the payload: any number of bytes, possibly none.
	Data []byte
	// Seq is the sequence id that the publisher gave the message, as received: 32 bytes from 2.x nodes, usually hexadecimal
	// digits. Empty if the protocol carries none.
	Seq string
	// Endpoint is the endpoint of the node that delivered the message, as it was added.
	Endpoint string
	// ReceivedAt is when this client received the message. The protocol does not transmit when it was sent.
	ReceivedAt time.Time
}

func messageOf(topic string, message *capi.Message) *Message {
	return &Message{
		Topic:      topic,
		Kind:       Kind(message.Kind),
		Data:       message.Data,
		Seq:        message.Seq,
		Endpoint:   message.Endpoint,
		ReceivedAt: time.UnixMilli(message.ReceivedAt),
	}
}

// Reply is the answer of a subscriber to a publish.
type Reply struct {
	// Data is the payload; empty if the subscriber sent none.
	Data []byte
	// Endpoint is the endpoint of the node that the message was sent to, as it was added.
	Endpoint string
}
