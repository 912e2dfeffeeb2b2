//! `completion`: what a shell loads so that it completes a command's lines, as `COMPLETE=SHELL` prints it, too.

use std::{
    env::args_os,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::env::Shells;

use crate::output;

/// By this variable shells ask for what completes a line (`CompleteEnv` of clap).
const VARIABLE: &str = "COMPLETE";

/// Arguments of `completion`
#[derive(Debug, Args)]
#[command(
    after_help = "In ~/.bashrc, `. <(pmctl2 completion bash)` and `. <(placemat2 completion bash)` have bash complete the lines \
                  of both, with the names of what runs. Where they were installed by a package, bash, zsh and fish do so already."
)]
pub struct Completion {
    /// The shell that is to load it
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
    Elvish,
}

impl Shell {
    /// As clap names it.
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
            Self::Powershell => "powershell",
            Self::Elvish => "elvish",
        }
    }
}

impl Completion {
    /// Prints it for the command of that definition.
    pub fn print<C: CommandFactory>(&self) -> anyhow::Result<()> {
        let name = self.shell.name();
        let shells = Shells::builtins();
        let shell = shells
            .completer(name)
            .with_context(|| format!("there is nothing for {name}"))?;
        let command = C::command();
        let command = command.get_name();
        let mut script = Vec::new();
        let program = args_os().next().map_or_else(|| command.into(), PathBuf::from);
        let program = found_from_anywhere(&program);
        shell.write_registration(VARIABLE, command, command, &program.to_string_lossy(), &mut script)?;
        output::bytes(&script)
    }
}

/// A name is looked up in the PATH wherever the shell will be, a path is not.
fn found_from_anywhere(program: &Path) -> PathBuf {
    if program.components().count() > 1 {
        std::path::absolute(program).unwrap_or_else(|_| program.to_owned())
    } else {
        program.to_owned()
    }
}
