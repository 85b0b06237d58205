// Runs one of the programs of the documentation, for the tests: run_tasks NAME ENDPOINT [SECOND THIRD]
#include "tasks.hpp"

#include <unistd.h>

#include <cstdlib>
#include <iostream>

using namespace std::chrono_literals;

static void connected(const amop::Client& client) {
    std::cout << "connected to " << client.stats().endpoints[0].endpoint << '\n';
}

/// Programs that connect themselves, or not at all. Returns whether there is one of this name.
static bool run_alone(const std::string& name, const std::string& endpoint, char** others) {
    if (name == "nodes") {
        const amop::Client client = tasks::nodes(endpoint, others[0], others[1]);
        for (const auto& state : client.stats().endpoints) {
            std::cout << state.endpoint << '\n';
        }
    } else if (name == "credentials") {
        connected(tasks::credentials(endpoint));
    } else if (name == "configuration") {
        connected(tasks::configuration());
    } else if (name == "testing") {
        tasks::testing();
    } else {
        return false;
    }
    return true;
}

static void run(const std::string& name, const std::string& endpoint, char** others) {
    if (name == "log") {
        tasks::log();
    }
    // The tests don't depend on the speed of the machine.
    amop::Client client{amop::Options{}.endpoint(endpoint).call_timeout(60s)};
    if (name == "subscribe") {
        tasks::subscribe(client);
    } else if (name == "serve" || name == "log") {
        const amop::Service service = tasks::serve(client);
        std::cout << "serving\n";
        pause();
    } else if (name == "publish") {
        tasks::publish(client);
    } else if (name == "broadcast") {
        tasks::broadcast(client);
    } else if (name == "events") {
        std::cout << "connected\n";
        tasks::events(client);
    } else if (name == "flow") {
        tasks::flow(client);
    } else if (name == "private") {
        amop::Client subscriber{amop::Options{}.endpoint(others[0])};
        tasks::private_topics(client, subscriber);
        std::cout << "done\n";
    } else if (name == "observe") {
        tasks::observe(client);
    } else {
        std::cerr << "no program " << name << '\n';
        std::exit(EXIT_FAILURE);
    }
}

int main(int argc, char** argv) {
    if (argc < 3) {
        return EXIT_FAILURE;
    }
    // The tests read line by line.
    std::cout << std::unitbuf;
    try {
        if (!run_alone(argv[1], argv[2], argv + 3)) {
            run(argv[1], argv[2], argv + 3);
        }
        return EXIT_SUCCESS;
    } catch (const amop::Error& error) {
        std::cerr << error.what() << '\n';
        return EXIT_FAILURE;
    }
}
