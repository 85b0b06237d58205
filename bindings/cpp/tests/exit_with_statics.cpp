// A program with static objects. They are destroyed while the process exits, after the thread-local data of main's thread.
#include <amop.hpp>

#include <atomic>
#include <cstdlib>
#include <future>
#include <iostream>
#include <optional>
#include <string>

using namespace std::chrono_literals;

namespace {

/// Destroyed last: checks that the handler was destroyed before.
struct Verdict {
    std::atomic<int> handlers{0};
    ~Verdict() {
        if (handlers != 0) {
            std::cerr << handlers << " handlers were not destroyed\n";
            std::_Exit(1);
        }
    }
} verdict;

struct Counted {
    Counted() { verdict.handlers++; }
    Counted(const Counted&) { verdict.handlers++; }
    ~Counted() { verdict.handlers--; }
};

std::optional<amop::Devnet> devnet;
std::optional<amop::Client> client;
std::optional<amop::Client> closed;
std::optional<amop::Subscription> subscription;
std::optional<amop::Service> service;
std::optional<amop::Events> events;
std::optional<amop::CompletionQueue> queue;
std::future<amop::Reply> under_way;

} // namespace

int main() {
    devnet.emplace();
    const auto options = devnet->client_options(0);
    client.emplace(options);
    closed.emplace(options);
    subscription.emplace(client->subscribe("topic", [counted = Counted()](const amop::Message&) {}));
    service.emplace(client->serve("silent"));
    events.emplace(client->events());
    queue.emplace();
    client->publish("topic", "before the end", 60s);
    client->publish_queued("silent", "", *queue, nullptr, 60s);
    under_way = client->publish_async("silent", "", 60s);
    closed->close();
    return 0;
}
