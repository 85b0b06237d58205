/// Services: the unicasts of a topic, each of which gets an answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "../amop.h"
#include "bytes.hpp"
#include "handle.hpp"
#include "handler.hpp"
#include "message.hpp"
#include "settings.hpp"
#include "stats.hpp"
#include "stream.hpp"
#include "subscription.hpp"
#include "timeout.hpp"

namespace amop {

/// A unicast that waits for its answer: now, or later from any thread. Movable; its functions may be used
/// from many threads at once.
///
/// After 4.5 s (`Options::answer_timeout`) the library itself answers that the service is too slow; when the
/// request is destroyed without an answer, that it was dropped.
class Request {
public:
    /// The code of a failure without a code of its own.
    static constexpr std::int32_t failed = AMOP_RESULT_FAILED;

    /// From the C interface: `request` is this object's from now on.
    explicit Request(amop_request* request) noexcept
        : request_(request), message_(amop_request_message(request), detail::Lent{}) {}

    /// The message that is to be answered; a copy of it outlives the request.
    const Message& message() const noexcept { return message_; }

    /// The topic; valid as long as the request, as all views.
    std::string_view topic() const noexcept { return message_.topic(); }

    /// The payload.
    Bytes data() const noexcept { return message_.data(); }

    /// The payload as a text, whatever it holds.
    std::string_view text() const noexcept { return message_.text(); }

    /// Sends the reply; it may be empty. Never waits.
    ///
    /// Throws `request_expired` when its time is over or its connection gone, `already_answered`,
    /// `too_large`, `forked`.
    void reply(Bytes data = {}) const { detail::call(amop_request_reply, get(), data.data(), data.size()); }

    /// Tells the publisher that it failed: a code, and data to go with it. The code has to fit 16 bits, must
    /// not be 0, not one of the nodes' own (100 to 104), and not one that the library answers by itself (-5013
    /// to -5010).
    ///
    /// Throws as `reply`; `invalid_argument` for a code that can't be sent.
    void fail(std::int32_t code, Bytes data = {}) const {
        detail::call(amop_request_fail, get(), code, data.data(), data.size());
    }

    /// The same without a code of one's own; the publisher gets `Code::subscriber_failed`.
    void fail(Bytes data) const { fail(failed, data); }

    /// Whether an answer can still be given.
    bool is_open() const noexcept { return amop_request_is_open(get()); }

    /// For the C interface; stays this object's.
    const amop_request* get() const noexcept { return request_.get(); }

private:
    detail::Handle<amop_request, amop_request_free> request_;
    Message message_;
};

namespace detail {

/// Calls a service's handler, and sends what it returns.
template <class Handler>
void answer(void* context, const amop_request* lent) noexcept {
    guard([&] {
        Handler& handler = Context<Handler>::of(context);
        Request request(amop_request_clone(lent));
        // A handler may take the request, by value or by any reference.
        const auto handle = [&]() -> decltype(auto) {
            if constexpr (std::is_invocable_v<Handler&, Request>) {
                return std::invoke(handler, std::move(request));
            } else {
                static_assert(std::is_invocable_v<Handler&, Request&>,
                              "a handler of requests takes (amop::Request)");
                return std::invoke(handler, request);
            }
        };
        if constexpr (std::is_void_v<decltype(handle())>) {
            handle();
        } else {
            const auto& reply = handle();
            const Bytes data = reply;
            call(amop_request_reply, lent, data.data(), data.size());
        }
    });
}

} // namespace detail

/// Options of a service. What isn't set, or set to 0, has its default.
class ServeOptions {
public:
    /// How many calls of the handler may run at once. Default 1. Of no use for a service without handler.
    ServeOptions& concurrency(std::size_t calls) {
        concurrency_ = calls;
        return *this;
    }

    /// Most requests held for it; beyond, publishers are told that it is busy. Default 65,536.
    ServeOptions& max_messages(std::size_t messages) {
        max_messages_ = messages;
        return *this;
    }

    /// Most bytes held for it, payloads and 160 for each request; one request of any size is taken when it is empty.
    /// Default 64 MiB.
    ServeOptions& max_bytes(std::size_t bytes) {
        max_bytes_ = bytes;
        return *this;
    }

