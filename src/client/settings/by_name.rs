//! Settings by name, from texts and as texts.

use std::path::PathBuf;
use std::time::Duration;

use super::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::text::foreign;
use crate::transport::{CredentialSource, endpoint_list};

/// Where a setting is, and what its texts look like.
enum Place {
    Time(fn(&mut Settings) -> &mut Option<Duration>),
    Count(fn(&mut Settings) -> &mut Option<usize>),
    Bytes(fn(&mut Settings) -> &mut Option<usize>),
    Flag(fn(&mut Settings) -> &mut Option<bool>),
    Endpoints,
    Folder,
    Files,
    GmFiles,
    Tls,
    Generation,
    MissedHeartbeats,
    Group,
    Retry,
}

/// Every setting that a text can express, by its name, in the order of the documentation.
const SETTINGS: [(&str, Place); 26] = [
    ("endpoints", Place::Endpoints),
    ("credentials", Place::Folder),
    ("credential_files", Place::Files),
    ("credential_files_gm", Place::GmFiles),
    ("generation", Place::Generation),
    ("tls", Place::Tls),
    ("expiry_warning", Place::Time(|given| &mut given.expiry_warning)),
    ("connect_timeout", Place::Time(|given| &mut given.connect_timeout)),
    ("call_timeout", Place::Time(|given| &mut given.call_timeout)),
    ("close_timeout", Place::Time(|given| &mut given.close_timeout)),
    ("heartbeat", Place::Time(|given| &mut given.heartbeat)),
    ("missed_heartbeats", Place::MissedHeartbeats),
    ("start_offline", Place::Flag(|given| &mut given.start_offline)),
    ("reconnect_min", Place::Time(|given| &mut given.reconnect_min)),
    ("reconnect_max", Place::Time(|given| &mut given.reconnect_max)),
    ("answer_timeout", Place::Time(|given| &mut given.answer_timeout)),
    ("retry", Place::Retry),
    ("echo", Place::Flag(|given| &mut given.echo)),
    ("group", Place::Group),
    ("max_in_flight", Place::Count(|given| &mut given.max_in_flight)),
    ("max_send_bytes", Place::Bytes(|given| &mut given.max_send_bytes)),
    ("max_held_bytes", Place::Bytes(|given| &mut given.max_held_bytes)),
    ("max_events", Place::Count(|given| &mut given.max_events)),
    ("duplicate_window", Place::Time(|given| &mut given.duplicate_window)),
    ("max_duplicates", Place::Count(|given| &mut given.max_duplicates)),
    ("dispatcher_threads", Place::Count(|given| &mut given.dispatcher_threads)),
];

