/// Figures: what a client, a subscription or a service has done so far, and holds now.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../amop.h"
#include "error.hpp"
#include "handle.hpp"

namespace amop {

/// Figures of a subscription or a service.
struct SubscriptionStats {
    /// Messages held now.
    std::uint64_t held_messages = 0;
    /// Payload bytes held now.
    std::uint64_t held_bytes = 0;
    /// Messages accepted so far.
    std::uint64_t accepted = 0;
    /// Messages refused because it was full.
    std::uint64_t refused = 0;
    /// Accepted messages given up: for newer ones, or because it ended before they were read.
    std::uint64_t dropped = 0;
};

/// Where an endpoint stands; the better, the higher.
enum class EndpointState : std::int32_t {
    /// The client has left it.
    ended = AMOP_ENDPOINT_ENDED,
    /// The last try failed, or the session was lost; the next try comes by itself.
    down = AMOP_ENDPOINT_DOWN,
    /// The first try is under way.
    connecting = AMOP_ENDPOINT_CONNECTING,
    /// A session is up.
    connected = AMOP_ENDPOINT_CONNECTED,
};

/// How long unicasts took that were answered well: a histogram, in which times are known to an eighth of
/// themselves.
class RoundTrips {
public:
    /// None.
    RoundTrips() = default;

    /// Of a snapshot of the C interface: of one of its endpoints, or of all together.
    RoundTrips(std::uint64_t count, std::shared_ptr<const amop_stats> snapshot,
               std::optional<std::size_t> endpoint)
        : count_(count), snapshot_(std::move(snapshot)), endpoint_(endpoint) {}

    /// How many there were.
    std::uint64_t count() const noexcept { return count_; }

