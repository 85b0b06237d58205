//! `amop man`: prints or writes the manual pages, which have the same text as `--help`.

use std::path::PathBuf;

use amop::text;
use clap::{Args, Command};
use clap_mangen::Man as Page;

use crate::exit::{Exit, Failure, Outcome};
use crate::output::Output;

/// Print the manual page, or write it and the pages of all verbs to a folder
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop man | man -l -
  amop man --dir /usr/local/share/man/man1")]
pub(crate) struct Man {
    /// Write amop.1 and one page for each verb into this folder
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, command: Command, output: &mut Output) -> Outcome {
        match self.dir {
            None => {
                let mut page = Vec::new();
                Page::new(command).render(&mut page)?;
                output.raw(&page)?;
            }
            Some(folder) => {
                let written = std::fs::create_dir_all(&folder)
                    .and_then(|()| clap_mangen::generate_to(command, &folder));
                written
                    .map_err(|error| Failure::io(format!("can't write to {}", text::path(&folder)), error))?;
            }
        }
        Ok(Exit::Done)
    }
}
