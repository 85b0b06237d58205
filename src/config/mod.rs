//! Configuration files: one of ours, or the one that a program has for another SDK.
//!
//! The kind of a file is recognised by its content. `syntax` turns each format into the same tree, in which every value
//! has its line; `kinds` has one file for each SDK, which takes from the tree what that SDK would have done; what it does
//! not take is logged. The result is a [`Config`]: settings of a client, the private topics, and the lines they came from.
//!
//! Public to the command and the bindings, without a promise of stability.

mod keys;
mod kinds;
mod place;
mod private_topic;
mod read;
mod section;
mod syntax;
mod tree;
mod write;

use std::path::{Path, PathBuf};

pub use private_topic::{KeySource, PrivateRole, PrivateTopic, Secret};
pub(crate) use read::{Reading, Source};
pub use write::toml_value;

use crate::Error;
use crate::client::{PRIVATE_TOPICS, Settings};

/// The kind of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file of this library, in TOML.
    Amop,
    /// `config.toml` of java-sdk for 2.x chains.
    JavaSdk2,
    /// `config.toml` of java-sdk for 3.x chains.
    JavaSdk3,
    /// `config.toml` of java-sdk, with nothing that only one generation has.
    JavaSdk,
    /// `config.toml` of go-sdk for 2.x chains.
    GoSdk2,
    /// `config.ini` of the C SDK for 3.x chains, which go-sdk and python-sdk read too.
    CSdk3,
    /// `applicationContext.xml` of web3sdk.
    Web3Sdk,
    /// `config.json` of nodejs-sdk.
    NodeJsSdk,
    /// `client_config.py` of python-sdk.
    PythonSdk,
}

impl Kind {
    /// Returns the name for texts.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Amop => "amop",
            Kind::JavaSdk2 => "java-sdk 2.x",
            Kind::JavaSdk3 => "java-sdk 3.x",
            Kind::JavaSdk => "java-sdk",
            Kind::GoSdk2 => "go-sdk 2.x",
            Kind::CSdk3 => "C SDK 3.x",
            Kind::Web3Sdk => "web3sdk",
            Kind::NodeJsSdk => "nodejs-sdk",
            Kind::PythonSdk => "python-sdk",
        }
    }
}

/// What a configuration file states.
#[derive(Clone, Debug)]
pub struct Config {
    /// The kind that was recognised.
    pub kind: Kind,
    /// The path of the file, as it was given.
    pub file: PathBuf,
    /// The settings of the client.
    pub settings: Settings,
    /// The line on which each setting is, by the name of the option. A setting that follows from a default of the SDK
    /// has none.
    pub lines: Vec<(&'static str, usize)>,
    /// The private topics, of 2.x chains.
    pub private_topics: Vec<PrivateTopic>,
    /// The keys that were not used, with their lines.
    pub unused: Vec<(String, usize)>,
}

impl Config {
    /// Returns an empty configuration.
    pub(crate) fn new(kind: Kind, file: &Path) -> Config {
        Config {
            kind,
            file: file.to_owned(),
            settings: Settings::default(),
            lines: Vec::new(),
            private_topics: Vec::new(),
            unused: Vec::new(),
        }
    }

    /// Notes the line of a setting.
    pub(crate) fn is_at(&mut self, option: &'static str, line: usize) {
        if self.line(option).is_none() {
            self.lines.push((option, line));
        }
    }

    /// Returns the error of an option, with its place if this file states it.
    pub(crate) fn locate(&self, option: &str, error: Error) -> Error {
        let line = match option {
            PRIVATE_TOPICS => self.private_topics.first().map(|topic| topic.line),
            _ => self.line(option),
        };
        match line.map(|line| section::error_at(&self.file, line, error.message())) {
            Some(located) => error.with_text(located.message().to_owned()),
            None => error,
        }
    }

    /// Returns the line of a setting, `None` if it follows from a default of the SDK.
    pub fn line(&self, option: &str) -> Option<usize> {
        self.lines.iter().find(|(name, _)| *name == option).map(|(_, line)| *line)
    }
}
