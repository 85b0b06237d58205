package capi

// #include "glue.h"
import "C"

// LaneStats are the figures of a subscription or a service.
type LaneStats struct {
	HeldMessages, HeldBytes, Accepted, Refused, Dropped uint64
}

// ClientStats are the figures of a client.
type ClientStats struct {
	HeldBytes, Retries, Duplicates, Unwanted, OwnBroadcasts, EventsDropped, Refused, Dropped uint64
	// Total is that of all endpoints; it has no name.
	Total     EndpointStats
	Endpoints []EndpointStats
}

// EndpointStats are the figures of a client at one endpoint.
type EndpointStats struct {
	Endpoint string

	Connected, Connects, Losses, FailedConnects uint64

	FramesSent, FramesReceived, BytesSent, BytesReceived, Writes, QueuedBytes uint64

	Calls, InFlight, MessagesReceived, TooSlow, Busy, TopicListsSent, StrayReplies, IgnoredFrames uint64

	RoundTrips uint64
	// RoundTripTimes are in microseconds, at RoundTripParts.
	RoundTripTimes [len(RoundTripParts)]uint64
}

// RoundTripParts are the parts of all round trips whose longest is told.
var RoundTripParts = [...]float64{0.5, 0.9, 0.99, 1}

// A figure is where one goes to.
type figure struct {
	stat  C.int32_t
	value *uint64
}

// fill asks for figures in one crossing.
func fill(figures []figure, ask func(wanted *C.int32_t, count C.size_t, values *C.uint64_t)) {
	wanted := make([]C.int32_t, len(figures))
	values := make([]C.uint64_t, len(figures))
	for n, figure := range figures {
		wanted[n] = figure.stat
	}
	ask(&wanted[0], C.size_t(len(figures)), &values[0])
	for n, figure := range figures {
		*figure.value = uint64(values[n])
	}
}

// laneStats reads and frees a snapshot; zero for none.
func laneStats(stats *C.amop_stats) (s LaneStats) {
	defer C.amop_stats_free(stats)
	fill([]figure{
		{C.AMOP_STAT_HELD_MESSAGES, &s.HeldMessages},
		{C.AMOP_STAT_HELD_BYTES, &s.HeldBytes},
		{C.AMOP_STAT_ACCEPTED, &s.Accepted},
		{C.AMOP_STAT_REFUSED, &s.Refused},
		{C.AMOP_STAT_DROPPED, &s.Dropped},
	}, func(wanted *C.int32_t, count C.size_t, values *C.uint64_t) {
		C.amopgo_figures(stats, wanted, count, values)
	})
	return s
}

func (s *EndpointStats) figures() []figure {
	return []figure{
		{C.AMOP_STAT_CONNECTED, &s.Connected},
		{C.AMOP_STAT_CONNECTS, &s.Connects},
		{C.AMOP_STAT_LOSSES, &s.Losses},
		{C.AMOP_STAT_FAILED_CONNECTS, &s.FailedConnects},
		{C.AMOP_STAT_FRAMES_SENT, &s.FramesSent},
		{C.AMOP_STAT_FRAMES_RECEIVED, &s.FramesReceived},
		{C.AMOP_STAT_BYTES_SENT, &s.BytesSent},
		{C.AMOP_STAT_BYTES_RECEIVED, &s.BytesReceived},
		{C.AMOP_STAT_WRITES, &s.Writes},
		{C.AMOP_STAT_QUEUED_BYTES, &s.QueuedBytes},
		{C.AMOP_STAT_CALLS, &s.Calls},
		{C.AMOP_STAT_IN_FLIGHT, &s.InFlight},
		{C.AMOP_STAT_MESSAGES_RECEIVED, &s.MessagesReceived},
		{C.AMOP_STAT_TOO_SLOW, &s.TooSlow},
		{C.AMOP_STAT_BUSY, &s.Busy},
		{C.AMOP_STAT_TOPIC_LISTS_SENT, &s.TopicListsSent},
		{C.AMOP_STAT_STRAY_REPLIES, &s.StrayReplies},
		{C.AMOP_STAT_IGNORED_FRAMES, &s.IgnoredFrames},
		{C.AMOP_STAT_ROUND_TRIPS, &s.RoundTrips},
	}
}

// Stats doesn't wait.
func (c *Client) Stats() (s ClientStats, err *Error) {
	var stats *C.amop_stats
	err = c.use(func(client *C.amop_client) *Error {
		var failure *C.amop_error
		return taken(C.amop_client_stats(client, &stats, &failure), &failure)
	})
	if err != nil {
		return s, err
	}
	defer C.amop_stats_free(stats)
	parts := (*C.double)(&RoundTripParts[0])
	times := func(s *EndpointStats) *C.uint64_t { return (*C.uint64_t)(&s.RoundTripTimes[0]) }
	fill(append(s.Total.figures(),
		figure{C.AMOP_STAT_HELD_BYTES, &s.HeldBytes},
		figure{C.AMOP_STAT_RETRIES, &s.Retries},
		figure{C.AMOP_STAT_DUPLICATES, &s.Duplicates},
		figure{C.AMOP_STAT_UNWANTED, &s.Unwanted},
		figure{C.AMOP_STAT_OWN_BROADCASTS, &s.OwnBroadcasts},
		figure{C.AMOP_STAT_EVENTS_DROPPED, &s.EventsDropped},
		figure{C.AMOP_STAT_REFUSED, &s.Refused},
		figure{C.AMOP_STAT_DROPPED, &s.Dropped},
	), func(wanted *C.int32_t, count C.size_t, values *C.uint64_t) {
		C.amopgo_figures(stats, wanted, count, values)
	})
	C.amopgo_round_trips(stats, parts, C.size_t(len(RoundTripParts)), times(&s.Total))
	s.Endpoints = make([]EndpointStats, C.amop_stats_endpoint_count(stats))
	for n := range s.Endpoints {
		node, index := &s.Endpoints[n], C.size_t(n)
		node.Endpoint = text(C.amop_stats_endpoint(stats, index))
		fill(node.figures(), func(wanted *C.int32_t, count C.size_t, values *C.uint64_t) {
			C.amopgo_endpoint_figures(stats, index, wanted, count, values)
		})
		C.amopgo_endpoint_round_trips(stats, index, parts, C.size_t(len(RoundTripParts)), times(node))
	}
	return s, nil
}
