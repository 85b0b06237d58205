//! Options by name. For programs that read them from a configuration file. The names are those of the setters, such as
//! `call_timeout` for amop_options_set_call_timeout.

use std::ffi::c_char;
use std::time::Duration;

use amop::{Generations, Result, Retry, Tls};

use super::{Credentials, amop_options};
use crate::argument::invalid_argument;
use crate::boundary::guard;
use crate::error::amop_error;
use crate::macros::{borrow_mut, text};
use crate::status::amop_status;

/// How an option is set.
enum Setting {
    Time(fn(&mut amop_options) -> &mut Option<Duration>),
    Count(fn(&mut amop_options) -> &mut Option<usize>),
    Bytes(fn(&mut amop_options) -> &mut Option<usize>),
    Flag(fn(&mut amop_options) -> &mut Option<bool>),
    Heartbeats(fn(&mut amop_options) -> &mut Option<u32>),
    Group(fn(&mut amop_options) -> &mut Option<i64>),
    Generation(fn(&mut amop_options) -> &mut Option<Generations>),
    Retry(fn(&mut amop_options) -> &mut Option<Retry>),
    Endpoint,
    Endpoints,
    ConfigFile,
    Folder,
    Files,
    GmFiles,
    Tls,
}

/// Every option that a text can express, by its name.
const OPTIONS: [(&str, Setting); 28] = [
    ("endpoint", Setting::Endpoint),
    ("endpoints", Setting::Endpoints),
    ("config_file", Setting::ConfigFile),
    ("credentials", Setting::Folder),
    ("credential_files", Setting::Files),
    ("credential_files_gm", Setting::GmFiles),
    ("tls", Setting::Tls),
    ("expiry_warning", Setting::Time(|options| &mut options.expiry_warning)),
    ("connect_timeout", Setting::Time(|options| &mut options.connect_timeout)),
    ("call_timeout", Setting::Time(|options| &mut options.call_timeout)),
    ("close_timeout", Setting::Time(|options| &mut options.close_timeout)),
    ("heartbeat", Setting::Time(|options| &mut options.heartbeat)),
    ("missed_heartbeats", Setting::Heartbeats(|options| &mut options.missed_heartbeats)),
    ("start_offline", Setting::Flag(|options| &mut options.start_offline)),
    ("reconnect_min", Setting::Time(|options| &mut options.reconnect_min)),
    ("reconnect_max", Setting::Time(|options| &mut options.reconnect_max)),
    ("answer_timeout", Setting::Time(|options| &mut options.answer_timeout)),
    ("generation", Setting::Generation(|options| &mut options.generation)),
    ("retry", Setting::Retry(|options| &mut options.retry)),
    ("echo", Setting::Flag(|options| &mut options.echo)),
    ("max_in_flight", Setting::Count(|options| &mut options.max_in_flight)),
    ("max_send_bytes", Setting::Bytes(|options| &mut options.max_send_bytes)),
    ("max_held_bytes", Setting::Bytes(|options| &mut options.max_held_bytes)),
    ("max_events", Setting::Count(|options| &mut options.max_events)),
    ("duplicate_window", Setting::Time(|options| &mut options.duplicate_window)),
    ("max_duplicates", Setting::Count(|options| &mut options.max_duplicates)),
    ("group", Setting::Group(|options| &mut options.group)),
    ("dispatcher_threads", Setting::Count(|options| &mut options.dispatcher_threads)),
];

impl amop_options {
    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let Some((name, setting)) = OPTIONS.iter().find(|(option, _)| *option == name) else {
            return Err(unknown(name));
        };
        let invalid =
            |expected: &str| invalid_argument(format!("invalid value {value:?} of {name}: use {expected}"));
        match setting {
            Setting::Time(option) => {
                let time =
                    time_of(value).ok_or_else(|| invalid("a time with its unit, such as 500ms, 5s or 2m"))?;
                *option(self) = (!time.is_zero()).then_some(time);
            }
            Setting::Count(option) => {
                let count = value.parse().map_err(|_| invalid("a number"))?;
                *option(self) = (count > 0).then_some(count);
            }
            Setting::Bytes(option) => {
                let bytes =
                    bytes_of(value).ok_or_else(|| invalid("a number of bytes, such as 65536 or 64MiB"))?;
                *option(self) = (bytes > 0).then_some(bytes);
            }
            Setting::Flag(option) => {
                *option(self) = Some(value.parse().map_err(|_| invalid("true or false"))?);
            }
            Setting::Heartbeats(option) => {
                let heartbeats = value.parse().map_err(|_| invalid("a number"))?;
                *option(self) = (heartbeats > 0).then_some(heartbeats);
            }
            Setting::Group(option) => {
                let group = value.parse().map_err(|_| invalid("a number"))?;
                *option(self) = (group != 0).then_some(group);
            }
            Setting::Generation(option) => {
                *option(self) = Some(value.parse().map_err(|_| invalid("auto, 2 or 3"))?);
            }
            Setting::Retry(option) => {
                let retry = match value {
                    "never" => Retry::Never,
                    "definite" => Retry::Definite,
                    "at_least_once" => Retry::AtLeastOnce,
                    _ => return Err(invalid("never, definite or at_least_once")),
                };
                *option(self) = Some(retry);
            }
            Setting::Endpoint => self.endpoints.push(value.to_owned()),
            Setting::Endpoints => self.endpoints.extend(value.split(',').map(|one| one.trim().to_owned())),
            Setting::ConfigFile => self.config_file = Some(value.to_owned()),
            Setting::Folder => self.credentials = Credentials::Folder(value.to_owned()),
            Setting::Files => {
                let files: Vec<_> = value.split(',').map(|one| one.trim().to_owned()).collect();
                let files = files.try_into().map_err(|_| invalid("three paths: ca.crt, sdk.crt, sdk.key"))?;
                self.credentials = Credentials::Files(files);
            }
            Setting::GmFiles => {
                let files: Vec<_> = value.split(',').map(|one| one.trim().to_owned()).collect();
                let files = files
                    .try_into()
                    .map_err(|_| invalid("five paths: CA, two certificates with their keys"))?;
                self.credentials = Credentials::GmFiles(files);
            }
            Setting::Tls => {
                let names = || invalid(&Tls::ALL.map(Tls::name).join(", "));
                self.tls = Some(value.parse().map_err(|_| names())?);
            }
        }
        Ok(())
    }
}