impl Settings {
    /// Returns the names of all settings that a text can express.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SETTINGS.iter().map(|(name, _)| *name)
    }

    /// Sets what `name` stands for from a text: a time with its unit (`500ms`, `5s`, `2m`, `1h`), a number of bytes
    /// (`65536`, `64MiB`), another number, `true` or `false`, a word, or a list that is separated by commas.
    ///
    /// # Errors
    /// Returns [`ErrorKind::InvalidArgument`] if there is no such setting, or if the text doesn't fit it. The error
    /// states what is expected.
    pub fn set(&mut self, name: &str, text: &str) -> Result<()> {
        let unknown = || invalid(format!("unknown option {:?}: use {}", foreign(name), known_names()));
        let place = place_of(name).ok_or_else(unknown)?;
        self.set_at(place, text)
            .map_err(|expected| invalid(format!("invalid {name} {:?}: use {expected}", foreign(text))))
    }

    /// Sets like [`Settings::set`], for callers that put the name in front of the text of the error, which lacks it.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn set_stated(&mut self, name: &str, text: &str) -> Result<()> {
        let unknown = || invalid(format!("unknown option: use {}", known_names()));
        let place = place_of(name).ok_or_else(unknown)?;
        self.set_at(place, text)
            .map_err(|expected| invalid(format!("invalid value {:?}: use {expected}", foreign(text))))
    }

    /// Sets like [`Settings::set`], but a time or number of 0 takes the setting back to its default. For bindings whose
    /// setters do so.
    ///
    /// # Errors
    /// As [`Settings::set`].
    pub fn set_or_unset(&mut self, name: &str, text: &str) -> Result<()> {
        self.set(name, text)?;
        match place_of(name) {
            Some(Place::Time(at)) => drop(at(self).take_if(|time| time.is_zero())),
            Some(Place::Count(at) | Place::Bytes(at)) => drop(at(self).take_if(|number| *number == 0)),
            Some(Place::MissedHeartbeats) => drop(self.missed_heartbeats.take_if(|number| *number == 0)),
            Some(Place::Group) => drop(self.group.take_if(|group| *group == 0)),
            _ => {}
        }
        Ok(())
    }

    fn set_at(&mut self, place: &Place, text: &str) -> std::result::Result<(), String> {
        const A_NUMBER: &str = "a number";
        match place {
            Place::Time(at) => {
                *at(self) = Some(time_of(text).ok_or("a time with its unit, such as 500ms, 5s or 2m")?);
            }
            Place::Count(at) => *at(self) = Some(text.parse().map_err(|_| A_NUMBER)?),
            Place::Bytes(at) => {
                *at(self) = Some(bytes_of(text).ok_or("a number of bytes, such as 65536 or 64MiB")?);
            }
            Place::Flag(at) => *at(self) = Some(text.parse().map_err(|_| "true or false")?),
            Place::MissedHeartbeats => self.missed_heartbeats = Some(text.parse().map_err(|_| A_NUMBER)?),
            Place::Group => self.group = Some(text.parse().map_err(|_| A_NUMBER)?),
            Place::Retry => self.retry = Some(text.parse().map_err(|_| "never, definite or at_least_once")?),
            Place::Tls => {
                let names = || crate::transport::Tls::ALL.map(crate::transport::Tls::name).join(", ");
                self.tls = Some(text.parse().map_err(|_| names())?);
            }
            Place::Generation => self.generation = Some(text.parse().map_err(|_| "auto, 2 or 3")?),
            Place::Endpoints => self.endpoints = Some(endpoint_list(text).map(str::to_owned).collect()),
            Place::Folder => self.credentials = Some(CredentialSource::Directory(text.into())),
            Place::Files => {
                self.credentials = Some(files(paths(text)).ok_or("three paths: ca.crt, sdk.crt, sdk.key")?);
            }
            Place::GmFiles => {
                self.credentials =
                    Some(gm_files(paths(text)).ok_or("five paths: CA, two certificates with their keys")?);
            }
        }
        Ok(())
    }

    /// Returns the value of a setting as a text that [`Settings::set`] accepts, `None` if it is not given or if a text
    /// can't express it.
    pub fn text(&self, name: &str) -> Option<String> {
        let mut given = self.clone();
        let (_, place) = SETTINGS.iter().find(|(known, _)| *known == name)?;
        Some(match place {
            Place::Time(at) => time_text((*at(&mut given))?),
            Place::Count(at) | Place::Bytes(at) => (*at(&mut given))?.to_string(),
            Place::Flag(at) => (*at(&mut given))?.to_string(),
            Place::MissedHeartbeats => self.missed_heartbeats?.to_string(),
            Place::Group => self.group?.to_string(),
            Place::Retry => self.retry?.name().to_owned(),
            Place::Tls => self.tls?.name().to_owned(),
            Place::Generation => self.generation?.name().to_owned(),
            Place::Endpoints => self.endpoints.as_ref()?.join(", "),
            Place::Folder | Place::Files | Place::GmFiles => {
                let files = self.credential_paths(name)?;
                let files: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
                files.join(", ")
            }
        })
    }

    /// Returns the paths of the credentials if `name` is the setting that states them: one folder, three files or five.
    pub fn credential_paths(&self, name: &str) -> Option<Vec<PathBuf>> {
        match (self.credentials.clone()?, name) {
            (CredentialSource::Directory(folder), "credentials") => Some(vec![folder]),
            (CredentialSource::Files { ca, cert, key }, "credential_files") => Some(vec![ca, cert, key]),
            (CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key }, "credential_files_gm") => {
                Some(vec![ca, cert, key, enc_cert, enc_key])
            }
            _ => None,
        }
    }

    /// Returns whether the setting is a number of calls, messages, bytes or the like, or a flag: what is written without
    /// quotes.
    pub fn is_plain(name: &str) -> bool {
        let place = SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, place)| place);
        matches!(
            place,
            Some(Place::Count(_) | Place::Bytes(_) | Place::Flag(_) | Place::MissedHeartbeats | Place::Group)
        )
    }
}

/// Returns the credentials in three files, `None` if there are more or fewer.
fn files(paths: Vec<PathBuf>) -> Option<CredentialSource> {
    let [ca, cert, key] = paths.try_into().ok()?;
    Some(CredentialSource::Files { ca, cert, key })
}

/// Returns the credentials in five files, `None` if there are more or fewer.
fn gm_files(paths: Vec<PathBuf>) -> Option<CredentialSource> {
    let [ca, cert, key, enc_cert, enc_key] = paths.try_into().ok()?;
    Some(CredentialSource::GmFiles { ca, cert, key, enc_cert, enc_key })
}

