/// How this library calls the C interface: handles that free themselves, statuses that become exceptions. Not
/// for users.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "../amop.h"
#include "error.hpp"

namespace amop::detail {

/// Frees a C object by its function.
template <auto Function>
struct Free {
    template <class T>
    void operator()(T* object) const noexcept {
        Function(object);
    }
};

/// A C object that is freed by this function.
template <class T, auto Function>
using Handle = std::unique_ptr<T, Free<Function>>;

/// Frees a C object, unless it is only lent for the time of a callback.
template <auto Function>
struct FreeIfOwned {
    bool owned = true;

    template <class T>
    void operator()(T* object) const noexcept {
        if (owned) {
            Function(object);
        }
    }
};

/// A C object that is owned or lent.
template <class T, auto Function>
using OwnedOrLent = std::unique_ptr<T, FreeIfOwned<Function>>;

/// A C object that is lent.
template <class T, auto Function>
OwnedOrLent<T, Function> lent(const T* object) noexcept {
    // It isn't written to: the pointer is there for the function that would free it, and won't.
    return OwnedOrLent<T, Function>(const_cast<T*>(object), FreeIfOwned<Function>{false});
}

/// Marks constructors of what is lent for the time of a callback.
struct Lent {};

/// Throws what a function of the C interface said, and frees it.
[[noreturn]] inline void fail(amop_status status, amop_error* error) {
    const Handle<amop_error, amop_error_free> freed(error);
    if (error == nullptr) {
        const auto code = static_cast<Code>(status);
        throw Error(code, std::string(to_string(code)));
    }
    throw Error(error);
}

/// Throws unless a setter, which gives no error object, has taken the setting `name`.
inline void check(amop_status status, const char* name) {
    if (status != AMOP_OK) {
        throw Error(static_cast<Code>(status),
                    "`" + std::string(name)
                        + "` can't be used: it is out of range, or a text that isn't UTF-8");
    }
}

/// Calls a function of the C interface whose last parameter is an error object; throws when it fails.
template <class Function, class... Arguments>
void call(Function function, Arguments... arguments) {
    amop_error* error = nullptr;
    const amop_status status = function(arguments..., &error);
    if (status != AMOP_OK) {
        fail(status, error);
    }
}

/// The same of a function that gives an object of type `T`, by the parameter before the error's.
template <class T, class Function, class... Arguments>
T* make(Function function, Arguments... arguments) {
    T* object = nullptr;
    call(function, arguments..., &object);
    return object;
}

/// A text that the C interface lends, possibly NULL.
inline std::string_view view(const char* text) noexcept {
    return text == nullptr ? std::string_view() : std::string_view(text);
}

/// A text for the C interface, which would take a NUL inside for its end.
class CText {
public:
    CText(std::string_view text, const char* name, Code code = Code::invalid_argument) : text_(text) {
        const auto at = text_.find('\0');
        if (at != std::string::npos) {
            throw Error(code, "`" + std::string(name) + "` holds a NUL: byte " + std::to_string(at));
        }
    }

    const char* c_str() const noexcept { return text_.c_str(); }

private:
    std::string text_;
};

/// A topic for the C interface.
struct CTopic : CText {
    explicit CTopic(std::string_view topic) : CText(topic, "topic", Code::invalid_topic) {}
};

} // namespace amop::detail
