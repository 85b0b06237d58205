/// Figures: what a client, a subscription or a service has done so far, and holds now.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../amop.h"
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

/// Figures of one of a client's endpoints.
struct EndpointStats {
    /// The endpoint, as given.
    std::string endpoint;
    /// Whether a session is up.
    bool connected = false;
    /// Sessions so far.
    std::uint64_t connects = 0;
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
    /// Calls in flight now.
    std::uint64_t in_flight = 0;
    /// Bytes queued to send now.
    std::uint64_t queued_bytes = 0;
    /// Topic lists sent.
    std::uint64_t topic_lists_sent = 0;
    /// Answers to nothing in flight: late, doubled or foreign.
    std::uint64_t stray_replies = 0;
    /// Frames of types that a client has nothing to do with.
    std::uint64_t ignored_frames = 0;
    /// Requests that the library answered for a service that was too slow.
    std::uint64_t too_slow = 0;
    /// Unicasts refused because every subscription or service for them was full.
    std::uint64_t busy = 0;
};

/// Figures of a client.
struct Stats {
    /// Payload bytes held in all its subscriptions and services now.
    std::uint64_t held_bytes = 0;
    /// Further tries of calls, after the first.
    std::uint64_t retries = 0;
    /// How often a handler had to wait for a thread.
    std::uint64_t dispatcher_waits = 0;
    /// Those of each endpoint, in the order given.
    std::vector<EndpointStats> endpoints;
};

namespace detail {

using StatsHandle = Handle<amop_stats, amop_stats_free>;

inline SubscriptionStats subscription_stats(amop_stats* snapshot) {
    const StatsHandle handle(snapshot);
    const auto figure = [&](amop_stat which) {
        std::uint64_t value = 0;
        call(amop_stats_get, handle.get(), which, &value);
        return value;
    };
    SubscriptionStats stats;
    stats.held_messages = figure(AMOP_STAT_HELD_MESSAGES);
    stats.held_bytes = figure(AMOP_STAT_HELD_BYTES);
    stats.accepted = figure(AMOP_STAT_ACCEPTED);
    stats.refused = figure(AMOP_STAT_REFUSED);
    stats.dropped = figure(AMOP_STAT_DROPPED);
    return stats;
}

inline EndpointStats endpoint_stats(const amop_stats* snapshot, std::size_t index) {
    const auto figure = [&](amop_stat which) {
        std::uint64_t value = 0;
        call(amop_stats_endpoint_get, snapshot, index, which, &value);
        return value;
    };
    EndpointStats stats;
    stats.endpoint = view(amop_stats_endpoint(snapshot, index));
    stats.connected = figure(AMOP_STAT_CONNECTED) != 0;
    stats.connects = figure(AMOP_STAT_CONNECTS);
    stats.frames_sent = figure(AMOP_STAT_FRAMES_SENT);
    stats.frames_received = figure(AMOP_STAT_FRAMES_RECEIVED);
    stats.bytes_sent = figure(AMOP_STAT_BYTES_SENT);
    stats.bytes_received = figure(AMOP_STAT_BYTES_RECEIVED);
    stats.writes = figure(AMOP_STAT_WRITES);
    stats.in_flight = figure(AMOP_STAT_IN_FLIGHT);
    stats.queued_bytes = figure(AMOP_STAT_QUEUED_BYTES);
    stats.topic_lists_sent = figure(AMOP_STAT_TOPIC_LISTS_SENT);
    stats.stray_replies = figure(AMOP_STAT_STRAY_REPLIES);
    stats.ignored_frames = figure(AMOP_STAT_IGNORED_FRAMES);
    stats.too_slow = figure(AMOP_STAT_TOO_SLOW);
    stats.busy = figure(AMOP_STAT_BUSY);
    return stats;
}

inline Stats client_stats(amop_stats* snapshot) {
    const StatsHandle handle(snapshot);
    const auto figure = [&](amop_stat which) {
        std::uint64_t value = 0;
        call(amop_stats_get, handle.get(), which, &value);
        return value;
    };
    Stats stats;
    stats.held_bytes = figure(AMOP_STAT_HELD_BYTES);
    stats.retries = figure(AMOP_STAT_RETRIES);
    stats.dispatcher_waits = figure(AMOP_STAT_DISPATCHER_WAITS);
    const std::size_t count = amop_stats_endpoint_count(handle.get());
    stats.endpoints.reserve(count);
    for (std::size_t index = 0; index < count; index++) {
        stats.endpoints.push_back(endpoint_stats(handle.get(), index));
    }
    return stats;
}

} // namespace detail

} // namespace amop