    /// The time within which this part of them was answered: 0.5 is the median, 0.99 leaves the slowest
    /// hundredth out, 1 is the slowest. None without any. Parts outside of 0 to 1 count as the nearer of the
    /// two.
    std::optional<std::chrono::microseconds> quantile(double part) const {
        if (count_ == 0) {
            return std::nullopt;
        }
        part = part > 0 ? std::min(part, 1.0) : 0.0;
        std::uint64_t time = 0;
        if (endpoint_) {
            detail::call(amop_stats_endpoint_round_trip, snapshot_.get(), *endpoint_, part, &time);
        } else {
            detail::call(amop_stats_round_trip, snapshot_.get(), part, &time);
        }
        return std::chrono::microseconds(time);
    }

private:
    std::uint64_t count_ = 0;
    std::shared_ptr<const amop_stats> snapshot_;
    std::optional<std::size_t> endpoint_;
};

/// One bucket of that histogram.
struct RoundTripBucket {
    /// The longest time that falls into it.
    std::chrono::microseconds up_to{};
    /// How many did.
    std::uint64_t count = 0;
};

/// What went over the connections to one endpoint, and waits there now.
struct EndpointStats {
    /// The endpoint, as given; of a total: empty.
    std::string endpoint;
    /// Whether a session is up; of a total: any.
    bool connected = false;
    /// Where the endpoint stands; of a total: the best of all.
    EndpointState state = EndpointState::ended;
    /// Why no session is up, or why the last try to connect failed; none while one is up, and of a total.
    std::optional<Error> last_error;
    /// Sessions so far; all after the first are reconnects.
    std::uint64_t connects = 0;
    /// Sessions that were lost.
    std::uint64_t losses = 0;
    /// Tries to connect that failed.
    std::uint64_t failed_connects = 0;
    /// Frames written, of all kinds.
    std::uint64_t frames_sent = 0;
    /// Frames read, of all kinds.
    std::uint64_t frames_received = 0;
    /// Bytes written, before encryption.
    std::uint64_t bytes_sent = 0;
    /// Bytes read, after decryption.
    std::uint64_t bytes_received = 0;
    /// Writes to the connection.
    std::uint64_t writes = 0;
    /// Unicasts and broadcasts sent for callers, each further try too.
    std::uint64_t calls = 0;
    /// How long unicasts took that were answered well.
    RoundTrips round_trips;
    /// Unicasts and broadcasts that came, duplicates too.
    std::uint64_t messages_received = 0;
    /// Calls and replies refused because of a limit: bytes queued at this connection; of a client: also calls under way.
    std::uint64_t overloaded = 0;
    /// Calls in flight now.
    std::uint64_t in_flight = 0;
    /// Bytes queued to send now.
    std::uint64_t queued_bytes = 0;
    /// Topic lists sent.
    std::uint64_t topic_lists_sent = 0;
    /// Answers to nothing in flight: late, duplicate or foreign.
    std::uint64_t stray_replies = 0;
    /// Frames of types that a client does not use, and malformed ones of those that other SDKs make.
    std::uint64_t ignored_frames = 0;
    /// Requests that the library answered for a service that was too slow.
    std::uint64_t too_slow = 0;
    /// Unicasts refused because every subscription or service for them was full.
    std::uint64_t busy = 0;
};

/// Figures of a client.
struct Stats {
    /// Those of each endpoint, in the order given. One that was removed takes its figures along.
    std::vector<EndpointStats> endpoints;
    /// Those of all endpoints together.
    EndpointStats total;
    /// The buckets of the histogram of round trips, of all endpoints together, that hold any, the fastest
    /// first.
    std::vector<RoundTripBucket> round_trip_buckets;
    /// Further tries of calls, after the first.
    std::uint64_t retries = 0;
    /// Calls whose messages the client keeps now: they wait for a node or a subscriber, or may be retried.
    std::uint64_t calls_waiting = 0;
    /// Broadcasts that fewer nodes acked than it takes to reach all subscribers, one of them at least.
    std::uint64_t partial_broadcasts = 0;
    /// Payload bytes held in all its subscriptions and services now.
    std::uint64_t held_bytes = 0;
    /// How often a handler had to wait for a thread.
    std::uint64_t dispatcher_waits = 0;
    /// Messages refused because a subscription or service was full: counted once for each of them.
    std::uint64_t refused = 0;
    /// Messages accepted, and given up: for newer ones, or because their subscription ended before they were
    /// read.
    std::uint64_t dropped = 0;
    /// Messages that had come before: answered as the first was, not delivered again.
    std::uint64_t duplicates = 0;
    /// Messages on topics that nobody here subscribes to, or no longer.
    std::uint64_t unwanted = 0;
    /// The client's own broadcasts that came back (without echo).
    std::uint64_t own_broadcasts = 0;
    /// Events that a listener lost because it read too slowly, or left unread.
    std::uint64_t events_dropped = 0;
};

namespace detail {

/// A snapshot of the C interface, while its figures are taken over.
class Snapshot {
public:
    /// Takes `stats` over.
    explicit Snapshot(amop_stats* stats) : stats_(stats, amop_stats_free) {}

    SubscriptionStats of_subscription() const {
        SubscriptionStats stats;
        stats.held_messages = figure(AMOP_STAT_HELD_MESSAGES);
        stats.held_bytes = figure(AMOP_STAT_HELD_BYTES);
        stats.accepted = figure(AMOP_STAT_ACCEPTED);
        stats.refused = figure(AMOP_STAT_REFUSED);
        stats.dropped = figure(AMOP_STAT_DROPPED);
        return stats;
    }

