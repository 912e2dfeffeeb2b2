//! Bringing a lab up: as much side by side as dependencies allow, and everything ended by the first failure.
//!
//! Images are fetched while links and namespaces are made; a namespace's init scripts and apps start as soon as the fabric
//! is there; nodes need the fabric's taps and their images, and wait for nothing else but what their `depends-on` names.

use std::{
    convert::Infallible, io, num::NonZero, os::unix::fs::symlink, path::Path, sync::Arc, thread::available_parallelism,
};

use futures::{
    StreamExt as _, TryStreamExt as _,
    future::try_join_all,
    stream::{self, FuturesUnordered},
};
use tokio::sync::{Semaphore, SetOnce, mpsc};
use tokio_util::sync::CancellationToken;

use super::{LabError, addresses, dependencies::met, made::Made, readiness, steps::step};
use crate::{
    app::{App, LogFiles, init, log::AppLog},
    blocking,
    console::{self, Console, Terminal},
    fabric::{Fabric, Netns},
    host::{
        Nat, RecordError, Recorder, Undo,
        enter::{self, EnterError},
        firewall, publish_netns, sysctl,
    },
    keeper::Keeper,
    node::{self, Action, NodeEnv, NodeError, NodeHandle, PrepareEnv},
    plan::{self, End, NetworkKind},
    pty::Pty,
    spec::model::Object,
    store::{Level, Ready},
};

/// Makes everything of the plan. On an error, `cancel` has been cancelled and nothing is being made any more.
pub async fn bring_up(made: &Arc<Made>, keeper: &Keeper, cancel: &CancellationToken) -> Result<(), LabError> {
    let fabric = SetOnce::new();
    let (network, nodes) = tokio::join!(
        ended_by_failure(cancel, network(made, keeper, cancel, &fabric)),
        ended_by_failure(cancel, nodes(made, keeper, cancel, &fabric)),
    );
    first_cause(network, nodes)
}

/// Runs `work`, and cancels the token if it fails.
async fn ended_by_failure(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<(), LabError>>,
) -> Result<(), LabError> {
    let outcome = work.await;
    if outcome.is_err() {
        cancel.cancel();
    }
    outcome
}

/// The failure that made the other one stop, if one did.
fn first_cause(one: Result<(), LabError>, other: Result<(), LabError>) -> Result<(), LabError> {
    match (one, other) {
        (Err(LabError::Cancelled) | Ok(()), Err(error)) | (Err(error), _) => Err(error),
        (Ok(()), Ok(())) => Ok(()),
    }
}

