//! Options by name. For programs that read them from a configuration file. The names are those of the setters, such as
//! `call_timeout` for amop_options_set_call_timeout.

use std::ffi::c_char;

use amop::text::foreign;
use amop::{Result, Settings};

use super::amop_options;
use crate::argument::invalid_argument;
use crate::boundary::guard;
use crate::error::amop_error;
use crate::macros::{borrow_mut, text};
use crate::status::amop_status;

/// The options that are no settings of the core.
const OWN: [&str; 2] = ["endpoint", "config_file"];

impl amop_options {
    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "endpoint" => self.add_endpoint(value),
            "config_file" => self.config_file = Some(value.to_owned()),
            // Adds, as amop_options_add_endpoint does.
            "endpoints" => {
                let mut list = Settings::default();
                list.set(name, value)?;
                list.endpoints.iter().flatten().for_each(|endpoint| self.add_endpoint(endpoint));
            }
            _ if names().all(|known| known != name) => return Err(unknown(name)),
            _ => self.given.set_or_unset(name, value)?,
        }
        Ok(())
    }
}

/// Returns the names of all options that a text can express.
fn names() -> impl Iterator<Item = &'static str> {
    OWN.into_iter().chain(Settings::names())
}

/// Returns the error for an unknown option, which lists those with a similar name, else all.
fn unknown(name: &str) -> amop::Error {
    let mut near: Vec<_> = names().map(|option| (strsim::jaro_winkler(option, name), option)).collect();
    near.retain(|(similarity, _)| *similarity > 0.8);
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let listed: Vec<_> = match near.is_empty() {
        true => names().collect(),
        false => near.into_iter().take(3).map(|(_, option)| option).collect(),
    };
    invalid_argument(format!("unknown option {:?}: use {}", foreign(name), listed.join(", ")))
}

/// Sets an option by its name: amop_options_set(options, "call_timeout", "5s", &error). What a value looks like:
///
/// - a time is a number with its unit `ms`, `s`, `m` or `h`;
/// - a number of bytes may have the unit `KiB`, `MiB` or `GiB`;
/// - other numbers have no unit, and flags are `true` or `false`;
/// - `retry` is `never`, `definite` or `at_least_once`;
/// - `endpoint` adds one, `endpoints` a list that is separated by commas;
/// - `tls` is `auto`, `ecdhe`, `static-rsa`, `gm`, `tlcp` or `off`;
/// - `config_file` is a path, `credentials` a folder, `credential_files` three paths separated by commas,
///   `credential_files_gm` five.
///
/// - Ownership: `name` and `value` are copied.
/// - Threads: any thread, including callbacks, but only one at a time.
/// - Errors: AMOP_ERROR_INVALID_ARGUMENT if no option has that name, with the names that are similar, or if the value
///   cannot be parsed, with what is expected.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn amop_options_set(
    options: *mut amop_options,
    name: *const c_char,
    value: *const c_char,
    error: *mut *mut amop_error,
) -> amop_status {
    guard!(error, { borrow_mut!(options)?.set(text!(name)?, text!(value)?) })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use amop::Retry;

    use super::*;

    #[test]
    fn every_setter_has_a_name() {
        let sources = [include_str!("mod.rs"), include_str!("credentials.rs"), include_str!("limits.rs")];
        let mut setters = 0;
        for setter in sources.iter().flat_map(|source| source.split("fn amop_options_set_").skip(1)) {
            let name = setter.split('(').next().unwrap();
            setters += 1;
            // Its arguments are bytes, not text.
            if name != "credential_pem" && name != "credential_pem_gm" {
                assert!(names().any(|option| option == name), "{name} can't be set by name");
            }
        }
        assert!(setters >= 21, "{setters}");
    }

    #[test]
    fn options_of_this_interface_and_of_the_core_are_set() {
        let mut options = amop_options::default();
        for (name, value) in [
            ("endpoint", "a:1"),
            ("endpoints", "b:2, c:3"),
            ("config_file", "config.toml"),
            ("call_timeout", "1.5s"),
            ("heartbeat", "9s"),
            ("heartbeat", "0"),
            ("missed_heartbeats", "3"),
            ("retry", "at_least_once"),
            ("credential_files", "a, b,c"),
        ] {
            options.set(name, value).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert_eq!(options.given.endpoints.as_deref().unwrap_or_default(), ["a:1", "b:2", "c:3"]);
        assert_eq!(options.config_file.as_deref(), Some("config.toml"));
        assert_eq!(options.given.call_timeout, Some(Duration::from_millis(1500)));
        assert_eq!((options.given.heartbeat, options.given.missed_heartbeats), (None, Some(3)));
        assert_eq!(options.given.retry, Some(Retry::AtLeastOnce));
        assert_eq!(options.given.text("credential_files").as_deref(), Some("a, b, c"));
    }

    #[test]
    fn invalid_value_changes_nothing_and_says_what_is_expected() {
        let mut options = amop_options::default();
        options.set("call_timeout", "5s").unwrap();
        let error = options.set("call_timeout", "5").unwrap_err();
        assert!(error.message().contains("call_timeout \"5\": use a time with its unit"), "{error}");
        assert_eq!(options.given.call_timeout, Some(Duration::from_secs(5)));
    }

    #[test]
    fn unknown_name_lists_similar_ones() {
        let error = amop_options::default().set("call_timout", "5s").unwrap_err();
        assert!(error.message().starts_with("unknown option \"call_timout\": use call_timeout"), "{error}");
        let error = amop_options::default().set("zzz", "5s").unwrap_err();
        assert!(error.message().contains("heartbeat") && error.message().contains("endpoint"), "{error}");
    }
}
