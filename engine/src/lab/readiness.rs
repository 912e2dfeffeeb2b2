//! Looking at what has a `ready` in its lab file, from its start on until it is ready or its time is over.
//!
//! One task follows the store and has a task for each thing that was started and is not known to be ready.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use futures::future::try_join_all;
use regex::bytes::Regex;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::made::Made;
use crate::{
    forward::Forwards,
    plan::{self, Plan},
    probe::Watch,
    spec::model::{Object, Probe, Ready},
    store::{Level, Readiness, State, Store},
};

/// The kind of the events told here.
const KIND: &str = "ready";

/// How long one attempt may take: what does not answer now may answer the next one.
pub(super) const ATTEMPT: Duration = Duration::from_secs(10);

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
pub(super) struct Look {
    pub(super) object: Object,
    pub(super) place: Place,
    /// All of these must hold.
    ready: Vec<Ready>,
    pub(super) made: Weak<Made>,
    pub(super) plan: Arc<Plan>,
    pub(super) store: Store,
    pub(super) forwards: Forwards,
}

/// Where something is in the lists of plan and state, which have one order.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Node(usize),
    App(usize, usize),
}

fn lookouts(made: &Arc<Made>) -> Vec<Lookout> {
    let plan = &made.plan;
    let nodes = plan.nodes.iter().enumerate().filter_map(|(index, node)| {
        let object = Object::Node(node.name.clone());
        (!node.ready.is_empty()).then(|| (object, Place::Node(index), node.ready.clone()))
    });
    let apps = plan.namespaces.iter().enumerate().flat_map(|(outer, namespace)| {
        namespace.apps.iter().enumerate().filter_map(move |(index, app)| {
            let object = Object::App {
                namespace: namespace.name.clone(),
                app: app.name.clone(),
            };
            (!app.ready.is_empty()).then(|| (object, Place::App(outer, index), app.ready.clone()))
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

    pub(super) fn planned_app(self, plan: &Plan) -> Option<&plan::App> {
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
    /// Looks at a run until it is ready or the time for something is over, and tells of it.
    async fn look(self: Arc<Self>, run: u64) {
        let began = Instant::now();
        let missing = Missing::new(&self.ready);
        let all = self.ready.iter().enumerate().map(|(index, ready)| {
            let (look, missing) = (&self, &missing);
            let tell = move |why: Option<String>| {
                if let Some(why) = missing.set(index, why) {
                    look.note(run, &why);
                }
            };
            async move {
                match &ready.probe {
                    Probe::Console(pattern) => look.watch_console(ready, pattern).await?,
                    _ => look.try_again_and_again(ready, |failure| tell(Some(failure))).await?,
                }
                tell(None);
                Ok(())
            }
        });
        let outcome = try_join_all(all).await.map(drop);
        let (level, message) = match &outcome {
            Ok(()) => {
                let seconds = began.elapsed().as_secs_f64();
                let probes = Ready::probes(&self.ready);
                let message = format!("{} is ready ({probes}) after {seconds:.1} s.", self.object);
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

    async fn watch_console(&self, ready: &Ready, pattern: &str) -> Result<(), String> {
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
        if timeout(ready.timeout, watch.found()).await.is_ok() {
            return Ok(());
        }
        let last = match watch.last_seen() {
            nothing if nothing.is_empty() => "it showed nothing at all".to_owned(),
            line => format!("what it showed last was {line:?}"),
        };
        let limit = ready.timeout.as_secs_f64();
        Err(format!("`{pattern}` was not on its console within {limit} s; {last}"))
    }

    async fn try_again_and_again(&self, ready: &Ready, tell: impl Fn(String)) -> Result<(), String> {
        let mut last = String::new();
        let trying = async {
            loop {
                let failure = match timeout(ATTEMPT, self.attempt(ready)).await {
                    Ok(Ok(())) => return,
                    Ok(Err(failure)) => failure.trim_end_matches('.').to_owned(),
                    Err(_) => format!("no answer within {} s", ATTEMPT.as_secs()),
                };
                if failure != last {
                    tell(failure.clone());
                    last = failure;
                }
                sleep(ready.interval).await;
            }
        };
        let outcome = timeout(ready.timeout, trying).await;
        outcome.map_err(|_| {
            let limit = ready.timeout.as_secs_f64();
            let last = if last.is_empty() { "no answer" } else { &last };
            format!("`{}` did not succeed within {limit} s: {last}", ready.probe)
        })
    }

    /// Shows why it is not ready yet.
    fn note(&self, run: u64, failure: &str) {
        self.store.update(|state| {
            if let Some(ready) = self.place.of_mut(state) {
                ready.note(run, failure.to_owned());
            }
        });
    }
}

/// Why each of what must hold does not hold yet.
struct Missing(Mutex<Vec<Option<String>>>);

impl Missing {
    fn new(ready: &[Ready]) -> Self {
        let not_yet = |ready: &Ready| Some(format!("`{}` has not succeeded yet", ready.probe));
        Self(Mutex::new(ready.iter().map(not_yet).collect()))
    }

    /// Takes note of why one does not hold, `None` if it does; returns why the first that does not is missing.
    fn set(&self, index: usize, why: Option<String>) -> Option<String> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = all.get_mut(index) {
            *one = why;
        }
        all.iter().flatten().next().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::model::Where;

    #[test]
    fn the_first_that_is_missing_is_told() {
        let of = |port| Ready {
            probe: Probe::Tcp(Where::Own(port)),
            netns: None,
            timeout: Duration::from_secs(1),
            interval: Duration::from_secs(1),
        };
        let missing = Missing::new(&[of(22), of(80)]);
        let told = |index, why: Option<&str>| missing.set(index, why.map(str::to_owned));
        assert_eq!(
            told(1, Some("refused")).as_deref(),
            Some("`tcp 22` has not succeeded yet")
        );
        assert_eq!(told(0, None).as_deref(), Some("refused"));
        assert_eq!(told(1, None), None);
    }
}
