/// Options of a client.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "../amop.h"
#include "bytes.hpp"
#include "event.hpp"
#include "handle.hpp"
#include "handler.hpp"
#include "publish.hpp"
#include "settings.hpp"
#include "timeout.hpp"
#include "tls.hpp"

namespace amop {

/// Which generations of nodes a client connects to. All nodes of one client are of one generation.
enum class Generation : std::int32_t {
    /// The client finds out. The kind of certificate decides what is tried first.
    automatic = AMOP_GENERATION_AUTO,
    /// 2.x only: the channel protocol.
    v2 = AMOP_GENERATION_2,
    /// 3.x only: WebSocket.
    v3 = AMOP_GENERATION_3,
};

/// Settings of a client: `amop::Options{}.endpoint("127.0.0.1:20200").call_timeout(3s)`. What is not set, or
/// a limit that is set to 0, has its default. The settings are checked by the constructor of `Client`.
class Options {
public:
    /// Adds a node to connect to: `host:port`, `IPv4:port` or `[IPv6]:port`. Call it once for each node.
    Options& endpoint(std::string_view endpoint) {
        endpoints_.emplace_back(endpoint);
        return *this;
    }

    /// Sets the path of a configuration file: a TOML file of this library, or the file that a program has for another
    /// SDK (java-sdk, go-sdk, the C SDK, web3sdk, nodejs-sdk, python-sdk), whose kind is recognised by its content. It is
    /// read when connecting. The other options precede what the file states; if an endpoint was added, those of the file
    /// are not used.
    Options& config_file(std::string_view file) {
        config_file_ = std::string(file);
        return *this;
    }

    /// Sets the folder with the SDK's credentials, or one of its files. The folder contains `ca.crt`, `sdk.crt` and
    /// `sdk.key`; or `gmca.crt`, `gmsdk.crt`, `gmsdk.key`, `gmensdk.crt` and `gmensdk.key` (2.x GM chains, also in
    /// `gm` below it); or `sm_ca.crt`, `sm_sdk.crt`, `sm_sdk.key`, `sm_ensdk.crt` and `sm_ensdk.key` (3.x SM chains);
    /// or the folder `sdk` with one of these sets. If the first set has a GM set beside it, nodes that have nothing
    /// in common with the first are tried with the other; a file that is given instead of its folder excludes the
    /// other sets. A node's own key (`node.key`) is used only if it is given.
    ///
    /// Without credentials given, they are looked for in `$AMOP_CREDENTIALS`, `.`, `conf`, `sdk`,
    /// `nodes/127.0.0.1/sdk` and `amop-devnet/sdk`. The files are found when connecting. The
    /// same files are read again at each reconnect, whatever the current folder is then.
    Options& credentials(std::string_view folder) {
        credentials_ = std::string(folder);
        return *this;
    }

    /// Sets the paths of the three files: the CA, the client's certificate followed by the intermediate
    /// certificates up to the CA, and the private key (PKCS#8 or SEC1, not encrypted). All are PEM.
    Options& credential_files(std::string_view ca, std::string_view cert, std::string_view key) {
        credentials_ = Files{std::string(ca), std::string(cert), std::string(key)};
        return *this;
    }

    /// Sets the contents of the three files.
    Options& credential_pem(Bytes ca, Bytes cert, Bytes key) {
        credentials_ = Pem{std::string(ca.text()), std::string(cert.text()), std::string(key.text())};
        return *this;
    }

    /// Sets the paths of the five files of a GM chain: the CA, the client's certificate and private key for
    /// signatures, and those for encryption. Names that begin with `gm` or `sm_` state whether GM over TLS 1.2
    /// or TLCP is used; otherwise both are tried.
    Options& credential_files_gm(std::string_view ca, std::string_view cert, std::string_view key,
                                 std::string_view enc_cert, std::string_view enc_key) {
        credentials_ = GmFiles{{std::string(ca), std::string(cert), std::string(key)},
                               std::string(enc_cert),
                               std::string(enc_key)};
        return *this;
    }

