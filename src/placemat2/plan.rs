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
    let written = prepare::read(&args.plan)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mtu = runtime.block_on(written.find_mtu())?;
    let plan = written.plan(mtu)?.plan;
    match args.output {
        PlanFormat::Text => output::text(&plan::render_text(&plan))?,
        PlanFormat::Json => output::json(&plan)?,
        PlanFormat::Yaml => output::yaml(&plan)?,
    }
    Ok(ExitCode::SUCCESS)
}
