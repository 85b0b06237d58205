/// Bytes: views of payloads that are not copied.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>
#if __cplusplus >= 202002L && __has_include(<span>)
#include <span>
#endif

#include "../amop.h"

namespace amop {

namespace detail {

/// Whether an object of this type is a byte of a payload or text.
template <class T>
inline constexpr bool
    is_byte = sizeof(T) == 1
              && !std::is_same_v<T, bool> && (std::is_integral_v<T> || std::is_same_v<T, std::byte>);

/// Whether a type has `data()` and `size()` for bytes: strings, vectors, arrays, spans.
template <class T, class = void>
inline constexpr bool holds_bytes = false;
template <class T>
inline constexpr bool holds_bytes<
    T, std::void_t<decltype(*std::declval<const T&>().data()), decltype(std::declval<const T&>().size())>> =
    is_byte<std::remove_cv_t<std::remove_reference_t<decltype(*std::declval<const T&>().data())>>>;

} // namespace detail

/// Any number of bytes, possibly none: a view that owns nothing, valid as long as its source.
///
/// Parameters of this type accept strings, string literals (up to their NUL), vectors, arrays and spans of
/// bytes.
class Bytes {
public:
    using value_type = std::uint8_t;
    using const_iterator = const std::uint8_t*;
    using iterator = const_iterator;

    /// Creates an empty view.
    constexpr Bytes() noexcept = default;

    /// Views `size` bytes at `data`; `data` is not read if `size` is 0.
    Bytes(const void* data, std::size_t size) noexcept
        : data_(static_cast<const std::uint8_t*>(data)), size_(size) {}

    /// Views a string that ends with a NUL, without the NUL.
    Bytes(const char* text) noexcept : Bytes(std::string_view(text)) {}
    Bytes(std::nullptr_t) = delete;

    /// Views the bytes of a container.
    template <class Container, std::enable_if_t<detail::holds_bytes<Container>, int> = 0>
    Bytes(const Container& container) noexcept : Bytes(container.data(), container.size()) {}

    /// Views bytes of the C interface.
    explicit Bytes(amop_bytes bytes) noexcept : Bytes(bytes.data, bytes.len) {}

    /// The first byte; must not be dereferenced if there is none.
    const std::uint8_t* data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    const_iterator begin() const noexcept { return data_; }
    const_iterator end() const noexcept { return size_ == 0 ? data_ : data_ + size_; }
    /// One byte; `index` must be below `size()`.
    std::uint8_t operator[](std::size_t index) const noexcept { return data_[index]; }

    /// The bytes as a string, whatever they contain.
    std::string_view text() const noexcept {
        return size_ == 0 ? std::string_view()
                          : std::string_view(reinterpret_cast<const char*>(data_), size_);
    }

#ifdef __cpp_lib_span
    /// The same bytes as a span, from C++20 on.
    operator std::span<const std::byte>() const noexcept {
        return {reinterpret_cast<const std::byte*>(data_), size_};
    }
#endif

    friend bool operator==(Bytes left, Bytes right) noexcept {
        return left.size() == right.size()
               && (left.empty() || std::memcmp(left.data(), right.data(), left.size()) == 0);
    }
    friend bool operator!=(Bytes left, Bytes right) noexcept { return !(left == right); }

private:
    const std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace amop

#ifdef __cpp_lib_ranges
// It is a view: copied in constant time, and its iterators outlive it.
template <>
inline constexpr bool std::ranges::enable_view<amop::Bytes> = true;
template <>
inline constexpr bool std::ranges::enable_borrowed_range<amop::Bytes> = true;
#endif
