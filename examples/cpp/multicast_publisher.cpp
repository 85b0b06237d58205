// Publishes to all subscribers of a topic repeatedly: multicast_publisher 127.0.0.1:20200 hello
#include <amop.hpp>

#include <cstdlib>
#include <iostream>
#include <string>

#include "program.hpp"

/// Publishes one message. Prints a temporary failure and returns.
static void publish(const amop::Client& client, const std::string& topic, std::uint64_t number) {
    const auto message = "hello, FISCO BCOS, I am multi broadcast publisher! " + std::to_string(number);
    try {
        client.broadcast(topic, message);
        std::cout << local_time() << " publish message: " << message << std::endl;
    } catch (const amop::Error& error) {
        if (!error.is_retriable()) {
            throw;
        }
        // For example, the connection was lost: the client reconnects.
        std::cerr << local_time() << " message " << number << " failed: " << error.what() << '\n';
    }
}

int main(int argc, char** argv) {
    const auto arguments = read_arguments(argc, argv, "127.0.0.1:20200", true);
    catch_interrupts();
    try {
        amop::Client client{amop::Options{}.endpoint(arguments.endpoint)};
        for (std::uint64_t number = 0; number < arguments.count && !interrupted(); number++) {
            if (number > 0) {
                wait_for_interrupt(arguments.interval);
            }
            if (!interrupted()) {
                publish(client, arguments.topic, number);
            }
        }
        client.close();
        return EXIT_SUCCESS;
    } catch (const amop::Error& error) {
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
