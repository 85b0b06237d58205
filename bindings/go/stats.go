package amop

import (
	"runtime"
	"time"

	"amop/internal/capi"
)

// LaneStats are the figures of a subscription or a service.
type LaneStats struct {
	// HeldMessages and HeldBytes are what the library holds for it now. (Up to 64 more may be in a subscription's channel
	// or on their way to it.)
	HeldMessages, HeldBytes uint64
	// Accepted counts messages, or requests, so far.
	Accepted uint64
	// Refused counts messages that were refused because it was full.
	Refused uint64
	// Dropped counts accepted messages that were given up: for newer ones, or because it ended before they were read.
	Dropped uint64
}

// Stats are the figures of a client.
type Stats struct {
	// HeldBytes are the payload bytes held in all its subscriptions and services now.
	HeldBytes uint64
	// Retries counts further tries of calls, after the first.
	Retries uint64
	// Duplicates counts messages that had come before: answered as the first was, not delivered again.
	Duplicates uint64
	// Unwanted counts messages on topics that nobody here subscribes to, or no longer.
	Unwanted uint64
	// OwnBroadcasts counts the client's own broadcasts that came back (without [Echo]).
	OwnBroadcasts uint64
	// EventsDropped counts events that a listener lost because it read too slowly, or left unread.
	EventsDropped uint64
	// Refused and Dropped count messages and requests as [LaneStats] does, over all subscriptions and services.
	Refused, Dropped uint64
	// Total are the figures of all endpoints together; its Endpoint is empty.
	Total EndpointStats
	// Endpoints are the figures of each, in the order given. One that is removed takes its figures along.
	Endpoints []EndpointStats
}

// EndpointStats are the figures of a client at one endpoint.
type EndpointStats struct {
	// Endpoint is its name, as it was given.
	Endpoint string

	// Connected tells whether a session is up; of the total, whether any is.
	Connected bool
	// Connects counts sessions so far, Losses those that were lost, FailedConnects tries to connect that failed.
	Connects, Losses, FailedConnects uint64

	// FramesSent, FramesReceived, BytesSent and BytesReceived count frames of all kinds, and their bytes before
	// encryption.
	FramesSent, FramesReceived, BytesSent, BytesReceived uint64
	// Writes counts writes to the connection.
	Writes uint64
	// QueuedBytes are queued to send now.
	QueuedBytes uint64

	// Calls counts unicasts and broadcasts sent, each further try too; InFlight is how many wait for an answer now.
	Calls, InFlight uint64
	// MessagesReceived counts unicasts and broadcasts that came, duplicates too.
	MessagesReceived uint64
	// TooSlow counts requests that the library answered for a service that was too slow.
	TooSlow uint64
	// Busy counts unicasts refused because every subscription or service for them was full.
	Busy uint64
	// TopicListsSent counts topic lists.
	TopicListsSent uint64
	// StrayReplies counts answers to nothing in flight: late, duplicate or foreign.
	StrayReplies uint64
	// IgnoredFrames counts frames of types that a client does not use, and malformed ones of those that other SDKs make.
	IgnoredFrames uint64

	// RoundTrips are the unicasts that were answered well.
	RoundTrips RoundTrips
}

// RoundTrips tell how long replies took. Times are known to an eighth of themselves; 0 when there were none.
type RoundTrips struct {
	// Count is how many there were.
	Count uint64
	// Half, nine tenths, ninety-nine hundredths, and all of them had their reply within these times.
	Median, P90, P99, Max time.Duration
}

// Stats are the client's figures so far; after its end, the last ones.
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
		HeldBytes:     seen.HeldBytes,
		Retries:       seen.Retries,
		Duplicates:    seen.Duplicates,
		Unwanted:      seen.Unwanted,
		OwnBroadcasts: seen.OwnBroadcasts,
		EventsDropped: seen.EventsDropped + c.eventsDropped.Load(),
		Refused:       seen.Refused,
		Dropped:       seen.Dropped,
		Total:         endpointStats(&seen.Total),
	}
	for n := range seen.Endpoints {
		stats.Endpoints = append(stats.Endpoints, endpointStats(&seen.Endpoints[n]))
	}
	return stats
}

func endpointStats(s *capi.EndpointStats) EndpointStats {
	microseconds := func(n int) time.Duration { return time.Duration(s.RoundTripTimes[n]) * time.Microsecond }
	return EndpointStats{
		Endpoint:         s.Endpoint,
		Connected:        s.Connected != 0,
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
