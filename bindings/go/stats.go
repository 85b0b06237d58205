package amop

import (
	"runtime"
	"time"

	"example.org/amop/bindings/go/internal/capi"
)

// LaneStats are the statistics of a subscription or a service.
type LaneStats struct {
	// HeldMessages and HeldBytes are queued in the library now. In addition, up to 64 messages may be in the channel of
	// a subscription or on their way to it.
	HeldMessages, HeldBytes uint64
	// Accepted counts accepted messages or requests.
	Accepted uint64
	// Refused counts messages that were refused because the queue was full.
	Refused uint64
	// Dropped counts messages that were discarded after they were accepted: in favour of newer ones, or because the
	// subscription or service ended before they were read.
	Dropped uint64
}

// Stats are the statistics of a client.
type Stats struct {
	// HeldBytes are the payload bytes queued now in all subscriptions and services.
	HeldBytes uint64
	// Retries counts retries of calls.
	Retries uint64
	// Duplicates counts messages that had been received before: answered as the first one was, and not delivered again.
	Duplicates uint64
	// Unwanted counts messages on topics that the client is not, or no longer, subscribed to.
	Unwanted uint64
	// OwnBroadcasts counts the client's own broadcasts that were received and discarded (without [Echo]).
	OwnBroadcasts uint64
	// EventsDropped counts events that were discarded because a listener read too slowly, or ended before it had read
	// them.
	EventsDropped uint64
	// CallsWaiting are the calls whose messages the client keeps now: they wait for a node or a subscriber, or may be
	// retried.
	CallsWaiting uint64
	// PartialBroadcasts counts broadcasts that were acknowledged by at least one node, but by too few to reach all
	// subscribers.
	PartialBroadcasts uint64
	// Refused and Dropped count messages and requests as in [LaneStats], over all subscriptions and services.
	Refused, Dropped uint64
	// Total has the totals of all endpoints; its Endpoint is empty.
	Total EndpointStats
	// Endpoints has the statistics of each endpoint, in the order in which they were added. Endpoints that were removed
	// are not included.
	Endpoints []EndpointStats
	// PrivateTopics has the private topics that the client subscribes to, serves or publishes on, ordered by name.
	PrivateTopics []PrivateTopicStats
}

// EndpointState is the state of an endpoint. A higher value is a better state.
type EndpointState int

// The states.
const (
	// EndpointEnded is the state after the client has been closed, or the endpoint removed.
	EndpointEnded EndpointState = iota
	// EndpointDown means that the last attempt to connect failed, or that the session was lost. The client will try
	// again.
	EndpointDown
	// EndpointConnecting means that the first attempt to connect is in progress.
	EndpointConnecting
	// EndpointConnected means that a session is established.
	EndpointConnected
)

// String returns the state in words.
func (s EndpointState) String() string {
	switch s {
	case EndpointEnded:
		return "ended"
	case EndpointDown:
		return "down"
	case EndpointConnecting:
		return "connecting"
	case EndpointConnected:
		return "connected"
	}
	return "unknown state"
}

// EndpointStats are the statistics of the connections to one endpoint.
type EndpointStats struct {
	// Endpoint is the endpoint, as it was added.
	Endpoint string

	// State is the state of the endpoint; in the total, the highest of all endpoints.
	State EndpointState
	// LastError is why the session was lost, or why the last attempt to connect failed; nil while a session is
	// established, and in the total.
	LastError error
	// Connected reports whether a session is established; in the total, whether any is.
	Connected bool
	// TLS is the kind of TLS by which the endpoint was reached the last time; TLSAuto before, and in the total.
	TLS TLSKind
	// Connects counts established sessions, Losses lost ones, FailedConnects failed attempts to connect.
	Connects, Losses, FailedConnects uint64

	// FramesSent, FramesReceived, BytesSent and BytesReceived count frames of all types, and their bytes before
	// encryption.
	FramesSent, FramesReceived, BytesSent, BytesReceived uint64
	// Writes counts write operations on the connection.
	Writes uint64
	// QueuedBytes are queued for sending now.
	QueuedBytes uint64

	// Calls counts unicasts and broadcasts sent for callers, retries included; InFlight are in flight now.
	Calls, InFlight uint64
	// MessagesReceived counts unicasts and broadcasts received, duplicates included.
	MessagesReceived uint64
	// Overloaded counts calls and replies refused because of a limit: the bytes queued at this connection; in the total,
	// also the calls under way.
	Overloaded uint64
	// TooSlow counts requests that the library answered TOO_SLOW on behalf of a service.
	TooSlow uint64
	// Busy counts unicasts refused because every subscription or service of the topic was full.
	Busy uint64
	// TopicListsSent counts the topic lists sent.
	TopicListsSent uint64
	// StrayReplies counts replies that match no call in flight: late, duplicate or of unknown origin.
	StrayReplies uint64
	// IgnoredFrames counts frames of types that a client does not use, and malformed ones of types that other SDKs create.
	IgnoredFrames uint64

	// RoundTrips are the round trip times of unicasts that received a reply.
	RoundTrips RoundTrips
}

