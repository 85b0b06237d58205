//! From an endpoint's text to a stream of bytes: addresses, credentials, TCP, TLS.
//!
//! Public to the embedded node and the command, but no promise.