    /// Sets the contents of the five files of a GM chain. TLCP is tried first, then GM over TLS 1.2.
    Options& credential_pem_gm(Bytes ca, Bytes cert, Bytes key, Bytes enc_cert, Bytes enc_key) {
        credentials_ = GmPem{{std::string(ca.text()), std::string(cert.text()), std::string(key.text())},
                             std::string(enc_cert.text()),
                             std::string(enc_key.text())};
        return *this;
    }

    /// Sets the kind of TLS. Default: `automatic`, with which the credentials decide. The constructor of `Client`
    /// throws `invalid_argument` if the credentials are for another kind.
    Options& tls(Tls tls) {
        tls_ = tls;
        return *this;
    }

    /// Sets how long before its end a certificate in use is reported as `EventKind::certificate_expiring`.
    /// Default: 14 days.
    Options& expiry_warning(Timeout time) {
        expiry_warning_ = time;
        return *this;
    }

    /// Sets the time limit of one attempt to connect, which includes TCP, TLS and channel handshake. Default:
    /// 10 s.
    Options& connect_timeout(Timeout time) {
        connect_timeout_ = time;
        return *this;
    }

    /// Sets the time limit of calls that state none. Default: 10 s.
    Options& call_timeout(Timeout time) {
        call_timeout_ = time;
        return *this;
    }

    /// Sets how long `close`, `unsubscribe` and destructors wait for handlers if no timeout is passed to
    /// them. Default: 5 s.
    Options& close_timeout(Timeout time) {
        close_timeout_ = time;
        return *this;
    }

    /// Sets the heartbeat interval. Default: 10 s. Keep it below 60 s, because nodes close connections that
    /// are idle for that long. See `missed_heartbeats`.
    Options& heartbeat(Timeout interval) {
        heartbeat_ = interval;
        return *this;
    }

    /// Sets the number of heartbeat intervals after which a connection on which nothing arrives is closed.
    /// Default: 2.
    Options& missed_heartbeats(std::uint32_t heartbeats) {
        missed_heartbeats_ = heartbeats;
        return *this;
    }

    /// Sets whether the constructor of `Client` returns even if no node can be reached. The client keeps
    /// trying, and until it succeeds calls fail with `not_connected`. Invalid options or credentials are
    /// still errors. Default: false.
    Options& start_offline(bool offline) {
        start_offline_ = offline;
        return *this;
    }

    /// Sets the pause before the first attempt to reconnect. The pause doubles with each failed attempt, up
    /// to the longest pause, and is varied randomly by up to 50 %. Default: 100 ms.
    Options& reconnect_min(Timeout pause) {
        reconnect_min_ = pause;
        return *this;
    }

    /// Sets the longest pause between attempts to reconnect. Default: 10 s.
    Options& reconnect_max(Timeout pause) {
        reconnect_max_ = pause;
        return *this;
    }

    /// Sets how long a request may wait for its answer before the library answers TOO_SLOW on behalf of the
    /// service. Default: 4.5 s, at 3.x nodes 29.5 s: half a second before the node would deliver the message again.
    Options& answer_timeout(Timeout time) {
        answer_timeout_ = time;
        return *this;
    }

    /// Sets which generations of nodes the client connects to. Default: `automatic`, with which it tries both at each
    /// endpoint until it has been connected there. All nodes of one client are of one generation, that of the first
    /// one connected; endpoints of the other one are down with `Status::unsupported`.
    Options& generation(Generation generation) {
        generation_ = generation;
        return *this;
    }

    /// Sets when failed calls are retried automatically. Default: `definite`.
    Options& retry(Retry retry) {
        retry_ = retry;
        return *this;
    }