/// Runs `work` until it is done or the token is cancelled. For work that may be dropped at any point: what it has made is
/// ended by the taking down.
async fn unless_cancelled<T, E: Into<LabError>>(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, LabError> {
    tokio::select! {
        outcome = work => outcome.map_err(Into::into),
        () = cancel.cancelled() => Err(LabError::Cancelled),
    }
}

/// The fabric, and all that needs nothing else.
async fn network(
    made: &Arc<Made>,
    keeper: &Keeper,
    cancel: &CancellationToken,
    ready: &SetOnce<Arc<Fabric>>,
) -> Result<(), LabError> {
    record_host_links(made).await?;
    let fabric = step(
        &made.store,
        "fabric",
        Fabric::up(Arc::clone(&made.plan), cancel.clone()),
    )
    .await;
    let fabric = Arc::new(fabric.map_err(|error| {
        if cancel.is_cancelled() {
            LabError::Cancelled
        } else {
            error.into()
        }
    })?);
    made.parts().fabric = Some(Arc::clone(&fabric));
    made.store.update(|state| {
        for network in &mut state.networks {
            network.state = Ready::Ready;
        }
    });
    addresses::watch(made, &fabric).await;
    readiness::watch(made);
    made.bmcs.start(made);
    // Nobody else sets it.
    let _ = ready.set(Arc::clone(&fabric));

    let (unnamed, all_named) = mpsc::channel(1);
    let (outside, namespaces, fabric) = tokio::join!(
        ended_by_failure(cancel, step(&made.store, "outside", outside(made, keeper))),
        ended_by_failure(
            cancel,
            step(
                &made.store,
                "namespaces",
                namespaces(made, keeper, cancel, &fabric, unnamed)
            )
        ),
        ended_by_failure(
            cancel,
            unless_cancelled(cancel, publish_fabric(made, &fabric, all_named))
        ),
    );
    first_cause(first_cause(outside, namespaces), fabric)
}

/// Makes the fabric visible once all namespaces are, or have ended without: scripts look for the name of a namespace among all names, and
/// that of the lab, which is a part of the fabric's, may hold it.
async fn publish_fabric(
    made: &Made,
    fabric: &Fabric,
    mut all_named: mpsc::Receiver<Infallible>,
) -> Result<(), LabError> {
    // Nothing is sent: it ends with the last sender.
    all_named.recv().await;
    let name = plan::fabric_name(&made.plan.lab);
    publish(made, &name, &fabric.fabric_netns().proc_path()).await
}

/// Writes down which links will appear on the host. They go with the fabric, but the kernel takes a while for that after an
/// engine was killed, and a lab that starts again at once would find their names taken.
async fn record_host_links(made: &Made) -> Result<(), LabError> {
    let links = made.plan.networks.iter().flat_map(|network| {
        network.links.iter().filter_map(|link| match &link.end {
            End::Host { mac, .. } => Some(Undo::HostLink {
                name: network.name.clone(),
                mac: mac.to_string(),
            }),
            _ => None,
        })
    });
    let (recorder, links) = (made.recorder().clone(), links.collect::<Vec<_>>());
    let record = move || {
        links
            .iter()
            .try_for_each(|link| recorder.make(link, || Ok::<_, RecordError>(())))
    };
    Ok(blocking::run(record).await?)
}

/// What the host needs to let the lab's packets out and through.
async fn outside(made: &Made, keeper: &Keeper) -> Result<(), LabError> {
    let plan = &made.plan;
    sysctl::claim(made.recorder(), &plan.sysctls).await?;
    if !plan.nat.is_empty() {
        let nat = Nat::start(keeper, &plan.lab, &plan.nat).await?;
        made.parts().nat = Some(nat);
    }
    let exposed = plan
        .networks
        .iter()
        .filter(|network| network.kind != NetworkKind::Internal);
    let links: Vec<_> = exposed.map(|network| network.name.clone()).collect();
    for warning in firewall::accept(made.recorder(), &links).await? {
        made.store.event(Level::Warn, "lab", "forward", &warning);
    }
    Ok(())
}

/// Init scripts, names and apps of all namespaces, side by side. Each has a clone of `unnamed` until it has its name.
async fn namespaces(
    made: &Made,
    keeper: &Keeper,
    cancel: &CancellationToken,
    fabric: &Fabric,
    unnamed: mpsc::Sender<Infallible>,
) -> Result<(), LabError> {
    let files = LogFiles::start(made.store.clone()).map_err(LabError::Logs)?;
    made.parts().logs = Some(files.clone());
    let each = made.plan.namespaces.iter().map(|planned| {
        let work = namespace(made, keeper, fabric, &files, planned, unnamed.clone());
        async {
            let outcome = Box::pin(unless_cancelled(cancel, work)).await;
            if outcome.is_err() {
                cancel.cancel();
                made.store.update(|state| {
                    if let Some(namespace) = state.namespace_mut(&planned.name) {
                        namespace.state = Ready::Failed;
                    }
                });
            }
            outcome
        }
    });
    let all = futures::future::join_all(each);
    drop(unnamed);
    all.await.into_iter().fold(Ok(()), first_cause)
}

async fn namespace(
    made: &Made,
    keeper: &Keeper,
    fabric: &Fabric,
    files: &LogFiles,
    planned: &plan::Namespace,
    unnamed: mpsc::Sender<Infallible>,
) -> Result<(), LabError> {
    let Some(netns) = fabric.namespace(&planned.name) else {
        return Ok(());
    };
    let set = |ready| {
        made.store.update(|state| {
            if let Some(namespace) = state.namespace_mut(&planned.name) {
                namespace.state = ready;
                namespace.reason = None;
            }
        });
    };
    let object = Object::Namespace(planned.name.clone());
    if !met(&made.store, &object, &planned.depends_on).await {
        return Ok(());
    }
    set(Ready::Starting);
    if !planned.init_scripts.is_empty() || !planned.apps.is_empty() {
        share_mounts(made, planned, netns).await;
    }
    if !planned.init_scripts.is_empty() {
        let path = made.plan.paths.log_dir.join(&planned.name).join("init.log");
        let log = AppLog::open(path, &planned.id, files);
        let limit = made.settings.init_timeout;
        init::run(
            &planned.init_scripts,
            netns,
            keeper,
            &made.plan.paths.base_dir,
            limit,
            &log,
        )
        .await?;
    }
    made.forwards.ready(netns)?;
    publish(made, &planned.name, &netns.proc_path()).await?;
    drop(unnamed);
    let message = format!("Namespace {} is usable.", planned.name);
    made.store
        .record(Level::Info, &planned.id, "namespace", &message, |state| {
            if let Some(namespace) = state.namespace_mut(&planned.name) {
                namespace.state = Ready::Ready;
            }
        });
    let start = async |apps: Vec<&plan::App>| {
        let started = App::start_all(apps.iter().copied(), netns, keeper, &made.store, files).await?;
        let mut parts = made.parts();
        for (app, planned_app) in started.into_iter().zip(apps) {
            parts.apps.insert((planned.name.clone(), planned_app.name.clone()), app);
        }
        Ok::<_, LabError>(())
    };
    let (waiting, at_once): (Vec<_>, _) = planned.apps.iter().partition(|app| !app.depends_on.is_empty());
    let later = waiting.into_iter().map(async |app| {
        let object = Object::App {
            namespace: planned.name.clone(),
            app: app.name.clone(),
        };
        if met(&made.store, &object, &app.depends_on).await {
            start(vec![app]).await?;
        }
        Ok(())
    });
    tokio::try_join!(start(at_once), try_join_all(later)).map(drop)
}

/// Has the programs of a namespace see what each of them mounts.
async fn share_mounts(made: &Made, planned: &plan::Namespace, netns: &Arc<Netns>) {
    let inside = Arc::clone(netns);
    let shared = blocking::run(move || {
        let mounts = enter::shared_mounts(&*inside, inside.name())?;
        inside.keep_mounts(mounts);
        Ok::<_, EnterError>(())
    });
    if let Err(error) = shared.await
        && !planned.init_scripts.is_empty()
    {
        let message = format!("What an init script mounts is not seen by others: {error}.");
        made.store.event(Level::Warn, &planned.id, "namespace", &message);
    }
}

/// Makes a namespace visible under `/run/netns`.
async fn publish(made: &Made, name: &str, target: &std::path::Path) -> Result<(), LabError> {
    let (recorder, directory) = (made.recorder().clone(), made.plan.paths.netns_dir.clone());
    let (name, target) = (name.to_owned(), target.to_owned());
    Ok(blocking::run(move || publish_netns(&recorder, &directory, &name, &target)).await?)
}

/// Takes note of where a crash would leave files beside the disks of nodes.
async fn note_leftovers(made: &Arc<Made>) -> Result<(), RecordError> {
    let (recorder, directories) = (made.recorder().clone(), node::directories(&made.plan));
    let note = move || {
        directories.into_iter().try_for_each(|directory| {
            let suffixes = node::leftover_suffixes();
            recorder.make(&Undo::Unlocked { directory, suffixes }, || Ok(()))
        })
    };
    blocking::run(note).await
}

/// Images, volumes and virtual machines.
async fn nodes(
    made: &Arc<Made>,
    keeper: &Keeper,
    cancel: &CancellationToken,
    fabric: &SetOnce<Arc<Fabric>>,
) -> Result<(), LabError> {
    if made.plan.nodes.is_empty() {
        return Ok(());
    }
    note_leftovers(made).await?;
    // First, so that nobody waits for a download only to learn of it.
    made.parts().claims = node::claim_files(&made.plan).await?;
    let env = PrepareEnv::new(made.store.clone(), keeper.clone(), cancel.clone());
    let images = step(&made.store, "images", node::prepare_images(&made.plan, &env)).await;
    let images = images.map_err(|error| {
        if cancel.is_cancelled() {
            LabError::Cancelled
        } else {
            error.into()
        }
    })?;
    let fabric = unless_cancelled(cancel, async { Ok::<_, LabError>(fabric.wait().await) }).await?;
    // More at a time than CPUs would only make each of them slower to boot.
    let by_cpus = || available_parallelism().map_or(2, |cpus| cpus.get() * 2);
    let width = made.settings.boot_parallelism.map_or_else(by_cpus, NonZero::get);
    let places = Semaphore::new(width);
    let start = async |planned: &plan::Node| {
        let place = places.acquire().await;
        node::prepare_volumes(planned, &images, &env).await?;
        let handle = make_node(made, keeper, fabric, planned).await?;
        if !planned.power_on {
            return Ok::<_, LabError>(());
        }
        if planned.depends_on.is_empty() {
            return power_on(&handle).await;
        }
        // What it waits for may need its place.
        drop(place);
        let object = Object::Node(planned.name.clone());
        if met(&made.store, &object, &planned.depends_on).await {
            let _place = places.acquire().await;
            power_on(&handle).await?;
        }
        Ok(())
    };
    let start = |planned| unless_cancelled(cancel, start(planned));
    let (waiting, at_once): (Vec<_>, Vec<_>) = made.plan.nodes.iter().partition(|node| !node.depends_on.is_empty());
    let at_once = stream::iter(at_once)
        .map(start)
        .buffer_unordered(width)
        .try_collect::<()>();
    let waiting: FuturesUnordered<_> = waiting.into_iter().map(start).collect();
    let all = async { tokio::try_join!(at_once, waiting.try_collect::<()>()).map(drop) };
    step(&made.store, "nodes", all).await
}

/// Powers a node on, unless somebody has already decided otherwise: by the API or the BMC a node can be powered off or shut
/// down before the bring-up is done with it. That is a user's wish and no failure of the lab.
async fn power_on(handle: &NodeHandle) -> Result<(), LabError> {
    match handle.act(Action::Start).await {
        Err(NodeError::Interrupted { .. } | NodeError::ShuttingDown { .. }) => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// Makes a node that is off, with its console.
async fn make_node(
    made: &Made,
    keeper: &Keeper,
    fabric: &Fabric,
    planned: &plan::Node,
) -> Result<NodeHandle, LabError> {
    let taps = (0..planned.nics.len())
        .filter_map(|nic| fabric.tap(&planned.name, nic))
        .collect();
    let env = NodeEnv {
        store: made.store.clone(),
        keeper: keeper.clone(),
        debug: made.settings.debug,
    };
    let socket = Undo::Socket {
        path: planned.console_socket.clone(),
    };
    // Whoever has the record may be waiting for a program or the kernel.
    let (recorder, plan) = (made.recorder().clone(), planned.clone());
    let store = made.store.clone();
    let record_and_make = move || {
        let link = console::link_path(&plan.console_socket);
        let id = plan.id.clone();
        let handle = recorder.make(&socket, || Ok::<_, LabError>(NodeHandle::new(plan, taps, env)?))?;
        if let Err(error) = offer_terminal(&recorder, &link, handle.console()) {
            let message = format!("The console has no terminal {}: {error}.", link.display());
            store.event(Level::Warn, &id, "console", &message);
        }
        Ok::<_, LabError>(handle)
    };
    let handle = blocking::run(record_and_make).await?;
    made.parts().nodes.insert(planned.name.clone(), handle.clone());
    made.bmcs.arrived(&planned.name);
    Ok(handle)
}

/// Makes a console's pseudo terminal, with a name that leads to it.
fn offer_terminal(recorder: &Recorder, link: &Path, console: &Console) -> io::Result<()> {
    let pty = Pty::open()?;
    let target = pty.path.clone();
    let terminal = Terminal::new(pty)?;
    let undo = Undo::Symlink {
        path: link.to_owned(),
        target: target.clone(),
    };
    // The record of a dead run has been undone by now: what is there is somebody else's, and stays.
    let linked = recorder.make(&undo, || Ok::<_, RecordError>(symlink(target, link)));
    linked.map_err(io::Error::other)??;
    console.offer(terminal);
    Ok(())
}
