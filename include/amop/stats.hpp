/// Statistics: counters and current values of a client, an endpoint, a subscription or a service.
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
#include "tls.hpp"

namespace amop {

/// Statistics of a subscription or service.
struct SubscriptionStats {
    /// Messages queued now.
    std::uint64_t held_messages = 0;
    /// Payload bytes queued now.
    std::uint64_t held_bytes = 0;
    /// Messages accepted.
    std::uint64_t accepted = 0;
    /// Messages refused because the queue was full.
    std::uint64_t refused = 0;
    /// Messages discarded after they were accepted: in favour of newer ones, or because the subscription or
    /// service ended before they were read.
    std::uint64_t dropped = 0;
};

/// The state of an endpoint. A higher value is a better state.
enum class EndpointState : std::int32_t {
    /// The client has closed the connection, or removed the endpoint.
    ended = AMOP_ENDPOINT_ENDED,
    /// The last attempt to connect failed, or the session was lost; the client will try again.
    down = AMOP_ENDPOINT_DOWN,
    /// The first attempt to connect is in progress.
    connecting = AMOP_ENDPOINT_CONNECTING,
    /// A session is established.
    connected = AMOP_ENDPOINT_CONNECTED,
};

/// A histogram of the round trip times of unicasts that received a reply. Its precision is one eighth of the
/// value.
class RoundTrips {
public:
    /// Creates an empty histogram.
    RoundTrips() = default;

    /// Refers to a histogram in a snapshot of the C interface: of one endpoint, or of all endpoints.
    RoundTrips(std::uint64_t count, std::shared_ptr<const amop_stats> snapshot,
               std::optional<std::size_t> endpoint)
        : count_(count), snapshot_(std::move(snapshot)), endpoint_(endpoint) {}

    /// The number of round trips.
    std::uint64_t count() const noexcept { return count_; }