    Stats of_client() const {
        Stats stats;
        for (std::size_t index = 0; index < amop_stats_endpoint_count(stats_.get()); index++) {
            stats.endpoints.push_back(of_endpoint(index));
        }
        stats.total = of_endpoint(std::nullopt);
        stats.round_trip_buckets = buckets();
        stats.retries = figure(AMOP_STAT_RETRIES);
        stats.calls_waiting = figure(AMOP_STAT_CALLS_WAITING);
        stats.partial_broadcasts = figure(AMOP_STAT_PARTIAL_BROADCASTS);
        stats.held_bytes = figure(AMOP_STAT_HELD_BYTES);
        stats.dispatcher_waits = figure(AMOP_STAT_DISPATCHER_WAITS);
        stats.refused = figure(AMOP_STAT_REFUSED);
        stats.dropped = figure(AMOP_STAT_DROPPED);
        stats.duplicates = figure(AMOP_STAT_DUPLICATES);
        stats.unwanted = figure(AMOP_STAT_UNWANTED);
        stats.own_broadcasts = figure(AMOP_STAT_OWN_BROADCASTS);
        stats.events_dropped = figure(AMOP_STAT_EVENTS_DROPPED);
        return stats;
    }

private:
    /// A figure of what the snapshot was taken of, or of one of its endpoints.
    std::uint64_t figure(amop_stat which, std::optional<std::size_t> endpoint = std::nullopt) const {
        std::uint64_t value = 0;
        if (endpoint) {
            call(amop_stats_endpoint_get, stats_.get(), *endpoint, which, &value);
        } else {
            call(amop_stats_get, stats_.get(), which, &value);
        }
        return value;
    }

    /// Those of an endpoint, or of all together.
    EndpointStats of_endpoint(std::optional<std::size_t> index) const {
        EndpointStats stats;
        if (index) {
            stats.endpoint = view(amop_stats_endpoint(stats_.get(), *index));
            if (const amop_error* error = amop_stats_endpoint_error(stats_.get(), *index)) {
                stats.last_error = Error(error);
            }
        }
        stats.connected = figure(AMOP_STAT_CONNECTED, index) != 0;
        stats.state = static_cast<EndpointState>(figure(AMOP_STAT_STATE, index));
        stats.connects = figure(AMOP_STAT_CONNECTS, index);
        stats.losses = figure(AMOP_STAT_LOSSES, index);
        stats.failed_connects = figure(AMOP_STAT_FAILED_CONNECTS, index);
        stats.frames_sent = figure(AMOP_STAT_FRAMES_SENT, index);
        stats.frames_received = figure(AMOP_STAT_FRAMES_RECEIVED, index);
        stats.bytes_sent = figure(AMOP_STAT_BYTES_SENT, index);
        stats.bytes_received = figure(AMOP_STAT_BYTES_RECEIVED, index);
        stats.writes = figure(AMOP_STAT_WRITES, index);
        stats.calls = figure(AMOP_STAT_CALLS, index);
        stats.round_trips = RoundTrips(figure(AMOP_STAT_ROUND_TRIPS, index), stats_, index);
        stats.messages_received = figure(AMOP_STAT_MESSAGES_RECEIVED, index);
        stats.overloaded = figure(AMOP_STAT_OVERLOADED, index);
        stats.in_flight = figure(AMOP_STAT_IN_FLIGHT, index);
        stats.queued_bytes = figure(AMOP_STAT_QUEUED_BYTES, index);
        stats.topic_lists_sent = figure(AMOP_STAT_TOPIC_LISTS_SENT, index);
        stats.stray_replies = figure(AMOP_STAT_STRAY_REPLIES, index);
        stats.ignored_frames = figure(AMOP_STAT_IGNORED_FRAMES, index);
        stats.too_slow = figure(AMOP_STAT_TOO_SLOW, index);
        stats.busy = figure(AMOP_STAT_BUSY, index);
        return stats;
    }

    std::vector<RoundTripBucket> buckets() const {
        std::vector<RoundTripBucket> buckets(amop_stats_round_trip_bucket_count(stats_.get()));
        for (std::size_t index = 0; index < buckets.size(); index++) {
            std::uint64_t up_to = 0;
            call(amop_stats_round_trip_bucket, stats_.get(), index, &up_to, &buckets[index].count);
            buckets[index].up_to = std::chrono::microseconds(up_to);
        }
        return buckets;
    }

    // Shared with the histograms that are asked later.
    std::shared_ptr<amop_stats> stats_;
};

} // namespace detail

} // namespace amop
