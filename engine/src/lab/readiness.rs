//! Looking at what has a `ready` in its lab file, from its start on until it is ready or its time is over.
//!
//! One task follows the store and has a task for each thing that was started and is not known to be ready.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use futures::future::select_ok;
use regex::bytes::Regex;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::{made::Made, reach};
use crate::{
    forward::Forwards,
    keeper::Command,
    plan::{self, Plan},
    probe::{self, Watch},
    spec::model::{Destination, Object, Probe, Ready, Where},
    store::{Level, Readiness, State, Store},
};

/// The kind of the events told here.
const KIND: &str = "ready";

/// How long one attempt may take: what does not answer now may answer the next one.
const ATTEMPT: Duration = Duration::from_secs(10);

/// Begins to look, until the lab is taken down.
pub fn watch(made: &Arc<Made>) {
    let mut lookouts = lookouts(made);
    if lookouts.is_empty() {
        return;
    }
    let (store, stop) = (made.store.clone(), made.probing.clone());
    made.tasks.spawn(async move {
        tokio::select! {
            () = follow(&store, &mut lookouts) => {}
            () = stop.cancelled() => {}
        }
    });
}

/// Something that is looked at.
struct Lookout {
    look: Arc<Look>,
    /// The run that is looked at, if one is.
    run: Option<u64>,
    task: Option<AbortOnDropHandle<()>>,
}

/// All that takes part in looking.
struct Look {
    object: Object,
    place: Place,
    ready: Ready,
    made: Weak<Made>,
    plan: Arc<Plan>,
    store: Store,
    forwards: Forwards,
}

/// Where something is in the lists of plan and state, which have one order.
#[derive(Clone, Copy)]
enum Place {
    Node(usize),
    App(usize, usize),
}

fn lookouts(made: &Arc<Made>) -> Vec<Lookout> {
    let plan = &made.plan;
    let nodes = plan.nodes.iter().enumerate().filter_map(|(index, node)| {
        let ready = node.ready.clone()?;
        Some((Object::Node(node.name.clone()), Place::Node(index), ready))
    });
    let apps = plan.namespaces.iter().enumerate().flat_map(|(outer, namespace)| {
        namespace.apps.iter().enumerate().filter_map(move |(index, app)| {
            let object = Object::App {
                namespace: namespace.name.clone(),
                app: app.name.clone(),
            };
            Some((object, Place::App(outer, index), app.ready.clone()?))
        })
    });
    let lookout = |(object, place, ready)| Lookout {
        look: Arc::new(Look {
            object,
            place,
            ready,
            made: Arc::downgrade(made),
            plan: Arc::clone(plan),
            store: made.store.clone(),
            forwards: made.forwards.clone(),
        }),
        run: None,
        task: None,
    };
    nodes.chain(apps).map(lookout).collect()
}

