// A program without exceptions, in which errors are values.
#include <amop.hpp>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

constexpr auto guard = 60s;

/// Ends the program if a condition does not hold. It has to work without exceptions, which the test framework uses.
void check(bool holds, int line) {
    if (!holds) {
        std::cerr << __FILE__ << ':' << line << ": failed\n";
        std::exit(1);
    }
}

struct Dropped {
    std::atomic<int>* drops;
    explicit Dropped(std::atomic<int>& counted) : drops(&counted) {}
    Dropped(Dropped&& other) noexcept : drops(std::exchange(other.drops, nullptr)) {}
    Dropped& operator=(Dropped&&) = delete;
    ~Dropped() {
        if (drops != nullptr) {
            ++*drops;
        }
    }
};

void errors_are_values(const amop::Devnet& devnet) {
    const auto refused = amop::attempt([] { return amop::Client(amop::Options{}); });
    check(!refused && refused.code() == amop::Code::invalid_argument, __LINE__);
    check(std::string(refused.error().what()).find("endpoint") != std::string::npos, __LINE__);

    auto client = amop::attempt([&] { return amop::Client(devnet.client_options(0)); });
    check(client.has_value() && client.code() == amop::Code::ok, __LINE__);

    const auto reply = amop::attempt([&] { return client->publish("nobody", "hi", guard); });
    check(reply.code() == amop::Code::no_subscriber, __LINE__);
    check(reply.error().error_code() == amop::Code::no_subscriber, __LINE__);
    check(amop::attempt([&] { return client->publish("a\0b" + std::string(1, '\0'), "", guard); }).code()
              == amop::Code::invalid_topic,
          __LINE__);
    check(amop::attempt([&] { client->close(); }).has_value(), __LINE__);
    check(amop::attempt([&] { client->broadcast("t", ""); }).code() == amop::Code::closed, __LINE__);
}

void first_error_ends_an_attempt(const amop::Devnet& devnet) {
    std::atomic<int> drops = 0;
    amop::Client client(devnet.client_options(0));
    const auto both = amop::attempt([&] {
        client.broadcast(std::string(300, 'x'), "");
        (void)client.subscribe("t", [dropped = Dropped(drops)](const amop::Message&) {});
        return client.stats().total.calls;
    });
    check(both.code() == amop::Code::invalid_topic, __LINE__);
    check(drops == 1, __LINE__);
    check(client.stats().total.calls == 0, __LINE__);
}

void messages_and_requests_are_handled(const amop::Devnet& devnet) {
    amop::Client client(devnet.client_options(0));
    const auto read = client.subscribe("read");
    check(client.publish("read", "one", guard).data().empty(), __LINE__);
    check(read.next(guard)->text() == "one", __LINE__);
    check(!read.next(0s), __LINE__);
    read.unsubscribe();
    check(amop::attempt([&] { return read.next(guard); }).code() == amop::Code::closed, __LINE__);
    int left = 0;
    for (const amop::Message& message : read) {
        left += static_cast<int>(message.data().size());
    }
    check(left == 0, __LINE__);

    // A handler that fails is reported to the publisher, like one that throws.
    const auto service = client.serve("echo", [&](const amop::Request& request) {
        if (request.message().text() == "fail") {
            client.publish("nobody", "", guard);
        }
        return std::string(request.message().text());
    });
    check(client.publish("echo", "two", guard).text() == "two", __LINE__);

    amop::CompletionQueue queue;
    client.publish_queued("echo", "three", queue, nullptr, guard);
    const auto completion = queue.next(guard);
    check(completion && completion->reply().text() == "three", __LINE__);
    std::atomic<int> completed = 0;
    client.publish_async("echo", "four", [&](const amop::Completion& ended) {
        completed = ended.reply().text() == "four" ? 1 : 2;
    });
    while (completed == 0) {
        std::this_thread::sleep_for(1ms);
    }
    check(completed == 1, __LINE__);
}

} // namespace

int main() {
    const amop::Devnet devnet;
    errors_are_values(devnet);
    first_error_ends_an_attempt(devnet);
    messages_and_requests_are_handled(devnet);
    return 0;
}
