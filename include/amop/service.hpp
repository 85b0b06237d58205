/// Services: the unicasts of a topic, each of which receives an answer.
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
#include "handler.hpp"
#include "key.hpp"
#include "message.hpp"
#include "promise.hpp"
#include "settings.hpp"
#include "stats.hpp"
#include "stream.hpp"
#include "subscription.hpp"
#include "timeout.hpp"

namespace amop {

/// A unicast that waits for its answer, which can be given at once or later from any thread. Movable; its
/// functions may be called from any number of threads at once.
///
/// If it has no answer after 4.5 s, at 3.x nodes 29.5 s (`Options::answer_timeout`), the library answers TOO_SLOW; if it is
/// destroyed without an answer, DROPPED.
class Request {
public:
    /// The code of a failure if the program has no code of its own.
    static constexpr std::int32_t failed = AMOP_RESULT_FAILED;

    /// Takes ownership of a handle of the C interface.
    explicit Request(amop_request* request) noexcept
        : request_(request), message_(amop_request_message(request), detail::Lent{}) {}

    /// The message to be answered; a copy of it outlives the request.
    const Message& message() const noexcept { return message_; }

    /// The topic. Like all views, it is valid as long as the request.
    std::string_view topic() const noexcept { return message_.topic(); }

    /// The payload.
    Bytes data() const noexcept { return message_.data(); }

    /// The payload as a string, whatever it contains.
    std::string_view text() const noexcept { return message_.text(); }

    /// Sends the reply, which may be empty. Never waits.
    ///
    /// Throws `overloaded` if too many bytes wait to be sent on the request's connection: the request stays open and
    /// can be answered later. Throws `request_expired` if the time for an answer is over or the connection was lost,
    /// `already_answered`, `too_large`, `forked`.
    void reply(Bytes data = {}) const { detail::call(amop_request_reply, get(), data.data(), data.size()); }

    /// Answers with a failure: a code and data. The code must not be 0, a code of the nodes (100 to 104) or a code
    /// of the library (-5013 to -5010).
    ///
    /// Throws as `reply`; `invalid_argument` for a code that is not allowed.
    void fail(std::int32_t code, Bytes data = {}) const {
        detail::call(amop_request_fail, get(), code, data.data(), data.size());
    }

    /// Answers with the code `failed`; the publisher receives `Code::subscriber_failed`.
    void fail(Bytes data) const { fail(failed, data); }

    /// Returns whether the request can still be answered.
    bool is_open() const noexcept { return amop_request_is_open(get()); }

    /// Returns the C handle, which this object keeps.
    const amop_request* get() const noexcept { return request_.get(); }

private:
    detail::Handle<amop_request, amop_request_free> request_;
    Message message_;
};

namespace detail {

/// Calls the handler of a service and sends its return value.
template <class Handler>
void answer(void* context, const amop_request* lent) noexcept {
    guard([&] {
        Handler& handler = Context<Handler>::of(context);
        Request request(amop_request_clone(lent));
        // A handler may take the request by value or by any reference.
        const auto handle = [&]() -> decltype(auto) {
            if constexpr (std::is_invocable_v<Handler&, Request>) {
                return invoke(handler, std::move(request));
            } else {
                static_assert(std::is_invocable_v<Handler&, Request&>,
                              "a handler of requests takes (amop::Request)");
                return invoke(handler, request);
            }
        };
        if constexpr (std::is_void_v<decltype(handle())>) {
            handle();
        } else {
            using Result = decltype(handle());
            static_assert(
                std::is_convertible_v<const std::remove_reference_t<Result>&, Bytes>,
                "a handler of requests returns nothing, or the reply: a string, vector or array of bytes");
            if constexpr (std::is_convertible_v<const std::remove_reference_t<Result>&, Bytes>) {
                const auto& reply = handle();
                const Bytes data = reply;
                call(amop_request_reply, lent, data.data(), data.size());
            }
        }
    });
}

} // namespace detail

/// Options of a service. What is not set, or set to 0, has its default.
class ServeOptions {
public:
    /// Sets how many calls of the handler may run at once. Default: 1. Has no effect for a service without
    /// handler.
    ServeOptions& concurrency(std::size_t calls) {
        concurrency_ = calls;
        return *this;
    }

    /// Sets the maximum number of queued requests. At the limit, publishers receive `subscriber_busy`.
    /// Default: 65,536.
    ServeOptions& max_messages(std::size_t messages) {
        max_messages_ = messages;
        return *this;
    }

    /// Sets the maximum number of queued bytes, counting 160 bytes per request besides its payload. An empty
    /// service accepts one request of any size. Default: 64 MiB.
    ServeOptions& max_bytes(std::size_t bytes) {
        max_bytes_ = bytes;
        return *this;
    }

    /// Sets at how many nodes the topic is listed. Default: one, because nodes up to release 2.11 can lose a
    /// unicast between two clients of the same node. If the service were listed at all nodes, every publisher
    /// would share a node with it.
    ServeOptions& placement(Placement placement) {
        placement_ = placement;
        return *this;
    }

    /// Sets whether to wait until a node has listed the topic. Default: `automatic`.
    ServeOptions& confirm(Confirm confirm) {
        confirm_ = confirm;
        return *this;
    }

    /// Sets how long to wait for a node to list the topic. Default: the call timeout of the client.
    ServeOptions& timeout(Timeout timeout) {
        timeout_ = timeout;
        return *this;
    }

