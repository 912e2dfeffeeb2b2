//! `placemat2 doctor`: what a lab needs of this host, and how to mend what is missing.

use std::process::ExitCode;

use placemat2_engine::{
    doctor::{self, Finding, Verdict},
    host::proc_sys,
    plan,
};

use super::{
    cli::{DoctorArgs, ReportFormat},
    prepare::{self, Written},
};
use crate::output;

/// Exit status 0 if nothing stands in a lab's way, else 1.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    // As a lab would; where it can't be done, that is a finding below.
    let _ = proc_sys::make_writable();
    let (written, of_a_lab) = if args.plan.files.is_empty() {
        (Written::nothing(&args.plan), false)
    } else {
        (prepare::read(&args.plan)?, true)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mtu = runtime.block_on(written.find_mtu())?;
    let (spec, options, facts) = written.gather_all(mtu)?;
    let findings = doctor::examine(&doctor::Host {
        facts: &facts,
        options: &options,
        demand: of_a_lab.then(|| doctor::Demand::of(&spec)),
        clashes: plan::clashes(&spec, &options, &facts),
    });
    match args.output {
        ReportFormat::Json => output::json(&findings)?,
        ReportFormat::Text => output::text(&render(&findings))?,
    }
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Failed);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// One line for each finding, a second one where there is something to mend.
fn render(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Finding {
        check,
        verdict,
        found,
        mend,
    } in findings
    {
        let verdict = match verdict {
            Verdict::Ok => "ok",
            Verdict::Warning => "warning",
            Verdict::Failed => "failed",
        };
        text.extend([format!("{verdict:7}  {check:width$}  {found}\n")]);
        if let Some(mend) = mend {
            text.extend([format!("{:7}  {:width$}  mend: {mend}\n", "", "")]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_mend_stands_below_what_was_found() {
        let finding = |check, verdict, mend: Option<&str>| Finding {
            check,
            verdict,
            found: "something".into(),
            mend: mend.map(str::to_owned),
        };
        let findings = [
            finding("tun", Verdict::Ok, None),
            finding("netem", Verdict::Warning, Some("do this")),
            finding("qemu", Verdict::Failed, Some("do that")),
        ];
        assert_eq!(
            render(&findings),
            "\
ok       tun    something
warning  netem  something
                mend: do this
failed   qemu   something
                mend: do that
"
        );
    }
}
