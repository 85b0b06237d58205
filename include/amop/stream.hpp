/// Reading messages, requests, events and completions with `next` and in loops. Not part of the interface.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "../amop.h"
#include "handle.hpp"
#include "timeout.hpp"

namespace amop::detail {

/// Calls a `_next` function. Returns false if nothing arrived in time. Throws at the end and on errors.
template <class Function, class Source, class... Arguments>
bool arrived(Function next, const Source* source, Arguments... arguments) {
    if (failing()) {
        return false;
    }
    // Without an error object first: that nothing has arrived is frequent, and its text is read by no one.
    amop_status status = next(source, arguments..., static_cast<amop_error**>(nullptr));
    if (status == AMOP_OK || status == AMOP_ERROR_TIMEOUT) {
        return status == AMOP_OK;
    }
    // The end, or a wrong use: the same call fails again, at once, with an error object.
    expect_handle(source);
    amop_error* error = nullptr;
    status = next(source, arguments..., &error);
    if (status != AMOP_OK && status != AMOP_ERROR_TIMEOUT) {
        fail(status, error);
        return false;
    }
    amop_error_free(error);
    return status == AMOP_OK;
}

/// Returns the next item of a source: a `T` of the C interface that becomes an `Item`. None if nothing
/// arrived in time.
template <class Item, class T, class Source, class Next>
std::optional<Item> next(Next function, const Source* source, Timeout timeout) {
    T* object = nullptr;
    if (!arrived(function, source, timeout.of_wait(), &object)) {
        return std::nullopt;
    }
    return std::optional<Item>(std::in_place, object);
}

/// The limit of one `next_many`, because it allocates space for the items beforehand.
inline constexpr std::size_t most_at_once = 65536;

/// Returns up to `max` items of a source; empty if nothing arrived in time.
template <class Item, class T, class Source, class Next>
std::vector<Item> next_many(Next function, const Source* source, std::size_t max, Timeout timeout) {
    max = max < most_at_once ? max : most_at_once;
    std::vector<T*> objects(max);
    std::vector<Item> items;
    std::size_t count = 0;
    // Reserve space first, so that no item is lost if memory runs out.
    items.reserve(max);
    if (arrived(function, source, timeout.of_wait(), objects.data(), max, &count)) {
        for (std::size_t n = 0; n < count; n++) {
            items.emplace_back(objects[n]);
        }
    }
    return items;
}

/// Returns the file descriptor of a source.
template <class Source, class Descriptor>
int descriptor(Descriptor function, const Source* source) {
    std::int32_t fd = -1;
    call(function, source, &fd);
    return fd;
}

/// The end of a loop over a source.
struct Sentinel {};

/// A loop over a source. It waits for each item, and ends when no more will arrive. It waits when an item is
/// read, not when it is advanced, so that no item is taken that is not read.
template <class Source, class Item>
class Iterator {
public:
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using pointer = Item*;
    using reference = Item&;
    using iterator_category = std::input_iterator_tag;

    explicit Iterator(const Source& source) noexcept : source_(&source) {}

    Item& operator*() const {
        fetch();
        return *item_;
    }
    Item* operator->() const { return &**this; }

    Iterator& operator++() {
        fetch();
        item_.reset();
        return *this;
    }
    void operator++(int) { ++*this; }

    friend bool operator==(const Iterator& iterator, Sentinel) { return !iterator.fetch(); }
    friend bool operator!=(const Iterator& iterator, Sentinel) { return iterator.fetch(); }
    friend bool operator==(Sentinel, const Iterator& iterator) { return !iterator.fetch(); }
    friend bool operator!=(Sentinel, const Iterator& iterator) { return iterator.fetch(); }

private:
    /// Waits for an item, unless there is one. Returns false at the end.
    bool fetch() const {
        while (!item_ && source_ != nullptr) {
            auto next = attempt([this] { return source_->next(std::chrono::hours(24)); });
            if (next) {
                item_ = *std::move(next);
            } else {
                source_ = nullptr;
                if (next.code() != Code::closed) {
                    raise(next.error());
                }
            }
        }
        return item_.has_value();
    }

    mutable const Source* source_;
    mutable std::optional<Item> item_;
};

} // namespace amop::detail
