/// What the three programs share beside amop: their arguments, the time before each line, and Ctrl-C.
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

/// Reads `[endpoint] [topic] [--count N] [--interval SECONDS]`, the latter for programs with an interval; ends the
/// program after --help, or when the arguments are wrong.
Arguments read_arguments(int argc, char** argv, const std::string& endpoint, bool has_interval);

/// The local time, `2020/08/11 21:21:50`.
std::string local_time();

/// From now on Ctrl-C doesn't end the program, but makes `interrupted` true.
void catch_interrupts();
bool interrupted();

/// Waits, unless interrupted.
void wait_for_interrupt(std::chrono::milliseconds time);