    /// Returns a quantile: 0.5 gives the median, 0.99 the time that the slowest hundredth exceeded, 1 the
    /// longest; none if the histogram is empty. A part below 0 counts as 0, one above 1 as 1.
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

/// One bucket of a histogram.
struct RoundTripBucket {
    /// The longest time that falls into it.
    std::chrono::microseconds up_to{};
    /// The number of round trips in it.
    std::uint64_t count = 0;
};

/// Statistics of the connections to one endpoint.
struct EndpointStats {
    /// The endpoint, as it was added; empty in a total.
    std::string endpoint;
    /// Whether a session is established; in a total: whether any is.
    bool connected = false;
    /// The state; in a total: the highest of all endpoints.
    EndpointState state = EndpointState::ended;
    /// The kind of TLS by which the endpoint was reached the last time; `automatic` before, and in a total.
    Tls tls = Tls::automatic;
    /// Why there is no session: the error of the last attempt to connect or of the lost session. None while a
    /// session is established, and in a total.
    std::optional<Error> last_error;
    /// Sessions established; all after the first are reconnects.
    std::uint64_t connects = 0;
    /// Sessions lost.
    std::uint64_t losses = 0;
    /// Failed attempts to connect.
    std::uint64_t failed_connects = 0;
    /// Frames written, of all types.
    std::uint64_t frames_sent = 0;
    /// Frames read, of all types.
    std::uint64_t frames_received = 0;
    /// Bytes written, before encryption.
    std::uint64_t bytes_sent = 0;
    /// Bytes read, after decryption.
    std::uint64_t bytes_received = 0;
    /// Write operations on the connection.
    std::uint64_t writes = 0;
    /// Unicasts and broadcasts sent for callers, retries included.
    std::uint64_t calls = 0;
    /// The round trip times of unicasts that received a reply.
    RoundTrips round_trips;
    /// Unicasts and broadcasts received, duplicates included.
    std::uint64_t messages_received = 0;
    /// Calls and replies refused because of a limit: bytes queued at this connection; of a client: also calls under
    /// way.
    std::uint64_t overloaded = 0;
    /// Calls in flight now.
    std::uint64_t in_flight = 0;
    /// Bytes queued for sending now.
    std::uint64_t queued_bytes = 0;
    /// Topic lists sent.
    std::uint64_t topic_lists_sent = 0;
    /// Replies that match no call in flight: late, duplicate or of unknown origin.
    std::uint64_t stray_replies = 0;
    /// Frames of types that a client does not use, and malformed ones of types that other SDKs create.
    std::uint64_t ignored_frames = 0;
    /// Requests that the library answered TOO_SLOW on behalf of a service.
    std::uint64_t too_slow = 0;
    /// Unicasts refused because every subscription or service of the topic was full.
    std::uint64_t busy = 0;
};

/// Where a verification stands.
enum class VerificationState : std::int32_t {
    /// The first one is under way.
    pending = AMOP_VERIFICATION_PENDING,
    /// The node passes messages on.
    verified = AMOP_VERIFICATION_VERIFIED,
    /// The subscriber was not verified the last time, so that the node passes no messages on.
    rejected = AMOP_VERIFICATION_REJECTED,
};

/// Where the verification of the subscribers at one node stands, for messages through another one.
struct VerificationStats {
    /// The endpoint that passes messages on.
    std::string endpoint;
    /// The id of the subscribers' node.
    std::string node_id;
    /// Where it stands.
    VerificationState state = VerificationState::pending;
    /// The key that the subscriber has signed with, as 130 hex digits; empty if it has not signed, or the key cannot
    /// be known.
    std::string key;
    /// Why the subscriber was rejected; empty otherwise.
    std::string reason;
};

/// Where a private topic of a client stands.
struct PrivateTopicStats {
    /// The name of the topic.
    std::string topic;
    /// The public half of the key with which this client proves that it may receive messages, as 130 hex digits;
    /// empty if it neither subscribes nor serves.
    std::string key;
    /// Challenges that this client has signed.
    std::uint64_t challenges_signed = 0;
    /// Messages that arrived as challenges and were not signed, because they are none or too many came at once. They
    /// get no answer, so that the node asks again.
    std::uint64_t challenges_refused = 0;
    /// The keys that this client allows, if it publishes, as 130 hex digits.
    std::vector<std::string> allowed;
    /// The nodes between which a verification took place. Those that were verified for an earlier publisher do not ask
    /// again, and are not among them.
    std::vector<VerificationStats> verifications;
};

/// Statistics of a client.
struct Stats {
    /// Each endpoint, in the order in which they were added. Endpoints that were removed are not included.
    std::vector<EndpointStats> endpoints;
    /// The totals of all endpoints.
    EndpointStats total;
    /// The non-empty buckets of the histogram of round trip times of all endpoints, the fastest first.
    std::vector<RoundTripBucket> round_trip_buckets;
    /// Retries of calls.
    std::uint64_t retries = 0;
    /// Calls whose messages the client keeps now: they wait for a node or a subscriber, or may be retried.
    std::uint64_t calls_waiting = 0;
    /// Broadcasts that were acknowledged by at least one node, but by too few to reach all subscribers.
    std::uint64_t partial_broadcasts = 0;
    /// Payload bytes queued now in all subscriptions and services.
    std::uint64_t held_bytes = 0;
    /// How often a handler had to wait for a thread.
    std::uint64_t dispatcher_waits = 0;
    /// Messages refused because a subscription or service was full, counted once for each of them.
    std::uint64_t refused = 0;
    /// Messages discarded after they were accepted: in favour of newer ones, or because the subscription or
    /// service ended before they were read.
    std::uint64_t dropped = 0;
    /// Messages that had been received before: answered as the first one was, and not delivered again.
    std::uint64_t duplicates = 0;
    /// Messages on topics that the client is not, or no longer, subscribed to.
    std::uint64_t unwanted = 0;
    /// The client's own broadcasts that were received and discarded (without echo).
    std::uint64_t own_broadcasts = 0;
    /// Events that were discarded because a listener read too slowly, or was destroyed before it had read
    /// them.
    std::uint64_t events_dropped = 0;
    /// The private topics that the client subscribes to, serves or publishes on, ordered by name.
    std::vector<PrivateTopicStats> private_topics;
};

namespace detail {

/// Reads the statistics of a snapshot of the C interface.
class Snapshot {
public:
    /// Takes ownership of `stats`.
    explicit Snapshot(amop_stats* stats) : stats_(stats, amop_stats_free) {}

    SubscriptionStats of_subscription() const {
        SubscriptionStats stats;
        stats.held_messages = value(AMOP_STAT_HELD_MESSAGES);
        stats.held_bytes = value(AMOP_STAT_HELD_BYTES);
        stats.accepted = value(AMOP_STAT_ACCEPTED);
        stats.refused = value(AMOP_STAT_REFUSED);
        stats.dropped = value(AMOP_STAT_DROPPED);
        return stats;
    }