    /// Sets whether the client's own broadcasts are delivered to its own subscriptions. Default: false.
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
    /// keep while they wait for a node, a subscriber or a retry. Further calls fail with `overloaded`, and so do replies
    /// of handlers, whose requests stay open. Default: 256 MiB.
    Options& max_send_bytes(std::size_t bytes) {
        max_send_bytes_ = bytes;
        return *this;
    }

    /// Sets the maximum number of bytes queued in all subscriptions and services together, counting 160 bytes
    /// per message besides its payload. Default: 512 MiB. At the limit, an empty subscription still accepts
    /// one message, and one with `Overflow::drop_oldest` discards its oldest messages to make space.
    Options& max_held_bytes(std::size_t bytes) {
        max_held_bytes_ = bytes;
        return *this;
    }

    /// Sets the maximum number of events queued for each listener. At the limit the oldest event is discarded
    /// and counted. Default: 1,024.
    Options& max_events(std::size_t events) {
        max_events_ = events;
        return *this;
    }

    /// Sets how long a message is remembered, so that duplicates of it are recognised and not delivered.
    /// Default: 60 s.
    Options& duplicate_window(Timeout window) {
        duplicate_window_ = window;
        return *this;
    }

    /// Sets the maximum number of messages that are remembered. Default: 65,536.
    Options& max_duplicates(std::size_t messages) {
        max_duplicates_ = messages;
        return *this;
    }

    /// Sets the group of the chain in which nodes are asked for their peers. Messages do not depend on
    /// groups. Default: 1.
    Options& group(std::int64_t group) {
        group_ = group;
        return *this;
    }

    /// Sets the maximum number of threads for handlers. They are started when needed and exit when idle.
    /// Default: 256.
    Options& dispatcher_threads(std::size_t threads) {
        dispatcher_threads_ = threads;
        return *this;
    }

    /// Adds a handler `handler(const amop::Event&)` for all events of the clients that are connected with these options,
    /// also for those before connecting returns. The calls for one client are sequential; the clients share the handler.
    /// If connecting fails, no call for that client runs or begins afterwards.
    template <class Handler>
    Options& on_event(Handler&& handler) {
        using Stored = std::decay_t<Handler>;
        static_assert(std::is_invocable_v<Stored&, const Event&>,
                      "a handler of events takes (const amop::Event&)");
        const auto shared = std::make_shared<Stored>(std::forward<Handler>(handler));
        event_handlers_.push_back([shared](const Event& event) { std::invoke(*shared, event); });
        return *this;
    }

    /// Returns these settings as a new object of the C interface. Throws `invalid_argument` for invalid
    /// strings.
    detail::Handle<amop_options, amop_options_free> to_c() const {
        detail::Handle<amop_options, amop_options_free> options(amop_options_new());
        const Settings settings{options.get()};
        for (const auto& endpoint : endpoints_) {
            settings.apply("endpoint", amop_options_add_endpoint, endpoint);
        }
        std::visit([&](const auto& credentials) { pass(settings, credentials); }, credentials_);
        settings.apply("tls", amop_options_set_tls, tls_);
        settings.apply("expiry_warning", amop_options_set_expiry_warning, expiry_warning_);
        settings.apply("connect_timeout", amop_options_set_connect_timeout, connect_timeout_);
        settings.apply("call_timeout", amop_options_set_call_timeout, call_timeout_);
        settings.apply("close_timeout", amop_options_set_close_timeout, close_timeout_);
        settings.apply("heartbeat", amop_options_set_heartbeat, heartbeat_);
        settings.apply("missed_heartbeats", amop_options_set_missed_heartbeats, missed_heartbeats_);
        settings.apply("start_offline", amop_options_set_start_offline, start_offline_);
        settings.apply("reconnect_min", amop_options_set_reconnect_min, reconnect_min_);
        settings.apply("reconnect_max", amop_options_set_reconnect_max, reconnect_max_);
        settings.apply("answer_timeout", amop_options_set_answer_timeout, answer_timeout_);
        settings.apply("generation", amop_options_set_generation, generation_);
        settings.apply("retry", amop_options_set_retry, retry_);
        settings.apply("echo", amop_options_set_echo, echo_);
        settings.apply("max_in_flight", amop_options_set_max_in_flight, max_in_flight_);
        settings.apply("max_send_bytes", amop_options_set_max_send_bytes, max_send_bytes_);
        settings.apply("max_held_bytes", amop_options_set_max_held_bytes, max_held_bytes_);
        settings.apply("max_events", amop_options_set_max_events, max_events_);
        settings.apply("duplicate_window", amop_options_set_duplicate_window, duplicate_window_);
        settings.apply("max_duplicates", amop_options_set_max_duplicates, max_duplicates_);
        settings.apply("group", amop_options_set_group, group_);
        if (config_file_) {
            settings.apply("config_file", amop_options_set_config_file, *config_file_);
        }
        settings.apply("dispatcher_threads", amop_options_set_dispatcher_threads, dispatcher_threads_);
        for (const auto& handler : event_handlers_) {
            detail::Context<EventHandler> context(handler);
            detail::check(amop_options_on_event(options.get(),
                                                context.give<amop_event_callback>(
                                                    detail::call_with_lent<EventHandler, Event, amop_event>)),
                          "on_event", " is invalid");
        }
        return options;
    }

private:
    using EventHandler = std::function<void(const Event&)>;

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

