//! A test from its beginning to its exit status.

use std::{fs, path::Path, process::ExitCode, sync::Arc};

use anyhow::Context as _;
use placemat2_engine::lab::{self, Stop};
use tokio_util::sync::CancellationToken;

use super::{bundle::Bundle, drive::Test, outcome::Outcome};
use crate::{
    output,
    placemat2::{
        cli::{LogArgs, TestArgs},
        prepare::Told,
        run::{self, Begun},
        signals,
        watch::Watch,
    },
};

/// Exit status of a wrong command line.
const USAGE: u8 = 2;

/// Runs a test; the exit status is that of the command, or says what went wrong before.
pub fn run(args: TestArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    run::on_runtime(test(args, log))
}

async fn test(args: TestArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    let (asked, by) = signals::listen()?;
    let artifacts = args.artifacts.clone();
    if let Some(directory) = &artifacts {
        make(directory)?;
    }
    let begun = run::begin(args.run.clone(), log, artifacts.as_deref(), &asked).await;
    let mut begun = match begun {
        Ok(Some(begun)) => begun,
        Ok(None) => return Ok(Outcome::Interrupted(by.by().unwrap_or_default()).code().into()),
        Err(error) if error.is::<Told>() => return Ok(Outcome::BadFile.code().into()),
        Err(error) => {
            output::remark("placemat2", &format!("{error:#}"));
            return Ok(Outcome::NotStarted(String::new()).code().into());
        }
    };
    if let Some(netns) = &args.netns
        && !begun.plan.namespaces.iter().any(|planned| planned.name == *netns)
    {
        tokio::task::block_in_place(|| begun.dir.release())?;
        output::remark(
            "placemat2",
            &format!("`--in {netns}`: there is no namespace of that name in the lab"),
        );
        return Ok(USAGE.into());
    }
    let watch = Arc::new(Watch::default());
    begun.settings.observer = Some(watch.clone());
    let stop = Stop {
        stop: CancellationToken::new(),
        hurry: asked.hurry.clone(),
    };
    let Begun {
        plan,
        dir,
        settings,
        log: _log,
    } = begun;
    let test = Test {
        plan: plan.clone(),
        args,
        watch,
        asked: asked.stop,
        by,
        stop: stop.stop.clone(),
    };
    let (ended, mut outcome) = tokio::join!(Box::pin(lab::run(plan, dir, settings, stop)), test.drive());
    if let Err(error) = ended
        && matches!(outcome, Outcome::Ended(_))
    {
        let broken = Outcome::Broken(error.to_string());
        output::remark("placemat2", &format!("the test is {broken}"));
        if outcome.is_success() {
            outcome = broken;
        }
    }
    if let Some(directory) = artifacts
        && !outcome.is_success()
    {
        // Once more, as all of it is written now.
        let bundle = Bundle {
            directory,
            plan: &test.plan,
        };
        output::tell("placemat2", bundle.copy_logs());
    }
    Ok(outcome.code().into())
}

fn make(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make the directory {}", directory.display()))
}
