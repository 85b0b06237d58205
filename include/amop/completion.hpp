/// Asynchronous calls: cancelling them, their completions, and the queue from which completions are read.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "../amop.h"
#include "error.hpp"
#include "handle.hpp"
#include "publish.hpp"
#include "stream.hpp"
#include "timeout.hpp"
#include "version.hpp"

namespace amop {

class Client;

/// A call in flight, to cancel it. The call continues when this object is destroyed. Movable.
class Call {
public:
    /// Creates an object without a call; `cancel` throws.
    Call() noexcept = default;

    /// Takes ownership of a handle of the C interface.
    explicit Call(amop_call* call) noexcept : call_(call) {}

    /// Cancels the call: it completes with `Code::cancelled`, unless it has already completed. A message that
    /// has been sent can't be recalled. Never waits: the completion is passed to the future, handler or queue
    /// as usual. Throws `invalid_argument` if there is no call, `forked`.
    void cancel() const { detail::call(amop_call_cancel, get()); }

    /// Returns the C handle, which this object keeps.
    amop_call* get() const noexcept { return call_.get(); }

private:
    detail::Handle<amop_call, amop_call_free> call_;
};

/// The result of a call. Immutable. A handler borrows it for its call as `const Completion&`; one that was
/// read from a queue is owned by the caller and movable.
class Completion {
public:
    /// Takes ownership of a handle of the C interface.
    explicit Completion(amop_completion* completion) noexcept : completion_(completion) {}

    Completion(const amop_completion* completion, detail::Lent) noexcept
        : completion_(detail::lent<amop_completion, amop_completion_free>(completion)) {}

    /// The result: `Code::ok` or the code of the error.
    Code code() const noexcept { return static_cast<Code>(amop_completion_status(get())); }

    /// Whether the call succeeded.
    explicit operator bool() const noexcept { return code() == Code::ok; }

    /// The error; none if the call succeeded.
    std::optional<Error> error() const {
        const amop_error* error = amop_completion_error(get());
        return error == nullptr ? std::nullopt : std::optional<Error>(std::in_place, error);
    }

    /// Returns the reply to a publish; an empty one for a broadcast. Throws the error of a failed call.
    Reply reply() const {
        const amop_completion* completion = get();
        if (amop_completion_status(completion) != AMOP_OK) {
            detail::raise(Error(amop_completion_error(completion)));
            return Reply(nullptr);
        }
        return Reply(amop_reply_clone(amop_completion_reply(completion)));
    }

    /// Returns the client of a connect, once. Throws the error of a connect that failed; `invalid_argument` if there
    /// is no client, or if it was taken before. Defined in client.hpp.
    Client take_client() const;

    /// The tag that was passed with the call; NULL for a call with a future or a handler.
    void* tag() const noexcept { return amop_completion_tag(get()); }

    /// Returns the C handle, which this object keeps.
    const amop_completion* get() const noexcept { return completion_.get(); }

private:
    detail::OwnedOrLent<amop_completion, amop_completion_free> completion_;
};

/// A queue of completions that are read instead of passed to handlers: by any thread, or by an event loop
/// through the file descriptor of the queue. A queue may be used for several clients; tags identify the
/// calls. Movable; its functions may be called from any number of threads at once. When it is destroyed,
/// calls in flight continue, and their completions are discarded.
class [[nodiscard]] CompletionQueue {
public:
    /// Creates a queue with a capacity of `max` calls that are in flight or whose completions have not been
    /// read; 0 stands for 65,536. Throws `unsupported` if the library does not fit the headers.
    explicit CompletionQueue(std::size_t max = 0) {
        check_version();
        queue_.reset(amop_completion_queue_new(max));
    }

    /// Returns the next completion; none if no call completed within the timeout. A timeout of 0 does not
    /// wait. If several threads wait, each completion goes to one of them. Throws `forked`.
    std::optional<Completion> next(Timeout timeout) const {
        return detail::next<Completion, amop_completion>(amop_completion_queue_next, get(), timeout);
    }

    /// Returns up to `max` completions (at most 65,536); empty if no call completed within the timeout. Waits
    /// for the first one, but not for more. Throws `forked`.
    std::vector<Completion> next_many(std::size_t max, Timeout timeout) const {
        return detail::next_many<Completion, amop_completion>(amop_completion_queue_next_many, get(), max,
                                                              timeout);
    }

    /// Returns a file descriptor that is readable while `next` would not wait, see `Subscription::fd`.
    int fd() const { return detail::descriptor(amop_completion_queue_fd, get()); }

    /// Returns the C handle, which this object keeps.
    amop_completion_queue* get() const noexcept { return queue_.get(); }

private:
    detail::Handle<amop_completion_queue, amop_completion_queue_free> queue_;
};

} // namespace amop