    /// Sets the private key with which the client proves that it may receive the messages of a *private* topic,
    /// whose publisher allows the public half (`Client::private_topic`): PEM of PKCS#8 or SEC1, PKCS#12, or 64 hex
    /// digits, with the password of an encrypted key. It must not be the key of the client's certificate. The call
    /// with these options then also throws `key_encrypted`, `credentials_invalid`, or `unsupported` at nodes of
    /// generation 3.x.
    ServeOptions& key(Bytes key, std::string_view password = {}) {
        key_ = detail::GivenKey{std::string(key.text()), std::string(password)};
        return *this;
    }

    /// Returns these settings as a new object of the C interface.
    detail::Handle<amop_serve_options, amop_serve_options_free> to_c() const {
        detail::Handle<amop_serve_options, amop_serve_options_free> options(amop_serve_options_new());
        const detail::Settings<amop_serve_options> settings{options.get()};
        settings.apply("concurrency", amop_serve_options_set_concurrency, concurrency_);
        settings.apply("max_messages", amop_serve_options_set_max_messages, max_messages_);
        settings.apply("max_bytes", amop_serve_options_set_max_bytes, max_bytes_);
        settings.apply("placement", amop_serve_options_set_placement, placement_);
        settings.apply("confirm", amop_serve_options_set_confirm, confirm_);
        settings.apply("timeout", amop_serve_options_set_timeout, timeout_);
        if (key_) {
            key_->apply(options.get(), amop_serve_options_set_key);
        }
        return options;
    }

private:
    std::optional<std::size_t> concurrency_;
    std::optional<std::size_t> max_messages_;
    std::optional<std::size_t> max_bytes_;
    std::optional<Placement> placement_;
    std::optional<Confirm> confirm_;
    Timeout timeout_;
    std::optional<detail::GivenKey> key_;
};

/// A service. Movable; its functions may be called from any number of threads at once. It ends like a
/// `Subscription`: the destructor waits for calls of the handler, up to the close timeout of the client,
/// unless it runs inside of a handler.
class [[nodiscard]] Service {
public:
    /// Takes ownership of a handle of the C interface.
    explicit Service(amop_service* service) noexcept : service_(service) {}

    /// Returns the next request that can still be answered; none if no request arrived within the timeout. A
    /// timeout of 0 does not wait. If several threads wait, each request goes to one of them.
    ///
    /// Throws `Code::closed` if no more requests will arrive: the service or the client is closed, and what
    /// was queued has been read; `invalid_argument` if the requests are passed to a handler; `forked`.
    std::optional<Request> next(Timeout timeout) const {
        return detail::next<Request, amop_request>(amop_service_next, get(), timeout);
    }

    /// Returns up to `max` requests (at most 65,536) in order; empty if no request arrived within the
    /// timeout. Waits for the first one, but not for more. Throws as `next`.
    std::vector<Request> next_many(std::size_t max, Timeout timeout) const {
        return detail::next_many<Request, amop_request>(amop_service_next_many, get(), max, timeout);
    }

    /// `for (amop::Request& request : service)`: reads each request as it arrives, until no more will arrive.
    detail::Iterator<Service, Request> begin() const noexcept {
        return detail::Iterator<Service, Request>(*this);
    }
    detail::Sentinel end() const noexcept { return {}; }

    /// Returns a file descriptor that is readable while `next` would not wait, see `Subscription::fd`.
    int fd() const { return detail::descriptor(amop_service_fd, get()); }

    /// The topic; valid as long as the service.
    std::string_view topic() const noexcept { return detail::view(amop_service_topic(get())); }

    /// Returns the current statistics. Throws `forked`.
    SubscriptionStats stats() const {
        return detail::Snapshot(detail::make<amop_stats>(amop_service_stats, get())).of_subscription();
    }

    /// Ends the service: it accepts no more requests, and the nodes receive a topic list without it. Queued
    /// requests can still be read and answered. A handler processes them until the timeout; the rest is
    /// answered as dropped. Otherwise as `Subscription::unsubscribe`.
    void unsubscribe(Timeout timeout = {}) const {
        detail::call(amop_service_unsubscribe, get(), timeout.of_call());
    }

    /// Ends the service without waiting, and returns a future for its end, or for an `Error` as thrown by
    /// `unsubscribe`; also inside of a handler it completes only when the service has ended. The object may be
    /// destroyed before.
    [[nodiscard]] std::future<void> unsubscribe_async(Timeout timeout = {}) const {
        return detail::end_with_future(detail::Promises(), amop_service_unsubscribe_queued, get(), timeout);
    }

    /// Ends the service without waiting and calls `done(const amop::Completion&)` once, on a thread of its own.
    template <class Done, class = std::enable_if_t<!std::is_convertible_v<Done, Timeout>>>
    void unsubscribe_async(Done&& done, Timeout timeout = {}) const {
        detail::end_async(amop_service_unsubscribe_async, get(), std::forward<Done>(done), timeout);
    }

    /// Ends the service without waiting; the completion is put into a queue, with `tag`.
    void unsubscribe_queued(const CompletionQueue& queue, void* tag, Timeout timeout = {}) const {
        detail::call(amop_service_unsubscribe_queued, get(), timeout.of_call(), queue.get(), tag);
    }

    /// Returns the C handle, which this object keeps.
    amop_service* get() const noexcept { return service_.get(); }

private:
    struct End {
        void operator()(amop_service* service) const noexcept {
            // Fails if a handler blocks; a destructor can't report that.
            amop_service_unsubscribe(service, 0, nullptr);
            amop_service_free(service);
        }
    };

    std::unique_ptr<amop_service, End> service_;
};

} // namespace amop
