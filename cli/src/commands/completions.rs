//! `amop completions`: prints completion scripts for shells.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::exit::{Exit, Outcome};
use crate::output::Output;

/// Print the completions for a shell
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  amop completions bash > ~/.local/share/bash-completion/completions/amop
  amop completions zsh > ~/.zfunc/_amop
  amop completions fish > ~/.config/fish/completions/amop.fish")]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, mut command: Command, output: &mut Output) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "amop", &mut script);
        output.raw(&script)?;
        Ok(Exit::Done)
    }
}