fn paths(list: &str) -> Vec<PathBuf> {
    list.split(',').map(|path| PathBuf::from(path.trim())).collect()
}

fn place_of(name: &str) -> Option<&'static Place> {
    SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, place)| place)
}

/// Returns the names of all settings, for a text.
fn known_names() -> String {
    Settings::names().collect::<Vec<_>>().join(", ")
}

fn invalid(text: String) -> Error {
    Error::undelivered(ErrorKind::InvalidArgument, text)
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

/// Returns the shortest text that [`time_of`] reads as this time, to the millisecond.
fn time_text(time: Duration) -> String {
    let millis = time.as_millis();
    match millis {
        0 => "0".to_owned(),
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1000) => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Retry;
    use crate::transport::{Generations, Tls};

    #[test]
    fn every_kind_of_value_is_parsed_and_written() {
        let mut given = Settings::default();
        for (name, text, written) in [
            ("endpoints", "b:2, c:3", "b:2, c:3"),
            ("credentials", "sdk", "sdk"),
            ("call_timeout", "1.5s", "1500ms"),
            ("duplicate_window", "120s", "2m"),
            ("expiry_warning", "336h", "336h"),
            ("missed_heartbeats", "3", "3"),
            ("echo", "true", "true"),
            ("group", "-2", "-2"),
            ("retry", "at_least_once", "at_least_once"),
            ("max_events", "10", "10"),
            ("max_send_bytes", "64MiB", "67108864"),
            ("tls", "static-rsa", "static-rsa"),
            ("generation", "2", "2"),
        ] {
            given.set(name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(given.text(name).as_deref(), Some(written), "{name}");
        }
        assert_eq!(given.call_timeout, Some(Duration::from_millis(1500)));
        assert_eq!((given.retry, given.tls), (Some(Retry::AtLeastOnce), Some(Tls::StaticRsa)));
        assert_eq!(given.generation, Some(Generations::V2));
        given.set("credential_files_gm", "a,b,c,d,e").unwrap();
        assert_eq!(
            (given.text("credentials"), given.text("credential_files_gm").unwrap()),
            (None, "a, b, c, d, e".into())
        );
    }

    #[test]
    fn every_setting_has_a_name() {
        let mut given = Settings::default();
        for (name, place) in &SETTINGS {
            let text = match place {
                Place::Time(_) => "5s",
                Place::Flag(_) => "true",
                Place::Retry => "never",
                Place::Tls => "auto",
                Place::Files => "a,b,c",
                Place::GmFiles => "a,b,c,d,e",
                _ => "3",
            };
            given.set(name, text).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let missing = format!("{given:?}");
        assert!(!missing.contains("None"), "{missing}");
    }

    #[test]
    fn invalid_values_state_what_is_expected() {
        let mut given = Settings::default();
        for (name, text, expected) in [
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
            ("calltimeout", "5s", "call_timeout"),
        ] {
            let error = given.set(name, text).unwrap_err();
            assert!(error.message().contains(expected) && error.message().contains(name), "{error}");
            let stated = given.set_stated(name, text).unwrap_err();
            let named = stated.message().contains(name) && name != "calltimeout";
            assert!(stated.message().contains(expected) && !named, "the caller names it: {stated}");
        }
    }

    #[test]
    fn zero_unsets_times_and_numbers() {
        let mut given = Settings::default();
        for (name, text) in [
            ("call_timeout", "5s"),
            ("max_events", "10"),
            ("max_send_bytes", "10"),
            ("missed_heartbeats", "3"),
            ("group", "-2"),
        ] {
            given.set_or_unset(name, text).unwrap();
            assert!(given.text(name).is_some(), "{name}");
            given.set_or_unset(name, "0").unwrap();
            assert_eq!(given.text(name), None, "{name}");
        }
        given.set_or_unset("echo", "false").unwrap();
        given.set_or_unset("credentials", "0").unwrap();
        assert_eq!((given.text("echo"), given.text("credentials")), (Some("false".into()), Some("0".into())));
        assert!(given.set_or_unset("call_timeout", "5").is_err());
    }

    #[test]
    fn given_settings_precede_others() {
        let mut given = Settings::default();
        given.set("call_timeout", "1s").unwrap();
        let mut file = Settings::default();
        file.set("call_timeout", "2s").unwrap();
        file.set("group", "2").unwrap();
        let both = given.or(file);
        assert_eq!((both.call_timeout, both.group), (Some(Duration::from_secs(1)), Some(2)));
    }
}
