/// Subscriptions: the messages of a topic, passed to a handler or read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../amop.h"
#include "bytes.hpp"
#include "completion.hpp"
#include "handle.hpp"
#include "key.hpp"
#include "message.hpp"
#include "promise.hpp"
#include "settings.hpp"
#include "stats.hpp"
#include "stream.hpp"
#include "timeout.hpp"

namespace amop {

/// What a full subscription does with a new message.
enum class Overflow : std::int32_t {
    /// Refuses it; the publisher of a unicast receives `subscriber_busy`. The default.
    refuse = AMOP_OVERFLOW_REFUSE,
    /// Discards its oldest messages to make space.
    drop_oldest = AMOP_OVERFLOW_DROP_OLDEST,
};

/// At how many of the connected nodes a topic is listed.
enum class Placement : std::int32_t {
    /// `all` for a subscription, `one` for a service.
    automatic = AMOP_PLACEMENT_DEFAULT,
    /// At all connected nodes: the loss of a node loses no messages, and every broadcast is received.
    all = AMOP_PLACEMENT_ALL,
    /// At one node; the topic moves to another node when that one is lost.
    one = AMOP_PLACEMENT_ONE,
};

/// Whether making a subscription or service waits until a node has confirmed that it lists the topic. If the
/// confirmation fails, the subscription or service is removed.
enum class Confirm : std::int32_t {
    /// While a node is connected. Without one the function returns at once, and the subscription becomes active with
    /// the first node; only for a topic that a node may refuse as too long does it wait for that node. The default.
    automatic = AMOP_CONFIRM_AUTO,
    /// Always, up to the timeout, also for the first node to be connected.
    always = AMOP_CONFIRM_ALWAYS,
    /// Never. Whether a node lists the topic is not reported.
    never = AMOP_CONFIRM_NEVER,
};

/// Options of a subscription. What is not set, or set to 0, has its default.
class SubscribeOptions {
public:
    /// Sets the maximum number of queued messages. Default: 65,536.
    SubscribeOptions& max_messages(std::size_t messages) {
        max_messages_ = messages;
        return *this;
    }

    /// Sets the maximum number of queued bytes, counting 160 bytes per message besides its payload. An empty
    /// subscription accepts one message of any size. Default: 64 MiB.
    SubscribeOptions& max_bytes(std::size_t bytes) {
        max_bytes_ = bytes;
        return *this;
    }

    /// Sets what happens at these limits. Lost messages are counted, and reported once by the event
    /// `slow_consumer`. Default: `refuse`.
    SubscribeOptions& overflow(Overflow overflow) {
        overflow_ = overflow;
        return *this;
    }

    /// Sets at how many nodes the topic is listed. Default: `all`.
    SubscribeOptions& placement(Placement placement) {
        placement_ = placement;
        return *this;
    }

    /// Sets whether to wait until a node has listed the topic. Default: `automatic`.
    SubscribeOptions& confirm(Confirm confirm) {
        confirm_ = confirm;
        return *this;
    }

    /// Sets how long to wait for a node to list the topic. Default: the call timeout of the client.
    SubscribeOptions& timeout(Timeout timeout) {
        timeout_ = timeout;
        return *this;
    }

    /// Sets the private key with which the client proves that it may receive the messages of a *private* topic,
    /// whose publisher allows the public half (`Client::private_topic`): PEM of PKCS#8 or SEC1, PKCS#12, or 64 hex
    /// digits, with the password of an encrypted key. It must not be the key of the client's certificate. The call
    /// with these options then also throws `key_encrypted`, `credentials_invalid`, or `unsupported` at nodes of
    /// generation 3.x.
    SubscribeOptions& key(Bytes key, std::string_view password = {}) {
        key_ = detail::GivenKey{std::string(key.text()), std::string(password)};
        return *this;
    }

    /// Returns these settings as a new object of the C interface.
    detail::Handle<amop_subscribe_options, amop_subscribe_options_free> to_c() const {
        detail::Handle<amop_subscribe_options, amop_subscribe_options_free> options(
            amop_subscribe_options_new());
        const detail::Settings<amop_subscribe_options> settings{options.get()};
        settings.apply("max_messages", amop_subscribe_options_set_max_messages, max_messages_);
        settings.apply("max_bytes", amop_subscribe_options_set_max_bytes, max_bytes_);
        settings.apply("overflow", amop_subscribe_options_set_overflow, overflow_);
        settings.apply("placement", amop_subscribe_options_set_placement, placement_);
        settings.apply("confirm", amop_subscribe_options_set_confirm, confirm_);
        settings.apply("timeout", amop_subscribe_options_set_timeout, timeout_);
        if (key_) {
            key_->apply(options.get(), amop_subscribe_options_set_key);
        }
        return options;
    }

private:
    std::optional<std::size_t> max_messages_;
    std::optional<std::size_t> max_bytes_;
    std::optional<Overflow> overflow_;
    std::optional<Placement> placement_;
    std::optional<Confirm> confirm_;
    Timeout timeout_;
    std::optional<detail::GivenKey> key_;
};

/// A subscription. Movable; its functions may be called from any number of threads at once.
///
/// The destructor and an assignment call `unsubscribe()`: it waits for the handler, up to the close timeout
/// of the client, so that the handler does not run when it returns, and what it refers to may be destroyed.
/// Only a handler that blocks for longer keeps running; what it has captured is kept until it returns.
///
/// Because it waits, the thread that ends a subscription must not hold a lock that the handler acquires.
///
/// A subscription may outlive the client. It may be destroyed inside of a handler, also its own: then it does
/// not wait, but ends after the call.
class [[nodiscard]] Subscription {
public:
    /// Takes ownership of a handle of the C interface.
    explicit Subscription(amop_subscription* subscription) noexcept : subscription_(subscription) {}

