//! `amop config`: shows which settings are in force, and converts configuration files of other SDKs.

use std::io;
use std::path::PathBuf;

use amop::Settings;
use amop::config::{Config, PrivateRole, PrivateTopic, toml_value};
use amop::text::{foreign, path};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::connection::{ConnectionOptions, Endpoints, endpoints};
use crate::exit::{Exit, Outcome};
use crate::files::reading_files;
use crate::in_force::{InForce, Origin};
use crate::interrupt::Interrupt;
use crate::output::{Output, Record};

/// Show settings and where they come from, or convert a configuration file of another SDK
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop config show --config config.toml
  amop config import conf/config.toml > amop.toml")]
pub(crate) struct ConfigVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Show(Show),
    Import(Import),
}

/// Show the value of each option, and where it comes from: an option of the command line, an environment variable, the
/// configuration file, or the default
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop config show --config config.toml
  AMOP_CALL_TIMEOUT=5s amop config show --json | jq -r 'select(.from != \"default\").name'")]
struct Show {
    /// The nodes, as for the other verbs
    #[arg(value_name = "ENDPOINT", value_parser = endpoints())]
    endpoints: Option<Endpoints>,
    #[command(flatten)]
    options: ConnectionOptions,
}

/// Print a configuration file of another SDK as one of this library, with absolute paths
///
/// Passwords and private keys that are in the file itself are not printed: the output refers to environment variables for
/// them.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop config import conf/config.toml > amop.toml
  amop config import applicationContext.xml --json | jq -r '.unused[].key'")]
struct Import {
    /// The file: config.toml of java-sdk or go-sdk, the INI file of the C SDK, applicationContext.xml of web3sdk,
    /// config.json of nodejs-sdk, or client_config.py of python-sdk
    file: PathBuf,
}

impl ConfigVerb {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        let work = async {
            match self.verb {
                Verb::Show(show) => show.run(output).await,
                Verb::Import(import) => import.run(output).await,
            }
        };
        interrupt.unless_caught(work).await.unwrap_or(Ok(Exit::Interrupted))
    }
}

impl Show {
    async fn run(self, output: &mut Output) -> Outcome {
        let given = self.options.given(self.endpoints.as_ref());
        let in_force = InForce::find(given, self.options.identity.config_file()).await?;
        let settings = in_force.settings().or(Settings::defaults());
        let credentials = Settings::names().find(|name| settings.credential_paths(name).is_some());
        for name in Settings::names() {
            // One of the three states the credentials, or none if they are searched or in the file itself.
            if name.starts_with("credential") && name != credentials.unwrap_or("credentials") {
                continue;
            }
            let value = toml_value(&settings, name)?;
            output.emit_now(&Shown::new(name, value, in_force.origin(name)))?;
        }
        if let Some(file) = in_force.file() {
            for topic in &file.private_topics {
                output.emit_now(&Topic::new(file, topic))?;
            }
        }
        Ok(Exit::Done)
    }
}

impl Import {
    async fn run(self, output: &mut Output) -> Outcome {
        let file = self.file;
        let config = reading_files(move || Config::read(file)).await??;
        let unused =
            config.unused.iter().map(|(key, line)| Unused { key: key.clone(), line: *line }).collect();
        output.emit_now(&Imported { kind: config.kind.name(), toml: config.to_toml()?, unused })?;
        Ok(Exit::Done)
    }
}

/// An option and its value.
#[derive(Serialize)]
#[serde(tag = "event", rename = "option")]
struct Shown {
    name: &'static str,
    /// As it is written in TOML.
    value: Option<String>,
    #[serde(flatten)]
    from: From,
}

/// Where a value comes from.
#[derive(Serialize)]
struct From {
    from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    variable: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
}

impl From {
    fn new(origin: Origin) -> From {
        let (from, variable, file, line) = match origin {
            Origin::Flag => ("option", None, None, None),
            Origin::Environment(variable) => ("environment", Some(variable), None, None),
            Origin::File(file, line) => ("file", None, Some(path(&file).to_string()), line),
            Origin::Default => ("default", None, None, None),
        };
        From { from, variable, file, line }
    }

    fn text(&self) -> String {
        match (&self.variable, &self.file, self.line) {
            (Some(variable), ..) => format!("from ${variable}"),
            (None, Some(file), Some(line)) => format!("{file}, line {line}"),
            (None, Some(file), None) => format!("{file}, by the defaults of its SDK"),
            _ => match self.from {
                "default" => "default".to_owned(),
                other => format!("from an {other}"),
            },
        }
    }
}

impl Shown {
    fn new(name: &'static str, value: Option<String>, origin: Origin) -> Shown {
        Shown { name, value, from: From::new(origin) }
    }
}

impl Record for Shown {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let from = self.from.text();
        let line = match (&self.value, self.name) {
            (Some(value), name) => format!("{name} = {value}"),
            (None, "credentials") if self.from.from == "default" => {
                "# credentials are searched in $AMOP_CREDENTIALS, ., conf, sdk, nodes/127.0.0.1/sdk, amop-devnet/sdk".to_owned()
            }
            (None, "credentials") => "# credentials are in the file itself".to_owned(),
            (None, "answer_timeout") => "# answer_timeout is 4.5s at 2.x nodes and 29.5s at 3.x nodes".to_owned(),
            (None, name) => format!("# {name} is not set"),
        };
        output.result(&format!("{line}  # {from}"))
    }
}

/// A private topic of the file.
#[derive(Serialize)]
#[serde(tag = "event", rename = "private_topic")]
struct Topic {
    topic: String,
    role: &'static str,
    keys: usize,
    #[serde(flatten)]
    from: From,
}

impl Topic {
    fn new(file: &Config, topic: &PrivateTopic) -> Topic {
        let (role, keys) = match &topic.role {
            PrivateRole::Publisher { public_keys } => ("publisher", public_keys.len()),
            PrivateRole::Subscriber { .. } => ("subscriber", 1),
        };
        let from = From::new(Origin::File(file.file.clone(), Some(topic.line)));
        Topic { topic: topic.topic.clone(), role, keys, from }
    }
}

impl Record for Topic {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Topic { topic, role, keys, from } = self;
        output.result(&format!(
            "# private topic {:?}: {role}, keys: {keys}  # {}",
            foreign(topic),
            from.text()
        ))
    }
}

/// A converted file.
#[derive(Serialize)]
#[serde(tag = "event", rename = "config")]
struct Imported {
    kind: &'static str,
    toml: String,
    unused: Vec<Unused>,
}

/// A key that has no meaning here.
#[derive(Serialize)]
struct Unused {
    key: String,
    line: usize,
}

impl Record for Imported {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output.raw(self.toml.as_bytes())
    }
}
