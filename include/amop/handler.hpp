/// How callables become callbacks of the C interface. Not part of the interface.
///
/// A callable is allocated on the heap and owned by the library until the library drops it: once, after its
/// last call, also if the library refuses it.
#pragma once

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include "../amop.h"
#include "handle.hpp"

namespace amop::detail {

/// Runs the body of a callback. An exception must not enter the library, so it is reported to it instead.
template <class Body>
void guard(Body&& body) noexcept {
#ifdef __cpp_exceptions
    // The status is ignored: it is an error only in log callbacks, whose failures can't be reported.
    try {
        std::forward<Body>(body)();
    } catch (const std::exception& exception) {
        const char* const text = exception.what();
        amop_callback_failed(text != nullptr ? text : "the handler threw an exception without a text");
    } catch (...) {
        amop_callback_failed("the handler threw an object that is not a std::exception");
    }
#else
    // An error of a function of the library, which would be an exception, ends the call in the same way.
    Attempt attempt;
    std::forward<Body>(body)();
    if (attempt.error) {
        amop_callback_failed(attempt.error->what());
    }
#endif
}

/// Calls a handler, which may be a pointer to a member of its argument. (std::invoke would need <functional>.)
template <class Handler, class Argument>
decltype(auto) invoke(Handler& handler, Argument&& argument) {
    if constexpr (std::is_member_function_pointer_v<Handler>) {
        return (std::forward<Argument>(argument).*handler)();
    } else {
        return handler(std::forward<Argument>(argument));
    }
}

/// A callable that is about to be passed to the library.
template <class Handler>
class Context {
public:
    template <class Callable>
    explicit Context(Callable&& callable)
        : handler_(std::make_unique<Handler>(std::forward<Callable>(callable))) {}

    /// Returns a callback of the C interface that owns the callable; its `call` gets it with `of`. Call it
    /// directly before the library is called, so that nothing can throw in between.
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

/// Calls a handler with a `View` of the `Object` that the library lends for the call.
template <class Handler, class View, class Object>
void call_with_lent(void* context, const Object* object) noexcept {
    guard([&] {
        const View view(object, Lent{});
        invoke(Context<Handler>::of(context), view);
    });
}

/// Removes an overload for arguments that are convertible to one of these options.
template <class Handler, class... Options>
using IfHandler = std::enable_if_t<!std::disjunction_v<std::is_convertible<Handler, Options>...>>;

} // namespace amop::detail
