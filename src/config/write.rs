//! Writing a configuration as a file of ours.

use std::fmt::Write;
use std::path::Path;

use super::{Config, KeySource, PrivateRole, Secret};
use crate::client::Settings;
use crate::text;
use crate::transport::CredentialSource;
use crate::{Error, ErrorKind, Result};

impl Config {
    /// Returns the configuration as a TOML file of this library, with absolute paths. Secrets are not in it: passwords and
    /// private keys that the file itself holds become references to environment variables, which comments name.
    ///
    /// # Errors
    /// Returns [`ErrorKind::Unsupported`] if a path is not UTF-8, and [`ErrorKind::InvalidArgument`] if the current
    /// folder has been removed.
    pub fn to_toml(&self) -> Result<String> {
        let mut out = format!("# From {} ({})\n", text::path(&self.file), self.kind.name());
        for name in Settings::names() {
            if let Some(value) = self.value(name)? {
                // Writing to a text can't fail.
                let _ = writeln!(out, "{name} = {value}");
            }
        }
        self.write_pem(&mut out);
        let mut passwords = 0;
        for topic in &self.private_topics {
            let _ = write!(out, "\n[[private_topic]]\ntopic = {}\n", quoted(&topic.topic));
            match &topic.role {
                PrivateRole::Publisher { public_keys } => {
                    let keys = public_keys.iter().map(key).collect::<Result<Vec<_>>>()?;
                    let _ = writeln!(out, "allow = [{}]", keys.join(", "));
                }
                PrivateRole::Subscriber { private_key: KeySource::Hex(_), .. } => {
                    let _ = writeln!(
                        out,
                        "# The private key is in {}: store it in a file, and name that here.",
                        self.at(topic.line)
                    );
                }
                PrivateRole::Subscriber { private_key, password } => {
                    let _ = writeln!(out, "key = {}", key(private_key)?);
                    match password {
                        None => {}
                        Some(Secret::Environment(name)) => {
                            let _ = writeln!(out, "password = {{ env = {} }}", quoted(name));
                        }
                        Some(Secret::File(path)) => {
                            let _ = writeln!(out, "password = {{ file = {} }}", path_text(path)?);
                        }
                        Some(Secret::Text(_)) => {
                            passwords += 1;
                            let name = format!("AMOP_KEY_PASSWORD_{passwords}");
                            let _ = writeln!(out, "# Set {name} to the password in {}.", self.at(topic.line));
                            let _ = writeln!(out, "password = {{ env = {} }}", quoted(&name));
                        }
                    }
                }
            }
        }
        Ok(out)
    }

    /// Returns a setting as it is written in TOML, `None` if it is not given. Paths are absolute.
    ///
    /// # Errors
    /// As [`Config::to_toml`].
    pub fn value(&self, name: &str) -> Result<Option<String>> {
        toml_value(&self.settings, name)
    }

    /// Writes credentials that the file holds itself. Certificates are no secrets.
    fn write_pem(&self, out: &mut String) {
        let text = |bytes: &[u8]| quoted(&String::from_utf8_lossy(bytes));
        let (ca, cert, encryption) = match &self.settings.credentials {
            Some(CredentialSource::Pem { ca, cert, .. }) => (ca, cert, None),
            Some(CredentialSource::GmPem { ca, cert, enc_cert, .. }) => (ca, cert, Some(enc_cert)),
            _ => return,
        };
        let at = self.at(self.line("credential_pem").unwrap_or(1));
        let _ =
            write!(out, "\n# Set AMOP_KEY_PEM to the private key in {at} or after it.\n[credential_pem]\n");
        let _ = write!(out, "ca = {}\ncert = {}\nkey = {{ env = \"AMOP_KEY_PEM\" }}\n", text(ca), text(cert));
        if let Some(enc_cert) = encryption {
            let _ =
                write!(out, "enc_cert = {}\nenc_key = {{ env = \"AMOP_ENC_KEY_PEM\" }}\n", text(enc_cert));
        }
    }

    fn at(&self, line: usize) -> String {
        format!("{}, line {line}", text::path(&self.file))
    }
}

/// Returns a setting as it is written in a TOML file of this library, `None` if it is not given. Paths are absolute.
///
/// # Errors
/// As [`Config::to_toml`].
pub fn toml_value(settings: &Settings, name: &str) -> Result<Option<String>> {
    if let Some(paths) = settings.credential_paths(name) {
        let paths = paths.iter().map(|path| path_text(path)).collect::<Result<Vec<_>>>()?;
        return Ok(Some(match &paths[..] {
            [ca, cert, key] => format!("{{ ca = {ca}, cert = {cert}, key = {key} }}"),
            [ca, cert, key, enc_cert, enc_key] => {
                format!(
                    "{{ ca = {ca}, cert = {cert}, key = {key}, enc_cert = {enc_cert}, enc_key = {enc_key} }}"
                )
            }
            _ => paths.join(", "),
        }));
    }
    if name == "endpoints" {
        let list = |endpoints: &Vec<String>| {
            endpoints.iter().map(|endpoint| quoted(endpoint)).collect::<Vec<_>>().join(", ")
        };
        return Ok(settings.endpoints.as_ref().map(|endpoints| format!("[{}]", list(endpoints))));
    }
    let quote = |text: String| if Settings::is_plain(name) { text } else { quoted(&text) };
    Ok(settings.text(name).map(quote))
}

fn key(source: &KeySource) -> Result<String> {
    match source {
        KeySource::File(path) => path_text(path),
        KeySource::Hex(digits) => Ok(quoted(digits)),
    }
}

/// Returns an absolute path in quotes.
fn path_text(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path).map_err(|error| {
        let what = format!("cannot find the absolute path of {}: {error}", text::path(path));
        Error::undelivered(ErrorKind::InvalidArgument, what)
    })?;
    match absolute.to_str() {
        Some(path) => Ok(quoted(path)),
        None => Err(Error::undelivered(
            ErrorKind::Unsupported,
            format!("{} is not UTF-8, so that TOML can't have it: rename it", text::path(&absolute)),
        )),
    }
}

/// Returns a text as a TOML string on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || text::is_unprintable(c) => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
