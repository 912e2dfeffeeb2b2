//! Whether a node or an app does what it is for, and since when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{AppPhase, AppState, LabPhase, NamespaceState, NodeState, Ready};
use crate::{node::PowerState, spec::model as spec};

/// How far something is with doing what it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReadyState {
    /// Not yet, but it will come, or be given up.
    #[default]
    Waiting,
    /// It does.
    Ready,
    /// It does not, and will not unless it is started again.
    NotReady,
    /// It is not powered on with the lab, and nobody has powered it on.
    Off,
}

/// Whether a node or an app does what it is for, as its `ready` in the lab file tells; without that, whether it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// How far it is.
    pub state: ReadyState,
    /// What its `ready` looks at: `console login:`.
    pub probe: Option<String>,
    /// What it waits for, or why it is not ready.
    pub reason: Option<String>,
    /// Since when the state is so; `None`: since the lab began.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// Counts the times it began to run.
    #[serde(skip)]
    run: u64,
    /// Whether it runs.
    #[serde(skip)]
    running: bool,
}

impl Readiness {
    /// Of something that is told to be ready by `probe`, and is not running yet.
    pub fn new(probe: Option<String>) -> Self {
        Self {
            probe,
            ..Self::default()
        }
    }

    /// Of something whose plan says that, and that is not running yet.
    pub fn of(ready: &[spec::Ready]) -> Self {
        Self::new((!ready.is_empty()).then(|| spec::Ready::probes(ready)))
    }

    /// It is not to be started until somebody asks for it.
    pub fn stay_off(&mut self) {
        self.set(ReadyState::Off, None);
    }

    /// It waits for something before it is started.
    pub fn wait_for(&mut self, what: String) {
        self.set(ReadyState::Waiting, Some(what));
    }

    /// It runs, from the beginning: ready if nothing else is to be looked at.
    pub fn begin(&mut self) {
        self.run += 1;
        self.running = true;
        match &self.probe {
            None => self.set(ReadyState::Ready, None),
            Some(_) => self.set(ReadyState::Waiting, None),
        }
    }

    /// It has ended and is about to be started again.
    pub fn pause(&mut self, reason: String) {
        self.running = false;
        self.set(ReadyState::Waiting, Some(reason));
    }

    /// It has ended as it should, after what it is for: what nothing else was to be looked at of stays ready.
    pub fn end_well(&mut self, reason: String) {
        if self.probe.is_some() {
            self.fail(reason);
        }
        self.running = false;
    }

    /// It has ended, or won't be started.
    pub fn fail(&mut self, reason: String) {
        self.running = false;
        self.set(ReadyState::NotReady, Some(reason));
    }

    /// The run whose readiness is to be looked at now, if one is.
    pub fn probed_run(&self) -> Option<u64> {
        let probed = self.running && self.probe.is_some() && self.state == ReadyState::Waiting;
        probed.then_some(self.run)
    }

    /// What came of looking at that run; nothing is changed if it is another one now. Says whether it was changed.
    pub fn conclude(&mut self, run: u64, outcome: Result<(), String>) -> bool {
        if self.probed_run() != Some(run) {
            return false;
        }
        match outcome {
            Ok(()) => self.set(ReadyState::Ready, None),
            Err(reason) => self.set(ReadyState::NotReady, Some(reason)),
        }
        true
    }

    /// Why that run is not ready yet.
    pub fn note(&mut self, run: u64, reason: String) {
        if self.probed_run() == Some(run) {
            self.reason = Some(reason);
        }
    }

    /// Why it is no further, if it is not ready; `doing` is what it does instead.
    fn explained(&self, doing: &str) -> (ReadyState, Option<String>) {
        let why = match (&self.reason, &self.probe) {
            (Some(reason), _) => reason.clone(),
            (None, Some(probe)) if self.state == ReadyState::Waiting => {
                format!("it is {doing}, `{probe}` has not succeeded yet")
            }
            (None, _) => format!("it is {doing}"),
        };
        (self.state, (self.state != ReadyState::Ready).then_some(why))
    }

    fn set(&mut self, state: ReadyState, reason: Option<String>) {
        if self.state != state {
            self.since = Some(Timestamp::now());
        }
        self.state = state;
        self.reason = reason;
    }
}