/// Returns the error for an unknown option, which lists those with a similar name, else all.
fn unknown(name: &str) -> amop::Error {
    let names = OPTIONS.iter().map(|(option, _)| *option);
    let mut near: Vec<_> = names.clone().map(|option| (strsim::jaro_winkler(option, name), option)).collect();
    near.retain(|(similarity, _)| *similarity > 0.8);
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let listed: Vec<_> = match near.is_empty() {
        true => names.collect(),
        false => near.into_iter().take(3).map(|(_, option)| option).collect(),
    };
    invalid_argument(format!("unknown option {name:?}: use {}", listed.join(", ")))
}

/// Parses `500ms`, `5s`, `2m` or `1h`, also with a fraction. 0 needs no unit.
fn time_of(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let seconds = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = digits.parse().ok().filter(|_| plain)?;
    Duration::try_from_secs_f64(number * seconds).ok()
}

/// Parses `65536`, `64KiB`, `64MiB` or `1GiB`.
fn bytes_of(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit: usize = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok()?.checked_mul(unit)
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
                assert!(OPTIONS.iter().any(|(option, _)| *option == name), "{name} can't be set by name");
            }
        }
        assert!(setters >= 21, "{setters}");
    }

    #[test]
    fn every_kind_of_value_is_parsed() {
        let mut options = amop_options::default();
        for (name, value) in [
            ("endpoint", "a:1"),
            ("endpoints", "b:2, c:3"),
            ("config_file", "config.toml"),
            ("credentials", "sdk"),
            ("call_timeout", "1.5s"),
            ("connect_timeout", "500ms"),
            ("duplicate_window", "2m"),
            ("heartbeat", "0"),
            ("missed_heartbeats", "3"),
            ("echo", "true"),
            ("group", "-2"),
            ("retry", "at_least_once"),
            ("max_events", "10"),
            ("max_send_bytes", "64MiB"),
            ("tls", "static-rsa"),
        ] {
            options.set(name, value).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert_eq!(options.endpoints, ["a:1", "b:2", "c:3"]);
        assert_eq!(options.config_file.as_deref(), Some("config.toml"));
        assert!(matches!(&options.credentials, Credentials::Folder(folder) if folder == "sdk"));
        assert_eq!(options.call_timeout, Some(Duration::from_millis(1500)));
        assert_eq!(options.connect_timeout, Some(Duration::from_millis(500)));
        assert_eq!(options.duplicate_window, Some(Duration::from_secs(120)));
        assert_eq!((options.heartbeat, options.missed_heartbeats, options.group), (None, Some(3), Some(-2)));
        assert_eq!((options.echo, options.retry), (Some(true), Some(Retry::AtLeastOnce)));
        assert_eq!((options.max_events, options.max_send_bytes), (Some(10), Some(64 << 20)));
        assert_eq!(options.tls, Some(Tls::StaticRsa));
        options.set("credential_files_gm", "a,b,c,d,e").unwrap();
        assert!(matches!(&options.credentials, Credentials::GmFiles(files) if files[4] == "e"));
        options.set("credential_files", "a, b,c").unwrap();
        assert!(matches!(&options.credentials, Credentials::Files(files) if *files == ["a", "b", "c"]));
    }

    #[test]
    fn invalid_values_say_what_is_expected() {
        let mut options = amop_options::default();
        for (name, value, expected) in [
            ("call_timeout", "5", "such as 500ms"),
            ("call_timeout", "-5s", "such as 500ms"),
            ("call_timeout", "infs", "such as 500ms"),
            ("call_timeout", "1e400s", "such as 500ms"),
            ("call_timeout", "5 s", "such as 500ms"),
            ("call_timeout", "", "such as 500ms"),
            ("max_events", "-1", "a number"),
            ("max_send_bytes", "1MB", "such as 65536"),
            ("max_send_bytes", "99999999999GiB", "such as 65536"),
            ("echo", "yes", "true or false"),
            ("retry", "always", "never, definite or at_least_once"),
            ("missed_heartbeats", "4294967296", "a number"),
            ("group", "first", "a number"),
            ("credential_files", "ca,cert", "three paths"),
            ("credential_files_gm", "ca,cert,key", "five paths"),
            ("tls", "ssl", "static-rsa"),
        ] {
            let error = options.set(name, value).unwrap_err();
            assert!(error.message().contains(expected), "{name} = {value}: {error}");
            assert!(
                error.message().contains(name) && error.message().contains(&format!("{value:?}")),
                "{error}"
            );
        }
    }

    #[test]
    fn unknown_name_lists_similar_ones() {
        let error = amop_options::default().set("call_timout", "5s").unwrap_err();
        assert!(error.message().starts_with("unknown option \"call_timout\": use call_timeout"), "{error}");
        let error = amop_options::default().set("zzz", "5s").unwrap_err();
        assert!(error.message().contains("heartbeat") && error.message().contains("endpoint"), "{error}");
    }
}
