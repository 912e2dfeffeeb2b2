//! `placemat2 ui` and `placemat2 attach`: the console, on a lab that runs or one that is started for it.

use std::{
    env,
    fs::{self, File},
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, bail};
use clap::ArgMatches;
use placemat2_engine::{
    client::{Client, Endpoint, lab_socket, running_labs},
    host::check_privileges,
    plan::{self, LABS_DIR},
};
use placemat2_ui::{
    config::{Config, Surroundings},
    model::Outcome,
    run::{self, End, Engine, Start, Target},
    terminal,
};

use super::{
    cli::{LogArgs, LookArgs, RunArgs, UiArgs},
    demo, prepare, retyped,
};
use crate::output;

/// How much of a failed engine's log is told.
const TOLD: u64 = 16 * 1024;

/// Runs the console on a lab that is started for it, or on one that runs.
///
/// `typed` is what was typed behind `ui`.
pub fn run(args: &UiArgs, log: &LogArgs, typed: &ArgMatches) -> anyhow::Result<ExitCode> {
    if args.run.plan.files.is_empty() {
        return attach(&args.look);
    }
    if args.look.lab.is_some() || args.look.endpoint.is_some() {
        bail!("either files of a lab to start are named, or a lab that runs (--lab, --endpoint)");
    }
    show(&args.look, started(args, log, typed))
}

/// Runs the console on a lab that runs.
pub fn attach(look: &LookArgs) -> anyhow::Result<ExitCode> {
    show(look, async { Ok((running(look).await?, None)) })
}

/// Shows what there is to show; status 0 unless a lab that was started failed.
fn show(
    look: &LookArgs,
    lab: impl Future<Output = anyhow::Result<(Target, Option<Engine>)>>,
) -> anyhow::Result<ExitCode> {
    terminal::usable()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let end = runtime.block_on(async {
        let (target, engine) = lab.await?;
        console(target, engine, look).await
    });
    runtime.shutdown_background();
    let End { outcome, farewell } = end?;
    if let Some(farewell) = farewell {
        output::note("placemat2", &farewell);
    }
    match outcome {
        Outcome::Detached | Outcome::Ended => Ok(ExitCode::SUCCESS),
        Outcome::Failed(words) => {
            output::remarks(&words);
            Ok(ExitCode::FAILURE)
        }
    }
}

async fn console(target: Target, engine: Option<Engine>, look: &LookArgs) -> anyhow::Result<End> {
    let path = Config::path();
    let (config, mistakes) = path.as_deref().map_or_else(Default::default, Config::read);
    let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    let remark = (!mistakes.is_empty()).then(|| {
        format!(
            "{}\n\nWhat is wrong is left out; `placemat2 config dump` prints what holds.",
            mistakes.join("\n")
        )
    });
    let surroundings = Surroundings {
        theme: look.theme,
        ascii: look.ascii,
        readonly: look.readonly,
        local: match &target {
            Target::Endpoint(endpoint) => matches!(endpoint, Endpoint::Unix(_)),
            Target::Choose(_) => true,
        },
        ..Surroundings::from_environment()
    };
    let start = Start {
        target,
        settings: config.settings(&surroundings),
        view: config.start_view.into(),
        remark,
        pmctl2: beside_this("pmctl2"),
        engine,
    };
    Ok(run::run(start).await?)
}

/// A program of the same installation.
fn beside_this(name: &str) -> PathBuf {
    let beside = env::current_exe()
        .ok()
        .and_then(|program| Some(program.parent()?.join(name)));
    beside.filter(|path| path.exists()).unwrap_or_else(|| name.into())
}

/// The lab that is meant, which runs.
async fn running(look: &LookArgs) -> anyhow::Result<Target> {
    let endpoint = match (&look.endpoint, &look.lab) {
        (Some(endpoint), _) => endpoint.clone(),
        (None, Some(lab)) => Endpoint::Unix(lab_socket(lab)?),
        (None, None) => {
            let mut labs = running_labs();
            match labs.len() {
                0 => bail!(
                    "no lab runs in {LABS_DIR} (or not so that this user may see it): start one with `placemat2 ui FILES`, or name one \
                     with --lab or --endpoint"
                ),
                1 => Endpoint::Unix(lab_socket(&labs.remove(0))?),
                _ => return Ok(Target::Choose(labs)),
            }
        }
    };
    // Better said on a clean terminal than on a screen that shows nothing else.
    let lab: Result<serde_json::Value, _> = Client::new(endpoint.clone()).get_json("/lab").await;
    lab.with_context(|| match &look.lab {
        Some(lab) => format!("the lab {lab:?} does not run on this host"),
        None => "there is no lab to attach to".into(),
    })?;
    Ok(Target::Endpoint(endpoint))
}

/// A lab that is started: mistakes are told before there is a screen.
async fn started(args: &UiArgs, log: &LogArgs, typed: &ArgMatches) -> anyhow::Result<(Target, Option<Engine>)> {
    check_privileges()?;
    demo::make(&args.run.plan).await?;
    let written = prepare::read(&args.run.plan)?;
    let (root, name) = written.lab();
    let socket = plan::api_socket(&root.join(&name));
    if running_labs().contains(&name) {
        bail!(
            "the lab {name} is already running: attach to it with `placemat2 attach --lab {name}`, or give this one another name with --name"
        );
    }
    let directory = args.run.plan.log_dir.join(&name);
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make the directory {} for the engine's log", directory.display()))?;
    let path = directory.join("engine.log");
    let file = File::create(&path).with_context(|| format!("cannot write the engine's log {}", path.display()))?;
    let child = spawn(log, typed, file.into()).context("cannot start the engine")?;
    Ok((
        Target::Endpoint(Endpoint::Unix(socket)),
        Some(Box::pin(watch(child, path))),
    ))
}

/// Starts the engine as a process and session of its own: it outlives this console, and no key of its terminal reaches it.
fn spawn(log: &LogArgs, typed: &ArgMatches, output: OwnedFd) -> std::io::Result<tokio::process::Child> {
    let mut command = Command::new(env::current_exe()?);
    command.args(["run", "--headless", "--log-level", &log.log_level]);
    command.args(log.quiet.then_some("--quiet"));
    command.args(retyped::arguments::<RunArgs>(typed));
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    // SAFETY: setsid is safe to call between fork and exec, and touches no memory of this process.
    unsafe {
        command.pre_exec(|| nix::unistd::setsid().map(drop).map_err(Into::into));
    }
    tokio::process::Command::from(command).kill_on_drop(false).spawn()
}

/// Waits for the end of an engine; the last words of one that failed.
async fn watch(mut child: tokio::process::Child, log: PathBuf) -> Option<String> {
    let status = child.wait().await;
    if status.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return None;
    }
    let words = tokio::task::spawn_blocking(move || last_words(&log))
        .await
        .unwrap_or_default();
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    Some(if words.trim().is_empty() {
        format!("the engine ended: {status}\n")
    } else {
        words
    })
}

fn last_words(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let from = bytes.len().saturating_sub(usize::try_from(TOLD).unwrap_or(usize::MAX));
    let text = String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned();
    let cut = if from > 0 {
        format!("… (all of it is in {})\n", log.display())
    } else {
        String::new()
    };
    format!("{cut}{text}")
}
