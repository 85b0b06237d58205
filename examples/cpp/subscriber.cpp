// Prints the messages of a topic: subscriber 127.0.0.1:20201 hello
#include <amop.hpp>

#include <cstdlib>
#include <iostream>

#include "program.hpp"

using namespace std::chrono_literals;

int main(int argc, char** argv) {
    const auto arguments = read_arguments(argc, argv, "127.0.0.1:20201", false);
    catch_interrupts();
    try {
        amop::Client client{amop::Options{}.endpoint(arguments.endpoint)};
        const auto messages = client.subscribe(arguments.topic);
        std::cout << "Subscriber success" << std::endl;

        std::uint64_t seen = 0;
        while (seen < arguments.count && !interrupted()) {
            // Waits for a limited time, to check for a signal.
            if (const auto message = messages.next(200ms)) {
                std::cout << local_time() << " received: " << message->text() << std::endl;
                seen++;
            }
        }
        client.close();
        return EXIT_SUCCESS;
    } catch (const amop::Error& error) {
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
