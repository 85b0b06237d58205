/// How futures are completed: by a queue with a callback, apart from all handlers, so that a handler may wait
/// for a future. Not part of the interface.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <future>
#include <memory>
#include <type_traits>
#include <utility>

#include "../amop.h"
#include "completion.hpp"
#include "error.hpp"
#include "handle.hpp"
#include "handler.hpp"
#include "publish.hpp"
#include "timeout.hpp"

namespace amop::detail {

/// A promise that waits for its completion. The queue owns it while the call is in flight.
struct Pending {
    Pending() = default;
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;
    virtual ~Pending() = default;

    /// Completes the promise.
    virtual void complete(const Completion& completion) = 0;
};

/// A promise for what a completion contains.
template <class Outcome, class Take>
struct PendingOutcome final : Pending {
    std::promise<Outcome> promise;

    void complete(const Completion& completion) override {
        if (const auto error = completion.error()) {
            promise.set_exception(std::make_exception_ptr(*error));
        } else if constexpr (std::is_void_v<Outcome>) {
            promise.set_value();
        } else {
            promise.set_value(Take()(completion));
        }
    }
};

/// A promise for a subscription or service, whose handle the library stores before it completes the call.
template <class Made, class Object>
struct PendingHandle final : Pending {
    std::promise<Made> promise;
    Object* handle = nullptr;

    void complete(const Completion& completion) override {
        if (const auto error = completion.error()) {
            {
                // Freed before the future fails: then the topic is free for others.
                const Made unwanted(handle);
            }
            promise.set_exception(std::make_exception_ptr(*error));
        } else {
            promise.set_value(Made(handle));
        }
    }
};

struct TakeReply {
    Reply operator()(const Completion& completion) const { return completion.reply(); }
};

/// The queue that completes promises, created when it is first needed. It may be destroyed while calls are in
/// flight.
class Promises {
public:
    Promises() noexcept = default;
    Promises(Promises&& other) noexcept : queue_(other.queue_.exchange(nullptr)) {}
    Promises& operator=(Promises&& other) noexcept {
        amop_completion_queue_free(queue_.exchange(other.queue_.exchange(nullptr)));
        return *this;
    }
    ~Promises() { amop_completion_queue_free(queue_.load()); }

    /// Returns the queue. Throws `runtime` if its thread can't be started.
    amop_completion_queue* get() const {
        if (auto* queue = queue_.load()) {
            return queue;
        }
        amop_completion_callback callback{};
        callback.call = complete;
        Handle<amop_completion_queue, amop_completion_queue_free> made(
            make<amop_completion_queue>(amop_completion_queue_new_callback, std::size_t{0}, callback));
        amop_completion_queue* there = nullptr;
        return queue_.compare_exchange_strong(there, made.get()) ? made.release() : there;
    }

private:
    static void complete(void*, const amop_completion* completion) noexcept {
        const std::unique_ptr<Pending> pending(static_cast<Pending*>(amop_completion_tag(completion)));
        pending->complete(Completion(completion, Lent{}));
    }

    mutable std::atomic<amop_completion_queue*> queue_{nullptr};
};

/// Calls `function(queue, tag, pending, error)`, a function of the C interface whose completion goes to a promise of
/// type `Waiting`. Throws if it is refused.
template <class Waiting, class Function>
auto start_pending(const Promises& promises, Function function) {
    amop_completion_queue* queue = promises.get();
    auto pending = std::make_unique<Waiting>();
    auto future = pending->promise.get_future();
    // From here on the queue may complete and delete it at any time.
    Waiting* owned = pending.release();
    amop_error* error = nullptr;
    const amop_status status = function(queue, static_cast<Pending*>(owned), owned, &error);
    if (status != AMOP_OK) {
        delete owned;
        fail(status, error);
    }
    return future;
}

/// A handler of completions that is about to be passed to the library.
template <class Handler>
Context<std::decay_t<Handler>> completing(Handler&& handler) {
    static_assert(std::is_invocable_v<std::decay_t<Handler>&, const Completion&>,
                  "a handler of completions takes (const amop::Completion&)");
    return Context<std::decay_t<Handler>>(std::forward<Handler>(handler));
}

/// Returns the callback for a handler of completions.
template <class Stored>
amop_completion_callback callback_of(Context<Stored>& context) noexcept {
    return context.template give<amop_completion_callback>(
        call_with_lent<Stored, Completion, amop_completion>);
}

/// Calls a function of the C interface that ends a handle, with a future for its completion.
template <class Function, class Object>
std::future<void> end_with_future(const Promises& promises, Function function, Object* object,
                                  Timeout timeout) {
    expect_handle(object);
    return start_pending<PendingOutcome<void, void>>(
        promises, [&](amop_completion_queue* queue, void* tag, auto*, amop_error** error) {
            return function(object, timeout.of_call(), queue, tag, error);
        });
}

/// Calls a function of the C interface that ends a handle, with a handler for its completion.
template <class Function, class Object, class Handler>
void end_async(Function function, Object* object, Handler&& handler, Timeout timeout) {
    auto context = completing(std::forward<Handler>(handler));
    call(function, object, timeout.of_call(), callback_of(context));
}

} // namespace amop::detail
