// Connects to a node: connect 127.0.0.1:20200
#include <amop.hpp>

#include <iostream>
#include <string>

int main(int argc, char** argv) {
    const std::string endpoint = argc > 1 ? argv[1] : "127.0.0.1:20200";
    try {
        amop::Client client{amop::Options{}.endpoint(endpoint)};
        std::cout << "connected to " << endpoint << '\n';
        // Use the client here. Its destructor closes it.
    } catch (const amop::Error& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