    struct GmFiles {
        Files files;
        std::string enc_cert;
        std::string enc_key;
    };
    struct GmPem {
        Pem pem;
        std::string enc_cert;
        std::string enc_key;
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
        detail::check(set, "credential_files", " has a path that is not UTF-8");
    }
    static void pass(const Settings& settings, const Pem& pem) {
        const auto set =
            amop_options_set_credential_pem(settings.options, pem.ca.data(), pem.ca.size(), pem.cert.data(),
                                            pem.cert.size(), pem.key.data(), pem.key.size());
        detail::check(set, "credential_pem", " is too long");
    }

    static void pass(const Settings& settings, const GmFiles& gm) {
        const detail::CText ca(gm.files.ca, "ca"), cert(gm.files.cert, "cert"), key(gm.files.key, "key");
        const detail::CText enc_cert(gm.enc_cert, "enc_cert"), enc_key(gm.enc_key, "enc_key");
        const auto set = amop_options_set_credential_files_gm(settings.options, ca.c_str(), cert.c_str(),
                                                              key.c_str(), enc_cert.c_str(), enc_key.c_str());
        detail::check(set, "credential_files_gm", " has a path that is not UTF-8");
    }
    static void pass(const Settings& settings, const GmPem& gm) {
        const auto set = amop_options_set_credential_pem_gm(
            settings.options, gm.pem.ca.data(), gm.pem.ca.size(), gm.pem.cert.data(), gm.pem.cert.size(),
            gm.pem.key.data(), gm.pem.key.size(), gm.enc_cert.data(), gm.enc_cert.size(), gm.enc_key.data(),
            gm.enc_key.size());
        detail::check(set, "credential_pem_gm", " is too long");
    }

    std::vector<std::string> endpoints_;
    std::vector<EventHandler> event_handlers_;
    std::optional<std::string> config_file_;
    std::variant<std::monostate, std::string, Files, Pem, GmFiles, GmPem> credentials_;
    std::optional<Tls> tls_;
    Timeout expiry_warning_;
    Timeout connect_timeout_;
    Timeout call_timeout_;
    Timeout close_timeout_;
    Timeout heartbeat_;
    Timeout reconnect_min_;
    Timeout reconnect_max_;
    Timeout answer_timeout_;
    Timeout duplicate_window_;
    std::optional<std::uint32_t> missed_heartbeats_;
    std::optional<bool> start_offline_;
    std::optional<Generation> generation_;
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
