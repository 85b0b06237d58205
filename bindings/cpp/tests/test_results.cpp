// Errors as values, codes of the standard library, and what streams write.
#include "fixture.hpp"

#include <sstream>
#include <stdexcept>
#include <system_error>

namespace {

template <class T>
std::string written(const T& value) {
    std::ostringstream stream;
    stream << value;
    return stream.str();
}

} // namespace

TEST_CASE("attempt returns the value or the error of a call") {
    amop::Client client(options_at(0));
    auto failed = amop::attempt([&] { return client.publish(fresh_topic(), "hi"); });
    CHECK_FALSE(failed);
    CHECK(failed.code() == amop::Code::no_subscriber);
    CHECK(failed.error().node_code() == 100);
    CHECK_THROWS_AS(failed.value(), amop::Error);

    const auto topic = fresh_topic();
    const auto service = client.serve(topic, [](const amop::Request& request) { return request.data(); });
    auto reply = amop::attempt([&] { return client.publish(topic, "hi", guard); });
    REQUIRE(reply);
    CHECK(reply->text() == "hi");
    CHECK(reply.value().text() == "hi");
    CHECK((*reply).text() == "hi");

    auto closed = amop::attempt([&] { client.close(); });
    CHECK(closed.has_value());
    closed.value();
    CHECK(amop::attempt([&] { client.broadcast(topic, ""); }).code() == amop::Code::closed);
    CHECK(amop::attempt([] { return 7; }).value_or(8) == 7);
    CHECK(amop::attempt([]() -> int { throw amop::Error(amop::Code::timeout, "late"); }).value_or(8) == 8);
    CHECK_THROWS_AS((void)amop::attempt([]() -> int { throw std::logic_error("other"); }), std::logic_error);
}

TEST_CASE("codes are codes of the standard library") {
    std::error_code code = amop::Code::timeout;
    CHECK(code == amop::Code::timeout);
    CHECK(code != amop::Code::closed);
    CHECK(code == std::errc::timed_out);
    CHECK(code.category() == amop::error_category());
    CHECK(std::string(code.category().name()) == "amop");
    CHECK(code.message() == "AMOP_ERROR_TIMEOUT");
    CHECK_FALSE(std::error_code(amop::Code::ok));
    CHECK(std::error_code(9999, amop::error_category()).message() == "unknown code 9999");
    CHECK(amop::Error(amop::Code::closed, "x").error_code() == amop::Code::closed);
    CHECK(std::error_code(amop::Code::own_node_only).default_error_condition().category()
          == amop::error_category());
}

TEST_CASE("streams write names, and no payloads") {
    CHECK(written(amop::Code::timeout) == "AMOP_ERROR_TIMEOUT");
    CHECK(written(static_cast<amop::Code>(9999)) == "9999");
    CHECK(written(amop::Delivery::maybe) == "maybe");
    CHECK(written(amop::MessageKind::broadcast) == "broadcast");
    CHECK(written(amop::EventKind::slow_consumer) == "slow_consumer");
    CHECK(written(static_cast<amop::EventKind>(99)) == "99");
    CHECK(written(amop::EndpointState::down) == "down");
    CHECK(written(amop::VerificationState::pending) == "pending");
    CHECK(written(amop::VerificationState::verified) == "verified");
    CHECK(written(amop::VerificationState::rejected) == "rejected");
    CHECK(written(amop::Generation::v3) == "v3");
    CHECK(written(amop::LogLevel::warn) == "warn");
    CHECK(written(amop::Retry::at_least_once) == "at_least_once");
    CHECK(written(amop::Overflow::drop_oldest) == "drop_oldest");
    CHECK(written(amop::Placement::one) == "one");
    CHECK(written(amop::Confirm::always) == "always");
    for (const auto tls : {amop::Tls::automatic, amop::Tls::ecdhe, amop::Tls::static_rsa, amop::Tls::gm,
                           amop::Tls::tlcp, amop::Tls::off}) {
        CHECK_FALSE(amop::to_string(tls).empty());
        CHECK(written(tls) == amop::to_string(tls));
    }
    CHECK(written(amop::Tls::static_rsa) == "static_rsa");
    CHECK(written(static_cast<amop::Tls>(99)) == "99");
    for (auto kind = static_cast<std::int32_t>(amop::EventKind::none); amop_event_kind_name(kind) != nullptr;
         kind++) {
        CHECK_FALSE(amop::to_string(static_cast<amop::EventKind>(kind)).empty());
    }
    CHECK(written(amop::Error(amop::Code::closed, "it is closed")) == "it is closed (AMOP_ERROR_CLOSED)");

    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto subscription = client.subscribe(topic);
    const auto reply = client.publish(topic, "secret", guard);
    const auto message = subscription.next(guard);
    REQUIRE(message);
    const auto text = written(*message);
    CHECK(text == "unicast on " + topic + " from " + std::string(message->endpoint()) + " (6 bytes)");
    CHECK(written(reply) == "reply through " + std::string(reply.endpoint()) + " (0 bytes)");
}

TEST_CASE("a look without a wait finds nothing, the end, or a wrong use") {
    amop::Client client(options_at(0));
    const auto topic = fresh_topic();
    const auto read = client.subscribe(topic);
    const auto handled = client.subscribe(fresh_topic(), [](const amop::Message&) {});
    CHECK_FALSE(read.next(0s));
    CHECK(read.next_many(3, 0s).empty());
    client.publish(topic, "x", guard);
    CHECK(read.next(0s)->text() == "x");
    read.unsubscribe();
    CHECK(amop::attempt([&] { return read.next(0s); }).code() == amop::Code::closed);
    CHECK(amop::attempt([&] { return handled.next(0s); }).code() == amop::Code::invalid_argument);
}

TEST_CASE("a look in vain asks for no text") {
    int looks = 0, texts = 0;
    const auto nothing = [&](const amop_subscription*, std::uint64_t, amop_message**, amop_error** error) {
        looks++;
        texts += error != nullptr;
        return amop_status(AMOP_ERROR_TIMEOUT);
    };
    const amop_subscription* const source = nullptr;
    CHECK_FALSE(amop::detail::next<amop::Message, amop_message>(nothing, source, 0s));
    CHECK_FALSE(amop::detail::next<amop::Message, amop_message>(nothing, source, guard));
    CHECK(looks == 2);
    CHECK(texts == 0);
}
