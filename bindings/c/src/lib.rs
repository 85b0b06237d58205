//! amop: a client for AMOP, the publish/subscribe messaging of FISCO BCOS chains.
//!
//! A program connects to its own institution's node over mutual TLS, subscribes to topics, and reaches other
//! programs through the chain's nodes: by *publish* (unicast: the node picks one subscriber, whose reply comes
//! back) or *broadcast* (multicast: all subscribers).
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
//! Rules that hold everywhere; each function says what it adds to them.
//!
//! Ownership. `const` pointers are borrowed for the call; what is to be kept is copied. A handle that a function
//! puts out is the caller's, until it is passed to the `_free` of its type, once. Every `_free` takes NULL.
//! Functions that give a pointer into a handle lend it for as long as that handle lives.
//!
//! Results. Functions that can fail return a status, AMOP_OK (0) or an AMOP_ERROR_*; those with a last parameter
//! `error` put out an error object too, for the caller to free, unless that is NULL. When a function fails, its
//! out-parameters are zeroed, and descriptors become -1. NULL where a handle or text is needed, texts that aren't
//! UTF-8 and lengths that can't be are errors, never crashes. Getters take NULL and answer NULL, 0 or nothing.
//!
//! Threads. Handles can be used from many threads at once, options objects by one at a time. Nobody may use a
//! handle while or after it is freed.
//!
//! Callbacks are {call, context, drop}. They run on threads of the library, never on the one that reads from the
//! network. `drop`, which may be NULL, is called exactly once, after the last call has returned, also when the
//! function that took the callback fails (then before it returns). Inside of callbacks every function may be
//! called; those that would wait for callbacks to end don't wait there. A callback must not throw an exception
//! into the library: amop_callback_failed is for that. The next call for the same subscription waits until it
//! returns; others don't.
//!
//! Times are milliseconds; 0 takes the default. Nothing waits for ever.
//!
//! Processes. After a fork the child can't use the parent's handles (AMOP_ERROR_FORKED) except to free them; it
//! can make its own. The library handles no signals. A payload is any bytes, possibly none; texts are UTF-8 and
//! end with a NUL. Payloads are never logged.
#![deny(unsafe_op_in_unsafe_fn)]
// The names are C's, and what callers have to keep to is said once, above.
#![allow(non_camel_case_types, unreachable_pub, clippy::missing_safety_doc)]

mod boundary;
mod bytes;
mod call;
mod callback;
mod client;
mod completion_queue;
mod devnet;
mod error;
mod event;
mod inbox;
mod log;
mod message;
mod options;
mod pointer;
mod publish;
mod request;
mod service;
mod signal;
mod stats;
mod status;
mod subscription;
mod version;
mod waiting;
