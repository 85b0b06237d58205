/// amop: a client for AMOP, the publish/subscribe messaging of FISCO BCOS chains. For C++17 and later.
///
/// A program connects to its own institution's node over mutual TLS, subscribes to topics, and reaches other
/// programs through the chain's nodes: by *publish* (unicast: the node picks one subscriber, whose reply
/// comes back) or *broadcast* (multicast: all subscribers).
///
///     using namespace std::chrono_literals;
///
///     amop::Client client{amop::Options{}.endpoint("127.0.0.1:20200")};
///     auto hello = client.subscribe("hello", [](const amop::Message& m) { std::cout << m.text() << '\n'; });
///     auto reply = client.publish("hello", "hi", 5s);
///
/// Headers only, over the library's C interface (amop.h); link what pkg-config and CMake name `amop`. Start
/// reading at amop/client.hpp. What isn't said to be for users is in the namespace `amop::detail`.
///
/// Rules that hold everywhere; each function says what it adds to them.
///
/// Objects own what they stand for and can be moved, not copied; messages and replies can be copied too, and
/// share their payload. What was moved from can be destroyed and assigned to: its getters give nothing, its
/// other functions throw `Code::invalid_argument`. `get()` gives the C handle, for what isn't to be had here.
///
/// Views (`std::string_view`, `Bytes`) that a function gives are valid as long as the object that it was
/// called on. Those that a function takes are looked at or copied before it returns. A payload is any bytes,
/// possibly none; texts are UTF-8.
///
/// Errors are exceptions of type `Error`, with a code. Destructors and getters throw nothing.
///
/// Threads. Objects can be used from many threads at once, options objects as any value. Nobody may use an
/// object while or after it is destroyed, moved or assigned to.
///
/// Handlers are anything that can be called: lambdas, function objects, also those that can only be moved.
/// They run on threads of the library, never on the one that reads from the network. A handler is destroyed
/// exactly once, after its last call, also when the function that took it throws. Inside of handlers every
/// function may be called; those that would wait for handlers to end don't wait there. What a handler throws
/// ends its call, and is told as the function that took the handler says.
///
/// Times are durations of std::chrono; see `Timeout`. Nothing waits for ever, except loops over what comes.
///
/// Processes. After a fork the child can't use the parent's objects (`Code::forked`) except to destroy them;
/// it can make its own.
#pragma once

#include "amop.h"
#include "amop/bytes.hpp"
#include "amop/client.hpp"
#include "amop/completion.hpp"
#include "amop/devnet.hpp"
#include "amop/error.hpp"
#include "amop/event.hpp"
#include "amop/log.hpp"
#include "amop/message.hpp"
#include "amop/options.hpp"
#include "amop/publish.hpp"
#include "amop/service.hpp"
#include "amop/stats.hpp"
#include "amop/subscription.hpp"
#include "amop/timeout.hpp"
#include "amop/version.hpp"
