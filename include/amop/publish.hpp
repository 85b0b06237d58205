/// Sending: the options of publishes and broadcasts, and the reply to a publish.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "../amop.h"
#include "bytes.hpp"
#include "handle.hpp"
#include "settings.hpp"
#include "timeout.hpp"

namespace amop {

/// When a failed publish or broadcast is retried automatically.
enum class Retry : std::int32_t {
    /// As set in the options of the client; in those: `definite`.
    automatic = AMOP_RETRY_DEFAULT,
    /// Never.
    never = AMOP_RETRY_NEVER,
    /// On another node, if the error states that the message was not delivered.
    definite = AMOP_RETRY_DEFINITE,
    /// Also if the message may have been delivered. Subscribers that use this library discard the duplicate;
    /// others may handle the message more than once.
    at_least_once = AMOP_RETRY_AT_LEAST_ONCE,
};

/// Options of a publish or broadcast. A duration alone stands for options with that timeout:
/// `client.publish(topic, data, 5s)`.
class PublishOptions {
public:
    PublishOptions() = default;

    template <class Rep, class Period>
    PublishOptions(std::chrono::duration<Rep, Period> time) : timeout_(time) {}

    /// Sets the time limit of the call. Default: the call timeout of the client.
    PublishOptions& timeout(Timeout timeout) {
        timeout_ = timeout;
        return *this;
    }

    /// Sets whether a publish that was not delivered is retried until its deadline, for example because no
    /// node knows a subscriber yet, and whether a broadcast is sent only when a node knows one. It takes up to
    /// 5 s until all nodes know a new subscriber. Default: false.
    PublishOptions& wait_for_subscriber(bool wait) {
        wait_for_subscriber_ = wait;
        return *this;
    }

    /// Sets when the call is retried automatically. Default: as set in the options of the client.
    PublishOptions& retry(Retry retry) {
        retry_ = retry;
        return *this;
    }

    /// Sets whether a broadcast is sent to every connected node, rather than to as many as reach all
    /// subscribers. Subscribers that use this library discard the duplicates, others receive them. Default:
    /// false.
    PublishOptions& all_nodes(bool all) {
        all_nodes_ = all;
        return *this;
    }

    /// Sets whether the topic is a private one, which `Client::private_topic` has opened: the message is passed on
    /// to verified subscribers only. For calls that do not wait; `PrivateTopic::publish` and `PrivateTopic::broadcast`
    /// need no option. Default: false.
    PublishOptions& is_private(bool is_private) {
        private_ = is_private;
        return *this;
    }

    /// Returns these settings as a new object of the C interface, or NULL if all are default. The timeout is
    /// not included, because it is a parameter of its own in C.
    detail::Handle<amop_publish_options, amop_publish_options_free> to_c() const {
        if (!wait_for_subscriber_ && !retry_ && !all_nodes_ && !private_) {
            return nullptr;
        }
        detail::Handle<amop_publish_options, amop_publish_options_free> options(amop_publish_options_new());
        const detail::Settings<amop_publish_options> settings{options.get()};
        settings.apply("wait_for_subscriber", amop_publish_options_set_wait_for_subscriber,
                       wait_for_subscriber_);
        settings.apply("retry", amop_publish_options_set_retry, retry_);
        settings.apply("all_nodes", amop_publish_options_set_all_nodes, all_nodes_);
        settings.apply("private", amop_publish_options_set_private, private_);
        return options;
    }

    /// Returns the timeout for the C interface, in milliseconds; 0 stands for the default.
    std::uint64_t timeout_to_c() const noexcept { return timeout_.of_call(); }

private:
    Timeout timeout_;
    std::optional<bool> wait_for_subscriber_;
    std::optional<Retry> retry_;
    std::optional<bool> all_nodes_;
    std::optional<bool> private_;
};

/// A reply of a subscriber. Immutable; may be used from any number of threads at once. A copy shares the
/// payload.
class Reply {
public:
    /// Takes ownership of a handle of the C interface. NULL is an empty reply.
    explicit Reply(amop_reply* reply) noexcept : reply_(reply) {}

    Reply(const Reply& other) noexcept : reply_(amop_reply_clone(other.get())) {}
    Reply& operator=(const Reply& other) noexcept { return *this = Reply(other); }
    Reply(Reply&&) noexcept = default;
    Reply& operator=(Reply&&) noexcept = default;
    ~Reply() = default;

    /// The payload; empty if the subscriber sent none. Like all views, it is valid as long as the reply.
    Bytes data() const noexcept { return Bytes(amop_reply_data(get())); }

    /// The payload as a string, whatever it contains.
    std::string_view text() const noexcept { return data().text(); }

    /// The endpoint of the node that the message was sent to, as it was added.
    std::string_view endpoint() const noexcept { return detail::view(amop_reply_endpoint(get())); }

    /// Returns the C handle, which this object keeps.
    const amop_reply* get() const noexcept { return reply_.get(); }

private:
    detail::Handle<amop_reply, amop_reply_free> reply_;
};

} // namespace amop