async fn follow(store: &Store, lookouts: &mut [Lookout]) {
    let mut changes = store.watch();
    loop {
        changes.mark_unchanged();
        let runs: Vec<_> = store.read(|state| {
            let readiness = |lookout: &Lookout| lookout.look.place.of(state).and_then(Readiness::probed_run);
            lookouts.iter().map(readiness).collect()
        });
        for (lookout, run) in lookouts.iter_mut().zip(runs) {
            if lookout.run != run {
                lookout.run = run;
                let look = run.map(|run| Arc::clone(&lookout.look).look(run));
                lookout.task = look.map(|look| AbortOnDropHandle::new(tokio::spawn(look)));
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

impl Place {
    fn of(self, state: &State) -> Option<&Readiness> {
        match self {
            Self::Node(index) => Some(&state.nodes.get(index)?.ready),
            Self::App(outer, index) => Some(&state.namespaces.get(outer)?.apps.get(index)?.ready),
        }
    }

    fn planned_app(self, plan: &Plan) -> Option<&plan::App> {
        match self {
            Self::Node(_) => None,
            Self::App(outer, index) => plan.namespaces.get(outer)?.apps.get(index),
        }
    }

    fn of_mut(self, state: &mut State) -> Option<&mut Readiness> {
        match self {
            Self::Node(index) => Some(&mut state.nodes.get_mut(index)?.ready),
            Self::App(outer, index) => Some(&mut state.namespaces.get_mut(outer)?.apps.get_mut(index)?.ready),
        }
    }
}

impl Look {
    /// Looks at a run until it is ready or its time is over, and tells of it.
    async fn look(self: Arc<Self>, run: u64) {
        let began = Instant::now();
        let outcome = match &self.ready.probe {
            Probe::Console(pattern) => self.watch_console(pattern).await,
            _ => self.try_again_and_again(run).await,
        };
        let (level, message) = match &outcome {
            Ok(()) => {
                let seconds = began.elapsed().as_secs_f64();
                let message = format!("{} is ready ({}) after {seconds:.1} s.", self.object, self.ready.probe);
                (Level::Info, message)
            }
            Err(reason) => (Level::Warn, format!("{} is not ready: {reason}.", self.object)),
        };
        self.store
            .record(level, &self.object.to_string(), KIND, &message, |state| {
                if let Some(ready) = self.place.of_mut(state) {
                    ready.conclude(run, outcome);
                }
            });
    }

    async fn watch_console(&self, pattern: &str) -> Result<(), String> {
        let console = self.made.upgrade().and_then(|made| {
            let parts = made.parts();
            let Object::Node(name) = &self.object else { return None };
            Some(parts.nodes.get(name)?.console().clone())
        });
        // The pattern could be read as the lab file was, and a node that is on is there.
        let (Some(console), Ok(regex)) = (console, Regex::new(pattern)) else {
            return Err("its console can't be read".into());
        };
        let mut watch = Watch::new(&console, regex);
        if timeout(self.ready.timeout, watch.found()).await.is_ok() {
            return Ok(());
        }
        let last = match watch.last_seen() {
            nothing if nothing.is_empty() => "it showed nothing at all".to_owned(),
            line => format!("what it showed last was {line:?}"),
        };
        let limit = self.ready.timeout.as_secs_f64();
        Err(format!("`{pattern}` was not on its console within {limit} s; {last}"))
    }

    async fn try_again_and_again(&self, run: u64) -> Result<(), String> {
        let mut last = String::new();
        let trying = async {
            loop {
                let failure = match timeout(ATTEMPT, self.attempt()).await {
                    Ok(Ok(())) => return,
                    Ok(Err(failure)) => failure.trim_end_matches('.').to_owned(),
                    Err(_) => format!("no answer within {} s", ATTEMPT.as_secs()),
                };
                if failure != last {
                    self.note(run, &failure);
                    last = failure;
                }
                sleep(self.ready.interval).await;
            }
        };
        let outcome = timeout(self.ready.timeout, trying).await;
        outcome.map_err(|_| {
            let limit = self.ready.timeout.as_secs_f64();
            let last = if last.is_empty() { "no answer" } else { &last };
            format!("`{}` did not succeed within {limit} s: {last}", self.ready.probe)
        })
    }

    /// Shows why the last attempt failed.
    fn note(&self, run: u64, failure: &str) {
        self.store.update(|state| {
            if let Some(ready) = self.place.of_mut(state) {
                ready.note(run, failure.to_owned());
            }
        });
    }

    async fn attempt(&self) -> Result<(), String> {
        match &self.ready.probe {
            Probe::Tcp(to) => self.connect(to).await.map(drop),
            Probe::Http { to, path, url } => {
                let stream = self.connect(to).await?;
                let host = url
                    .trim_start_matches("http://")
                    .split(['/', '?'])
                    .next()
                    .unwrap_or_default();
                let status = probe::get(stream, host, path)
                    .await
                    .map_err(|error| error.to_string())?;
                let good = status.is_success() || status.is_redirection();
                good.then_some(()).ok_or_else(|| format!("the answer was {status}"))
            }
            Probe::Exec(command) => self.exec(command).await,
            // It is not tried but watched.
            Probe::Console(_) => Ok(()),
        }
    }

    /// Connects from the namespace that looks; to a node from where it is reached best, if no namespace is named.
    async fn connect(&self, to: &Where) -> Result<TcpStream, String> {
        let from = match (&self.object, &self.ready.netns) {
            (_, Some(netns)) | (Object::App { namespace: netns, .. }, None) => Some(netns),
            _ => None,
        };
        let connect = async |to: Destination| match (from, &self.object) {
            (None, Object::Node(name)) => {
                let stream = reach::connect(&self.plan, &self.forwards, name, &to).await;
                stream.map_err(|error| error.to_string())
            }
            (from, _) => {
                let sockets = self.forwards.sockets(from.map_or("", String::as_str));
                let sockets = sockets.map_err(|error| error.to_string())?;
                sockets.tcp(&to).await.map_err(|error| error.to_string())
            }
        };
        let addresses = match (to, &self.object) {
            (Where::At(destination), _) => vec![destination.clone()],
            (Where::Own(port), Object::Node(_)) => self.addresses(*port),
            (Where::Own(port), _) => Destination::new("127.0.0.1", *port).into_iter().collect(),
        };
        if addresses.is_empty() {
            return Err("no address of it is known yet".into());
        }
        let attempts = addresses.into_iter().map(|address| Box::pin(connect(address)));
        select_ok(attempts).await.map(|(stream, _)| stream)
    }

    /// Where a port of the node may be.
    fn addresses(&self, port: u16) -> Vec<Destination> {
        let Place::Node(index) = self.place else {
            return Vec::new();
        };
        self.store.read(|state| {
            let known = state.nodes.get(index).into_iter().flat_map(|node| &node.addresses);
            known
                .filter_map(|known| Destination::new(&known.address.to_string(), port).ok())
                .collect()
        })
    }

    async fn exec(&self, words: &[String]) -> Result<(), String> {
        let (app, netns) = match (&self.object, &self.ready.netns) {
            (Object::App { namespace, .. }, _) => (self.place.planned_app(&self.plan), namespace),
            (_, Some(netns)) => (None, netns),
            _ => return Err("no namespace is named".into()),
        };
        let parts = self.made.upgrade().and_then(|made| {
            let namespace = made.fabric()?.namespace(netns)?.duplicate().ok()?;
            Some((made.keeper.get()?.clone(), namespace))
        });
        let (keeper, namespace) = parts.ok_or("its namespace is not there yet")?;
        let (program, args) = words.split_first().ok_or("there is no program")?;
        let mut command = Command::new(program);
        command.args = args.iter().map(Into::into).collect();
        command.namespace = Some((namespace, netns.clone()));
        command.workdir = Some(app.map_or_else(|| self.plan.paths.base_dir.clone(), |app| app.workdir.clone()));
        let env = app.into_iter().flat_map(|app| &app.env);
        command.env = env.map(|(name, value)| (name.into(), value.into())).collect();
        probe::exec(&keeper, command).await
    }
}
