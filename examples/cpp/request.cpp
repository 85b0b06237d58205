// Asks a service for the price of an item: request 127.0.0.1:20200 price apple
#include <amop.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    const std::string endpoint = argc > 1 ? argv[1] : "127.0.0.1:20200";
    const std::string topic = argc > 2 ? argv[2] : "price";
    const std::string item = argc > 3 ? argv[3] : "apple";
    try {
        amop::Client client{amop::Options{}.endpoint(endpoint)};
        // Waits for a service that is started later, for a minute in all.
        const auto options = amop::PublishOptions{}.timeout(60s).wait_for_subscriber(true);
        std::cout << client.publish(topic, item, options).text() << '\n';
        return EXIT_SUCCESS;
    } catch (const amop::Error& error) {
        if (error.code() == amop::Code::remote) {
            // What the service has answered instead of a reply: a code and data of its own.
            std::cerr << "the service failed with code " << error.node_code() << ": " << error.data().text()
                      << '\n';
        } else if (error.delivery() == amop::Delivery::maybe) {
            std::cerr << "it may have been delivered: " << error.what() << '\n';
        } else {
            std::cerr << error.what() << '\n';
        }
        return EXIT_FAILURE;
    }
}
