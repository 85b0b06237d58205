/// Private topics to publish on (2.x nodes).
#pragma once

#include <string>
#include <vector>

#include "../amop.h"
#include "handle.hpp"

namespace amop {

namespace detail {

/// Returns the keys as an array of the C interface, which is valid as long as they are.
inline std::vector<const char*> key_pointers(const std::vector<std::string>& keys) {
    std::vector<const char*> pointers;
    pointers.reserve(keys.size());
    for (const std::string& key : keys) {
        pointers.push_back(key.c_str());
    }
    return pointers;
}

} // namespace detail

/// A private topic that a client publishes on, from `Client::private_topic`: while it exists, the client verifies the
/// subscribers that hold one of the allowed keys. Nodes go on passing messages on to subscribers that were verified.
/// Movable; its functions may be called from any number of threads at once.
class [[nodiscard]] PrivateTopic {
public:
    /// Takes ownership of a handle of the C interface.
    explicit PrivateTopic(amop_private_topic* topic) noexcept : topic_(topic) {}

    /// Allows further keys: PEM, or 128 hex digits with `04` before them or without. A subscriber that was rejected
    /// before has to leave the topic for some 5 s, until its node no longer lists it, before nodes ask for its
    /// verification again. Throws `invalid_argument`, `credentials_invalid`, `too_large`, `closed`, `forked`.
    void allow(const std::vector<std::string>& keys) const {
        const auto pointers = detail::key_pointers(keys);
        detail::call(amop_private_topic_allow, get(), pointers.data(), pointers.size());
    }

    /// Returns the C handle, which this object keeps.
    amop_private_topic* get() const noexcept { return topic_.get(); }

private:
    detail::Handle<amop_private_topic, amop_private_topic_free> topic_;
};

} // namespace amop
