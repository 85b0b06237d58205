// Events, statistics, log and embedded nodes.
#include "fixture.hpp"

#include <poll.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <vector>

TEST_CASE("loss and reconnect emit events") {
    const amop::Devnet nodes;
    CHECK(nodes.node_count() == 2);
    amop::Client client(nodes.client_options(0).reconnect_min(10ms).reconnect_max(50ms));
    const auto events = client.events();
    client.add_endpoint(nodes.endpoint(1));
    client.add_endpoint(nodes.endpoint(1));
    auto connected = next_event(events, amop::EventKind::connected);
    if (connected.endpoint() == nodes.endpoint(0)) {
        // Emitted after the client was created.
        connected = next_event(events, amop::EventKind::connected);
    }
    CHECK(connected.endpoint() == nodes.endpoint(1));
    CHECK(connected.node_version() != "");
    CHECK(connected.protocol() >= 1);
    CHECK(connected.topic() == "");
    CHECK(connected.message() == "");
    CHECK_FALSE(connected.error().has_value());
    nodes.kill_node(1);
    const auto lost = next_event(events, amop::EventKind::lost);
    CHECK(lost.endpoint() == nodes.endpoint(1));
    REQUIRE(lost.error().has_value());
    CHECK(std::string(lost.error()->what()) != "");
    const auto failed = next_event(events, amop::EventKind::connect_failed);
    CHECK(failed.error()->code() == amop::Code::connect);
    nodes.restart_node(1);
    nodes.restart_node(1);
    CHECK(next_event(events, amop::EventKind::reconnected).endpoint() == nodes.endpoint(1));

    client.remove_endpoint(nodes.endpoint(1));
    client.remove_endpoint(nodes.endpoint(1));
    CHECK(client.stats().endpoints.size() == 1);
    CHECK(code_of([&] { client.add_endpoint("nonsense"); }) == amop::Code::invalid_endpoint);
    CHECK(code_of([&] { client.remove_endpoint(""); }) == amop::Code::invalid_endpoint);

    client.close();
    pollfd waiting{events.fd(), POLLIN, 0};
    CHECK(poll(&waiting, 1, static_cast<int>(std::chrono::milliseconds(guard).count())) == 1);
    std::optional<amop::EventKind> last;
    for (const amop::Event& event : events) {
        last = event.kind();
    }
    CHECK(last == amop::EventKind::closed);
    CHECK(code_of([&] { events.next(0ms); }) == amop::Code::closed);
}

TEST_CASE("event handler receives all events in order") {
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1));
    amop::Client client(nodes.client_options(0).reconnect_min(10ms).reconnect_max(50ms));
    std::vector<amop::EventKind> kinds;
    Counter lost, reconnected;
    client.on_event_until_close([&](const amop::Event& event) {
        // The first connection may be reported late, and any number of attempts may fail.
        if (event.kind() != amop::EventKind::connected && event.kind() != amop::EventKind::connect_failed) {
            kinds.push_back(event.kind());
        }
        if (event.kind() == amop::EventKind::lost) {
            lost.raise();
        }
        if (event.kind() == amop::EventKind::reconnected) {
            reconnected.raise();
        }
    });
    nodes.kill_node(0);
    lost.wait_for(1);
    nodes.restart_node(0);
    reconnected.wait_for(1);
    client.close();
    CHECK(kinds == std::vector{amop::EventKind::lost, amop::EventKind::reconnected, amop::EventKind::closed});
}

TEST_CASE("slow consumer emits one event") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto events = client.events();
    const auto subscription = client.subscribe(
        topic, amop::SubscribeOptions{}.max_messages(1).overflow(amop::Overflow::drop_oldest));
    for (int n = 0; n < 10; n++) {
        client.publish(topic, "");
    }
    CHECK(subscription.stats().dropped == 9);
    client.close();
    int episodes = 0;
    for (const amop::Event& event : events) {
        if (event.kind() == amop::EventKind::slow_consumer) {
            CHECK(event.topic() == topic);
            episodes++;
        }
    }
    CHECK(episodes == 1);
}

