//! The life of a lab, from its plan to the end of its taking down.

use std::{
    convert::Infallible,
    num::NonZero,
    panic::AssertUnwindSafe,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use super::{About, LabError, Observer, bring_up, initial, made::Made, preflight, take_down, undone};
use crate::{
    api,
    bmc::{User, redfish::Certificate},
    host::{LabDir, Nat, Undo, limits, mtu},
    keeper::Keeper,
    memory, notify,
    plan::{Mtu, MtuSource, Plan},
    store::{LabPhase, Level, Store},
};

/// NAT that was made again and is lost within this time is not made a third time.
const NAT_GOOD_RUN: Duration = Duration::from_secs(10);

/// How much later than the end of its children the end of the keeper may be heard of.
const KEEPER_NEWS: Duration = Duration::from_millis(50);

/// What the user chose that is not part of the plan.
pub struct Settings {
    /// `--listen-addr`: where the API listens besides its unix socket.
    pub listen_addr: String,
    /// Names by which the API may be called over TCP, besides this host's.
    pub allow_hosts: Vec<String>,
    /// `--init-timeout`: how long one init script may take.
    pub init_timeout: Duration,
    /// `--stop-timeout`: how long apps may take to end by themselves.
    pub stop_timeout: Duration,
    /// `--boot-parallelism`: how many nodes are powered on at a time; by the CPUs of this host if none.
    pub boot_parallelism: Option<NonZero<usize>>,
    /// `--debug`: what QEMUs print is logged.
    pub debug: bool,
    /// Who may sign in to a BMC whose lab file says nothing of users.
    pub bmc_users: Vec<User>,
    /// `--bmc-tls`: what BMCs show whose lab file names no certificate; ones by the lab's authority if none.
    pub bmc_certificate: Option<Arc<Certificate>>,
    /// How the plan's MTU was found, to follow it.
    pub mtu: mtu::Choice,
    /// Plans the same lab for another MTU; `None` if that can't be.
    pub replan: Box<dyn Fn(Mtu) -> Option<Plan> + Send + Sync>,
    /// What the API tells of the lab beyond its plan.
    pub about: About,
    /// Who is told of the lab's life.
    pub observer: Option<Arc<dyn Observer>>,
}

/// What the user asks for while the lab runs.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Take the lab down.
    pub stop: CancellationToken,
    /// Don't wait for anybody to end by itself.
    pub hurry: CancellationToken,
}

/// Takes the directory of a lab below `root`. Blocks while a dead run of that lab is being undone.
///
/// To be called before the host is asked what a plan needs to know of it: what a dead run left would stand in the plan's way.
pub fn acquire(root: &Path, lab: &str) -> Result<LabDir, LabError> {
    Ok(LabDir::acquire(root, lab)?)
}

/// Runs a lab until `stop`, or until it can't go on, and takes it down again: nothing is left when this returns.
///
/// Needs a multi-threaded tokio runtime. An error of the bring-up or the running lab is returned after the taking down.
pub async fn run(plan: Plan, dir: LabDir, settings: Settings, stop: Stop) -> Result<(), LabError> {
    let plan = Arc::new(plan);
    let store = Store::new(initial::state(&plan, &settings.about));
    for note in &plan.notes {
        store.event(Level::Warn, "lab", "note", note);
    }
    for removed in &dir.found().removed {
        store.event(
            Level::Info,
            "lab",
            "cleanup",
            &format!("A dead run of this lab left {removed}: removed."),
        );
    }
    undone::tell(&store, &dir.found().left, &dir.found().errors);
    if let Some(observer) = &settings.observer {
        observer.begins(&store);
    }
    let made = Arc::new(Made::new(plan, store, dir, settings));
    let outcome = Box::pin(without_panic(live(&made, &stop))).await;
    if let Err(error) = &outcome {
        let message = error.to_string();
        made.store.record(Level::Error, "lab", "failed", &message, |state| {
            state.lab.phase = LabPhase::Failed;
            state.lab.error = Some(message.clone());
        });
    }
    if let Some(observer) = &made.settings.observer {
        observer.ending(outcome.as_ref().err()).await;
    }
    notify::stopping();
    let down = take_down::take_down(made, &stop.hurry).await;
    outcome.and(down)
}

/// Turns a panic of `work` into an error: a defect of this program, too, must not skip the taking down.
async fn without_panic(work: impl Future<Output = Result<(), LabError>>) -> Result<(), LabError> {
    // What the work shares with the taking down is behind locks, whose users know that a holder may have panicked.
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => {
            let words = panic.downcast_ref::<&str>().copied();
            let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            Err(LabError::Panic(words.unwrap_or("without a word").to_owned()))
        }
    }
}

