/// Subscriptions: the messages of a topic, given to a handler or read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "../amop.h"
#include "handle.hpp"
#include "message.hpp"
#include "settings.hpp"
#include "stats.hpp"
#include "stream.hpp"
#include "timeout.hpp"

namespace amop {

/// What a full subscription does with a further message.
enum class Overflow : std::int32_t {
    /// Refuses it; the publisher of a unicast is told that the subscriber is busy. The default.
    refuse = AMOP_OVERFLOW_REFUSE,
    /// Gives up the oldest accepted messages to make room.
    drop_oldest = AMOP_OVERFLOW_DROP_OLDEST,
};

/// At how many nodes a topic is listed.
enum class Placement : std::int32_t {
    /// All for a subscription, one for a service.
    automatic = AMOP_PLACEMENT_DEFAULT,
    /// At all connected nodes: survives the loss of any, hears every broadcast.
    all = AMOP_PLACEMENT_ALL,
    /// At one at a time, moved when it is lost.
    one = AMOP_PLACEMENT_ONE,
};

/// Options of a subscription. What isn't set, or set to 0, has its default.
class SubscribeOptions {
public:
    /// Most messages held for it. Default 65,536.
    SubscribeOptions& max_messages(std::size_t messages) {
        max_messages_ = messages;
        return *this;
    }

    /// Most bytes held for it, payloads and 160 for each message; one message of any size is taken when it is empty.
    /// Default 64 MiB.
    SubscribeOptions& max_bytes(std::size_t bytes) {
        max_bytes_ = bytes;
        return *this;
    }

    /// What happens beyond these bounds. What is lost is counted, and an event tells of it. Default `refuse`.
    SubscribeOptions& overflow(Overflow overflow) {
        overflow_ = overflow;
        return *this;
    }

    /// At how many nodes the topic is listed. Default all.
    SubscribeOptions& placement(Placement placement) {
        placement_ = placement;
        return *this;
    }

    /// How long to wait for a node to list the topic. Default: the client's call timeout.
    SubscribeOptions& timeout(Timeout timeout) {
        timeout_ = timeout;
        return *this;
    }

    /// For the C interface: a new object with these settings.
    detail::Handle<amop_subscribe_options, amop_subscribe_options_free> to_c() const {
        detail::Handle<amop_subscribe_options, amop_subscribe_options_free> options(
            amop_subscribe_options_new());
        const detail::Settings<amop_subscribe_options> settings{options.get()};
        settings.apply("max_messages", amop_subscribe_options_set_max_messages, max_messages_);
        settings.apply("max_bytes", amop_subscribe_options_set_max_bytes, max_bytes_);
        settings.apply("overflow", amop_subscribe_options_set_overflow, overflow_);
        settings.apply("placement", amop_subscribe_options_set_placement, placement_);
        settings.apply("timeout", amop_subscribe_options_set_timeout, timeout_);
        return options;
    }

private:
    std::optional<std::size_t> max_messages_;
    std::optional<std::size_t> max_bytes_;
    std::optional<Overflow> overflow_;
    std::optional<Placement> placement_;
    Timeout timeout_;
};

/// A subscription. Movable; all its functions may be used from many threads at once.
///
/// Its end, be it the destructor or an assignment, is `unsubscribe()`: it waits for the handler, up to the
/// client's close timeout, so that the handler doesn't run any more when it returns, and what the handler
/// refers to may go. Only a handler that is stuck for longer outlives it; what the handler has captured is
/// kept until it returns.
///
/// Since it waits, whoever ends it must not hold a lock that the handler takes.
///
/// May outlive the client, and may be destroyed in a handler, its own too: then nothing waits, and the end
/// comes by itself after the call.
class [[nodiscard]] Subscription {
public:
    /// From the C interface: `subscription` is this object's from now on.
    explicit Subscription(amop_subscription* subscription) noexcept : subscription_(subscription) {}

    /// The next message; none when none came in time. Doesn't wait with a timeout of 0. Several threads may
    /// wait: each message goes to one of them.
    ///
    /// Throws `Code::closed` when none will come any more: after unsubscribing or closing, and all that was
    /// queued is read; `invalid_argument` when the messages go to a handler; `forked`.
    std::optional<Message> next(Timeout timeout) const {
        return detail::next<Message, amop_message>(amop_subscription_next, get(), timeout);
    }

    /// The next messages, up to `max` (and 65,536 at once), in order; empty when none came in time. Waits for
    /// the first, and takes what is there then. Throws as `next`.
    std::vector<Message> next_many(std::size_t max, Timeout timeout) const {
        return detail::next_many<Message, amop_message>(amop_subscription_next_many, get(), max, timeout);
    }

    /// `for (const amop::Message& message : subscription)`: each message as it comes, until none will come
    /// any more.
    detail::Iterator<Subscription, Message> begin() const noexcept {
        return detail::Iterator<Subscription, Message>(*this);
    }
    detail::Sentinel end() const noexcept { return {}; }

    /// A file descriptor for poll, epoll or an event loop: readable while `next` would not wait, in rare
    /// cases in vain. It is the library's: don't read from it, don't close it; it goes with the subscription.
    ///
    /// Throws `invalid_argument` when the messages go to a handler, `runtime` when the process has no
    /// descriptor left, `unsupported` where there are none, `forked`.
    int fd() const { return detail::descriptor(amop_subscription_fd, get()); }

    /// The topic; valid as long as the subscription.
    std::string_view topic() const noexcept { return detail::view(amop_subscription_topic(get())); }

    /// What it holds, accepted and lost so far. Throws `forked`.
    SubscriptionStats stats() const {
        return detail::Snapshot(detail::make<amop_stats>(amop_subscription_stats, get())).of_subscription();
    }

    /// Takes no more messages and tells the nodes. What is queued can still be read; a handler works it off
    /// until the timeout (default: the client's close timeout), then the rest is dropped and counted. When it
    /// returns the handler doesn't run any more, and what it had captured is destroyed. In a handler, this
    /// one or another, it returns at once, and the end comes by itself. May be called again.
    ///
    /// Throws `timeout` when the handler hasn't returned: what it has captured is kept until it does.
    /// `forked`.
    void unsubscribe(Timeout timeout = {}) const {
        detail::call(amop_subscription_unsubscribe, get(), timeout.of_call());
    }

    /// For the C interface; stays this object's.
    amop_subscription* get() const noexcept { return subscription_.get(); }

private:
    struct End {
        void operator()(amop_subscription* subscription) const noexcept {
            // Fails when the handler is stuck: then it can't be helped, and nobody could be told.
            amop_subscription_unsubscribe(subscription, 0, nullptr);
            amop_subscription_free(subscription);
        }
    };

    std::unique_ptr<amop_subscription, End> subscription_;
};

} // namespace amop
