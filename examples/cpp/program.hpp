/// Shared by the three programs: arguments, timestamps and signals.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

struct Arguments {
    std::string endpoint;
    std::string topic = "hello";
    std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
    std::chrono::milliseconds interval = std::chrono::seconds(2);
};

/// Parses `[endpoint] [topic] [--count N] [--interval SECONDS]`, the latter for programs with an interval. Exits the
/// program after --help, or if the arguments are invalid.
Arguments read_arguments(int argc, char** argv, const std::string& endpoint, bool has_interval);

/// Returns the local time, such as `2020/08/11 21:21:50`.
std::string local_time();

/// Makes Ctrl-C and SIGTERM set `interrupted` instead of ending the program.
void catch_interrupts();
bool interrupted();

/// Sleeps until the time is over or the program is interrupted.
void wait_for_interrupt(std::chrono::milliseconds time);
