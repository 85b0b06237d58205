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

/// When a failed publish is tried again by itself.
enum class Retry : std::int32_t {
    /// As the client's options say; on the client itself: `definite`.
    automatic = AMOP_RETRY_DEFAULT,
    /// Never.
    never = AMOP_RETRY_NEVER,
    /// On another node, when the failure says that nothing was delivered.
    definite = AMOP_RETRY_DEFINITE,
    /// Also when it may have been delivered. Subscribers that use this library drop the duplicate, others may
    /// handle the message more than once.
    at_least_once = AMOP_RETRY_AT_LEAST_ONCE,
};

/// Options of a publish or broadcast. A duration alone stands for one with that timeout:
/// `client.publish(topic, data, 5s)`.
class PublishOptions {
public:
    PublishOptions() = default;

    template <class Rep, class Period>
    PublishOptions(std::chrono::duration<Rep, Period> time) : timeout_(time) {}

    /// By when the call ends. Default: the client's call timeout.
    PublishOptions& timeout(Timeout timeout) {
        timeout_ = timeout;
        return *this;
    }

    /// Whether a publish goes on trying until its deadline while nothing was delivered, say because no node
    /// knows a subscriber yet (topics take up to 5 s to travel between nodes). Default no.
    PublishOptions& wait_for_subscriber(bool wait) {
        wait_for_subscriber_ = wait;
        return *this;
    }

    /// When to try again by itself. Default: as the client's options say.
    PublishOptions& retry(Retry retry) {
        retry_ = retry;
        return *this;
    }

    /// Whether a broadcast goes through every connected node instead of one that reaches all. Subscribers
    /// that use this library drop the duplicates, others see them. Default no.
    PublishOptions& all_nodes(bool all) {
        all_nodes_ = all;
        return *this;
    }

    /// For the C interface, where the timeout is a parameter of its own: a new object with the other
    /// settings, or NULL when all are the default.
    detail::Handle<amop_publish_options, amop_publish_options_free> to_c() const {
        if (!wait_for_subscriber_ && !retry_ && !all_nodes_) {
            return nullptr;
        }
        detail::Handle<amop_publish_options, amop_publish_options_free> options(amop_publish_options_new());
        const detail::Settings<amop_publish_options> settings{options.get()};
        settings.apply("wait_for_subscriber", amop_publish_options_set_wait_for_subscriber,
                       wait_for_subscriber_);
        settings.apply("retry", amop_publish_options_set_retry, retry_);
        settings.apply("all_nodes", amop_publish_options_set_all_nodes, all_nodes_);
        return options;
    }

    /// For the C interface, in milliseconds; 0 is the default.
    std::uint64_t timeout_to_c() const noexcept { return timeout_.of_call(); }

private:
    Timeout timeout_;
    std::optional<bool> wait_for_subscriber_;
    std::optional<Retry> retry_;
    std::optional<bool> all_nodes_;
};

/// A subscriber's answer. Immutable; may be used from many threads at once. A copy shares the payload.
class Reply {
public:
    /// From the C interface: `reply` is this object's from now on; NULL stands for an empty reply.
    explicit Reply(amop_reply* reply) noexcept : reply_(reply) {}

    Reply(const Reply& other) noexcept : reply_(amop_reply_clone(other.get())) {}
    Reply& operator=(const Reply& other) noexcept { return *this = Reply(other); }
    Reply(Reply&&) noexcept = default;
    Reply& operator=(Reply&&) noexcept = default;
    ~Reply() = default;

    /// What the subscriber answered; nothing when it had nothing to say. Valid as long as the reply, as all
    /// views.
    Bytes data() const noexcept { return Bytes(amop_reply_data(get())); }

    /// The same as a text, whatever it holds.
    std::string_view text() const noexcept { return data().text(); }

    /// The node that the message went through, as the endpoint was given.
    std::string_view endpoint() const noexcept { return detail::view(amop_reply_endpoint(get())); }

    /// For the C interface; stays this object's.
    const amop_reply* get() const noexcept { return reply_.get(); }

private:
    detail::Handle<amop_reply, amop_reply_free> reply_;
};

} // namespace amop