impl NodeState {
    /// How far the node is with what it is for, and why it is no further.
    pub fn readiness(&self) -> (ReadyState, Option<String>) {
        self.ready.explained(power(self.power_status))
    }
}

impl AppState {
    /// How far the app is with what it is for, and why it is no further.
    pub fn readiness(&self) -> (ReadyState, Option<String>) {
        self.ready.explained(phase(self.phase))
    }
}

impl NamespaceState {
    /// How far the namespace is with all that runs in it, and why it is no further.
    pub fn readiness(&self) -> (ReadyState, Option<String>) {
        let because = |otherwise: &str| Some(self.reason.clone().unwrap_or_else(|| otherwise.to_owned()));
        match self.state {
            Ready::Failed => return (ReadyState::NotReady, because("it could not be made")),
            Ready::Waiting | Ready::Starting => return (ReadyState::Waiting, because("it is being made")),
            Ready::Ready => {}
        }
        for wanted in [ReadyState::NotReady, ReadyState::Waiting] {
            let unready = self.apps.iter().find(|app| app.ready.state == wanted);
            if let Some((app, (state, Some(reason)))) = unready.map(|app| (app, app.readiness())) {
                return (state, Some(format!("app {}: {reason}", app.name)));
            }
        }
        (ReadyState::Ready, None)
    }
}

/// Power, as the end of "it is".
pub fn power(power: PowerState) -> &'static str {
    match power {
        PowerState::On => "on",
        PowerState::PoweringOn => "powering on",
        PowerState::Off => "off",
        PowerState::PoweringOff => "powering off",
    }
}

/// How far a lab is, as the end of "it is".
pub fn lab_phase(phase: LabPhase) -> &'static str {
    match phase {
        LabPhase::Starting => "starting",
        LabPhase::Running => "running",
        LabPhase::Stopping => "stopping",
        LabPhase::Failed => "failed",
    }
}

/// What an app is doing, as the end of "it is".
pub fn phase(phase: AppPhase) -> &'static str {
    match phase {
        AppPhase::Waiting => "waiting for its namespace",
        AppPhase::Starting => "starting",
        AppPhase::Running => "running",
        AppPhase::Exited => "exited",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_something_is_not_ready_is_told() {
        let mut ready = Readiness::new(Some("tcp 22".into()));
        let why = |ready: &Readiness| ready.explained("running").1;
        ready.begin();
        assert_eq!(
            why(&ready).as_deref(),
            Some("it is running, `tcp 22` has not succeeded yet")
        );
        let run = ready.probed_run().unwrap();
        ready.note(run, "connection refused".into());
        assert_eq!(why(&ready).as_deref(), Some("connection refused"));
        ready.conclude(run, Ok(()));
        assert_eq!(why(&ready), None);
    }

    #[test]
    fn what_is_not_looked_at_is_ready_while_it_runs() {
        let mut ready = Readiness::new(None);
        assert_eq!(ready.state, ReadyState::Waiting);
        ready.begin();
        assert_eq!((ready.state, ready.probed_run()), (ReadyState::Ready, None));
        ready.end_well("it exited with code 0".into());
        assert_eq!(ready.state, ReadyState::Ready);
        ready.fail("the guest shut down".into());
        assert_eq!(ready.reason.as_deref(), Some("the guest shut down"));
    }

    #[test]
    fn what_came_of_an_earlier_run_is_of_no_interest() {
        let mut ready = Readiness::new(Some("tcp 22".into()));
        assert_eq!(ready.probed_run(), None);
        ready.begin();
        let first = ready.probed_run().unwrap();
        ready.note(first, "connection refused".into());
        ready.begin();
        assert!(!ready.conclude(first, Ok(())));
        let second = ready.probed_run().unwrap();
        assert!(ready.conclude(second, Ok(())) && ready.state == ReadyState::Ready);
        // What is ready is not looked at any more.
        assert!(!ready.conclude(second, Err("too late".into())));
        ready.end_well("it exited with code 0".into());
        assert_eq!(ready.state, ReadyState::NotReady);
    }
}