    /// At how many nodes the topic is listed. Default one: listed at all nodes a service would make every
    /// publisher that shares one of them stall, since nodes lose unicasts to clients of their own.
    ServeOptions& placement(Placement placement) {
        placement_ = placement;
        return *this;
    }

    /// How long to wait for a node to list the topic. Default: the client's call timeout.
    ServeOptions& timeout(Timeout timeout) {
        timeout_ = timeout;
        return *this;
    }

    /// For the C interface: a new object with these settings.
    detail::Handle<amop_serve_options, amop_serve_options_free> to_c() const {
        detail::Handle<amop_serve_options, amop_serve_options_free> options(amop_serve_options_new());
        const detail::Settings<amop_serve_options> settings{options.get()};
        settings.apply("concurrency", amop_serve_options_set_concurrency, concurrency_);
        settings.apply("max_messages", amop_serve_options_set_max_messages, max_messages_);
        settings.apply("max_bytes", amop_serve_options_set_max_bytes, max_bytes_);
        settings.apply("placement", amop_serve_options_set_placement, placement_);
        settings.apply("timeout", amop_serve_options_set_timeout, timeout_);
        return options;
    }

private:
    std::optional<std::size_t> concurrency_;
    std::optional<std::size_t> max_messages_;
    std::optional<std::size_t> max_bytes_;
    std::optional<Placement> placement_;
    Timeout timeout_;
};

/// A service. Movable; all its functions may be used from many threads at once. It ends as a `Subscription`
/// does: the destructor waits for the handler's calls, up to the client's close timeout, unless it runs in a
/// handler.
class [[nodiscard]] Service {
public:
    /// From the C interface: `service` is this object's from now on.
    explicit Service(amop_service* service) noexcept : service_(service) {}

    /// The next request that can still be answered; none when none came in time. Doesn't wait with a timeout
    /// of 0. Several threads may wait: each request goes to one of them.
    ///
    /// Throws `Code::closed` when none will come any more: after unsubscribing or closing, and all that was
    /// queued is read; `invalid_argument` when the requests go to a handler; `forked`.
    std::optional<Request> next(Timeout timeout) const {
        return detail::next<Request, amop_request>(amop_service_next, get(), timeout);
    }

    /// The next requests, up to `max` (and 65,536 at once), in order; empty when none came in time. Waits for
    /// the first, and takes what is there then. Throws as `next`.
    std::vector<Request> next_many(std::size_t max, Timeout timeout) const {
        return detail::next_many<Request, amop_request>(amop_service_next_many, get(), max, timeout);
    }

    /// `for (amop::Request& request : service)`: each request as it comes, until none will come any more.
    detail::Iterator<Service, Request> begin() const noexcept {
        return detail::Iterator<Service, Request>(*this);
    }
    detail::Sentinel end() const noexcept { return {}; }

    /// A file descriptor that is readable while `next` would not wait, as `Subscription::fd`.
    int fd() const { return detail::descriptor(amop_service_fd, get()); }

    /// The topic; valid as long as the service.
    std::string_view topic() const noexcept { return detail::view(amop_service_topic(get())); }

    /// What it holds, accepted and lost so far. Throws `forked`.
    SubscriptionStats stats() const {
        return detail::Snapshot(detail::make<amop_stats>(amop_service_stats, get())).of_subscription();
    }

    /// Takes no more requests and tells the node. What is queued can still be read and answered; a handler
    /// works it off until the timeout, then the rest is answered as dropped. Otherwise as
    /// `Subscription::unsubscribe`.
    void unsubscribe(Timeout timeout = {}) const {
        detail::call(amop_service_unsubscribe, get(), timeout.of_call());
    }

    /// For the C interface; stays this object's.
    amop_service* get() const noexcept { return service_.get(); }

private:
    struct End {
        void operator()(amop_service* service) const noexcept {
            // As of a subscription.
            amop_service_unsubscribe(service, 0, nullptr);
            amop_service_free(service);
        }
    };

    std::unique_ptr<amop_service, End> service_;
};

} // namespace amop
