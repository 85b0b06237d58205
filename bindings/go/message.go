package amop

import (
	"time"

	"amop/internal/capi"
)

// Kind says how a message was sent.
type Kind int

const (
	// Unicast: to one subscriber that the node picked.
	Unicast Kind = 1
	// Broadcast: to all subscribers.
	Broadcast Kind = 2
)

// String is "unicast" or "broadcast".
func (k Kind) String() string {
	if k == Broadcast {
		return "broadcast"
	}
	return "unicast"
}

// Message is what a subscription receives. It is the receiver's own: keep it, change it.
type Message struct {
	// Topic is what it was published on.
	Topic string
	// Kind tells whether others got it too.
	Kind Kind
	// Data is the payload: any bytes, possibly none.
	Data []byte
	// Seq is the publisher's sequence id: 32 bytes as they came, mostly hexadecimal digits.
	Seq string
	// Endpoint is the node that it came from, as the endpoint was given.
	Endpoint string
	// ReceivedAt is when this client read it (not when it was sent: the wire doesn't say).
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

// Reply is what a subscriber answered to a publish.
type Reply struct {
	// Data is what it had to say; empty when nothing.
	Data []byte
	// Endpoint is the node that the message went through, as the endpoint was given.
	Endpoint string
}
