// Values that need no client: bytes, times, options, errors and versions.
#include "fixture.hpp"

#include <array>
#include <cstddef>
#include <deque>
#include <limits>
#include <set>
#include <string_view>
#include <type_traits>
#include <vector>

TEST_CASE("bytes view any container of bytes") {
    const std::vector<std::uint8_t> vector{'h', 'i'};
    const std::array<std::byte, 2> array{std::byte{'h'}, std::byte{'i'}};
    const std::string string = "hi";
    CHECK(amop::Bytes("hi") == amop::Bytes(vector));
    CHECK(amop::Bytes(array) == "hi");
    CHECK(amop::Bytes(string).data() == static_cast<const void*>(string.data()));
    CHECK(amop::Bytes(std::string_view("hi!").substr(0, 2)).text() == "hi");
    CHECK(amop::Bytes("hi") != "ho");
    CHECK(amop::Bytes("hi") != "hi!");
    CHECK(amop::Bytes("hi")[1] == 'i');
    CHECK(std::vector<std::uint8_t>(amop::Bytes(array).begin(), amop::Bytes(array).end()) == vector);
    CHECK_FALSE(std::is_constructible_v<amop::Bytes, std::vector<int>>);
    CHECK_FALSE(std::is_constructible_v<amop::Bytes, std::deque<char>>);
    CHECK_FALSE(std::is_constructible_v<amop::Bytes, std::nullptr_t>);
}

TEST_CASE("bytes may be empty or contain a NUL") {
    CHECK(amop::Bytes().empty());
    CHECK(amop::Bytes().text().empty());
    CHECK(amop::Bytes() == "");
    CHECK(amop::Bytes(amop_bytes{nullptr, 0}).begin() == amop::Bytes(amop_bytes{nullptr, 0}).end());
    CHECK(amop::Bytes(std::string("a\0b", 3)).size() == 3);
    CHECK(amop::Bytes("a\0b").size() == 1);
}

TEST_CASE("timeout rounds up to milliseconds and 0 is not the default") {
    CHECK(amop::Timeout().of_call() == 0);
    CHECK(amop::Timeout(5s).of_call() == 5000);
    CHECK(amop::Timeout(1us).of_call() == 1);
    CHECK(amop::Timeout(1001us).of_call() == 2);
    CHECK(amop::Timeout(std::chrono::duration<double>(0.0015)).of_call() == 2);
    CHECK(amop::Timeout(0s).of_call() == 1);
    CHECK(amop::Timeout(-5s).of_call() == 1);
    CHECK(amop::Timeout(0s).of_wait() == 0);
    CHECK(amop::Timeout(-5s).of_wait() == 0);
    CHECK(amop::Timeout(1us).of_wait() == 1);
}

TEST_CASE("library rejects too long timeouts") {
    const auto most = std::numeric_limits<std::uint64_t>::max();
    CHECK(amop::Timeout(std::chrono::hours::max()).of_call() == most);
    CHECK(amop::Timeout(std::chrono::duration<double>(std::numeric_limits<double>::infinity())).of_call()
          == most);
    CHECK(amop::Timeout(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())).of_wait()
          == 0);
    CHECK(amop::Timeout(std::chrono::nanoseconds::max()).of_call() == 9'223'372'036'855);
    CHECK(code_of([] { amop::CompletionQueue().next(std::chrono::hours::max()); })
          == amop::Code::invalid_argument);
}

TEST_CASE("options are values") {
    const auto options = amop::Options{}.endpoint("127.0.0.1:1").call_timeout(5s);
    auto more = options;
    more.endpoint("127.0.0.1:2");
    CHECK(more.to_c().get() != nullptr);
    CHECK(options.to_c().get() != nullptr);
    CHECK(amop::PublishOptions(5s).timeout_to_c() == 5000);
    CHECK(amop::PublishOptions{}.timeout(5s).to_c().get() == nullptr);
    CHECK(amop::PublishOptions{}.all_nodes(true).to_c().get() != nullptr);
}

TEST_CASE("invalid strings are reported by name") {
    const auto of_endpoint = [](std::string_view text) {
        return error_of([&] { amop::Options{}.endpoint(text).to_c(); });
    };
    CHECK(of_endpoint("\xff").code() == amop::Code::invalid_argument);
    CHECK(std::string(of_endpoint("\xff").what()).find("`endpoint`") != std::string::npos);
    CHECK(of_endpoint(std::string_view("a\0b", 3)).code() == amop::Code::invalid_argument);
    CHECK(std::string(of_endpoint(std::string_view("a\0b", 3)).what()).find("NUL: byte 1")
          != std::string::npos);
    CHECK(code_of([] { amop::Options{}.credential_files("ca", "\xff", "key").to_c(); })
          == amop::Code::invalid_argument);
    CHECK(code_of([] { amop::Options{}.retry(static_cast<amop::Retry>(7)).to_c(); })
          == amop::Code::invalid_argument);
}

