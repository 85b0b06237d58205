//! `amop devnet`: runs embedded nodes until Ctrl-C.

mod behaviour;
mod control;

use std::ffi::OsStr;
use std::io;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{self, Path, PathBuf};

use amop::{Tls, text};
use amop_devnet::{Counters, Generation};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::{Serialize, Serializer};

use self::behaviour::Behaviour;
use crate::exit::{Exit, Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::output::{FAINT, GOOD, ODD, Output, Record, STRONG};
use crate::values::{self, whole};

/// Run embedded nodes, connected as the nodes of a chain are, until Ctrl-C
///
/// They need no chain. Certificates are created in a folder with the layout of the official chain script, or reused if the
/// folder has some. docs/devnet.md describes the behaviour of real nodes, all faults and all commands.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop devnet                        two nodes at 127.0.0.1:20200 and 20201
  amop devnet --nodes 4 --port 0     four nodes, each at a free port
  amop devnet --like-2.11            with the faults of real 2.11.2 nodes
  amop devnet --rsa --dir rsa        an RSA channel, in another folder than secp256k1 certificates
  amop devnet --gm --dir gm          a GM channel
  amop devnet --generation 3 --dir 3x          two nodes of 3.x, with RSA certificates
  amop devnet --generation 3 --sm --dir 3x-sm  two nodes of 3.x, of an SM chain
  amop devnet --generation 3 --tls off         two nodes of 3.x without TLS
  amop devnet --fault 'lose type=0x31 times=1'
                                     the first reply is lost
  amop devnet --control              reads commands from standard input, such as: freeze 1")]
pub(crate) struct Devnet {
    /// The number of nodes
    #[arg(long, default_value_t = 2, value_parser = whole::<u16>(1..=1000))]
    nodes: u16,
    /// The port of the first node; the others use the next ports; 0: free ports
    #[arg(long, default_value_t = 20200, value_parser = whole::<u16>(0..=u16::MAX.into()))]
    port: u16,
    /// The address to listen on; other machines can connect unless it is a loopback address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    host: IpAddr,
    /// The folder for certificates and keys; clients use sdk/ in it
    #[arg(long, default_value = "amop-devnet")]
    dir: PathBuf,
    /// The id of the chain, which some SDKs compare with their configuration
    #[arg(long, value_name = "ID", default_value = "1", value_parser = values::text())]
    chain_id: String,
    /// The group of the nodes
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = whole::<u32>(1..=32767))]
    group: u32,
    /// The generation of the nodes, 2 or 3
    #[arg(long, value_name = "GENERATION", default_value = "2", value_parser = devnet_generation())]
    generation: Generation,
    /// RSA certificates: with generation 2 an RSA channel, the default of chains since 2.9, with static RSA key exchange;
    /// with generation 3 the default
    #[arg(long)]
    rsa: bool,
    /// With generation 2: a GM channel, as of chains made with build_chain.sh -g -G: SM2 certificates
    #[arg(long, conflicts_with = "rsa")]
    gm: bool,
    /// With generation 3: an SM chain, as made with build_chain.sh -s: SM2 certificates and TLCP
    #[arg(long, conflicts_with_all = ["rsa", "gm"])]
    sm: bool,
    /// The kind of TLS. With generation 2: ecdhe (the default), static-rsa (as --rsa), gm (as --gm) or off; with generation
    /// 3: ecdhe (the default), tlcp (as --sm) or off, which is plain TCP without certificates
    #[arg(long, value_name = "KIND", conflicts_with_all = ["rsa", "gm", "sm"])]
    tls: Option<Tls>,
    /// A fault in frames, such as 'lose type=0x31 times=1 topic=hello'; can be given several times
    #[arg(long = "fault", value_name = "FAULT", value_parser = values::text(), help_heading = "Faults")]
    faults: Vec<String>,
    /// Read commands from standard input, one per line, until its end: freeze 1, cut-link 0 1, fault twice ...
    #[arg(long, help_heading = "Faults")]
    control: bool,
    #[command(flatten)]
    behaviour: Behaviour,
}

/// Returns the parser of the generation of embedded nodes, for clap.
pub(crate) fn devnet_generation() -> impl TypedValueParser<Value = Generation> {
    let names = [Generation::V2, Generation::V3].map(Generation::name);
    PossibleValuesParser::new(names).map(|name| match name == Generation::V3.name() {
        true => Generation::V3,
        false => Generation::V2,
    })
}

impl Devnet {
    pub(crate) async fn run(self, output: &mut Output, interrupt: &Interrupt) -> Outcome {
        self.behaviour.check(self.generation)?;
        let builder = amop_devnet::Devnet::builder()
            .generation(self.generation)
            .host(self.host)
            .ports(self.ports()?)
            .dir(&self.dir)
            .chain_id(&self.chain_id)
            .group(self.group.into());
        let builder = match self.tls {
            Some(tls) => builder.tls(tls),
            None if self.rsa => builder.rsa(true),
            None if self.gm => builder.gm(true),
            None => builder.sm(self.sm),
        };
        let devnet = self.behaviour.apply_to(builder).start().await?;
        for fault in &self.faults {
            devnet.control(&format!("fault {fault}")).await?;
        }
        let credentials = devnet.credentials_dir().map(Path::to_owned);
        if !self.host.is_loopback() {
            output.emit_now(&Exposed { host: self.host })?;
        }
        output.emit_now(&Ready { endpoints: devnet.endpoints(), credentials })?;
        if self.control {
            interrupt.unless_caught(control::execute(&devnet, output)).await.transpose()?;
        } else {
            interrupt.caught().await;
        }
        let counters = devnet.counters();
        devnet.stop().await;
        output.emit_now(&Summary::of(&counters))?;
        Ok(Exit::Done)
    }

