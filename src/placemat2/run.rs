//! `placemat2 run`: a lab from its files to its end.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use super::{
    bmc_users,
    cli::{LogArgs, RunArgs},
    demo,
    logging::{self, Log},
    prepare::{self, Prepared, Written},
    signals, timings,
    watch::Watch,
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
use tokio::time::timeout;

/// How long the taking of a lab's directory may go on when the lab is not wanted any more.
const TAKING: Duration = Duration::from_secs(1);

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
    pub log: Log,
}

/// Reads the files, starts the log, takes the lab's directory, asks the host and plans. The log goes to `log_dir`, or else
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
    let mut log = logging::start(log)?;
    let Some(dir) = acquire(root, name, stop).await? else {
        return Ok(None);
    };
    let prepared = async {
        log.keep_in(log_dir.unwrap_or(dir.path()))?;
        prepare_run(args, bmc_users, bmc_certificate, written).await.map(Some)
    };
    let prepared = tokio::select! {
        prepared = prepared => prepared,
        () = stop.stop.cancelled() => Ok(None),
    };
    match prepared {
        Ok(Some((plan, settings))) => Ok(Some(Begun {
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

/// Takes the lab's directory; `None` if it is to stop meanwhile.
async fn acquire(root: PathBuf, name: String, stop: &Stop) -> anyhow::Result<Option<LabDir>> {
    let mut acquiring = tokio::task::spawn_blocking(move || lab::acquire(&root, &name));
    tokio::select! {
        dir = &mut acquiring => return Ok(Some(dir??)),
        () = stop.stop.cancelled() => {}
    }
    // It is taken in no time, unless a dead run of the lab has to be waited for. What is left of that is then still there for
    // the next start.
    if let Ok(dir) = timeout(TAKING, acquiring).await {
        let dir = dir??;
        tokio::task::block_in_place(|| dir.release())?;
    }
    Ok(None)
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

/// Asks the host and plans.
async fn prepare_run(
    args: RunArgs,
    bmc_users: Vec<User>,
    bmc_certificate: Option<Arc<Certificate>>,
    written: Written,
) -> anyhow::Result<(Plan, Settings)> {
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
        allow_hosts: args.allow_host,
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
    Ok((plan, settings))
}
