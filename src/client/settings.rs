//! The settings that somebody has given for a client: the caller, a configuration file or the environment.
//!
//! What is not given has its default; see [`super::ClientBuilder`] for the meaning of each. `by_name` sets them from
//! texts, under the names that all languages use.

use std::time::Duration;

use super::options::{Options, Retry};
use crate::transport::{CredentialSource, Generations, Tls};

mod by_name;

/// Declares the settings, each of which is optional, and what is done with all of them.
macro_rules! settings {
    ($($field:ident: $type:ty => $option:ident),* $(,)?) => {
        /// Settings of a client, of which any may be missing.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Settings {
            $(#[allow(missing_docs)] pub $field: Option<$type>,)*
        }

        impl Settings {
            /// Returns these settings, and those of `other` that these lack.
            #[must_use]
            pub fn or(self, other: Settings) -> Settings {
                Settings { $($field: self.$field.or(other.$field),)* }
            }

            /// Returns the defaults.
            pub fn defaults() -> Settings {
                let options = Options::default();
                Settings { $($field: Option::<$type>::from(options.$option),)* }
            }

            /// Changes the options that are given.
            #[allow(clippy::useless_conversion, reason = "one option may be unset")]
            pub(crate) fn apply(self, options: &mut Options) {
                $(if let Some(value) = self.$field { options.$option = value.into(); })*
            }
        }
    };
}

settings! {
    endpoints: Vec<String> => endpoints,
    credentials: CredentialSource => credentials,
    tls: Tls => tls,
    generation: Generations => generations,
    expiry_warning: Duration => expiry_warning,
    connect_timeout: Duration => connect_timeout,
    call_timeout: Duration => call_timeout,
    close_timeout: Duration => close_timeout,
    heartbeat: Duration => heartbeat,
    missed_heartbeats: u32 => missed_heartbeats,
    start_offline: bool => start_offline,
    reconnect_min: Duration => reconnect_min,
    reconnect_max: Duration => reconnect_max,
    answer_timeout: Duration => answer_timeout,
    group: i64 => group,
    retry: Retry => retry,
    echo: bool => echo,
    max_in_flight: usize => max_in_flight,
    max_send_bytes: usize => max_send_bytes,
    max_held_bytes: usize => max_held_bytes,
    max_events: usize => max_events,
    duplicate_window: Duration => duplicate_window,
    max_duplicates: usize => max_duplicates,
    dispatcher_threads: usize => dispatcher_threads,
}
