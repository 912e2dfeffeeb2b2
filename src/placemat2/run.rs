//! `placemat2 run`: a lab from its files to its end.

use std::{path::Path, process::ExitCode};

use placemat2_engine::{
    bmc::User,
    host::proc_sys,
    keeper,
    lab::{self, About, Settings, Stop},
    memory,
    plan::{self, Facts, Plan},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_appender::non_blocking::WorkerGuard;

use super::{
    bmc_users,
    cli::{LogArgs, RunArgs},
    logging,
    prepare::{self, Prepared, Written},
};

/// Brings the lab up and runs it until a signal; status 0 if it came up and went down, or was stopped on its way up.
pub fn run(args: RunArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    // Before there are threads. Where it can't be done, it may not be needed, and whatever needs it says so.
    let _ = proc_sys::make_writable();
    memory::share_arena();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(run_lab(args, log));
    // Nothing of the lab is left; a name look-up or a download that still hangs must not keep the process.
    runtime.shutdown_background();
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn run_lab(args: RunArgs, log: &LogArgs) -> anyhow::Result<()> {
    let stop = listen()?;
    if std::process::id() == 1 {
        tokio::spawn(keeper::reap_strangers());
    }
    lab::check_privileges()?;
    let bmc_users = bmc_users::read(args.bmc_users.as_deref())?;
    let options = args.plan.clone();
    let read = tokio::task::spawn_blocking(move || prepare::read(&options));
    let written = tokio::select! {
        written = read => written??,
        () = stop.stop.cancelled() => return Ok(()),
    };
    let (root, name) = written.lab();
    let dir = tokio::task::block_in_place(|| lab::acquire(&root, &name))?;
    let prepared = tokio::select! {
        prepared = prepare_run(args, bmc_users, log, written, dir.path()) => prepared,
        () = stop.stop.cancelled() => Err(Stopped.into()),
    };
    match prepared {
        Ok((plan, settings, _log)) => Ok(Box::pin(lab::run(plan, dir, settings, stop)).await?),
        Err(error) => {
            tokio::task::block_in_place(|| dir.release())?;
            if error.is::<Stopped>() { Ok(()) } else { Err(error) }
        }
    }
}

/// Returned where a signal came before there was anything to take down.
#[derive(Debug, thiserror::Error)]
#[error("the lab was stopped before it was planned")]
struct Stopped;

/// Starts the log, asks the host and plans.
async fn prepare_run(
    args: RunArgs,
    bmc_users: Vec<User>,
    log: &LogArgs,
    written: Written,
    dir: &Path,
) -> anyhow::Result<(Plan, Settings, WorkerGuard)> {
    let log = logging::start(log, dir)?;
    let Prepared {
        plan,
        spec,
        options,
        facts,
        mtu,
    } = {
        let mtu = written.find_mtu().await?;
        tokio::task::spawn_blocking(move || written.plan(mtu)).await??
    };
    let qemu_version = facts.qemu.as_ref().and_then(|qemu| qemu.version);
    let settings = Settings {
        listen_addr: args.listen_addr,
        init_timeout: args.init_timeout,
        stop_timeout: args.stop_timeout,
        boot_parallelism: args.boot_parallelism,
        debug: args.debug,
        bmc_users,
        mtu,
        replan: Box::new(move |mtu| plan::build(&spec, &options, &Facts { mtu, ..facts.clone() }).ok()),
        about: About {
            files: args.plan.files.iter().map(|file| file.display().to_string()).collect(),
            qemu_version: qemu_version.map(|version| version.to_string()),
            kernel: nix::sys::utsname::uname()?.release().to_string_lossy().into_owned(),
        },
    };
    Ok((plan, settings, log))
}

/// SIGINT, SIGTERM and SIGHUP (the terminal is gone): the first asks for the end, the second for haste.
fn listen() -> std::io::Result<Stop> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hangup = signal(SignalKind::hangup())?;
    let stop = Stop::default();
    let told = stop.clone();
    tokio::spawn(async move {
        for token in [&told.stop, &told.hurry] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
            token.cancel();
        }
    });
    Ok(stop)
}
