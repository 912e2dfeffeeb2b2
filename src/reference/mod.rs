//! What the commands' own definitions say of them, for documentation.

mod manual;
mod markdown;

use clap::{Command, CommandFactory as _};

use crate::{placemat2, pmctl2};

pub use manual::write as write_manual;
pub use markdown::page;

/// The definitions of both commands, complete.
pub fn commands() -> [Command; 2] {
    [placemat2::Cli::command(), pmctl2::Cli::command()].map(|command| {
        // It would come with a copy of all others.
        let mut command = command.disable_help_subcommand(true);
        command.build();
        command
    })
}
