/// Private topics to publish on (2.x nodes).
#pragma once

#include <string>
#include <vector>

#include "../amop.h"
#include "bytes.hpp"
#include "handle.hpp"
#include "publish.hpp"

namespace amop {

namespace detail {

/// Returns the keys as an array of the C interface, which is valid as long as they are.
inline std::vector<const char*> key_pointers(const std::vector<std::string>& keys) {
    if (keys.empty()) {
        raise(Error(Code::invalid_argument, "`keys` is empty: give the public key of each subscriber"));
    }
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

    /// Sends a message to one verified subscriber and waits for its reply, as `Client::publish`. Throws
    /// `no_subscriber` while no subscriber is verified; see `PublishOptions::wait_for_subscriber`.
    Reply publish(Bytes data, const PublishOptions& options = {}) const {
        const auto settings = options.to_c();
        return Reply(detail::make<amop_reply>(amop_private_topic_publish, get(), data.data(), data.size(),
                                              settings.get(), options.timeout_to_c()));
    }

    /// Sends a message to all verified subscribers and waits for the acknowledgement of the node, as
    /// `Client::broadcast`.
    void broadcast(Bytes data, const PublishOptions& options = {}) const {
        const auto settings = options.to_c();
        detail::call(amop_private_topic_broadcast, get(), data.data(), data.size(), settings.get(),
                     options.timeout_to_c());
    }

    /// Returns the C handle, which this object keeps.
    amop_private_topic* get() const noexcept { return topic_.get(); }

private:
    detail::Handle<amop_private_topic, amop_private_topic_free> topic_;
};

} // namespace amop
