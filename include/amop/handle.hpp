/// How the headers call the C interface: handles that free themselves, and statuses that become exceptions.
/// Not part of the interface.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../amop.h"
#include "error.hpp"
#include "result.hpp"

namespace amop::detail {

/// Frees a C object with this function.
template <auto Function>
struct Free {
    template <class T>
    void operator()(T* object) const noexcept {
        Function(object);
    }
};

/// A C object that is freed with this function.
template <class T, auto Function>
using Handle = std::unique_ptr<T, Free<Function>>;

/// Frees a C object, unless it is borrowed for a callback.
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

/// A C object that is owned or borrowed.
template <class T, auto Function>
using OwnedOrLent = std::unique_ptr<T, FreeIfOwned<Function>>;

/// Wraps a borrowed C object.
template <class T, auto Function>
OwnedOrLent<T, Function> lent(const T* object) noexcept {
    // The object is never written to. Only the function that frees owned objects needs a mutable pointer.
    return OwnedOrLent<T, Function>(const_cast<T*>(object), FreeIfOwned<Function>{false});
}

/// Marks constructors for objects that are borrowed for a callback.
struct Lent {};

/// Throws the error of a function of the C interface, and frees it. Without exceptions, see `raise`.
inline void fail(amop_status status, amop_error* error) {
    const Handle<amop_error, amop_error_free> freed(error);
    const auto code = static_cast<Code>(status);
    raise(error == nullptr ? Error(code, std::string(to_string(code))) : Error(error));
}

/// Returns a name between backquotes. Appended to, because GCC 12 warns of `"text" + std::string` in C++20.
inline std::string quoted(const char* name) {
    std::string text(1, '`');
    text += name;
    text += '`';
    return text;
}

/// Throws if a setter, which returns no error object, has rejected the setting `name`. `why` states for what.
inline void check(amop_status status, const char* name, const char* why) {
    if (status != AMOP_OK) {
        raise(Error(static_cast<Code>(status), quoted(name) + why));
    }
}

/// Returns whether the first argument of a function is the handle of an object that has none.
template <class Object>
bool is_empty(const Object& object) noexcept {
    if constexpr (std::is_pointer_v<Object>) {
        return object == nullptr;
    } else {
        return false;
    }
}

/// Throws if a function is called on an object that has no handle. C refuses it as well, but names a parameter of C.
template <class Object>
void expect_handle(const Object& object) {
    if (is_empty(object)) {
        raise(Error(Code::invalid_argument, "the object is empty, for example because it was moved from: use "
                                            "the object that it was moved to"));
    }
}

/// Drops what a function that is not called would own: the context of a callback.
template <class Callback>
auto refuse(const Callback& callback, int) noexcept -> decltype(callback.drop(callback.context)) {
    if (callback.drop != nullptr) {
        callback.drop(callback.context);
    }
}
template <class Argument>
void refuse(const Argument&, long) noexcept {}

/// Calls a function of the C interface on `object`, whose last parameter is an error object. Throws if it fails.
template <class Function, class Object, class... Arguments>
void call(Function function, Object object, Arguments... arguments) {
    if (failing() || is_empty(object)) {
        (refuse(arguments, 0), ...);
        expect_handle(object);
        return;
    }
    amop_error* error = nullptr;
    const amop_status status = function(object, arguments..., &error);
    if (status != AMOP_OK) {
        fail(status, error);
    }
}

/// Calls such a function that stores a new `T` in the parameter before the error, and returns it.
template <class T, class Function, class... Arguments>
T* make(Function function, Arguments... arguments) {
    T* object = nullptr;
    call(function, arguments..., &object);
    return object;
}

/// Views a string of the C interface, possibly NULL.
inline std::string_view view(const char* text) noexcept {
    return text == nullptr ? std::string_view() : std::string_view(text);
}

/// A string for the C interface. Throws if it contains a NUL, which C would take for the end.
class CText {
public:
    CText(std::string_view text, const char* name, Code code = Code::invalid_argument) : text_(text) {
        const auto at = text_.find('\0');
        if (at != std::string::npos) {
            raise(Error(code, quoted(name) + " contains a NUL: byte " + std::to_string(at)));
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