    fn ports(&self) -> Outcome<Vec<u16>> {
        let port = |index| match self.port {
            0 => Some(0),
            first => first.checked_add(index),
        };
        (0..self.nodes).map(port).collect::<Option<_>>().ok_or_else(|| {
            Failure::Usage(format!(
                "{} nodes from port {} exceed port 65535: choose a lower --port",
                self.nodes, self.port
            ))
        })
    }
}

/// The nodes accept connections.
#[derive(Serialize)]
#[serde(tag = "event", rename = "ready")]
pub(super) struct Ready {
    pub(super) endpoints: Vec<String>,
    /// `None` without TLS.
    #[serde(serialize_with = "lossy", skip_serializing_if = "Option::is_none")]
    pub(super) credentials: Option<PathBuf>,
}

impl Record for Ready {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        let Ready { endpoints, credentials } = self;
        let mut shown = format!("{GOOD}ready:{GOOD:#} {STRONG}{}{STRONG:#}\n", endpoints.join("  "));
        shown += &match credentials {
            Some(folder) => format!("credentials: {}\n", text::path(folder)),
            None => "credentials: none, the nodes use no TLS\n".to_owned(),
        };
        if let (Some(first), Some(last)) = (endpoints.first(), endpoints.last()) {
            // The other terminals may be in another folder.
            let options = match credentials {
                Some(folder) => {
                    let folder = path::absolute(folder).unwrap_or(folder.clone());
                    format!("--credentials {}", shell_word(folder.as_os_str()))
                }
                None => "--tls off".to_owned(),
            };
            let amop = own_command();
            shown += &format!(
                "{FAINT}try in other terminals:\n  \
                 {amop} subscribe {last} hello {options}\n  \
                 {amop} publish {first} hello 'hi there' {options}\nCtrl-C ends{FAINT:#}"
            );
        }
        output.result(&shown)
    }
}

/// Writes a path as a text, in which bytes that are not UTF-8 are replaced.
fn lossy<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_ref().map(|path| path.to_string_lossy()).serialize(serializer)
}

/// Returns how another terminal starts this command: by its path if it was started by one, such as `target/release/amop`.
fn own_command() -> String {
    let started_as = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    // From the Python package the process is an interpreter.
    let is_path = started_as.file_name() == Some(OsStr::new("amop")) && started_as.components().count() > 1;
    match path::absolute(&started_as) {
        Ok(absolute) if is_path => shell_word(absolute.as_os_str()),
        _ => "amop".to_owned(),
    }
}

/// Returns `word` as one word of a shell's command line. One that can't be shown as it is has the form of bash, zsh and ksh.
fn shell_word(word: &OsStr) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:@%".contains(c);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.chars().all(is_plain) => text.to_owned(),
        Some(text) if !text.contains(text::is_unprintable) => format!("'{}'", text.replace('\'', r"'\''")),
        _ => {
            let escaped = word.as_bytes().iter().map(|byte| match byte {
                b'\'' | b'\\' => format!("\\{}", char::from(*byte)),
                b' '..=b'~' => char::from(*byte).to_string(),
                _ => format!("\\x{byte:02x}"),
            });
            format!("$'{}'", escaped.collect::<String>())
        }
    }
}

/// The nodes listen on an address that other machines may reach.
#[derive(Serialize)]
#[serde(tag = "event", rename = "exposed")]
struct Exposed {
    host: IpAddr,
}

impl Record for Exposed {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output.notice(&format!(
            "{ODD}warning:{ODD:#} the nodes listen on {}, so that other machines can connect; they are made for tests and \
             not hardened",
            self.host
        ))
    }
}

/// The summary of what the nodes did.
#[derive(Serialize)]
#[serde(tag = "event", rename = "summary")]
struct Summary {
    connections: u64,
    refused: u64,
    frames_in: u64,
    frames_out: u64,
}

impl Summary {
    fn of(counters: &Counters) -> Summary {
        Summary {
            connections: counters.accepted,
            refused: counters.refused,
            frames_in: counters.frames_in,
            frames_out: counters.frames_out,
        }
    }
}

impl Record for Summary {
    fn show(&self, output: &mut Output) -> io::Result<()> {
        output.notice(&format!(
            "stopped; {} connections ({} refused), {} frames in, {} out",
            self.connections, self.refused, self.frames_in, self.frames_out
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_is_one_word_of_a_shell() {
        for (word, expected) in [
            (&b"/tmp/sdk-1.0"[..], "/tmp/sdk-1.0"),
            (b"", "''"),
            (b"it's a chain", r"'it'\''s a chain'"),
            (b"na\xefve \n\\'", r"$'na\xefve \x0a\\\''"),
        ] {
            let word = OsStr::from_bytes(word);
            assert_eq!(shell_word(word), expected);
            let shell = std::process::Command::new("bash");
            let printed = { shell }.args(["-c", &format!("printf %s {expected}")]).output().unwrap();
            assert_eq!(OsStr::from_bytes(&printed.stdout), word);
        }
    }
}
