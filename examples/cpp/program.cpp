#include "program.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

/// The arguments of a program, and its usage text.
class Reader {
public:
    Reader(int argc, char** argv, std::string endpoint, bool has_interval)
        : program_(argv[0]), endpoint_(std::move(endpoint)), has_interval_(has_interval),
          rest_(argv + 1, argv + argc) {}

    Arguments read() {
        Arguments arguments;
        arguments.endpoint = endpoint_;
        std::size_t positions = 0;
        for (at_ = 0; at_ < rest_.size(); at_++) {
            const auto argument = rest_[at_];
            if (argument == "--help" || argument == "-h") {
                usage(std::cout);
                std::exit(EXIT_SUCCESS);
            } else if (const auto count = value_of("--count")) {
                arguments.count = number<std::uint64_t>(*count, argument);
            } else if (const auto interval = has_interval_ ? value_of("--interval") : std::nullopt) {
                const std::chrono::duration<double> seconds(number<double>(*interval, argument));
                if (!(seconds.count() >= 0 && seconds.count() < 1e9)) {
                    wrong(argument);
                }
                arguments.interval = std::chrono::duration_cast<std::chrono::milliseconds>(seconds);
            } else if (argument.substr(0, 1) == "-" || positions == 2) {
                wrong(argument);
            } else {
                (positions++ == 0 ? arguments.endpoint : arguments.topic) = argument;
            }
        }
        return arguments;
    }

private:
    /// Returns the value of an option: the text after `=`, or the next argument; none for other options.
    std::optional<std::string_view> value_of(std::string_view name) {
        const auto argument = rest_[at_];
        if (argument.substr(0, name.size()) != name) {
            return std::nullopt;
        }
        const auto rest = argument.substr(name.size());
        if (rest.empty()) {
            return ++at_ < rest_.size() ? rest_[at_] : "";
        }
        return rest[0] == '=' ? std::optional(rest.substr(1)) : std::nullopt;
    }

    template <class Number>
    Number number(std::string_view text, std::string_view argument) const {
        Number number{};
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (failure != std::errc() || end != text.data() + text.size()) {
            wrong(argument);
        }
        return number;
    }

    void usage(std::ostream& stream) const {
        stream << "Usage: " << program_ << " [ENDPOINT] [TOPIC] [--count N]"
               << (has_interval_ ? " [--interval SECONDS]" : "") << "\n\n"
               << "  ENDPOINT            The node to connect to [default: " << endpoint_ << "]\n"
               << "  TOPIC               Where the messages go [default: hello]\n"
               << "  --count N           Exits after this number of messages\n"
               << (has_interval_ ? "  --interval SECONDS  The time between two messages [default: 2]\n" : "");
    }

    [[noreturn]] void wrong(std::string_view argument) const {
        std::cerr << program_ << ": unexpected argument: " << argument << '\n';
        usage(std::cerr);
        std::exit(2);
    }

    const char* program_;
    std::string endpoint_;
    bool has_interval_;
    std::vector<std::string_view> rest_;
    std::size_t at_ = 0;
};

volatile std::sig_atomic_t was_interrupted = 0;

extern "C" void interrupt(int) { was_interrupted = 1; }

} // namespace

Arguments read_arguments(int argc, char** argv, const std::string& endpoint, bool has_interval) {
    return Reader(argc, argv, endpoint, has_interval).read();
}

std::string local_time() {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    char text[sizeof "2020/08/11 21:21:50"];
    std::strftime(text, sizeof text, "%Y/%m/%d %H:%M:%S", &local);
    return text;
}

void catch_interrupts() {
    struct sigaction action {};
    action.sa_handler = interrupt;
    // A second one ends the program at once.
    action.sa_flags = SA_RESETHAND;
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() { return was_interrupted != 0; }

void wait_for_interrupt(std::chrono::milliseconds time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    std::timespec rest{seconds.count(), std::chrono::nanoseconds(time - seconds).count()};
    while (!interrupted() && nanosleep(&rest, &rest) != 0 && errno == EINTR) {
    }
}
