//! The command line as a whole; the arguments of each verb are in its file under `commands`.

use clap::{Args, Parser};

use crate::commands::Command;
use crate::exit::EXIT_CODES;
use crate::output::Format;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "amop",
    version = env!("CARGO_PKG_VERSION"),
    long_version = LONG_VERSION,
    about = "Publish, subscribe and serve on FISCO BCOS chains, by AMOP",
    after_long_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"),
    propagate_version = true,
    max_term_width = 100,
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) general: General,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options of every verb.
#[derive(Args, Debug)]
pub(crate) struct General {
    /// Write one JSON object a line on standard output, for scripts
    #[arg(long, global = true)]
    json: bool,
    /// Show payloads in full, however long they are
    #[arg(long, global = true)]
    pub(crate) full: bool,
    /// Show what happens on the wire, without payloads, on standard error
    #[arg(short, long, global = true, overrides_with = "verbose")]
    pub(crate) verbose: bool,
}

impl General {
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { Format::People }
    }
}

/// The first line of `--version` is the short version; the others list what this build supports.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\n\
     generations:    2.x (channel), 3.x (WebSocket)\n\
     TLS:            rustls on ring (ECDHE with secp256k1, P-256 and RSA), own engine (static RSA, GM, TLCP)\n\
     embedded nodes: 2.x (secp256k1, RSA, GM), 3.x (RSA, SM, without TLS)"
);

const EXAMPLES: &str = "\
Examples:
  amop demo                                    see messages travel, without a chain
  amop devnet                                  run two embedded nodes
  amop subscribe 127.0.0.1:20201 hello
  amop publish 127.0.0.1:20200 hello 'hi there'
  amop doctor 127.0.0.1:20200                  find out why a connection fails";
