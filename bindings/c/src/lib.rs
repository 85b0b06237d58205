//! amop: a client for AMOP, the publish/subscribe messaging of FISCO BCOS chains.
//!
//! A program connects to the node of its own institution over mutual TLS, subscribes to topics, and reaches other
//! programs through the nodes of the chain. *Publish* is a unicast: the node picks one subscriber, whose reply is
//! returned. *Broadcast* is a multicast to all subscribers.
//!
//!     amop_options *options = amop_options_new();
//!     amop_options_add_endpoint(options, "127.0.0.1:20200");
//!     amop_client *client = NULL;
//!     amop_error *error = NULL;
//!     if (amop_client_connect(options, &client, &error) != AMOP_OK) {
//!         fprintf(stderr, "%s\n", amop_error_message(error));
//!         amop_error_free(error);
//!     }
//!     amop_options_free(options);
//!
//! The following rules hold for all functions. The head of a section adds the rules of that section, and a function
//! states what differs from them. Where neither states anything: no ownership is transferred, the function may be called
//! from any thread, including callbacks, and it cannot fail.
//!
//! Ownership. A `const` pointer is borrowed for the call; the library copies what it keeps. A handle that a function
//! stores in an out-parameter, or returns as `_new` and `_clone` do, is owned by the caller, who passes it once to the
//! `_free` function of its type. Every `_free` function accepts NULL. A pointer into a handle is valid until that handle is
//! freed.
//!
//! Results. A function that can fail returns a status: AMOP_OK (0) or an AMOP_ERROR_*. If its last parameter is
//! `error` and that is not NULL, it also stores an error object there, which the caller frees. If a function fails,
//! its out-parameters are set to zero, and file descriptors to -1. NULL for a required handle or string, a string
//! that is not UTF-8, or an impossible length is reported as an error. Getters accept NULL and return NULL, 0 or an
//! empty value.
//!
//! Threads. A handle may be used from any number of threads at once, an options object from one thread at a time. A
//! handle must not be used during or after its `_free`.
//!
//! Callbacks are {call, context, drop}. They run on threads of the library, but not on the threads that read from the
//! network. `drop`, which may be NULL, is called exactly once: after the last call has returned, or, if the function
//! that received the callback fails, before that function returns. A callback may call every function; a function
//! that would wait for callbacks to return does not wait inside of a callback. A callback must not throw an exception
//! into the library, but report a failure by amop_callback_failed. The next call of the same subscription waits until
//! the callback returns; calls of other subscriptions do not.
//!
//! Names. A function without a suffix waits until it is done. `_async` starts the same call and passes its result to a
//! callback; `_queued` starts it and puts the result into a completion queue. What a subscription or service receives is
//! read with `_next`; if it was created by a function with `_callback`, it is passed to a callback.
//!
//! Times are in milliseconds; 0 stands for the default. No function waits without a limit.
//!
//! Processes. A child process created by fork can only free the handles of its parent, which does not release their
//! memory; all other uses fail with AMOP_ERROR_FORKED. It can create handles of its own. A child that shares the memory of
//! its parent, as vfork makes one, must not use the library.
//!
//! Ends of threads. A function of the library disables the cancellation of its thread (pthread_cancel) until it
//! returns: a thread that waits in a function is not interrupted, and is cancelled at its next cancellation point after the
//! function has returned. A function that only reads a value of a handle has no cancellation point, and leaves the
//! cancellation as it is. A callback is never cancelled. A callback that ends its thread by pthread_exit, or that throws
//! an exception, ends the process with a message.
//!
//! Signals. The library installs no signal handlers. Its threads block all signals but those of faults, such as SIGSEGV,
//! so that a thread of the program receives the others. A process or thread that a callback starts inherits that mask.
//!
//! Data. A payload is any number of bytes, possibly none. Strings are UTF-8 and end with a NUL. Payloads are logged
//! at trace level only.
#![deny(unsafe_op_in_unsafe_fn)]
// The types have their C names, and the rules for callers are stated once, above.
#![allow(non_camel_case_types, unreachable_pub, clippy::missing_safety_doc)]

mod argument;
mod asynchronous;
mod boundary;
mod bytes;
mod call;
mod callback;
mod callback_thread;
mod cancellation;
mod client;
mod completion;
mod completion_queue;
mod confirm;
mod consumer;
#[cfg(unix)]
mod descriptor;
mod devnet;
mod error;
mod event;
mod generation;
mod inbox;
mod key;
mod listener;
mod log;
mod macros;
mod message;
mod options;
mod placement;
mod pointer;
mod private_topic;
mod publish;
mod reply;
mod request;
mod retry;
mod service;
mod signal;
mod stats;
mod status;
mod subscription;
mod tls;
mod unwind;
mod version;
mod waiting;
