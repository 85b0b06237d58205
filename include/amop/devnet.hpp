/// Embedded nodes: a chain's AMOP in this process, so that programs can be tried and tested without a chain.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "../amop.h"
#include "handle.hpp"
#include "options.hpp"
#include "settings.hpp"
#include "version.hpp"

namespace amop {

/// Options of embedded nodes. What isn't set, or set to 0, has its default.
class DevnetOptions {
public:
    /// How many nodes. Default 2.
    DevnetOptions& nodes(std::size_t nodes) {
        nodes_ = nodes;
        return *this;
    }

    /// The first node's port on 127.0.0.1; the others have those that follow. Default: any that are free.
    DevnetOptions& port(std::uint16_t port) {
        port_ = port;
        return *this;
    }

    /// The folder for the certificates, laid out as the official chain script does; made when it isn't there,
    /// used again when it is. Default: a new one for temporary files, which goes with the devnet.
    DevnetOptions& folder(std::string_view folder) {
        folder_ = std::string(folder);
        return *this;
    }

    /// Whether to imitate what nodes of version 2.11 do badly: messages to clients of the same node are lost,
    /// topics take 5 s to travel, frames overtake each other. Default no.
    DevnetOptions& like_2_11(bool like) {
        like_2_11_ = like;
        return *this;
    }

    /// For the C interface: a new object with these settings. Throws `invalid_argument` for a folder that
    /// can't be.
    detail::Handle<amop_devnet_options, amop_devnet_options_free> to_c() const {
        detail::Handle<amop_devnet_options, amop_devnet_options_free> options(amop_devnet_options_new());
        const detail::Settings<amop_devnet_options> settings{options.get()};
        settings.apply("nodes", amop_devnet_options_set_nodes, nodes_);
        settings.apply("port", amop_devnet_options_set_port, port_);
        settings.apply("like_2_11", amop_devnet_options_set_like_2_11, like_2_11_);
        if (folder_) {
            settings.apply("folder", amop_devnet_options_set_folder, *folder_);
        }
        return options;
    }

private:
    std::optional<std::size_t> nodes_;
    std::optional<std::uint16_t> port_;
    std::optional<std::string> folder_;
    std::optional<bool> like_2_11_;
};

/// Running embedded nodes, joined as a chain's nodes are: a message published at one reaches a subscriber at
/// another. Movable; all its functions may be used from many threads at once. The destructor is `stop()`.
class Devnet {
public:
    /// Starts the nodes, on threads of their own.
    ///
    /// Throws `listen` when a port is taken, `credentials_invalid` when the folder holds something else,
    /// `invalid_argument`, `runtime`; `unsupported` when this build of the library has no embedded nodes.
    explicit Devnet(const DevnetOptions& options = {}) {
        check_version();
        const auto settings = options.to_c();
        devnet_.reset(detail::make<amop_devnet>(amop_devnet_start, settings.get()));
    }

    /// How many nodes there are, dead ones included.
    std::size_t node_count() const noexcept { return amop_devnet_node_count(get()); }

    /// Where a node listens; valid as long as the devnet. Throws `invalid_argument` when there is no such
    /// node.
    std::string_view endpoint(std::size_t node) const {
        const char* endpoint = amop_devnet_endpoint(get(), node);
        if (endpoint == nullptr) {
            throw Error(Code::invalid_argument, "there is no node " + std::to_string(node)
                                                    + ": the devnet has " + std::to_string(node_count())
                                                    + ", counted from 0");
        }
        return endpoint;
    }

    /// The folder with a client's credentials; valid as long as the devnet.
    std::string_view credentials() const noexcept { return detail::view(amop_devnet_credentials(get())); }

    /// Options of a client at a node: its endpoint, and the credentials. Throws as `endpoint`.
    Options client_options(std::size_t node) const {
        Options options;
        options.endpoint(endpoint(node)).credentials(credentials());
        return options;
    }

    /// Kills a node as a crash does: its port is closed and its sessions are cut when this returns.
    ///
    /// Throws `invalid_argument` when there is no such node, `closed` after `stop`, `forked`.
    void kill_node(std::size_t node) const { detail::call(amop_devnet_kill_node, get(), node); }

    /// Brings a dead node back on the same port. Nothing happens when it is alive.
    ///
    /// Throws `listen` when the port has been taken meanwhile; else as `kill_node`.
    void restart_node(std::size_t node) const { detail::call(amop_devnet_restart_node, get(), node); }

    /// Stops all nodes: sessions are closed, and all their threads' work has ended when this returns, after
    /// some seconds at most. A second stop does nothing. Throws `forked`.
    void stop() const { detail::call(amop_devnet_stop, get()); }

    /// For the C interface; stays this object's.
    amop_devnet* get() const noexcept { return devnet_.get(); }

private:
    struct End {
        void operator()(amop_devnet* devnet) const noexcept {
            // Fails in the child of a fork alone, where freeing leaves everything as it is.
            amop_devnet_stop(devnet, nullptr);
            amop_devnet_free(devnet);
        }
    };

    std::unique_ptr<amop_devnet, End> devnet_;
};

} // namespace amop
