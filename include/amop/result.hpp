/// Results: errors as values instead of exceptions, for every function of these headers.
///
///     const amop::Result<amop::Reply> reply = amop::attempt([&] { return client.publish("hello", "hi", 5s); });
///     if (!reply) {
///         std::cerr << reply.error().what() << '\n';
///     }
///
/// The headers can be compiled without exceptions (`-fno-exceptions`), for all parts of a program alike. Then a
/// function that fails outside of `attempt` and of handlers ends the program, and a `std::future` can't pass an error
/// on: use handlers or a `CompletionQueue` instead.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <type_traits>
#include <utility>

#include "error.hpp"

namespace amop {

/// A value, or the error of the call that should have returned it.
template <class T>
class [[nodiscard]] Result {
public:
    using value_type = T;
    using error_type = Error;

    Result(T value) : value_(std::move(value)) {}
    Result(Error error) : error_(std::move(error)) {}

    /// Whether there is a value.
    bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /// The value. Without one, throws the error; without exceptions, ends the program.
    T& value() &;
    const T& value() const&;
    T&& value() &&;

    /// The value, which must exist.
    T& operator*() & noexcept { return *value_; }
    const T& operator*() const& noexcept { return *value_; }
    T&& operator*() && noexcept { return *std::move(value_); }
    T* operator->() noexcept { return &*value_; }
    const T* operator->() const noexcept { return &*value_; }

    /// The value, or `other` if there is none.
    template <class Other>
    T value_or(Other&& other) && {
        return value_ ? *std::move(value_) : static_cast<T>(std::forward<Other>(other));
    }

    /// The error, which must exist.
    const Error& error() const noexcept { return *error_; }

    /// The code of the error; `Code::ok` if there is a value.
    Code code() const noexcept { return error_ ? error_->code() : Code::ok; }

private:
    std::optional<T> value_;
    std::optional<Error> error_;
};

/// The end of a call that returns nothing, or its error.
template <>
class [[nodiscard]] Result<void> {
public:
    using value_type = void;
    using error_type = Error;

    Result() noexcept = default;
    Result(Error error) : error_(std::move(error)) {}

    /// Whether the call succeeded.
    bool has_value() const noexcept { return !error_; }
    explicit operator bool() const noexcept { return has_value(); }

    /// Does nothing after a success. Else throws the error; without exceptions, ends the program.
    void value() const;

    /// The error, which must exist.
    const Error& error() const noexcept { return *error_; }

    /// The code of the error; `Code::ok` if the call succeeded.
    Code code() const noexcept { return error_ ? error_->code() : Code::ok; }

private:
    std::optional<Error> error_;
};

namespace detail {

#ifndef __cpp_exceptions

/// The call of `attempt` that a thread is in, and the first error in it.
struct Attempt {
    std::optional<Error> error;
    Attempt* outer;

    Attempt() noexcept : outer(std::exchange(current(), this)) {}
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    ~Attempt() { current() = outer; }

    static Attempt*& current() noexcept {
        static thread_local Attempt* attempt = nullptr;
        return attempt;
    }
};

#endif

/// Whether an error waits to be returned, so that nothing else may be done. Never with exceptions.
inline bool failing() noexcept {
#ifdef __cpp_exceptions
    return false;
#else
    return Attempt::current() != nullptr && Attempt::current()->error;
#endif
}

/// Throws an error. Without exceptions it is kept for `attempt`, and this returns.
inline void raise(Error error) {
#ifdef __cpp_exceptions
    throw Error(std::move(error));
#else
    if (Attempt::current() == nullptr) {
        std::fprintf(stderr, "amop: %s\n", error.what());
        std::abort();
    }
    if (!Attempt::current()->error) {
        Attempt::current()->error.emplace(std::move(error));
    }
#endif
}

/// Throws an error of a `Result`; without exceptions, ends the program.
[[noreturn]] inline void no_value(const Error& error) {
#ifdef __cpp_exceptions
    throw Error(error);
#else
    std::fprintf(stderr, "amop: %s\n", error.what());
    std::abort();
#endif
}

} // namespace detail

template <class T>
T& Result<T>::value() & {
    if (error_) {
        detail::no_value(*error_);
    }
    return *value_;
}

template <class T>
const T& Result<T>::value() const& {
    if (error_) {
        detail::no_value(*error_);
    }
    return *value_;
}

template <class T>
T&& Result<T>::value() && {
    if (error_) {
        detail::no_value(*error_);
    }
    return *std::move(value_);
}

inline void Result<void>::value() const {
    if (error_) {
        detail::no_value(*error_);
    }
}

/// Calls `callable()` and returns what it returns, or the first `Error` of a function of the library in it. Other
/// exceptions pass through. Without exceptions the rest of `callable` is still run after an error, but functions of
/// the library do nothing in it.
template <class Callable>
Result<std::decay_t<std::invoke_result_t<Callable&>>> attempt(Callable&& callable) {
    using Value = std::decay_t<std::invoke_result_t<Callable&>>;
#ifdef __cpp_exceptions
    try {
        if constexpr (std::is_void_v<Value>) {
            callable();
            return {};
        } else {
            return Result<Value>(callable());
        }
    } catch (const Error& error) {
        return Result<Value>(error);
    }
#else
    detail::Attempt attempt;
    if constexpr (std::is_void_v<Value>) {
        callable();
        return attempt.error ? Result<void>(*std::move(attempt.error)) : Result<void>();
    } else {
        Value value = callable();
        return attempt.error ? Result<Value>(*std::move(attempt.error)) : Result<Value>(std::move(value));
    }
#endif
}

} // namespace amop