/// Everything from the first process to the request to stop.
async fn live(made: &Arc<Made>, stop: &Stop) -> Result<(), LabError> {
    preflight::check(&made.plan)?;
    let (variable, mark) = made.recorder().mark_processes()?;
    let keeper = Keeper::start(made.dir_path())?.marking(variable, mark);
    made.keeper.set(keeper.clone()).ok();
    if let Some(observer) = &made.settings.observer {
        observer.has_keeper(&keeper);
    }
    if let Err(error) = limits::raise_open_files() {
        tracing::warn!("the limit on open files stays as it is: {error}");
    }
    serve(made)?;
    made.forwards.declare(&made.plan)?;

    let cancel = stop.stop.child_token();
    // Whatever ends the bring-up ends what it left to other threads.
    let _guard = cancel.clone().drop_guard();
    let up = bring_up::bring_up(made, &keeper, &cancel);
    let up = tokio::select! {
        up = up => match up {
            // The end of what the keeper was the parent of may be heard of before its own.
            Err(_) if tokio::time::timeout(KEEPER_NEWS, keeper.gone()).await.is_ok() => Err(LabError::KeeperGone),
            other => other,
        },
        () = keeper.gone() => Err(LabError::KeeperGone),
    };
    match up {
        Err(error) if stop.stop.is_cancelled() => {
            tracing::debug!("the bring-up ended: {error}");
            return Ok(());
        }
        other => other?,
    }
    memory::give_back().await;
    made.store
        .record(Level::Info, "lab", "phase", "The lab is up.", |state| {
            state.lab.phase = LabPhase::Running;
        });
    notify::ready();
    tokio::select! {
        () = stop.stop.cancelled() => Ok(()),
        () = keeper.gone() => Err(LabError::KeeperGone),
        error = follow_mtu(made) => Err(error),
        never = keep_nat(made, &keeper) => match never {},
    }
}

/// Opens the API before anything is made, so that the bring-up can be watched.
fn serve(made: &Arc<Made>) -> Result<(), LabError> {
    let tcp = api::bind_tcp(&made.settings.listen_addr)?;
    let socket = made.plan.paths.api_socket.clone();
    let record = Undo::Socket { path: socket.clone() };
    let unix = made
        .recorder()
        .make(&record, || Ok::<_, LabError>(api::bind_unix(&socket)?))?;
    let control: Arc<dyn api::Control> = made.control();
    let hostname = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let names = made.settings.allow_hosts.iter().cloned().chain(hostname).collect();
    let server = api::serve(made.store.clone(), control, unix, tcp, names, made.serving.clone());
    made.tasks.spawn(server);
    Ok(())
}

/// Makes the lab's NAT again when the program that holds it was killed. Whoever does that again at once means it.
async fn keep_nat(made: &Made, keeper: &Keeper) -> Infallible {
    let mut made_at = None;
    loop {
        let Some(ended) = made.parts().nat.as_ref().map(Nat::ended) else {
            return std::future::pending().await;
        };
        let exit = ended.await;
        if made_at.is_some_and(|time: Instant| time.elapsed() < NAT_GOOD_RUN) {
            let message =
                format!("The program nft, which holds the lab's NAT, {exit} again: the lab goes on without NAT.");
            made.store.event(Level::Error, "lab", "nat", &message);
            return std::future::pending().await;
        }
        let message = format!("The program nft, which holds the lab's NAT, {exit}: the NAT is made again.");
        made.store.event(Level::Warn, "lab", "nat", &message);
        match Nat::start(keeper, &made.plan.lab, &made.plan.nat).await {
            Ok(nat) => made.parts().nat = Some(nat),
            Err(error) => {
                let message = format!("The lab goes on without NAT: {error}");
                made.store.event(Level::Error, "lab", "nat", &message);
                return std::future::pending().await;
            }
        }
        made.store
            .event(Level::Info, "lab", "nat", "The lab's NAT is there again.");
        made_at = Some(Instant::now());
    }
}

/// Retunes every link of the lab when the path outside changes. Returns only if that can't go on.
async fn follow_mtu(made: &Made) -> LabError {
    let current = made.store.read(|state| state.lab.mtu.clone());
    let mut follower = match mtu::follow(made.settings.mtu.clone(), current) {
        Ok(follower) => follower,
        Err(error) => return error.into(),
    };
    loop {
        let mtu = follower.changed().await;
        let Some(fabric) = made.fabric() else { continue };
        let bytes = mtu.effective();
        let retuned = fabric.set_mtu(bytes).await;
        // A guest learns its MTU from its NIC when it boots.
        if let Some(plan) = (made.settings.replan)(mtu.clone()) {
            let parts = made.parts();
            for node in plan.nodes {
                if let Some(handle) = parts.nodes.get(&node.name) {
                    handle.replan(node);
                }
            }
        }
        let by = match &mtu.source {
            MtuSource::Route { link, .. } | MtuSource::Links { link } => format!(", by the host's link {link}"),
            _ => String::new(),
        };
        let (level, outcome) = match retuned {
            Ok(()) => (Level::Info, "every link of the lab follows.".to_owned()),
            Err(error) => (Level::Warn, format!("not every link of the lab follows: {error}")),
        };
        let message = format!("The path MTU is now {bytes} bytes{by}; {outcome}");
        made.store.record(level, "lab", "mtu", &message, |state| {
            state.lab.mtu = mtu;
            for network in &mut state.networks {
                network.mtu = bytes;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let work = async {
            tokio::task::yield_now().await;
            panic!("at number {}", 7)
        };
        let error = without_panic(work).await.unwrap_err().to_string();
        assert!(error.ends_with("it panicked: at number 7"), "{error}");
        assert!(without_panic(async { Ok(()) }).await.is_ok());
    }

    #[tokio::test]
    async fn a_panic_off_the_runtime_is_one_of_whoever_waits() {
        let work = async {
            crate::blocking::run(|| panic!("off the runtime")).await;
            Ok(())
        };
        assert!(matches!(without_panic(work).await, Err(LabError::Panic(words)) if words == "off the runtime"));
    }
}
