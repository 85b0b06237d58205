// Errors of nodes, networks and credentials: each has its code and states the cause.
#include "fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

namespace {

/// A TCP port that accepts connections and sends nothing, or sends one text and closes.
class Stranger {
public:
    explicit Stranger(std::string word = "")
        : word_(std::move(word)), socket_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(listen(socket_, 16) == 0);
        REQUIRE(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
        if (!word_.empty()) {
            talker_ = std::async(std::launch::async, [this] { talk(); });
        }
    }
    Stranger(const Stranger&) = delete;
    Stranger& operator=(const Stranger&) = delete;
    ~Stranger() {
        shutdown(socket_, SHUT_RDWR);
        close(socket_);
    }

    std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
    std::uint16_t port() const { return port_; }

private:
    void talk() const {
        for (int caller = accept(socket_, nullptr, nullptr); caller >= 0;
             caller = accept(socket_, nullptr, nullptr)) {
            const auto said = write(caller, word_.data(), word_.size());
            static_cast<void>(said);
            shutdown(caller, SHUT_WR);
            char ignored[64];
            while (read(caller, ignored, sizeof ignored) > 0) {
            }
            close(caller);
        }
    }

    std::string word_;
    int socket_;
    std::uint16_t port_ = 0;
    std::future<void> talker_;
};

std::string content(const std::string& file) {
    std::ifstream stream(std::string(devnet().credentials()) + "/" + file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

amop::Code connecting_to(const std::string& endpoint) {
    return code_of([&] {
        amop::Client(
            amop::Options{}.endpoint(endpoint).credentials(devnet().credentials()).connect_timeout(guard));
    });
}

} // namespace

TEST_CASE("invalid and unreachable endpoints are reported") {
    CHECK(connecting_to("nonsense") == amop::Code::invalid_endpoint);
    CHECK(connecting_to("127.0.0.1:99999") == amop::Code::invalid_endpoint);
    CHECK(code_of([] { amop::Client(amop::Options{}); }) == amop::Code::invalid_argument);
    std::uint16_t free_port;
    {
        const Stranger gone;
        free_port = gone.port();
    }
    CHECK(connecting_to("127.0.0.1:" + std::to_string(free_port)) == amop::Code::connect);
    const Stranger silent;
    CHECK(code_of([&] {
              // In memory, so that reading files takes no part of the limit.
              amop::Client(amop::Options{}
                               .endpoint(silent.endpoint())
                               .credential_pem(content("ca.crt"), content("sdk.crt"), content("sdk.key"))
                               .connect_timeout(50ms));
          })
          == amop::Code::connect_timeout);
    const Stranger other("HTTP/1.1 400 Bad Request\r\n\r\n");
    CHECK(connecting_to(other.endpoint()) == amop::Code::tls);
}

TEST_CASE("missing and wrong credentials are reported") {
    const auto endpoint = devnet().endpoint(0);
    const auto with_pem = [&](const std::string& ca, const std::string& cert, const std::string& key) {
        return code_of(
            [&] { amop::Client(amop::Options{}.endpoint(endpoint).credential_pem(ca, cert, key)); });
    };
    const auto ca = content("ca.crt"), cert = content("sdk.crt"), key = content("sdk.key");
    const auto missing =
        error_of([&] { amop::Client(amop::Options{}.endpoint(endpoint).credentials("/nonexistent")); });
    CHECK(missing.code() == amop::Code::credentials_not_found);
    CHECK(std::string(missing.what()).find("/nonexistent") != std::string::npos);
    CHECK(with_pem(ca, "no certificate", key) == amop::Code::credentials_invalid);
    CHECK(with_pem(ca, cert,
                   "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n")
          == amop::Code::key_encrypted);

    const amop::Devnet others(amop::DevnetOptions{}.nodes(1));
    const auto of_others = [&](const char* file) {
        std::ifstream stream(std::string(others.credentials()) + "/" + file, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(stream), {});
    };
    CHECK(with_pem(ca, cert, of_others("sdk.key")) == amop::Code::key_mismatch);
    CHECK(with_pem(of_others("ca.crt"), cert, key) == amop::Code::node_certificate);
    CHECK(with_pem(ca, of_others("sdk.crt"), of_others("sdk.key")) == amop::Code::client_certificate);

    // Valid credentials, set in all three ways.
    amop::Client(amop::Options{}.endpoint(endpoint).credential_pem(ca, cert, key))
        .broadcast(fresh_topic(), "");
    const auto folder = std::string(devnet().credentials());
    amop::Client(amop::Options{}.endpoint(endpoint).credential_files(folder + "/ca.crt", folder + "/sdk.crt",
                                                                     folder + "/sdk.key"))
        .broadcast(fresh_topic(), "");
    amop::Client(amop::Options{}.endpoint(endpoint).credentials(folder)).broadcast(fresh_topic(), "");
}

TEST_CASE("configuration file of another sdk connects") {
    const amop::Devnet nodes;
    const auto path = std::string(nodes.credentials()) + "/config.toml";
    std::ofstream(path) << "[cryptoMaterial]\ncertPath = \"" << nodes.credentials()
                        << "\"\n[network]\npeers = [\"" << nodes.endpoint(0) << "\"]\n";
    amop::Client(amop::Options{}.config_file(path).connect_timeout(guard)).broadcast(fresh_topic(), "");
    const auto missing = error_of([&] { amop::Client(amop::Options{}.config_file(path + ".missing")); });
    CHECK(missing.code() == amop::Code::invalid_argument);
}

TEST_CASE("wire names of private topics are rejected") {
    amop::Client client(options_at(0));
    for (const char* topic : {"#!$TopicNeedVerify_a", "#!$VerifyChannel_a", "#!$PushChannel_a"}) {
        CAPTURE(topic);
        const auto error = error_of([&] { auto never = client.subscribe(topic); });
        CHECK(error.code() == amop::Code::invalid_topic);
        CHECK(std::string(error.what()).find("private topic") != std::string::npos);
        CHECK(code_of([&] { auto never = client.serve(topic); }) == amop::Code::invalid_topic);
    }
}

TEST_CASE("invalid topics are rejected") {
    amop::Client client(options_at(0));
    for (const auto& topic : {std::string(), std::string(255, 'x'), std::string("a\tb"), std::string("\xff"),
                              std::string("a\0b", 3)}) {
        CAPTURE(topic);
        CHECK(code_of([&] { client.publish(topic, ""); }) == amop::Code::invalid_topic);
        CHECK(code_of([&] { client.broadcast(topic, ""); }) == amop::Code::invalid_topic);
        CHECK(code_of([&] { auto never = client.subscribe(topic); }) == amop::Code::invalid_topic);
        CHECK(code_of([&] { auto never = client.serve(topic); }) == amop::Code::invalid_topic);
    }
    const std::string longest(254, 'x');
    const auto subscription = client.subscribe(longest);
    client.publish(longest, "");
}

TEST_CASE("too large messages are rejected") {
    amop::Client client(options_at(0));
    const std::string large(std::size_t{100} << 20, 'x');
    const auto error = error_of([&] { client.publish("large", large); });
    CHECK(error.code() == amop::Code::too_large);
    CHECK_FALSE(error.is_retriable());
    CHECK(code_of([&] { client.broadcast("large", large); }) == amop::Code::too_large);
    CHECK(code_of([&] { client.publish("large", amop::Bytes(large.data(), std::size_t(-1))); })
          == amop::Code::too_large);
}

TEST_CASE("publish without a subscriber fails") {
    amop::Client client(options_at(0));
    const auto error = error_of(
        [&] { client.publish(fresh_topic(), "", amop::PublishOptions{}.retry(amop::Retry::never)); });
    CHECK(error.code() == amop::Code::no_subscriber);
    CHECK(error.node_code() == 100);
    CHECK(error.is_retriable());
}

TEST_CASE("call ends at its deadline") {
    amop::Client server(options_at(1)), client(options_at(0));
    const auto topic = fresh_topic();
    const auto service = server.serve(topic);
    const bool sent = std::any_of(std::begin(short_limits), std::end(short_limits), [&](auto limit) {
        const auto error = error_of([&] { client.publish(topic, "", limit); });
        CHECK(error.code() == amop::Code::timeout);
        // Otherwise the message could not be sent in that time.
        return error.delivery() == amop::Delivery::maybe;
    });
    CHECK(sent);
    // The call timeout of the client if none is passed; a negative duration is not the default.
    amop::Client hasty(options_at(0).call_timeout(20ms));
    CHECK(code_of([&] { hasty.publish(topic, ""); }) == amop::Code::timeout);
    CHECK(code_of([&] { client.publish(topic, "", -1s); }) == amop::Code::timeout);
}

TEST_CASE("calls beyond the limit in flight are refused") {
    amop::Client server(options_at(1)), client(options_at(0).max_in_flight(1));
    const auto topic = fresh_topic();
    const auto service = server.serve(topic);
    auto first = client.publish_async(topic, "");
    const auto request = service.next(guard);
    REQUIRE(request.has_value());
    CHECK(code_of([&] { client.publish(topic, "", amop::PublishOptions{}.retry(amop::Retry::never)); })
          == amop::Code::overloaded);
    request->reply();
    outcome(std::move(first));
}

TEST_CASE("calls fail when their node is killed") {
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1));
    amop::Client client(nodes.client_options(0).reconnect_min(10ms).reconnect_max(50ms).call_timeout(guard));
    const auto topic = fresh_topic();
    const auto service = client.serve(topic);
    const auto events = client.events();
    auto reply = client.publish_async(topic, "");
    const auto request = service.next(guard);
    REQUIRE(request.has_value());
    nodes.kill_node(0);
    const auto lost = error_of([&] { outcome(std::move(reply)); });
    CHECK(lost.code() == amop::Code::connection_lost);
    CHECK(lost.delivery() == amop::Delivery::maybe);
    next_event(events, amop::EventKind::lost);
    const auto never = amop::PublishOptions{}.retry(amop::Retry::never);
    CHECK(code_of([&] { client.publish(topic, "", never); }) == amop::Code::not_connected);
    CHECK(code_of([&] { auto refused = client.publish_async(topic, "", never); })
          == amop::Code::not_connected);
}

TEST_CASE("invalid devnet options are rejected") {
    CHECK(code_of([] { amop::Devnet(amop::DevnetOptions{}.folder(std::string_view("a\0b", 3))); })
          == amop::Code::invalid_argument);
    const Stranger taken;
    CHECK(code_of([&] { amop::Devnet(amop::DevnetOptions{}.nodes(1).port(taken.port())); })
          == amop::Code::listen);
    const auto missing = error_of([] { devnet().endpoint(7); });
    CHECK(missing.code() == amop::Code::invalid_argument);
    CHECK(std::string(missing.what()).find("invalid node 7") != std::string::npos);
    CHECK(devnet().control("sessions").find("{\"sessions\":[") == 0);
    CHECK(code_of([] { devnet().control("explode 1"); }) == amop::Code::invalid_argument);
    CHECK(code_of([] { devnet().kill_node(7); }) == amop::Code::invalid_argument);
    CHECK(code_of([] { devnet().restart_node(7); }) == amop::Code::invalid_argument);
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1));
    nodes.stop();
    nodes.stop();
    CHECK(code_of([&] { nodes.kill_node(0); }) == amop::Code::closed);
    CHECK(code_of([&] { nodes.restart_node(0); }) == amop::Code::closed);
}
