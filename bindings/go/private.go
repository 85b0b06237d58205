package amop

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"

	"example.org/amop/bindings/go/internal/capi"
)

// PrivateTopic is a private topic that a client publishes on: until Close, the client verifies the subscribers that hold
// one of the allowed keys.
type PrivateTopic struct {
	// client keeps the client reachable.
	client *Client
	topic  string
	handle *capi.PrivateTopic
	closed atomic.Bool
}

// PrivateTopic opens a private topic to publish on (2.x nodes): messages that are published on it reach only
// subscribers that hold the private half of one of the keys, see [Key]. The keys are PEM, or 128 hex digits with 04 before
// them or without.
//
// Each node asks for the verification within 5 s of its learning of a subscriber, so that a message that is published before
// is not delivered: use [WaitForSubscriber], or wait for [EventVerified]. A private topic is another topic than the one of
// the same name without keys, and has at most 185 bytes. Nodes verify nodes and not programs, and can read the payloads.
//
// It fails with [ErrUnsupported] if the nodes are of generation 3.x, and with [ErrCredentialsInvalid] if a key is not one on
// secp256k1.
func (c *Client) PrivateTopic(topic string, keys ...string) (*PrivateTopic, error) {
	if err := c.core.check(); err != nil {
		return nil, err
	}
	if capi.HasNUL(topic) {
		return nil, newError(ErrInvalidTopic, "the topic %q contains a NUL", topic)
	}
	if err := checkKeys(keys); err != nil {
		return nil, err
	}
	handle, failure := c.core.handle.PrivateTopic(topic, keys)
	runtime.KeepAlive(c)
	if failure != nil {
		return nil, fromC(failure)
	}
	return &PrivateTopic{client: c, topic: topic, handle: handle}, nil
}

// Topic returns the name of the topic.
func (p *PrivateTopic) Topic() string {
	return p.topic
}

// Allow allows further keys. A subscriber that was rejected before has to leave the topic for some 5 s, until its node no
// longer lists it, before nodes ask for its verification again.
func (p *PrivateTopic) Allow(keys ...string) error {
	if err := p.client.core.check(); err != nil {
		return err
	}
	if p.closed.Load() {
		return p.closedError()
	}
	if err := checkKeys(keys); err != nil {
		return err
	}
	return fromC(p.handle.Allow(keys))
}

// Publish sends a message to one verified subscriber and waits for its reply. See [Client.Publish].
func (p *PrivateTopic) Publish(ctx context.Context, data []byte, opts ...PublishOption) (*Reply, error) {
	return p.client.Publish(ctx, p.topic, data, p.options(opts)...)
}

// Broadcast sends a message to all verified subscribers and waits for the acknowledgement of the node. See
// [Client.Broadcast].
func (p *PrivateTopic) Broadcast(ctx context.Context, data []byte, opts ...PublishOption) error {
	return p.client.Broadcast(ctx, p.topic, data, p.options(opts)...)
}

// PublishAsync starts a publish to one verified subscriber and does not wait. See [Client.PublishAsync].
func (p *PrivateTopic) PublishAsync(ctx context.Context, data []byte, opts ...PublishOption) *Call {
	return p.client.PublishAsync(ctx, p.topic, data, p.options(opts)...)
}

// BroadcastAsync starts a broadcast to all verified subscribers and does not wait. See [Client.BroadcastAsync].
func (p *PrivateTopic) BroadcastAsync(ctx context.Context, data []byte, opts ...PublishOption) *Call {
	return p.client.BroadcastAsync(ctx, p.topic, data, p.options(opts)...)
}

// options adds to the options of a call that its topic is this one. After Close the call fails.
func (p *PrivateTopic) options(opts []PublishOption) []PublishOption {
	return append(slices.Clip(opts), publishOption(func(o *publishOptions) {
		o.Private = true
		if p.closed.Load() && o.err == nil {
			o.err = p.closedError()
		}
	}))
}

func (p *PrivateTopic) closedError() *Error {
	return newError(ErrClosed, "the private topic %q is closed: open it again", p.topic)
}

// Close ends the verification of subscribers. Nodes go on passing messages on to those that were verified. The other methods
// fail with [ErrClosed] from then on. It does not wait, and may be called again.
func (p *PrivateTopic) Close() {
	p.closed.Store(true)
	p.handle.Free()
}

func checkKeys(keys []string) error {
	if len(keys) == 0 {
		return newError(ErrInvalidArgument, "no key is allowed: give the public key of each subscriber")
	}
	for _, key := range keys {
		if capi.HasNUL(key) {
			return newError(ErrInvalidArgument, "a key contains a NUL: give PEM or hex digits")
		}
	}
	return nil
}
