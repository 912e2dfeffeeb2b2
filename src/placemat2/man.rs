//! `placemat2 man`: manual pages of both commands.

use std::{fs, process::ExitCode};

use anyhow::Context as _;

use super::cli::ManArgs;
use crate::reference;

/// Writes one page for each command and subcommand.
pub fn run(args: &ManArgs) -> anyhow::Result<ExitCode> {
    let directory = args.directory.display();
    fs::create_dir_all(&args.directory).with_context(|| format!("cannot make {directory}"))?;
    reference::write_manual(&args.directory).with_context(|| format!("cannot write manual pages into {directory}"))?;
    Ok(ExitCode::SUCCESS)
}