/// Each code once: the compiler warns if one is missing in this switch, and the test below finds codes that only C has.
static bool is_named(amop::Code code) {
    switch (code) {
    case amop::Code::ok:
    case amop::Code::invalid_argument:
    case amop::Code::invalid_topic:
    case amop::Code::invalid_endpoint:
    case amop::Code::too_large:
    case amop::Code::credentials_not_found:
    case amop::Code::credentials_invalid:
    case amop::Code::key_encrypted:
    case amop::Code::key_mismatch:
    case amop::Code::certificate_dates:
    case amop::Code::resolve:
    case amop::Code::connect:
    case amop::Code::connect_timeout:
    case amop::Code::tls:
    case amop::Code::node_certificate:
    case amop::Code::client_certificate:
    case amop::Code::tls_no_common:
    case amop::Code::handshake:
    case amop::Code::listen:
    case amop::Code::not_connected:
    case amop::Code::connection_lost:
    case amop::Code::protocol:
    case amop::Code::timeout:
    case amop::Code::cancelled:
    case amop::Code::closed:
    case amop::Code::overloaded:
    case amop::Code::no_subscriber:
    case amop::Code::remote_node:
    case amop::Code::node_timeout:
    case amop::Code::bandwidth:
    case amop::Code::subscriber_unreachable:
    case amop::Code::own_node_only:
    case amop::Code::remote:
    case amop::Code::subscriber_failed:
    case amop::Code::subscriber_dropped:
    case amop::Code::subscriber_too_slow:
    case amop::Code::subscriber_busy:
    case amop::Code::subscriber_unsubscribed:
    case amop::Code::already_served:
    case amop::Code::unsupported:
    case amop::Code::forked:
    case amop::Code::runtime:
    case amop::Code::already_answered:
    case amop::Code::request_expired:
    case amop::Code::internal:
        return true;
    }
    return false;
}

TEST_CASE("codes and C statuses are the same") {
    std::set<std::string_view> names;
    for (int number = -1; number < 10'000; number++) {
        const auto code = static_cast<amop::Code>(number);
        CAPTURE(number);
        CHECK(is_named(code) == !amop::to_string(code).empty());
        names.insert(amop::to_string(code));
    }
    CHECK(names.size() > 40);
    CHECK(amop::to_string(amop::Code::request_expired) == "AMOP_ERROR_REQUEST_EXPIRED");
    CHECK(amop::to_string(amop::Code::ok) == "AMOP_OK");
}

TEST_CASE("errors are runtime errors and can be copied") {
    CHECK(std::is_base_of_v<std::runtime_error, amop::Error>);
    CHECK(std::is_nothrow_copy_constructible_v<amop::Error>);
    const amop::Error own(amop::Code::remote, "my own");
    CHECK(own.code() == amop::Code::remote);
    CHECK(std::string(own.what()) == "my own");
    CHECK_FALSE(own.is_retriable());
    CHECK(own.delivery() == amop::Delivery::no);
    CHECK(own.node_code() == 0);
    CHECK(own.data().empty());
    CHECK(amop::Error(nullptr).code() == amop::Code::internal);
    const auto copy = [] {
        const auto error = error_of([] { amop::Client(amop::Options{}.endpoint("nonsense")); });
        return error;
    }();
    CHECK(copy.code() == amop::Code::invalid_endpoint);
    CHECK(std::string(copy.what()).find("nonsense") != std::string::npos);
}

TEST_CASE("version check compares headers and library") {
    CHECK(amop::version() == AMOP_VERSION);
    CHECK(amop::version_number() == AMOP_VERSION_NUMBER);
    amop::check_version();
    CHECK(amop::abi() == AMOP_ABI);
    CHECK(code_of([] { amop::check_version(AMOP_ABI + 1); }) == amop::Code::unsupported);
    CHECK(code_of([] { amop::check_version(AMOP_ABI, AMOP_VERSION_NUMBER + 1); }) == amop::Code::unsupported);
}

template <class T>
static void is_a_handle() {
    CHECK(std::is_nothrow_move_constructible_v<T>);
    CHECK(std::is_nothrow_move_assignable_v<T>);
    CHECK_FALSE(std::is_copy_constructible_v<T>);
    CHECK_FALSE(std::is_copy_assignable_v<T>);
    CHECK(std::is_nothrow_destructible_v<T>);
}

TEST_CASE("objects with handles are move-only") {
    is_a_handle<amop::Client>();
    is_a_handle<amop::Subscription>();
    is_a_handle<amop::Service>();
    is_a_handle<amop::Request>();
    is_a_handle<amop::Call>();
    is_a_handle<amop::Completion>();
    is_a_handle<amop::CompletionQueue>();
    is_a_handle<amop::Event>();
    is_a_handle<amop::Events>();
    is_a_handle<amop::Devnet>();
    CHECK(std::is_nothrow_copy_constructible_v<amop::Message>);
    CHECK(std::is_nothrow_move_constructible_v<amop::Message>);
    CHECK(std::is_nothrow_copy_constructible_v<amop::Reply>);
    CHECK(std::is_nothrow_move_constructible_v<amop::Reply>);
}