    Stats of_client() const {
        Stats stats;
        for (std::size_t index = 0; index < amop_stats_endpoint_count(stats_.get()); index++) {
            stats.endpoints.push_back(of_endpoint(index));
        }
        stats.total = of_endpoint(std::nullopt);
        stats.round_trip_buckets = buckets();
        stats.retries = value(AMOP_STAT_RETRIES);
        stats.calls_waiting = value(AMOP_STAT_CALLS_WAITING);
        stats.partial_broadcasts = value(AMOP_STAT_PARTIAL_BROADCASTS);
        stats.held_bytes = value(AMOP_STAT_HELD_BYTES);
        stats.dispatcher_waits = value(AMOP_STAT_DISPATCHER_WAITS);
        stats.refused = value(AMOP_STAT_REFUSED);
        stats.dropped = value(AMOP_STAT_DROPPED);
        stats.duplicates = value(AMOP_STAT_DUPLICATES);
        stats.unwanted = value(AMOP_STAT_UNWANTED);
        stats.own_broadcasts = value(AMOP_STAT_OWN_BROADCASTS);
        stats.events_dropped = value(AMOP_STAT_EVENTS_DROPPED);
        for (std::size_t index = 0; index < amop_stats_private_topic_count(stats_.get()); index++) {
            stats.private_topics.push_back(of_private_topic(index));
        }
        return stats;
    }

private:
    /// One statistic of the client, subscription or service, or of an endpoint.
    std::uint64_t value(amop_stat which, std::optional<std::size_t> endpoint = std::nullopt) const {
        std::uint64_t value = 0;
        if (endpoint) {
            call(amop_stats_endpoint_get, stats_.get(), *endpoint, which, &value);
        } else {
            call(amop_stats_get, stats_.get(), which, &value);
        }
        return value;
    }

    /// The statistics of an endpoint, or the totals.
    EndpointStats of_endpoint(std::optional<std::size_t> index) const {
        EndpointStats stats;
        if (index) {
            stats.endpoint = view(amop_stats_endpoint(stats_.get(), *index));
            if (const amop_error* error = amop_stats_endpoint_error(stats_.get(), *index)) {
                stats.last_error = Error(error);
            }
        }
        stats.connected = value(AMOP_STAT_CONNECTED, index) != 0;
        stats.state = static_cast<EndpointState>(value(AMOP_STAT_STATE, index));
        stats.tls = static_cast<Tls>(value(AMOP_STAT_TLS, index));
        stats.connects = value(AMOP_STAT_CONNECTS, index);
        stats.losses = value(AMOP_STAT_LOSSES, index);
        stats.failed_connects = value(AMOP_STAT_FAILED_CONNECTS, index);
        stats.frames_sent = value(AMOP_STAT_FRAMES_SENT, index);
        stats.frames_received = value(AMOP_STAT_FRAMES_RECEIVED, index);
        stats.bytes_sent = value(AMOP_STAT_BYTES_SENT, index);
        stats.bytes_received = value(AMOP_STAT_BYTES_RECEIVED, index);
        stats.writes = value(AMOP_STAT_WRITES, index);
        stats.calls = value(AMOP_STAT_CALLS, index);
        stats.round_trips = RoundTrips(value(AMOP_STAT_ROUND_TRIPS, index), stats_, index);
        stats.messages_received = value(AMOP_STAT_MESSAGES_RECEIVED, index);
        stats.overloaded = value(AMOP_STAT_OVERLOADED, index);
        stats.in_flight = value(AMOP_STAT_IN_FLIGHT, index);
        stats.queued_bytes = value(AMOP_STAT_QUEUED_BYTES, index);
        stats.topic_lists_sent = value(AMOP_STAT_TOPIC_LISTS_SENT, index);
        stats.stray_replies = value(AMOP_STAT_STRAY_REPLIES, index);
        stats.ignored_frames = value(AMOP_STAT_IGNORED_FRAMES, index);
        stats.too_slow = value(AMOP_STAT_TOO_SLOW, index);
        stats.busy = value(AMOP_STAT_BUSY, index);
        return stats;
    }

    PrivateTopicStats of_private_topic(std::size_t index) const {
        const amop_stats* from = stats_.get();
        PrivateTopicStats stats;
        stats.topic = view(amop_stats_private_topic(from, index));
        stats.key = view(amop_stats_private_topic_key(from, index));
        stats.challenges_signed = amop_stats_private_topic_challenges_signed(from, index);
        stats.challenges_refused = amop_stats_private_topic_challenges_refused(from, index);
        for (std::size_t key = 0; key < amop_stats_private_topic_allowed_count(from, index); key++) {
            stats.allowed.emplace_back(view(amop_stats_private_topic_allowed(from, index, key)));
        }
        for (std::size_t n = 0; n < amop_stats_verification_count(from, index); n++) {
            VerificationStats verification;
            verification.endpoint = view(amop_stats_verification_endpoint(from, index, n));
            verification.node_id = view(amop_stats_verification_node_id(from, index, n));
            verification.state =
                static_cast<VerificationState>(amop_stats_verification_state(from, index, n));
            verification.key = view(amop_stats_verification_key(from, index, n));
            verification.reason = view(amop_stats_verification_reason(from, index, n));
            stats.verifications.push_back(std::move(verification));
        }
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

    // Shared with the histograms, which read it later.
    std::shared_ptr<amop_stats> stats_;
};

} // namespace detail

} // namespace amop
