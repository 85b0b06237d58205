// The C++ program of the comparison of languages: futures, and a handler for messages. See benches/src/languages.rs for
// what it reads and writes.
#include <amop.hpp>

#include <array>
#include <atomic>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <string>

static void answer(const char* line) { std::cout << line << std::endl; }

static void publish(const amop::Client& client, long messages) {
    constexpr std::size_t in_flight = 256;
    const std::string data(64, 'x');
    std::deque<std::future<amop::Reply>> calls;
    for (; messages > 0; messages--) {
        if (calls.size() == in_flight) {
            calls.front().get();
            calls.pop_front();
        }
        calls.push_back(client.publish_async("bench/unicast", data));
    }
    for (auto& call : calls) {
        call.get();
    }
    answer("done");
}

int main(int argc, char** argv) {
    if (argc != 4) {
        return EXIT_FAILURE;
    }
    try {
        amop::Client client{amop::Options{}.endpoint(argv[1]).credentials(argv[2])};
        std::atomic<long> left{0};
        const auto subscription = client.subscribe(argv[3], [&](const amop::Message&) {
            if (left.fetch_sub(1) == 1) {
                answer("done");
            }
        });
        answer("ready");
        std::string command;
        long messages = 0;
        while (std::cin >> command >> messages) {
            if (command == "publish") {
                publish(client, messages);
            } else {
                left = messages;
                answer("started");
            }
        }
        return EXIT_SUCCESS;
    } catch (const amop::Error& error) {
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
