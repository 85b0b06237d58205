/// Options of a client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "../amop.h"
#include "bytes.hpp"
#include "handle.hpp"
#include "publish.hpp"
#include "settings.hpp"
#include "timeout.hpp"

namespace amop {

/// A client's settings: `amop::Options{}.endpoint("127.0.0.1:20200").call_timeout(3s)`. What isn't set, or a
/// bound that is set to 0, has its default. Whether the settings are right is said when they are used, by the
/// constructor of `Client`.
class Options {
public:
    /// A node to connect to: `host:port`, `IPv4:port` or `[IPv6]:port`. Several calls name several nodes.
    Options& endpoint(std::string_view endpoint) {
        endpoints_.emplace_back(endpoint);
        return *this;
    }

    /// The folder with `ca.crt`, `sdk.crt` and `sdk.key`.
    ///
    /// Without credentials given, they are looked for in `$AMOP_CREDENTIALS`, `.`, `conf`, `sdk`,
    /// `nodes/127.0.0.1/sdk` and `amop-devnet/sdk`. Files are read when connecting, and again at each
    /// reconnect.
    Options& credentials(std::string_view folder) {
        credentials_ = std::string(folder);
        return *this;
    }

    /// The three files by name: the CA, the own certificate followed by those between it and the CA, the
    /// private key (PKCS#8 or SEC1, not encrypted); all PEM.
    Options& credential_files(std::string_view ca, std::string_view cert, std::string_view key) {
        credentials_ = Files{std::string(ca), std::string(cert), std::string(key)};
        return *this;
    }

    /// The content of three such files.
    Options& credential_pem(Bytes ca, Bytes cert, Bytes key) {
        credentials_ = Pem{std::string(ca.text()), std::string(cert.text()), std::string(key.text())};
        return *this;
    }

    /// How long one try to connect may take: TCP, TLS and handshake together. Default 10 s.
    Options& connect_timeout(Timeout time) {
        connect_timeout_ = time;
        return *this;
    }

    /// The deadline of every call that has none of its own. Default 10 s.
    Options& call_timeout(Timeout time) {
        call_timeout_ = time;
        return *this;
    }

    /// How long `close`, `unsubscribe` and destructors let handlers finish, unless told otherwise. Default 5
    /// s.
    Options& close_timeout(Timeout time) {
        close_timeout_ = time;
        return *this;
    }

    /// The time between heartbeats. Default 10 s; nodes end a connection that is idle for 60 s.
    Options& heartbeat(Timeout interval) {
        heartbeat_ = interval;
        return *this;
    }

    /// After how many heartbeats in a row without a byte from the node a connection is dead. Default 2.
    Options& missed_heartbeats(std::uint32_t heartbeats) {
        missed_heartbeats_ = heartbeats;
        return *this;
    }

    /// Whether the constructor of `Client` returns though no node can be reached: the client goes on trying,
    /// and until it succeeds calls end as not connected. Default no. What can't change by itself, such as
    /// credentials, is an error all the same.
    Options& start_offline(bool offline) {
        start_offline_ = offline;
        return *this;
    }

    /// The first pause before a reconnect; it duplicates, with +-50 % jitter. Default 100 ms.
    Options& reconnect_min(Timeout pause) {
        reconnect_min_ = pause;
        return *this;
    }

    /// The longest pause before a reconnect. Default 10 s.
    Options& reconnect_max(Timeout pause) {
        reconnect_max_ = pause;
        return *this;
    }

    /// How long a request may wait for its answer before the library answers for the service that it is too
    /// slow. Default 4.5 s: half a second before a 2.x node would deliver the message to somebody else.
    Options& answer_timeout(Timeout time) {
        answer_within_ = time;
        return *this;
    }

    /// When a failed publish is tried again by itself. Default `definite`.
    Options& retry(Retry retry) {
        retry_ = retry;
        return *this;
    }

    /// Whether this client's own broadcasts come back to its subscriptions. Default no.
    Options& echo(bool echo) {
        echo_ = echo;
        return *this;
    }

    /// Sets the maximum number of calls of the client that are under way, whatever they wait for. Further calls fail at
    /// once. Default: 65,536.
    Options& max_in_flight(std::size_t calls) {
        max_in_flight_ = calls;
        return *this;
    }

    /// Sets the maximum number of bytes queued to send at each connection, and the maximum number that calls of the client
    /// keep while they wait for a node, a subscriber or a retry. Default: 256 MiB.
    Options& max_send_bytes(std::size_t bytes) {
        max_send_bytes_ = bytes;
        return *this;
    }

    /// Most bytes held in all subscriptions and services together, payloads and 160 for each message. Default 512 MiB.
    Options& max_held_bytes(std::size_t bytes) {
        max_held_bytes_ = bytes;
        return *this;
    }

    /// Most events held for each listener; one that reads too slowly loses the oldest. Default 1,024.
    Options& max_events(std::size_t events) {
        max_events_ = events;
        return *this;
    }

