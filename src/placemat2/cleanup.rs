//! `placemat2 cleanup`: removes what labs left behind that were killed along with their keepers.

use std::{path::Path, process::ExitCode};

use placemat2_engine::{
    host::{self, LabEntry},
    plan::LABS_DIR,
};

use super::cli::CleanupArgs;
use crate::output;

/// Undoes what the records of dead labs list; says what that was.
pub fn run(args: &CleanupArgs) -> anyhow::Result<ExitCode> {
    let cleanup = host::cleanup(Path::new(LABS_DIR), args.lab.as_deref())?;
    let mut complete = true;
    for (lab, report) in &cleanup.cleaned {
        for removed in &report.removed {
            output::text(&format!("{lab}: removed {removed}\n"))?;
        }
        for left in &report.left {
            output::note("placemat2", &format!("{lab}: left {left}"));
        }
        for error in &report.errors {
            complete = false;
            output::remark("placemat2", &format!("{lab}: {error}"));
        }
    }
    for (lab, error) in &cleanup.failed {
        complete = false;
        output::remark("placemat2", &format!("{lab}: {error}"));
    }
    for LabEntry { lab, .. } in &cleanup.running {
        output::note("placemat2", &format!("{lab} is running and stays"));
    }
    Ok(if complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
