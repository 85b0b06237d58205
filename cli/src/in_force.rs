//! The settings that are in force, and where each comes from: an option of the command line, an environment variable, the
//! configuration file, or the default, in this order.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use amop::Settings;
use amop::config::Config;
use amop::text::foreign;
use amop::transport::CredentialSource;

use crate::exit::{Failure, Outcome};
use crate::files::reading_files;

/// The environment variable that names the configuration file.
const CONFIG: &str = "AMOP_CONFIG";

/// The settings of the three sources.
#[derive(Debug)]
pub(crate) struct InForce {
    flags: Settings,
    environment: Settings,
    file: Option<Config>,
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The command line.
    Flag,
    /// This environment variable.
    Environment(String),
    /// The configuration file, and the line of it if the file states the setting itself.
    File(PathBuf, Option<usize>),
    /// The default of the library.
    Default,
}

impl InForce {
    /// Finds the settings besides those of the command line: reads the environment, and the configuration file, which the
    /// command line or the environment names.
    ///
    /// # Errors
    /// Returns an error if a variable or the file has an invalid value.
    pub(crate) async fn find(flags: Settings, file: Option<&Path>) -> Outcome<InForce> {
        let environment = environment(|name| env::var_os(name))?;
        let named = env::var_os(CONFIG).filter(|path| !path.is_empty()).map(PathBuf::from);
        let file = match file.map(Path::to_owned).or(named) {
            Some(path) => Some(reading_files(move || Config::read(path)).await??),
            None => None,
        };
        Ok(InForce { flags, environment, file })
    }

    /// Returns the settings.
    pub(crate) fn settings(&self) -> Settings {
        let file = self.file.as_ref().map(|file| file.settings.clone()).unwrap_or_default();
        self.flags.clone().or(self.environment.clone()).or(file)
    }

    /// Returns the nodes.
    pub(crate) fn endpoints(&self) -> Vec<String> {
        self.settings().endpoints.unwrap_or_default()
    }

    /// Returns the nodes of a verb that needs one.
    ///
    /// # Errors
    /// Returns an error if there is none.
    pub(crate) fn some_endpoints(&self) -> Outcome<Vec<String>> {
        let endpoints = self.endpoints();
        if endpoints.is_empty() {
            return Err(Failure::Usage(
                "no endpoint: the configuration file names no node, add --endpoint".to_owned(),
            ));
        }
        Ok(endpoints)
    }

    /// Returns where the credentials come from.
    pub(crate) fn credentials(&self) -> CredentialSource {
        self.settings().credentials.unwrap_or_default()
    }

    /// Returns the configuration file.
    pub(crate) fn file(&self) -> Option<&Config> {
        self.file.as_ref()
    }

    /// Returns the configuration file with those private topics only that have this name, so that keys of others need not
    /// be there.
    pub(crate) fn private_topics(&self, name: &str) -> Option<Config> {
        let mut config = self.file.clone()?;
        config.private_topics.retain(|topic| topic.topic == name);
        Some(config)
    }

    /// Returns where a setting comes from.
    pub(crate) fn origin(&self, name: &str) -> Origin {
        // Credentials have several names, of which one source states one.
        let states = |settings: &Settings| match name.starts_with("credential") {
            true => settings.credentials.is_some(),
            false => settings.text(name).is_some(),
        };
        match &self.file {
            _ if states(&self.flags) => Origin::Flag,
            _ if states(&self.environment) => Origin::Environment(variable(name)),
            Some(file) if states(&file.settings) => Origin::File(file.file.clone(), file.line(name)),
            _ => Origin::Default,
        }
    }
}

/// Returns the environment variable of an option.
fn variable(option: &str) -> String {
    format!("AMOP_{}", option.to_ascii_uppercase())
}

/// Returns the settings that environment variables state. An empty variable counts as one that is not set.
///
/// # Errors
/// Returns an error that names the variable if a value is invalid.
fn environment(read: impl Fn(&OsStr) -> Option<OsString>) -> Outcome<Settings> {
    let mut settings = Settings::default();
    // The library itself searches the folder of AMOP_CREDENTIALS, if no other source states credentials.
    for name in Settings::names().filter(|name| *name != "credentials") {
        let variable = variable(name);
        let Some(value) = read(variable.as_ref()).filter(|value| !value.is_empty()) else { continue };
        let Some(text) = value.to_str() else {
            return Err(Failure::Usage(format!(
                "{variable} is not UTF-8: {}",
                foreign(value.as_encoded_bytes())
            )));
        };
        settings
            .set_stated(name, text)
            .map_err(|error| Failure::Usage(format!("{variable}: {}", error.message())))?;
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Outcome<Settings> {
        let find = |name: &OsStr| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| OsString::from(value))
        };
        environment(find)
    }

    #[test]
    fn variables_are_named_after_options() {
        let settings =
            from(&[("AMOP_CALL_TIMEOUT", "5s"), ("AMOP_ENDPOINTS", "a:1,b:2"), ("AMOP_TLS", "")]).unwrap();
        assert_eq!(settings.text("call_timeout").as_deref(), Some("5s"));
        assert_eq!(settings.text("endpoints").as_deref(), Some("a:1, b:2"));
        assert_eq!(settings.tls, None);
    }

    #[test]
    fn invalid_variable_is_named() {
        let Err(Failure::Usage(text)) = from(&[("AMOP_CALL_TIMEOUT", "5")]) else { panic!("it is refused") };
        assert!(text.contains("AMOP_CALL_TIMEOUT") && text.contains("500ms"), "{text}");
    }

    #[test]
    fn folder_of_credentials_is_left_to_the_library() {
        assert_eq!(from(&[("AMOP_CREDENTIALS", "sdk")]).unwrap(), Settings::default());
    }
}
