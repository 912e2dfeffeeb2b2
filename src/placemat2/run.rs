//! `placemat2 run`: a lab from its files to its end.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use placemat2_engine::{
    bmc::{User, redfish::Certificate},
    host::{LabDir, check_privileges, proc_sys},
    keeper,
    lab::{self, About, Settings, Stop},
    memory,
    plan::{self, Facts, Plan},
};
use tracing_appender::non_blocking::WorkerGuard;

use super::{
    bmc_users,
    cli::{LogArgs, RunArgs},
    demo, logging,
    prepare::{self, Prepared, Written},
    signals, timings,
    watch::Watch,
};

/// Brings the lab up and runs it until a signal; status 0 if it came up and went down, or was stopped on its way up.
pub fn run(args: RunArgs, log: &LogArgs) -> anyhow::Result<ExitCode> {
    on_runtime(run_lab(args, log)).map(|()| ExitCode::SUCCESS)
}

/// Runs what runs a lab.
pub fn on_runtime<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    // Before there are threads. Where it can't be done, it may not be needed, and whatever needs it says so.
    let _ = proc_sys::make_writable();
    memory::share_arena();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        if std::process::id() == 1 {
            tokio::spawn(keeper::reap_strangers());
        }
        work.await
    });
    // Nothing of the lab is left; a name look-up or a download that still hangs must not keep the process.
    runtime.shutdown_background();
    outcome
}

async fn run_lab(args: RunArgs, log: &LogArgs) -> anyhow::Result<()> {
    let (stop, _) = signals::listen()?;
    let wanted = args.timings.clone();
    let Some(mut begun) = begin(args, log, None, &stop).await? else {
        return Ok(());
    };
    let Some(trace) = wanted else {
        return Ok(Box::pin(lab::run(begun.plan, begun.dir, begun.settings, stop)).await?);
    };
    let watch = Arc::new(Watch::default());
    // Nothing keeps this lab.
    watch.released.cancel();
    begun.settings.observer = Some(watch.clone());
    let running = Box::pin(lab::run(begun.plan, begun.dir, begun.settings, stop));
    let (outcome, ()) = tokio::join!(running, timings::tell_when_settled(&watch, trace.as_deref()));
    Ok(outcome?)
}

/// A lab that is about to be brought up.
pub struct Begun {
    pub plan: Plan,
    pub dir: LabDir,
    pub settings: Settings,
    /// The log is written as long as this is there.
    pub log: WorkerGuard,
}

/// Reads the files, takes the lab's directory, starts the log, asks the host and plans. The log goes to `log_dir`, or else
/// into the lab's directory. `None` if it is to stop meanwhile.
pub async fn begin(args: RunArgs, log: &LogArgs, log_dir: Option<&Path>, stop: &Stop) -> anyhow::Result<Option<Begun>> {
    check_privileges()?;
    let bmc_users = bmc_users::read(args.bmc_users.as_deref())?;
    let bmc_certificate = bmc_certificate(args.bmc_tls.as_deref())?;
    let options = args.plan.clone();
    tokio::select! {
        made = demo::make(&options) => made?,
        () = stop.stop.cancelled() => return Ok(None),
    }
    let read = tokio::task::spawn_blocking(move || prepare::read(&options));
    let written = tokio::select! {
        written = read => written??,
        () = stop.stop.cancelled() => return Ok(None),
    };
    let (root, name) = written.lab();
    let dir = tokio::task::block_in_place(|| lab::acquire(&root, &name))?;
    let prepared = tokio::select! {
        prepared = prepare_run(args, bmc_users, bmc_certificate, log, written, log_dir.unwrap_or(dir.path())) => prepared.map(Some),
        () = stop.stop.cancelled() => Ok(None),
    };
    match prepared {
        Ok(Some((plan, settings, log))) => Ok(Some(Begun {
            plan,
            dir,
            settings,
            log,
        })),
        nothing => {
            tokio::task::block_in_place(|| dir.release())?;
            nothing.map(|_| None)
        }
    }
}

/// `--bmc-tls`: the certificate in those files.
fn bmc_certificate(files: Option<&[PathBuf]>) -> anyhow::Result<Option<Arc<Certificate>>> {
    let Some([certificate, key]) = files else {
        return Ok(None);
    };
    let read = Certificate::read(certificate, key);
    let read = read.with_context(|| {
        format!(
            "the BMCs' certificate {} with the key {} can't be used",
            certificate.display(),
            key.display()
        )
    });
    Ok(Some(Arc::new(read?)))
}

/// Starts the log, asks the host and plans.
async fn prepare_run(
    args: RunArgs,
    bmc_users: Vec<User>,
    bmc_certificate: Option<Arc<Certificate>>,
    log: &LogArgs,
    written: Written,
    log_dir: &Path,
) -> anyhow::Result<(Plan, Settings, WorkerGuard)> {
    let log = logging::start(log, log_dir)?;
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
        bmc_certificate,
        mtu,
        replan: Box::new(move |mtu| plan::build(&spec, &options, &Facts { mtu, ..facts.clone() }).ok()),
        about: About {
            files: args.plan.files.iter().map(|file| file.display().to_string()).collect(),
            qemu_version: qemu_version.map(|version| version.to_string()),
            kernel: nix::sys::utsname::uname()?.release().to_string_lossy().into_owned(),
        },
        observer: None,
    };
    Ok((plan, settings, log))
}
