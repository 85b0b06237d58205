/// Embedded nodes: AMOP nodes in this process, so that programs can be tried and tested without a chain.
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
#include "tls.hpp"
#include "version.hpp"

namespace amop {

/// Options of embedded nodes. What is not set, or set to 0, has its default.
class DevnetOptions {
public:
    /// Sets the number of nodes. Default: 2.
    DevnetOptions& nodes(std::size_t nodes) {
        nodes_ = nodes;
        return *this;
    }

    /// Sets the port of the first node on 127.0.0.1; the other nodes use the ports that follow. Default: any
    /// free ports.
    DevnetOptions& port(std::uint16_t port) {
        port_ = port;
        return *this;
    }

    /// Sets the folder for the certificates, with the layout of the official chain script. It is created if
    /// it does not exist, else its certificates are used. Default: a new temporary folder that is deleted
    /// with the devnet.
    DevnetOptions& folder(std::string_view folder) {
        folder_ = std::string(folder);
        return *this;
    }

    /// Sets whether to imitate the flaws of nodes of release 2.11.2: messages to clients of the same node are
    /// lost, which a node chooses in some seconds, topics take 5 s to reach other nodes, frames overtake each
    /// other and wait for acknowledgements (Nagle's algorithm). Default: false.
    DevnetOptions& like_2_11(bool like) {
        like_2_11_ = like;
        return *this;
    }

    /// Sets whether to imitate the observed behaviour of nodes of release 3.16, for nodes of generation 3: topics
    /// take up to 2 s to reach other nodes, and of the messages that arrive together the last is processed first.
    /// Default: false.
    DevnetOptions& like_3_16(bool like) {
        like_3_16_ = like;
        return *this;
    }

    /// Sets the kind of the nodes' TLS. For nodes of generation 2: `ecdhe` (secp256k1 certificates, the
    /// default), `static_rsa` (RSA certificates) or `gm` (SM2 certificates); for nodes of generation 3: `ecdhe`
    /// (RSA certificates, the default) or `tlcp` (SM2 certificates); for both `off`, with which clients need no
    /// credentials. A folder holds a chain of one kind.
    DevnetOptions& tls(Tls tls) {
        tls_ = tls;
        return *this;
    }

    /// Sets the generation of the nodes. Default: `v2`, and so is `automatic`.
    DevnetOptions& generation(Generation generation) {
        generation_ = generation;
        return *this;
    }

    /// Returns these settings as a new object of the C interface. Throws `invalid_argument` for an invalid
    /// folder.
    detail::Handle<amop_devnet_options, amop_devnet_options_free> to_c() const {
        detail::Handle<amop_devnet_options, amop_devnet_options_free> options(amop_devnet_options_new());
        const detail::Settings<amop_devnet_options> settings{options.get()};
        settings.apply("nodes", amop_devnet_options_set_nodes, nodes_);
        settings.apply("port", amop_devnet_options_set_port, port_);
        settings.apply("like_2_11", amop_devnet_options_set_like_2_11, like_2_11_);
        settings.apply("like_3_16", amop_devnet_options_set_like_3_16, like_3_16_);
        settings.apply("tls", amop_devnet_options_set_tls, tls_);
        settings.apply("generation", amop_devnet_options_set_generation, generation_);
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
    std::optional<bool> like_3_16_;
    std::optional<Tls> tls_;
    std::optional<Generation> generation_;
};

/// Running embedded nodes. They are connected like those of a chain: a message published at one node reaches
/// a subscriber at another. Movable; its functions may be called from any number of threads at once. The
/// destructor calls `stop()`.
class [[nodiscard]] Devnet {
public:
    /// Starts the nodes, on threads of their own.
    ///
    /// Throws `listen` if a port is in use, `credentials_invalid` if the folder contains other files,
    /// `invalid_argument`, `runtime`; `unsupported` if the library was built without embedded nodes.
    explicit Devnet(const DevnetOptions& options = {}) {
        check_version();
        const auto settings = options.to_c();
        devnet_.reset(detail::make<amop_devnet>(amop_devnet_start, settings.get()));
    }

    /// The number of nodes, killed ones included.
    std::size_t node_count() const noexcept { return amop_devnet_node_count(get()); }

    /// The address of a node; valid as long as the devnet. Throws `invalid_argument` for an invalid index.
    std::string_view endpoint(std::size_t node) const {
        const char* endpoint = amop_devnet_endpoint(get(), node);
        if (endpoint == nullptr) {
            detail::raise(
                Error(Code::invalid_argument, "invalid node " + std::to_string(node) + ": the devnet has "
                                                  + std::to_string(node_count()) + ", counted from 0"));
            return {};
        }
        return endpoint;
    }

    /// The folder with the credentials for clients; valid as long as the devnet. Empty if the nodes use no TLS.
    std::string_view credentials() const noexcept { return detail::view(amop_devnet_credentials(get())); }

    /// Returns options for a client of a node: its endpoint, and the credentials or `Tls::off`. Throws as
    /// `endpoint`.
    Options client_options(std::size_t node) const {
        Options options;
        options.endpoint(endpoint(node));
        if (credentials().empty()) {
            options.tls(Tls::off);
        } else {
            options.credentials(credentials());
        }
        return options;
    }

    /// Kills a node, as a crash does: when this returns, its port is closed and its sessions are cut.
    ///
    /// Throws `invalid_argument` for an invalid index, `closed` after `stop`, `forked`.
    void kill_node(std::size_t node) const { detail::call(amop_devnet_kill_node, get(), node); }

    /// Restarts a killed node on the same port. Does nothing if the node runs.
    ///
    /// Throws `listen` if the port is in use; else as `kill_node`.
    void restart_node(std::size_t node) const { detail::call(amop_devnet_restart_node, get(), node); }

    /// Runs a text command, such as `freeze 1` or `fault lose type=0x31 times=1 topic=hello`, and returns its
    /// answer: a line of JSON, `{}` if the command has none. `amop_devnet_control` in amop.h lists the commands.
    ///
    /// Throws `invalid_argument` if the command is unknown or malformed, or its node, session or fault does not
    /// exist; `listen` if a port is in use, `closed` after `stop`, `forked`.
    std::string control(std::string_view command) const {
        char* answer = nullptr;
        detail::call(amop_devnet_control, get(), detail::CText(command, "command").c_str(), &answer);
        const std::unique_ptr<char, FreeAnswer> owner(answer);
        return answer;
    }

    /// Stops all nodes. When this returns, after a few seconds at most, their sessions are closed and their
    /// threads have finished. Does nothing if the devnet is stopped. Throws `forked`.
    void stop() const { detail::call(amop_devnet_stop, get()); }

    /// Returns the C handle, which this object keeps.
    amop_devnet* get() const noexcept { return devnet_.get(); }

private:
    struct FreeAnswer {
        void operator()(char* answer) const noexcept { amop_devnet_answer_free(answer); }
    };
    struct End {
        void operator()(amop_devnet* devnet) const noexcept {
            // Fails only in a child process of a fork, where the memory is not released either.
            amop_devnet_stop(devnet, nullptr);
            amop_devnet_free(devnet);
        }
    };

    std::unique_ptr<amop_devnet, End> devnet_;
};

} // namespace amop