    /// How long a message is remembered, so that a duplicate of it isn't delivered again. Default 60 s.
    Options& duplicate_window(Timeout window) {
        duplicate_window_ = window;
        return *this;
    }

    /// Most messages remembered for that. Default 65,536.
    Options& max_duplicates(std::size_t messages) {
        max_duplicates_ = messages;
        return *this;
    }

    /// The group of the chain that nodes are asked about their peers in; messages know no groups. Default 1.
    Options& group(std::int64_t group) {
        group_ = group;
        return *this;
    }

    /// Most threads for handlers. Default 256; they are started when they are needed and end when they are
    /// idle.
    Options& dispatcher_threads(std::size_t threads) {
        dispatcher_threads_ = threads;
        return *this;
    }

    /// For the C interface: a new object with these settings. Throws `invalid_argument` for texts that can't
    /// be.
    detail::Handle<amop_options, amop_options_free> to_c() const {
        detail::Handle<amop_options, amop_options_free> options(amop_options_new());
        const Settings settings{options.get()};
        for (const auto& endpoint : endpoints_) {
            settings.apply("endpoint", amop_options_add_endpoint, endpoint);
        }
        std::visit([&](const auto& credentials) { pass(settings, credentials); }, credentials_);
        settings.apply("connect_timeout", amop_options_set_connect_timeout, connect_timeout_);
        settings.apply("call_timeout", amop_options_set_call_timeout, call_timeout_);
        settings.apply("close_timeout", amop_options_set_close_timeout, close_timeout_);
        settings.apply("heartbeat", amop_options_set_heartbeat, heartbeat_);
        settings.apply("missed_heartbeats", amop_options_set_missed_heartbeats, missed_heartbeats_);
        settings.apply("start_offline", amop_options_set_start_offline, start_offline_);
        settings.apply("reconnect_min", amop_options_set_reconnect_min, reconnect_min_);
        settings.apply("reconnect_max", amop_options_set_reconnect_max, reconnect_max_);
        settings.apply("answer_timeout", amop_options_set_answer_timeout, answer_within_);
        settings.apply("retry", amop_options_set_retry, retry_);
        settings.apply("echo", amop_options_set_echo, echo_);
        settings.apply("max_in_flight", amop_options_set_max_in_flight, max_in_flight_);
        settings.apply("max_send_bytes", amop_options_set_max_send_bytes, max_send_bytes_);
        settings.apply("max_held_bytes", amop_options_set_max_held_bytes, max_held_bytes_);
        settings.apply("max_events", amop_options_set_max_events, max_events_);
        settings.apply("duplicate_window", amop_options_set_duplicate_window, duplicate_window_);
        settings.apply("max_duplicates", amop_options_set_max_duplicates, max_duplicates_);
        settings.apply("group", amop_options_set_group, group_);
        settings.apply("dispatcher_threads", amop_options_set_dispatcher_threads, dispatcher_threads_);
        return options;
    }

private:
    struct Files {
        std::string ca;
        std::string cert;
        std::string key;
    };
    struct Pem {
        std::string ca;
        std::string cert;
        std::string key;
    };

    using Settings = detail::Settings<amop_options>;

    static void pass(const Settings&, std::monostate) {}
    static void pass(const Settings& settings, const std::string& folder) {
        settings.apply("credentials", amop_options_set_credentials, folder);
    }
    static void pass(const Settings& settings, const Files& files) {
        const detail::CText ca(files.ca, "ca"), cert(files.cert, "cert"), key(files.key, "key");
        const auto set =
            amop_options_set_credential_files(settings.options, ca.c_str(), cert.c_str(), key.c_str());
        detail::check(set, "credential_files");
    }
    static void pass(const Settings& settings, const Pem& pem) {
        const auto set =
            amop_options_set_credential_pem(settings.options, pem.ca.data(), pem.ca.size(), pem.cert.data(),
                                            pem.cert.size(), pem.key.data(), pem.key.size());
        detail::check(set, "credential_pem");
    }

    std::vector<std::string> endpoints_;
    std::variant<std::monostate, std::string, Files, Pem> credentials_;
    Timeout connect_timeout_;
    Timeout call_timeout_;
    Timeout close_timeout_;
    Timeout heartbeat_;
    Timeout reconnect_min_;
    Timeout reconnect_max_;
    Timeout answer_within_;
    Timeout duplicate_window_;
    std::optional<std::uint32_t> missed_heartbeats_;
    std::optional<bool> start_offline_;
    std::optional<Retry> retry_;
    std::optional<bool> echo_;
    std::optional<std::size_t> max_in_flight_;
    std::optional<std::size_t> max_send_bytes_;
    std::optional<std::size_t> max_held_bytes_;
    std::optional<std::size_t> max_events_;
    std::optional<std::size_t> max_duplicates_;
    std::optional<std::int64_t> group_;
    std::optional<std::size_t> dispatcher_threads_;
};

} // namespace amop
