/// amop: a client for AMOP, the publish/subscribe messaging of FISCO BCOS chains. For C++17 and later.
///
/// A program connects to the node of its own institution over mutual TLS, subscribes to topics, and reaches
/// other programs through the nodes of the chain. *Publish* is a unicast: the node picks one subscriber,
/// whose reply is returned. *Broadcast* is a multicast to all subscribers.
///
///     using namespace std::chrono_literals;
///
///     amop::Client client{amop::Options{}.endpoint("127.0.0.1:20200")};
///     auto hello = client.subscribe("hello", [](const amop::Message& m) { std::cout << m.text() << '\n'; });
///     auto reply = client.publish("hello", "hi", 5s);
///
/// The library consists of headers over the C interface (amop.h); link what pkg-config and CMake call `amop`.
/// Start reading at amop/client.hpp. The namespace `amop::detail` is not part of the interface.
///
/// The following rules hold for all functions; each function states what it adds to them.
///
/// Ownership. An object owns its C handle. It can be moved, not copied; messages and replies can also be
/// copied, and share their payload. An object that was moved from can be destroyed and assigned to; its
/// getters return empty values, its other functions throw `Code::invalid_argument`. `get()` returns the C
/// handle, for functions that are not available here.
///
/// Views (`std::string_view`, `Bytes`) that a function returns are valid as long as the object it was called
/// on. Views passed to a function are read or copied before it returns. A payload is any number of bytes,
/// possibly none; strings are UTF-8.
///
/// Errors are exceptions of type `Error`, with a code. Destructors and getters do not throw. `attempt` returns errors
/// as values instead, also in programs without exceptions; see amop/result.hpp.
///
/// Threads. An object may be used from any number of threads at once, an options object like any value. An
/// object must not be used while or after it is destroyed, moved or assigned to.
///
/// Handlers are any callable objects, including move-only ones. They run on threads of the library, but not
/// on the threads that read from the network. A handler is destroyed exactly once, after its last call, also
/// if the function that took it throws. A handler may call every function; a function that would wait for
/// handlers to return does not wait inside of a handler. An exception of a handler ends its call, and is
/// reported as the function that took the handler describes.
///
/// Times are durations of std::chrono; see `Timeout`. No function waits without a limit, except loops over
/// messages, requests and events.
///
/// Processes. A child process created by fork can only destroy the objects of its parent; other uses throw
/// `Code::forked`. It can create objects of its own.
#pragma once

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 201703L
#error "the C++ headers of amop need C++17: compile with -std=c++17 or a newer standard"
#endif

#include "amop.h"
#include "amop/asynchronous.hpp"
#include "amop/bytes.hpp"
#include "amop/client.hpp"
#include "amop/completion.hpp"
#include "amop/devnet.hpp"
#include "amop/error.hpp"
#include "amop/event.hpp"
#include "amop/log.hpp"
#include "amop/message.hpp"
#include "amop/options.hpp"
#include "amop/private_topic.hpp"
#include "amop/promise.hpp"
#include "amop/publish.hpp"
#include "amop/result.hpp"
#include "amop/service.hpp"
#include "amop/stats.hpp"
#include "amop/subscription.hpp"
#include "amop/text.hpp"
#include "amop/timeout.hpp"
#include "amop/version.hpp"
