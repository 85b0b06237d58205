/// What is read with `next`, and in loops: how messages, requests, events and completions come. Not for
/// users.
#pragma once

#include <algorithm>
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

/// Calls a `_next` function. Whether something came: nothing came in time else. Throws at the end and on
/// errors.
template <class Function, class... Arguments>
bool came(Function next, Arguments... arguments) {
    amop_error* error = nullptr;
    const amop_status status = next(arguments..., &error);
    if (status == AMOP_ERROR_TIMEOUT) {
        amop_error_free(error);
        return false;
    }
    if (status != AMOP_OK) {
        fail(status, error);
    }
    return true;
}

/// The next of a source's objects, a `T` of the C interface that becomes an `Item`; none when none came in
/// time.
template <class Item, class T, class Source, class Next>
std::optional<Item> next(Next function, const Source* source, Timeout timeout) {
    T* object = nullptr;
    if (!came(function, source, timeout.of_wait(), &object)) {
        return std::nullopt;
    }
    return std::optional<Item>(std::in_place, object);
}

/// As many as one `next_many` takes, whatever it is asked for: room for them is made before.
inline constexpr std::size_t most_at_once = 65536;

/// The next up to `max` of a source's objects; empty when none came in time.
template <class Item, class T, class Source, class Next>
std::vector<Item> next_many(Next function, const Source* source, std::size_t max, Timeout timeout) {
    max = std::min(max, most_at_once);
    std::vector<T*> objects(max);
    std::vector<Item> items;
    std::size_t count = 0;
    // Room first: what has come can't be lost for lack of memory.
    items.reserve(max);
    if (came(function, source, timeout.of_wait(), objects.data(), max, &count)) {
        for (std::size_t n = 0; n < count; n++) {
            items.emplace_back(objects[n]);
        }
    }
    return items;
}

/// A source's file descriptor.
template <class Source, class Descriptor>
int descriptor(Descriptor function, const Source* source) {
    std::int32_t fd = -1;
    call(function, source, &fd);
    return fd;
}

/// The end of a loop over a source.
struct Sentinel {};

/// A loop over a source: waits for each item, and ends when nothing will come any more. Waits when it is
/// looked at, not when it is moved on, so that nothing is taken that isn't looked at.
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
    /// Waits for an item, unless there is one; false at the end.
    bool fetch() const {
        while (!item_ && source_ != nullptr) {
            try {
                item_ = source_->next(std::chrono::hours(24));
            } catch (const Error& error) {
                if (error.code() != Code::closed) {
                    throw;
                }
                source_ = nullptr;
            }
        }
        return item_.has_value();
    }

    mutable const Source* source_;
    mutable std::optional<Item> item_;
};

} // namespace amop::detail
