//! `placemat2 validate`: every mistake of the lab files, for people or for editors.

use std::{io::IsTerminal as _, process::ExitCode};

use placemat2_engine::spec;

use super::{
    cli::{ReportFormat, ValidateArgs},
    demo,
};
use crate::output;

/// Exit status 0 if the files could be run, else 1.
pub fn run(args: &ValidateArgs) -> anyhow::Result<ExitCode> {
    let given = args.variables.given();
    let files = demo::found_by_default(&args.files)?;
    let (mut report, printed) = if args.print {
        let (report, printed) = spec::print(&files, &given);
        (report, Some(printed))
    } else {
        (spec::load_given(&files, &given), None)
    };
    if args.strict {
        report.deny_warnings();
    }
    if let Some(printed) = printed {
        let color = std::io::stderr().is_terminal() && output::color_is_welcome();
        output::remarks(&report.render_text(color));
        output::text(&printed)?;
    } else {
        match args.output {
            ReportFormat::Json => output::json(&report.to_json())?,
            ReportFormat::Text => {
                let color = std::io::stdout().is_terminal() && output::color_is_welcome();
                output::text(&report.render_text(color))?;
            }
        }
    }
    Ok(if report.has_errors(args.strict) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