TEST_CASE("client counts its statistics") {
    amop::Client client(options_at_both().retry(amop::Retry::definite));
    const auto topic = fresh_topic();
    wait_for_all_nodes(client);
    const auto subscription = client.subscribe(topic);
    client.publish(topic, "12345");
    // The subscription is confirmed as soon as one of the nodes lists its topic.
    until([&] {
        const auto endpoints = client.stats().endpoints;
        return std::all_of(endpoints.begin(), endpoints.end(),
                           [](const amop::EndpointStats& endpoint) { return endpoint.topic_lists_sent > 0; });
    });
    const auto stats = client.stats();
    CHECK(stats.held_bytes == 5);
    CHECK(stats.retries == 0);
    CHECK(stats.calls_waiting == 0);
    CHECK(stats.partial_broadcasts == 0);
    CHECK(stats.refused == 0);
    CHECK(stats.dropped == 0);
    CHECK(stats.own_broadcasts == 0);
    REQUIRE(stats.endpoints.size() == 2);
    CHECK(stats.endpoints[0].endpoint == devnet().endpoint(0));
    CHECK(stats.endpoints[1].endpoint == devnet().endpoint(1));
    for (const auto& endpoint : stats.endpoints) {
        CHECK(endpoint.connected);
        CHECK(endpoint.state == amop::EndpointState::connected);
        CHECK_FALSE(endpoint.last_error.has_value());
        CHECK(endpoint.connects == 1);
        CHECK(endpoint.losses == 0);
        CHECK(endpoint.failed_connects == 0);
        CHECK(endpoint.frames_sent > 0);
        CHECK(endpoint.frames_received > 0);
        CHECK(endpoint.bytes_sent > endpoint.frames_sent);
        CHECK(endpoint.bytes_received > endpoint.frames_received);
        CHECK(endpoint.writes > 0);
        CHECK(endpoint.topic_lists_sent > 0);
        CHECK(endpoint.in_flight == 0);
        CHECK(endpoint.overloaded == 0);
        CHECK(endpoint.busy == 0);
        CHECK(endpoint.too_slow == 0);
    }
    CHECK(stats.total.endpoint == "");
    CHECK(stats.total.connects == 2);
    CHECK(stats.total.calls == 1);
    CHECK(stats.total.messages_received == 1);
    CHECK(stats.total.frames_sent == stats.endpoints[0].frames_sent + stats.endpoints[1].frames_sent);
}

TEST_CASE("snapshot keeps the histogram of round trips") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic);
    CHECK(client.stats().total.round_trips.count() == 0);
    CHECK_FALSE(client.stats().total.round_trips.quantile(0.5).has_value());
    CHECK_FALSE(amop::RoundTrips().quantile(0.5).has_value());
    for (int n = 0; n < 10; n++) {
        client.publish(topic, "");
    }
    const auto stats = client.stats();
    client.close();
    const auto& all = stats.total.round_trips;
    // The last one may be counted shortly after its caller has the reply.
    CHECK(all.count() >= 9);
    std::uint64_t counted = 0;
    for (const auto& bucket : stats.round_trip_buckets) {
        CHECK(bucket.count > 0);
        counted += bucket.count;
    }
    CHECK(counted == all.count());
    CHECK(all.quantile(0.0) == stats.round_trip_buckets.front().up_to);
    CHECK(all.quantile(1.0) == stats.round_trip_buckets.back().up_to);
    CHECK(all.quantile(0.0) <= all.quantile(0.5));
    CHECK(all.quantile(0.5) <= all.quantile(1.0));
    CHECK(all.quantile(-3.0) == all.quantile(0.0));
    CHECK(all.quantile(7.0) == all.quantile(1.0));
    CHECK(all.quantile(std::numeric_limits<double>::quiet_NaN()) == all.quantile(0.0));
    CHECK(stats.endpoints.at(0).round_trips.quantile(0.5) == all.quantile(0.5));
}

TEST_CASE("client can start offline and reports why") {
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1));
    nodes.kill_node(0);
    const auto options = nodes.client_options(0).reconnect_min(10ms).reconnect_max(50ms).call_timeout(guard);
    CHECK(code_of([&] { amop::Client(amop::Options(options)); }) == amop::Code::connect);
    amop::Client client(amop::Options(options).start_offline(true));
    const auto events = client.events();
    next_event(events, amop::EventKind::connect_failed);
    // The event is emitted shortly before the statistics show the state.
    until([&] { return client.stats().endpoints.at(0).state == amop::EndpointState::down; });
    const auto down = client.stats().endpoints.at(0);
    CHECK(down.state == amop::EndpointState::down);
    CHECK_FALSE(down.connected);
    CHECK(down.failed_connects > 0);
    REQUIRE(down.last_error.has_value());
    CHECK(down.last_error->code() == amop::Code::connect);
    nodes.restart_node(0);
    next_event(events, amop::EventKind::connected);
    client.broadcast(fresh_topic(), "");
}

TEST_CASE("every option of a client is accepted") {
    amop::Client client(options_at(0)
                            .reconnect_min(10ms)
                            .heartbeat(30s)
                            .missed_heartbeats(3)
                            .answer_timeout(2s)
                            .retry(amop::Retry::never)
                            .max_in_flight(10)
                            .max_send_bytes(1 << 20)
                            .max_held_bytes(1 << 20)
                            .max_events(10)
                            .duplicate_window(10s)
                            .max_duplicates(10)
                            .group(1)
                            .dispatcher_threads(4));
    client.broadcast(fresh_topic(), "");
    CHECK(code_of([] { amop::Client(options_at(0).heartbeat(std::chrono::hours::max())); })
          == amop::Code::invalid_argument);
}