    /// Returns the next message; none if no message arrived within the timeout. A timeout of 0 does not wait.
    /// If several threads wait, each message goes to one of them.
    ///
    /// Throws `Code::closed` if no more messages will arrive: the subscription or the client is closed, and
    /// what was queued has been read; `invalid_argument` if the messages are passed to a handler; `forked`.
    std::optional<Message> next(Timeout timeout) const {
        return detail::next<Message, amop_message>(amop_subscription_next, get(), timeout);
    }

    /// Returns up to `max` messages (at most 65,536) in order; empty if no message arrived within the
    /// timeout. Waits for the first one, but not for more. Throws as `next`.
    std::vector<Message> next_many(std::size_t max, Timeout timeout) const {
        return detail::next_many<Message, amop_message>(amop_subscription_next_many, get(), max, timeout);
    }

    /// `for (const amop::Message& message : subscription)`: reads each message as it arrives, until no more
    /// will arrive.
    detail::Iterator<Subscription, Message> begin() const noexcept {
        return detail::Iterator<Subscription, Message>(*this);
    }
    detail::Sentinel end() const noexcept { return {}; }

    /// Returns a file descriptor for poll, epoll or an event loop. It is readable while `next` would not
    /// wait, and in rare cases without need. The library owns it and closes it with the subscription; do not
    /// read from it or close it.
    ///
    /// Throws `invalid_argument` if the messages are passed to a handler, `runtime` if the process has no
    /// descriptor left, `unsupported` on systems other than Unix, `forked`.
    int fd() const { return detail::descriptor(amop_subscription_fd, get()); }

    /// The topic; valid as long as the subscription.
    std::string_view topic() const noexcept { return detail::view(amop_subscription_topic(get())); }

    /// Returns the current statistics. Throws `forked`.
    SubscriptionStats stats() const {
        return detail::Snapshot(detail::make<amop_stats>(amop_subscription_stats, get())).of_subscription();
    }

    /// Ends the subscription: it accepts no more messages, and the nodes receive a topic list without it.
    /// Queued messages can still be read. A handler processes them until the timeout (default: the close
    /// timeout of the client); the rest is discarded and counted. When it returns, the handler does not run
    /// any more, and its captures are destroyed. Inside of any handler of the library it returns at once, and
    /// the subscription ends in the background. It may be called again.
    ///
    /// Throws `timeout` if the handler has not returned; its captures are kept until it does. `forked`.
    void unsubscribe(Timeout timeout = {}) const {
        detail::call(amop_subscription_unsubscribe, get(), timeout.of_call());
    }

    /// Ends the subscription without waiting, and returns a future for its end, or for an `Error` as thrown by
    /// `unsubscribe`; also inside of a handler it completes only when the subscription has ended. The object may be
    /// destroyed before.
    [[nodiscard]] std::future<void> unsubscribe_async(Timeout timeout = {}) const {
        return detail::end_with_future(detail::Promises(), amop_subscription_unsubscribe_queued, get(),
                                       timeout);
    }

    /// Ends the subscription without waiting and calls `done(const amop::Completion&)` once, on a thread of its own.
    template <class Done, class = std::enable_if_t<!std::is_convertible_v<Done, Timeout>>>
    void unsubscribe_async(Done&& done, Timeout timeout = {}) const {
        detail::end_async(amop_subscription_unsubscribe_async, get(), std::forward<Done>(done), timeout);
    }

    /// Ends the subscription without waiting; the completion is put into a queue, with `tag`.
    void unsubscribe_queued(const CompletionQueue& queue, void* tag, Timeout timeout = {}) const {
        detail::call(amop_subscription_unsubscribe_queued, get(), timeout.of_call(), queue.get(), tag);
    }

    /// Returns the C handle, which this object keeps.
    amop_subscription* get() const noexcept { return subscription_.get(); }

private:
    struct End {
        void operator()(amop_subscription* subscription) const noexcept {
            // Fails if the handler blocks; a destructor can't report that.
            amop_subscription_unsubscribe(subscription, 0, nullptr);
            amop_subscription_free(subscription);
        }
    };

    std::unique_ptr<amop_subscription, End> subscription_;
};

} // namespace amop
