//! `placemat2 plan`: what a lab would consist of.

use std::process::ExitCode;

use placemat2_engine::plan;

use super::{
    cli::{PlanArgs, PlanFormat},
    prepare,
};
use crate::output;

/// Prints the plan; makes nothing.
pub fn run(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let plan = runtime
        .block_on(async { prepare::read(&args.plan).await?.plan().await })?
        .plan;
    match args.output {
        PlanFormat::Text => output::text(&plan::render_text(&plan))?,
        PlanFormat::Json => output::json(&plan)?,
        PlanFormat::Yaml => output::yaml(&plan)?,
    }
    Ok(ExitCode::SUCCESS)
}
