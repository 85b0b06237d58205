// Answers requests for the price of an item: service 127.0.0.1:20201 price
#include <amop.hpp>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

/// The code with which a request for an unknown item fails. Programs choose their own.
constexpr std::int32_t no_price = 1;

/// Answers a request. Of an exception that this threw, the publisher would receive a fixed text.
static void answer(const amop::Request& request) {
    static const std::map<std::string, std::string, std::less<>> prices{{"apple", "1.20"}, {"pear", "0.95"}};
    const auto price = prices.find(request.text());
    if (price == prices.end()) {
        request.fail(no_price, "no price for " + std::string(request.text()));
    } else {
        request.reply(price->second);
    }
}

int main(int argc, char** argv) {
    const std::string endpoint = argc > 1 ? argv[1] : "127.0.0.1:20201";
    const std::string topic = argc > 2 ? argv[2] : "price";
    // Blocked, so that sigwait receives them.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    try {
        amop::Client client{amop::Options{}.endpoint(endpoint)};
        const auto service = client.serve(topic, answer, amop::ServeOptions{}.concurrency(4));
        std::cout << "serving " << topic << std::endl;
        int signal = 0;
        sigwait(&signals, &signal);
        // A second one ends the program at once.
        sigprocmask(SIG_UNBLOCK, &signals, nullptr);
        // Accepts no more requests, and waits for the answers to those that have arrived.
        service.unsubscribe();
        client.close();
        return EXIT_SUCCESS;
    } catch (const amop::Error& error) {
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
