//! The functions that wait, in forms that do not, so that an event loop never stalls.

mod clients;
mod services;
mod subscriptions;
