/// Asynchronous calls: how they are cancelled, how they end, and the queue through which thousands of ends
/// are read.
#pragma once

#include <cstddef>
#include <exception>
#include <future>
#include <optional>
#include <type_traits>
#include <vector>

#include "../amop.h"
#include "error.hpp"
#include "handle.hpp"
#include "publish.hpp"
#include "stream.hpp"
#include "timeout.hpp"
#include "version.hpp"

namespace amop {

/// A call under way, to cancel it; the call goes on when this object goes. Movable.
class Call {
public:
    /// No call: `cancel` throws.
    Call() noexcept = default;

    /// From the C interface: `call` is this object's from now on.
    explicit Call(amop_call* call) noexcept : call_(call) {}

    /// Ends the call with `Code::cancelled`, unless it has ended. What was sent stays sent. Never waits: the
    /// end comes as always, to its future, handler or queue. Throws `invalid_argument` when there is no call,
    /// `forked`.
    void cancel() const { detail::call(amop_call_cancel, get()); }

    /// For the C interface; stays this object's.
    amop_call* get() const noexcept { return call_.get(); }

private:
    detail::Handle<amop_call, amop_call_free> call_;
};

/// How a call has ended. Immutable. A handler is lent one for the time of its call, `const Completion&`; one
/// that comes from a queue is its owner's, and movable.
class Completion {
public:
    /// From the C interface: `completion` is this object's from now on.
    explicit Completion(amop_completion* completion) noexcept : completion_(completion) {}

    Completion(const amop_completion* completion, detail::Lent) noexcept
        : completion_(detail::lent<amop_completion, amop_completion_free>(completion)) {}

    /// How it ended: `Code::ok`, or why not.
    Code code() const noexcept { return static_cast<Code>(amop_completion_status(get())); }

    /// Whether the call succeeded.
    explicit operator bool() const noexcept { return code() == Code::ok; }

    /// Why the call failed; none when it didn't.
    std::optional<Error> error() const {
        const amop_error* error = amop_completion_error(get());
        return error == nullptr ? std::nullopt : std::optional<Error>(std::in_place, error);
    }

    /// The reply to a publish, to keep; an empty one for a broadcast. Throws the call's error when it failed.
    Reply reply() const {
        const amop_completion* completion = get();
        if (amop_completion_status(completion) != AMOP_OK) {
            throw Error(amop_completion_error(completion));
        }
        return Reply(amop_reply_clone(amop_completion_reply(completion)));
    }

    /// The tag that the call was started with; NULL for one with a future or a handler.
    void* tag() const noexcept { return amop_completion_tag(get()); }

    /// For the C interface; stays this object's.
    const amop_completion* get() const noexcept { return completion_.get(); }

private:
    detail::OwnedOrLent<amop_completion, amop_completion_free> completion_;
};

namespace detail {

/// A handler that passes the outcome on to a future.
template <class Outcome>
struct Fulfil {
    std::promise<Outcome> promise;

    void operator()(const Completion& completion) {
        if (const auto error = completion.error()) {
            promise.set_exception(std::make_exception_ptr(*error));
        } else if constexpr (std::is_void_v<Outcome>) {
            promise.set_value();
        } else {
            promise.set_value(completion.reply());
        }
    }
};

} // namespace detail

/// Where the ends of calls are read instead of called back: by any thread, or by an event loop through the
/// queue's file descriptor. One queue may serve many clients; the tag tells the calls apart. Movable; all its
/// functions may be used from many threads at once. When it is destroyed, calls that are under way go on, and
/// their ends are dropped.
class CompletionQueue {
public:
    /// A queue for up to `max` calls that are under way or whose ends haven't been read; 0 takes 65,536.
    /// Throws `unsupported` when library and headers don't fit.
    explicit CompletionQueue(std::size_t max = 0) {
        check_version();
        queue_.reset(amop_completion_queue_new(max));
    }

    /// The next completion; none when none came in time. Doesn't wait with a timeout of 0. Several threads
    /// may wait: each completion goes to one of them. Throws `forked`.
    std::optional<Completion> next(Timeout timeout) const {
        return detail::next<Completion, amop_completion>(amop_completion_queue_next, get(), timeout);
    }

    /// The next completions, up to `max` (and 65,536 at once); empty when none came in time. Waits for the
    /// first, and takes what is there then. Throws `forked`.
    std::vector<Completion> next_many(std::size_t max, Timeout timeout) const {
        return detail::next_many<Completion, amop_completion>(amop_completion_queue_next_many, get(), max,
                                                              timeout);
    }

    /// A file descriptor that is readable while `next` would not wait, as `Subscription::fd`.
    int fd() const { return detail::descriptor(amop_completion_queue_fd, get()); }

    /// For the C interface; stays this object's.
    amop_completion_queue* get() const noexcept { return queue_.get(); }

private:
    detail::Handle<amop_completion_queue, amop_completion_queue_free> queue_;
};

} // namespace amop
