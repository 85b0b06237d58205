package amop

import "fmt"

// NodeGeneration is a generation of nodes.
type NodeGeneration int32

const (
	// GenerationAuto: the client finds out. The kind of certificate decides what is tried first. The default.
	GenerationAuto NodeGeneration = 0
	// Generation2: 2.x only, which has the channel protocol.
	Generation2 NodeGeneration = 2
	// Generation3: 3.x only, which has WebSocket.
	Generation3 NodeGeneration = 3
)

// String returns "auto", "2" or "3".
func (g NodeGeneration) String() string {
	return nameOf("generation", int(g), []string{0: "auto", 2: "2", 3: "3"})
}

// RetryPolicy states when a failed publish or broadcast is retried automatically.
type RetryPolicy int32

const (
	// RetryNever: never.
	RetryNever RetryPolicy = 1
	// RetryDefinite: on another node, if the error states that the message was not delivered. The default.
	RetryDefinite RetryPolicy = 2
	// RetryAtLeastOnce: also if the message may have been delivered. Subscribers that use this library discard the
	// duplicate; others may handle the message more than once.
	RetryAtLeastOnce RetryPolicy = 3
)

// String returns the name of the policy, such as "at least once".
func (p RetryPolicy) String() string {
	return nameOf("retry policy", int(p), []string{1: "never", 2: "definite", 3: "at least once"})
}

// OverflowPolicy states what a full subscription does with a new message.
type OverflowPolicy int32

const (
	// OverflowRefuse: refuses it; the publisher of a unicast receives [ErrSubscriberBusy]. The default.
	OverflowRefuse OverflowPolicy = 0
	// OverflowDropOldest: discards its oldest messages to make space.
	OverflowDropOldest OverflowPolicy = 1
)

// String returns the name of the policy, such as "drop oldest".
func (p OverflowPolicy) String() string {
	return nameOf("overflow policy", int(p), []string{"refuse", "drop oldest"})
}

// PlacementPolicy states at how many of the connected nodes a topic is listed.
type PlacementPolicy int32

const (
	// PlacementAll: at all connected nodes; the loss of a node loses no messages, and every broadcast is received. The
	// default of subscriptions.
	PlacementAll PlacementPolicy = 1
	// PlacementOne: at one node; the topic moves to another node when that one is lost. The default of services, because
	// nodes up to release 2.11 can lose a unicast between two clients of the same node. If the service were listed at
	// all nodes, every publisher would share a node with it.
	PlacementOne PlacementPolicy = 2
)

// String returns the name of the policy, "all" or "one".
func (p PlacementPolicy) String() string {
	return nameOf("placement policy", int(p), []string{1: "all", 2: "one"})
}

// ConfirmPolicy states whether subscribing and serving wait until a node has confirmed that it lists the topic. If the
// confirmation fails, the subscription or service is removed.
type ConfirmPolicy int32

const (
	// ConfirmAuto: while a node is connected. Without one it returns at once, and the subscription becomes active with the
	// first node; only for a topic that a node may refuse as too long does it wait for that node. The default.
	ConfirmAuto ConfirmPolicy = 0
	// ConfirmAlways: always, up to the time limit, also for the first node to be connected.
	ConfirmAlways ConfirmPolicy = 1
	// ConfirmNever: never. Whether a node lists the topic is not reported.
	ConfirmNever ConfirmPolicy = 2
)

// String returns the name of the policy, such as "always".
func (p ConfirmPolicy) String() string {
	return nameOf("confirm policy", int(p), []string{"auto", "always", "never"})
}

// TLSKind is a kind of TLS.
type TLSKind int32

const (
	// TLSAuto: as an option, the credentials decide. With RSA keys ECDHE is tried first, and static RSA only if the node
	// has nothing in common with it. As a statistic, the endpoint was not reached yet.
	TLSAuto TLSKind = 0
	// TLSECDHE: TLS 1.2 with ECDHE, for secp256k1 chains, and for RSA chains whose nodes support it.
	TLSECDHE TLSKind = 1
	// TLSStaticRSA: TLS 1.2 with static RSA key exchange, the only one of 2.x nodes with an RSA channel. It has no forward
	// secrecy.
	TLSStaticRSA TLSKind = 2
	// TLSGM: the GM suites over TLS 1.2, of GM channels of 2.x nodes.
	TLSGM TLSKind = 3
	// TLSTLCP: TLCP, of SM chains of generation 3.
	TLSTLCP TLSKind = 4
	// TLSOff: no TLS but plain TCP, without credentials, for 3.x nodes that are set up so (disable_ssl). Anybody on the way
	// can read and change what is sent.
	TLSOff TLSKind = 5
)

var tlsNames = [...]string{
	TLSAuto: "auto", TLSECDHE: "ecdhe", TLSStaticRSA: "static-rsa", TLSGM: "gm", TLSTLCP: "tlcp", TLSOff: "off",
}

// String returns the name of the kind, such as "static-rsa".
func (k TLSKind) String() string {
	if k >= 0 && int(k) < len(tlsNames) {
		return tlsNames[k]
	}
	return "unknown kind of TLS"
}

// nameOf returns the name of a value of an enumeration, or its number with what it is if it has no name.
func nameOf(what string, value int, names []string) string {
	if value >= 0 && value < len(names) && names[value] != "" {
		return names[value]
	}
	return fmt.Sprintf("%s %d", what, value)
}
