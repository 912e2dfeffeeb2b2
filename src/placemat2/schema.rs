//! `placemat2 schema`: what a lab file may say, for editors.

use std::process::ExitCode;

use placemat2_engine::spec::shape;

use crate::output;

/// Prints the JSON Schema of lab files.
pub fn run() -> anyhow::Result<ExitCode> {
    output::indented_json(&shape::schema())?;
    Ok(ExitCode::SUCCESS)
}
