//! `placemat2 migrate`: lab files of placemat version 1 as one of today.

use std::{io::IsTerminal as _, process::ExitCode};

use placemat2_engine::spec::migrate;

use super::cli::MigrateArgs;
use crate::output;

/// Prints the new file, and tells what somebody has to look at; exit status 1 if a file could not be read.
pub fn run(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let migrated = migrate::migrate(&args.files);
    let color = std::io::stderr().is_terminal() && output::color_is_welcome();
    output::remarks(&migrated.report.render_text(color));
    output::text(&migrated.yaml)?;
    Ok(if migrated.report.has_errors(false) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