// RoundTrips summarise the round trip times of unicasts. Their precision is one eighth of the value; 0 if there were
// none.
type RoundTrips struct {
	// Count is the number of round trips.
	Count uint64
	// Median, P90, P99 and Max are quantiles: half, 90 %, 99 % and all of the round trips were at most that long.
	Median, P90, P99, Max time.Duration
}

// Stats returns the current statistics, or the last ones after the client has been closed.
func (c *Client) Stats() Stats {
	defer runtime.KeepAlive(c)
	return c.core.stats()
}

func (c *core) stats() Stats {
	seen, failure := c.handle.Stats()
	if failure != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.final
	}
	stats := Stats{
		HeldBytes:         seen.HeldBytes,
		Retries:           seen.Retries,
		Duplicates:        seen.Duplicates,
		Unwanted:          seen.Unwanted,
		OwnBroadcasts:     seen.OwnBroadcasts,
		EventsDropped:     seen.EventsDropped + c.droppedEvents(),
		CallsWaiting:      seen.CallsWaiting,
		PartialBroadcasts: seen.PartialBroadcasts,
		Refused:           seen.Refused,
		Dropped:           seen.Dropped,
		Total:             endpointStats(&seen.Total),
	}
	for n := range seen.Endpoints {
		stats.Endpoints = append(stats.Endpoints, endpointStats(&seen.Endpoints[n]))
	}
	for n := range seen.PrivateTopics {
		stats.PrivateTopics = append(stats.PrivateTopics, privateTopicStats(&seen.PrivateTopics[n]))
	}
	return stats
}

// lastError returns an error, nil for nil, which a nil pointer in an interface would not be.
func lastError(failure *capi.Error) error {
	if failure == nil {
		return nil
	}
	return errorOf(failure)
}

func endpointStats(s *capi.EndpointStats) EndpointStats {
	microseconds := func(n int) time.Duration { return time.Duration(s.RoundTripTimes[n]) * time.Microsecond }
	return EndpointStats{
		Endpoint:         s.Endpoint,
		State:            EndpointState(s.State),
		LastError:        lastError(s.LastError),
		Connected:        s.Connected != 0,
		TLS:              TLSKind(s.TLS),
		Connects:         s.Connects,
		Losses:           s.Losses,
		FailedConnects:   s.FailedConnects,
		FramesSent:       s.FramesSent,
		FramesReceived:   s.FramesReceived,
		BytesSent:        s.BytesSent,
		BytesReceived:    s.BytesReceived,
		Writes:           s.Writes,
		QueuedBytes:      s.QueuedBytes,
		Calls:            s.Calls,
		InFlight:         s.InFlight,
		MessagesReceived: s.MessagesReceived,
		Overloaded:       s.Overloaded,
		TooSlow:          s.TooSlow,
		Busy:             s.Busy,
		TopicListsSent:   s.TopicListsSent,
		StrayReplies:     s.StrayReplies,
		IgnoredFrames:    s.IgnoredFrames,
		RoundTrips: RoundTrips{
			Count:  s.RoundTrips,
			Median: microseconds(0),
			P90:    microseconds(1),
			P99:    microseconds(2),
			Max:    microseconds(3),
		},
	}
}
