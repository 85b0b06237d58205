/// How subscriptions and services are begun without waiting. Not part of the interface.
#pragma once

#include <string_view>
#include <type_traits>
#include <utility>

#include "../amop.h"
#include "handle.hpp"
#include "handler.hpp"
#include "message.hpp"
#include "promise.hpp"
#include "service.hpp"
#include "subscription.hpp"

namespace amop::detail {

/// A handler of messages that is about to be passed to the library.
template <class View, class Handler>
Context<std::decay_t<Handler>> receiving(Handler&& handler) {
    static_assert(std::is_invocable_v<std::decay_t<Handler>&, const View&>,
                  "a handler of messages takes (const amop::Message&)");
    return Context<std::decay_t<Handler>>(std::forward<Handler>(handler));
}

template <class Stored>
amop_message_callback callback_of_messages(Context<Stored>& context) noexcept {
    return context.template give<amop_message_callback>(call_with_lent<Stored, Message, amop_message>);
}

template <class Stored>
amop_request_callback callback_of_requests(Context<Stored>& context) noexcept {
    return context.template give<amop_request_callback>(answer<Stored>);
}

/// Begin to subscribe or serve, with a handler of the completion. The handle is stored in `*made` before `done` is
/// called.
template <class Done>
void begin_subscribe(amop_client* client, std::string_view topic, const SubscribeOptions& options,
                     Done&& done, amop_subscription** made) {
    const CTopic name(topic);
    const auto settings = options.to_c();
    auto context = completing(std::forward<Done>(done));
    call(amop_client_subscribe_async, client, name.c_str(), settings.get(), callback_of(context), made,
         nullptr);
}

template <class Handler, class Done>
void begin_subscribe(amop_client* client, std::string_view topic, Handler&& handler,
                     const SubscribeOptions& options, Done&& done, amop_subscription** made) {
    const CTopic name(topic);
    const auto settings = options.to_c();
    auto messages = receiving<Message>(std::forward<Handler>(handler));
    auto context = completing(std::forward<Done>(done));
    call(amop_client_subscribe_callback_async, client, name.c_str(), settings.get(),
         callback_of_messages(messages), callback_of(context), made, nullptr);
}

template <class Done>
void begin_serve(amop_client* client, std::string_view topic, const ServeOptions& options, Done&& done,
                 amop_service** made) {
    const CTopic name(topic);
    const auto settings = options.to_c();
    auto context = completing(std::forward<Done>(done));
    call(amop_client_serve_async, client, name.c_str(), settings.get(), callback_of(context), made, nullptr);
}

template <class Handler, class Done>
void begin_serve(amop_client* client, std::string_view topic, Handler&& handler, const ServeOptions& options,
                 Done&& done, amop_service** made) {
    const CTopic name(topic);
    const auto settings = options.to_c();
    Context<std::decay_t<Handler>> requests(std::forward<Handler>(handler));
    auto context = completing(std::forward<Done>(done));
    call(amop_client_serve_callback_async, client, name.c_str(), settings.get(),
         callback_of_requests(requests), callback_of(context), made, nullptr);
}

} // namespace amop::detail
