package capi

// #include "glue.h"
import "C"

// LaneStats are the statistics of a subscription or a service.
type LaneStats struct {
	HeldMessages, HeldBytes, Accepted, Refused, Dropped uint64
}

// ClientStats are the statistics of a client.
type ClientStats struct {
	HeldBytes, Retries, Duplicates, Unwanted, OwnBroadcasts, EventsDropped, Refused, Dropped uint64
	CallsWaiting, PartialBroadcasts                                                          uint64
	// Total has the totals of all endpoints, without a name.
	Total         EndpointStats
	Endpoints     []EndpointStats
	PrivateTopics []PrivateTopicStats
}

// EndpointStats are the statistics of one endpoint.
type EndpointStats struct {
	Endpoint string
	// LastError is nil while a session is established.
	LastError *Error

	State, Connected, TLS, Connects, Losses, FailedConnects uint64

	FramesSent, FramesReceived, BytesSent, BytesReceived, Writes, QueuedBytes uint64

	Calls, InFlight, MessagesReceived, TooSlow, Busy, TopicListsSent, StrayReplies, IgnoredFrames, Overloaded uint64

	RoundTrips uint64
	// RoundTripTimes are in microseconds, at RoundTripParts.
	RoundTripTimes [len(RoundTripParts)]uint64
}

// RoundTripParts are the quantiles of round trip times that are read.
var RoundTripParts = [...]float64{0.5, 0.9, 0.99, 1}

// statistic is a statistic to read and where to store it.
type statistic struct {
	stat  C.int32_t
	value *uint64
}

// fill reads statistics with one call of C.
func fill(statistics []statistic, read func(wanted *C.int32_t, count C.size_t, values *C.uint64_t)) {
	wanted := make([]C.int32_t, len(statistics))
	values := make([]C.uint64_t, len(statistics))
	for n, statistic := range statistics {
		wanted[n] = statistic.stat
	}
	read(&wanted[0], C.size_t(len(statistics)), &values[0])
	for n, statistic := range statistics {
		*statistic.value = uint64(values[n])
	}
}

// laneStats reads and frees a snapshot; NULL gives zeros.
func laneStats(stats *C.amop_stats) (s LaneStats) {
	defer C.amop_stats_free(stats)
	fill([]statistic{
		{C.AMOP_STAT_HELD_MESSAGES, &s.HeldMessages},
		{C.AMOP_STAT_HELD_BYTES, &s.HeldBytes},
		{C.AMOP_STAT_ACCEPTED, &s.Accepted},
		{C.AMOP_STAT_REFUSED, &s.Refused},
		{C.AMOP_STAT_DROPPED, &s.Dropped},
	}, func(wanted *C.int32_t, count C.size_t, values *C.uint64_t) {
		C.amopgo_stats(stats, wanted, count, values)
	})
	return s
}

func (s *EndpointStats) statistics() []statistic {
	return []statistic{
		{C.AMOP_STAT_STATE, &s.State},
		{C.AMOP_STAT_CONNECTED, &s.Connected},
		{C.AMOP_STAT_TLS, &s.TLS},
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
		{C.AMOP_STAT_OVERLOADED, &s.Overloaded},
		{C.AMOP_STAT_ROUND_TRIPS, &s.RoundTrips},
	}
}

// Stats returns the current statistics. It does not wait.
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
	fill(append(s.Total.statistics(),
		statistic{C.AMOP_STAT_HELD_BYTES, &s.HeldBytes},
		statistic{C.AMOP_STAT_RETRIES, &s.Retries},
		statistic{C.AMOP_STAT_DUPLICATES, &s.Duplicates},
		statistic{C.AMOP_STAT_UNWANTED, &s.Unwanted},
		statistic{C.AMOP_STAT_OWN_BROADCASTS, &s.OwnBroadcasts},
		statistic{C.AMOP_STAT_EVENTS_DROPPED, &s.EventsDropped},
		statistic{C.AMOP_STAT_CALLS_WAITING, &s.CallsWaiting},
		statistic{C.AMOP_STAT_PARTIAL_BROADCASTS, &s.PartialBroadcasts},
		statistic{C.AMOP_STAT_REFUSED, &s.Refused},
		statistic{C.AMOP_STAT_DROPPED, &s.Dropped},
	), func(wanted *C.int32_t, count C.size_t, values *C.uint64_t) {
		C.amopgo_stats(stats, wanted, count, values)
	})
	C.amopgo_round_trips(stats, parts, C.size_t(len(RoundTripParts)), times(&s.Total))
	s.Endpoints = make([]EndpointStats, C.amop_stats_endpoint_count(stats))
	for n := range s.Endpoints {
		node, index := &s.Endpoints[n], C.size_t(n)
		node.Endpoint = text(C.amop_stats_endpoint(stats, index))
		node.LastError = lent(C.amop_stats_endpoint_error(stats, index))
		fill(node.statistics(), func(wanted *C.int32_t, count C.size_t, values *C.uint64_t) {
			C.amopgo_endpoint_stats(stats, index, wanted, count, values)
		})
		C.amopgo_endpoint_round_trips(stats, index, parts, C.size_t(len(RoundTripParts)), times(node))
	}
	s.PrivateTopics = privateTopics(stats)
	return s, nil
}
