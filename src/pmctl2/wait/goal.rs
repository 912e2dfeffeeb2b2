//! What can be waited for, and how far something is from it.

use std::str::FromStr;

use placemat2_engine::{
    node::PowerState,
    spec::model::Object,
    store::{AppPhase, NodeState, ReadyState, phase, power},
};
use regex::bytes::Regex;

use super::lab::Lab;

/// What can be waited for, as it is written; the last one's pattern follows.
pub const GOALS: &[&str] = &["ready", "on", "off", "exited", "console="];

/// What something is to be.
#[derive(Clone, Debug)]
pub enum Goal {
    /// Ready.
    Ready,
    /// On: nodes.
    On,
    /// Off: nodes.
    Off,
    /// Ended: apps.
    Exited,
    /// A line of the console matches: nodes.
    Console(Regex),
}

/// How far something is.
pub enum Progress {
    /// It is so.
    Met,
    /// Not yet; how it is instead.
    Awaited(String),
    /// It won't be so, for this reason.
    Never(String),
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(pattern) = text.strip_prefix("console=") {
            return Regex::new(pattern)
                .map(Self::Console)
                .map_err(|error| error.to_string());
        }
        Ok(match text {
            "ready" => Self::Ready,
            "on" => Self::On,
            "off" => Self::Off,
            "exited" => Self::Exited,
            _ => return Err("it is one of ready, on, off, exited, console=REGEX".into()),
        })
    }
}

impl Goal {
    /// Whether it means something to an object of that kind.
    pub fn concerns(&self, object: &Object) -> bool {
        match self {
            Self::Ready => true,
            Self::On | Self::Off | Self::Console(_) => matches!(object, Object::Node(_)),
            Self::Exited => matches!(object, Object::App { .. }),
        }
    }

    /// To whom it means something.
    pub fn whom(&self) -> &'static str {
        match self {
            Self::Ready => "everything gets ready",
            Self::On | Self::Off => "only nodes are on or off",
            Self::Console(_) => "only nodes have a console",
            Self::Exited => "only apps exit",
        }
    }

    /// As the end of a sentence about so many objects.
    pub fn in_words(&self, count: usize) -> String {
        let be = if count > 1 { "are" } else { "is" };
        let have = if count > 1 { "have" } else { "has" };
        match self {
            Self::Ready => format!("{be} ready"),
            Self::On => format!("{be} on"),
            Self::Off => format!("{be} off"),
            Self::Exited => format!("{have} exited"),
            Self::Console(pattern) => format!("{have} {:?} on the console", pattern.as_str()),
        }
    }

    /// How far an object is. What is on a console is not in the lab's state.
    pub fn progress(&self, lab: &Lab, object: &Object) -> Progress {
        match (self, object) {
            (Self::Ready, Object::Namespace(name)) => lab
                .state
                .namespace(name)
                .map_or_else(gone, |namespace| of_state(namespace.readiness())),
            (Self::Ready, Object::App { namespace, app }) => lab
                .state
                .app(namespace, app)
                .map_or_else(gone, |app| of_state(app.readiness())),
            (Self::Exited, Object::App { namespace, app }) => match lab.state.app(namespace, app) {
                None => gone(),
                Some(app) if app.phase == AppPhase::Exited => Progress::Met,
                Some(app) => Progress::Awaited(format!("it is {}", phase(app.phase))),
            },
            (goal, Object::Node(name)) => lab.state.node(name).map_or_else(gone, |node| goal.progress_of(node)),
            _ => gone(),
        }
    }

    fn progress_of(&self, node: &NodeState) -> Progress {
        let met = match self {
            Self::Ready => return of_state(node.readiness()),
            Self::On => node.power_status == PowerState::On,
            Self::Off => node.power_status == PowerState::Off,
            Self::Exited | Self::Console(_) => false,
        };
        if met {
            return Progress::Met;
        }
        let why = node.power_reason.as_deref().map(|reason| format!(" ({reason})"));
        Progress::Awaited(format!("it is {}{}", power(node.power_status), why.unwrap_or_default()))
    }
}

fn of_state((state, why): (ReadyState, Option<String>)) -> Progress {
    let why = why.unwrap_or_default();
    match state {
        ReadyState::Ready => Progress::Met,
        ReadyState::NotReady => Progress::Never(why),
        ReadyState::Waiting | ReadyState::Off => Progress::Awaited(why),
    }
}

fn gone() -> Progress {
    Progress::Awaited("it is not there".into())
}
