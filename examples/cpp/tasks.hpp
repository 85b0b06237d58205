/// Declarations of tasks.cpp.
#pragma once

#include <amop.hpp>

#include <string>

namespace tasks {

void subscribe(const amop::Client& client);
amop::Service serve(const amop::Client& client);
void publish(const amop::Client& client);
void broadcast(const amop::Client& client);
amop::Client nodes(const std::string& first, const std::string& second, const std::string& third);
void events(const amop::Client& client);
void flow(const amop::Client& client);
void private_topics(const amop::Client& publisher, const amop::Client& subscriber);
amop::Client credentials(const std::string& endpoint);
amop::Client configuration();
void testing();
void observe(const amop::Client& client);
void log();

} // namespace tasks