TEST_CASE("log contains no payloads and can be disabled") {
    Counter destroyed, connected;
    bool told_payload = false;
    amop::set_log_handler(amop::LogLevel::debug,
                          [&, captured = Captured(destroyed)](amop::LogLevel level, std::string_view target,
                                                              std::string_view message) {
                              CHECK(level <= amop::LogLevel::debug);
                              CHECK(target != "");
                              told_payload = told_payload || message.find("secret") != std::string_view::npos;
                              if (level == amop::LogLevel::info) {
                                  connected.raise();
                              }
                          });
    {
        amop::Client client(options_at(0));
        client.broadcast(fresh_topic(), "secret");
    }
    connected.wait_for(1);
    // A second handler replaces the first.
    amop::set_log_handler(amop::LogLevel::error, [captured = Captured(destroyed)](
                                                     amop::LogLevel, std::string_view, std::string_view) {});
    destroyed.wait_for(1);
    amop::clear_log_handler();
    amop::clear_log_handler();
    destroyed.wait_for(2);
    CHECK_FALSE(told_payload);
    CHECK(code_of([&] {
              amop::set_log_handler(static_cast<amop::LogLevel>(9),
                                    [captured = Captured(destroyed)](auto&&...) {});
          })
          == amop::Code::invalid_argument);
    CHECK(destroyed.times() == 3);
}

TEST_CASE("devnet keeps its certificates in a given folder") {
    const std::string folder(amop::Devnet().credentials());
    // A temporary folder is deleted with its devnet; a given folder is kept and used again.
    const auto named = folder + "-named";
    std::string credentials;
    {
        const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1).folder(named).like_2_11(false));
        credentials = nodes.credentials();
        amop::Client(nodes.client_options(0)).broadcast(fresh_topic(), "");
    }
    const amop::Devnet again(amop::DevnetOptions{}.nodes(1).folder(named));
    amop::Client(amop::Options{}.endpoint(again.endpoint(0)).credentials(credentials))
        .broadcast(fresh_topic(), "");
    CHECK(code_of([&] { amop::Client(again.client_options(0).credentials(folder)); })
          == amop::Code::credentials_not_found);
}

TEST_CASE("every kind of channel is connected") {
    for (const auto tls : {amop::Tls::ecdhe, amop::Tls::static_rsa, amop::Tls::gm}) {
        const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1).tls(tls));
        amop::Client client(nodes.client_options(0));
        CHECK(client.stats().endpoints.at(0).tls == tls);
        CHECK(client.stats().total.tls == amop::Tls::automatic);
        client.reload_credentials();
        CHECK(client.stats().endpoints.at(0).connects == 2);
        amop::Client pinned(nodes.client_options(0).tls(tls));
        const auto other = tls == amop::Tls::ecdhe ? amop::Tls::gm : amop::Tls::tlcp;
        CHECK(code_of([&] { amop::Client(nodes.client_options(0).tls(other)); })
              == amop::Code::invalid_argument);
    }
}

TEST_CASE("every kind of 3.x node is connected") {
    for (const auto tls : {amop::Tls::ecdhe, amop::Tls::tlcp, amop::Tls::off}) {
        const amop::Devnet nodes(
            amop::DevnetOptions{}.nodes(1).generation(amop::Generation::v3).tls(tls).like_3_16(true));
        CHECK(nodes.credentials().empty() == (tls == amop::Tls::off));
        amop::Client client(nodes.client_options(0).generation(amop::Generation::v3));
        CHECK(client.stats().endpoints.at(0).tls == tls);
    }
    const auto wrong = amop::DevnetOptions{}.generation(amop::Generation::v3).tls(amop::Tls::gm);
    CHECK(code_of([&] { amop::Devnet{wrong}; }) == amop::Code::invalid_argument);
}

TEST_CASE("gm credentials are read from files or memory") {
    const amop::Devnet nodes(amop::DevnetOptions{}.nodes(1).tls(amop::Tls::gm));
    const auto file = [&](const char* name) { return std::string(nodes.credentials()) + "/gm/" + name; };
    const auto content = [&](const char* name) {
        std::ifstream stream(file(name));
        return std::string(std::istreambuf_iterator<char>(stream), {});
    };
    amop::Client from_files(amop::Options{}
                                .endpoint(nodes.endpoint(0))
                                .credential_files_gm(file("gmca.crt"), file("gmsdk.crt"), file("gmsdk.key"),
                                                     file("gmensdk.crt"), file("gmensdk.key")));
    CHECK(from_files.stats().endpoints.at(0).tls == amop::Tls::gm);
    amop::Client from_memory(amop::Options{}
                                 .endpoint(nodes.endpoint(0))
                                 .credential_pem_gm(content("gmca.crt"), content("gmsdk.crt"),
                                                    content("gmsdk.key"), content("gmensdk.crt"),
                                                    content("gmensdk.key")));
    CHECK(from_memory.stats().endpoints.at(0).tls == amop::Tls::gm);
}

TEST_CASE("certificate that ends soon emits an event") {
    // Certificates of the devnet are valid for a hundred years.
    constexpr auto warning = std::chrono::hours(101 * 366 * 24);
    const amop::Client client(options_at(0).expiry_warning(warning));
    const auto event = next_event(client.events(), amop::EventKind::certificate_expiring);
    CHECK(event.message().find("CN=") == 0);
    CHECK(event.expires() > std::chrono::system_clock::now());
}
