//! Whether a node or an app does what it is for, and since when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{NamespaceState, Ready};

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

impl ReadyState {
    /// As it is written in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::NotReady => "not-ready",
            Self::Off => "off",
        }
    }
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

    fn set(&mut self, state: ReadyState, reason: Option<String>) {
        if self.state != state {
            self.since = Some(Timestamp::now());
        }
        self.state = state;
        self.reason = reason;
    }
}

impl NamespaceState {
    /// How far the namespace is with all that runs in it, and why it is no further.
    pub fn readiness(&self) -> (ReadyState, Option<String>) {
        match self.state {
            Ready::Failed => return (ReadyState::NotReady, self.reason.clone()),
            Ready::Waiting | Ready::Starting => return (ReadyState::Waiting, self.reason.clone()),
            Ready::Ready => {}
        }
        let of = |state| self.apps.iter().find(|app| app.ready.state == state);
        for state in [ReadyState::NotReady, ReadyState::Waiting] {
            if let Some(app) = of(state) {
                let reason = app.ready.reason.as_deref().unwrap_or("it is not ready yet");
                return (state, Some(format!("app {}: {reason}", app.name)));
            }
        }
        (ReadyState::Ready, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
