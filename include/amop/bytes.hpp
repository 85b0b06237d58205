/// Bytes: how payloads are handed over and looked at without copying them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../amop.h"

namespace amop {

namespace detail {

/// Whether an object of this type is a byte of a payload or text.
template <class T>
inline constexpr bool
    is_byte = sizeof(T) == 1
              && !std::is_same_v<T, bool> && (std::is_integral_v<T> || std::is_same_v<T, std::byte>);

/// Whether a type has `data()` and `size()` of bytes: strings, vectors, arrays, spans.
template <class T, class = void>
inline constexpr bool holds_bytes = false;
template <class T>
inline constexpr bool holds_bytes<
    T, std::void_t<decltype(*std::declval<const T&>().data()), decltype(std::declval<const T&>().size())>> =
    is_byte<std::remove_cv_t<std::remove_reference_t<decltype(*std::declval<const T&>().data())>>>;

} // namespace detail

/// Any bytes, possibly none: a view that owns nothing, and is valid as long as what it was made of.
///
/// Parameters of this type take strings, string literals (up to their NUL), vectors, arrays and spans of
/// bytes.
class Bytes {
public:
    using value_type = std::uint8_t;
    using const_iterator = const std::uint8_t*;
    using iterator = const_iterator;

    /// None.
    constexpr Bytes() noexcept = default;

    /// `size` bytes from `data` on; `data` isn't looked at when there are none.
    Bytes(const void* data, std::size_t size) noexcept
        : data_(static_cast<const std::uint8_t*>(data)), size_(size) {}

    /// The bytes of a text that ends with a NUL, without the NUL.
    Bytes(const char* text) noexcept : Bytes(std::string_view(text)) {}
    Bytes(std::nullptr_t) = delete;

    /// The bytes of a container, which stays the caller's.
    template <class Container, std::enable_if_t<detail::holds_bytes<Container>, int> = 0>
    Bytes(const Container& container) noexcept : Bytes(container.data(), container.size()) {}

    /// What the C interface gave.
    explicit Bytes(amop_bytes bytes) noexcept : Bytes(bytes.data, bytes.len) {}

    /// The first of them; not to be followed when there are none.
    const std::uint8_t* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const_iterator begin() const noexcept { return data_; }
    const_iterator end() const noexcept { return size_ == 0 ? data_ : data_ + size_; }
    /// One of them; `index` has to be below `size()`.
    std::uint8_t operator[](std::size_t index) const noexcept { return data_[index]; }

    /// The same as a text, whatever they hold.
    std::string_view text() const noexcept {
        return size_ == 0 ? std::string_view()
                          : std::string_view(reinterpret_cast<const char*>(data_), size_);
    }

    friend bool operator==(Bytes left, Bytes right) noexcept {
        return std::equal(left.begin(), left.end(), right.begin(), right.end());
    }
    friend bool operator!=(Bytes left, Bytes right) noexcept { return !(left == right); }

private:
    const std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace amop
