/// How callables become callbacks of the C interface. Not for users.
///
/// A callable lives on the heap from the moment it is handed to the library until the library drops it: once,
/// after its last call, also when the library refuses it.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "../amop.h"
#include "handle.hpp"

namespace amop::detail {

/// Runs what a callback is to do. No exception may pass into the library, which is told of it instead.
template <class Body>
void guard(Body&& body) noexcept {
    // The status is of no use here: of a log's callback there is nobody to tell.
    try {
        std::forward<Body>(body)();
    } catch (const std::exception& exception) {
        amop_callback_failed(exception.what());
    } catch (...) {
        amop_callback_failed("the handler threw something that is no std::exception");
    }
}

/// A callable on its way to the library.
template <class Handler>
class Context {
public:
    template <class Callable>
    explicit Context(Callable&& callable)
        : handler_(std::make_unique<Handler>(std::forward<Callable>(callable))) {}

    /// As a callback of the C interface, whose `call` gets the handler back by `of`. To be made as the last
    /// thing before the library is called, which has the handler from then on.
    template <class Callback, class Call>
    Callback give(Call call) noexcept {
        Callback callback{};
        callback.call = call;
        callback.context = handler_.release();
        callback.drop = [](void* context) noexcept { delete static_cast<Handler*>(context); };
        return callback;
    }

    static Handler& of(void* context) noexcept { return *static_cast<Handler*>(context); }

private:
    std::unique_ptr<Handler> handler_;
};

/// Calls a handler with what the library lends for the call: `Object` of the C interface, which `View` shows.
template <class Handler, class View, class Object>
void call_with_lent(void* context, const Object* object) noexcept {
    guard([&] {
        const View view(object, Lent{});
        std::invoke(Context<Handler>::of(context), view);
    });
}

/// Takes part in overload resolution only for what is none of these options.
template <class Handler, class... Options>
using IfHandler = std::enable_if_t<!std::disjunction_v<std::is_convertible<Handler, Options>...>>;

} // namespace amop::detail
