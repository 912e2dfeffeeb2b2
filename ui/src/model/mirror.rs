//! What the lab told of itself: a copy of its state, its events, and how the connection is.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;
use placemat2_engine::{
    api::Topology,
    store::{BmcState, Event, LabPhase, NodeState, ReadyState, State},
};
use serde::Deserialize;

use crate::glyph::{self, Mood};

/// Events kept.
const EVENTS: usize = 10_000;

/// How the connection to the lab is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Not there yet.
    Connecting,
    /// What is shown is so.
    Connected,
    /// What is shown was so; it is tried again and again.
    Lost(String),
    /// The lab has ended.
    Ended,
}

/// Counters of one link, as the kernel had them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Counted {
    /// Received by the guest or namespace, in bytes.
    pub rx_bytes: u64,
    /// Sent by it, in bytes.
    pub tx_bytes: u64,
    /// Whether the link is up.
    pub up: bool,
}

/// What `GET /links` tells of one link.
#[derive(Clone, Debug, Deserialize)]
pub struct LinkCount {
    /// `link/…`.
    pub id: String,
    /// Its counters.
    #[serde(flatten)]
    pub counted: Counted,
}

/// A link at the time it was last asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LinkRate {
    /// Received, in bytes a second.
    pub rx: f64,
    /// Sent, in bytes a second.
    pub tx: f64,
    /// Whether it is up.
    pub up: bool,
}

/// A copy of the lab.
#[derive(Debug)]
pub struct Mirror {
    /// Its state.
    pub state: State,
    /// Whether the state was ever told.
    pub known: bool,
    /// How the connection is.
    pub connection: Connection,
    /// How often it was tried in vain to reach the lab for the first time.
    pub attempts: u32,
    /// What happened, the last of it.
    pub events: VecDeque<Event>,
    /// What is linked with what.
    pub topology: Topology,
    counts: HashMap<String, Counted>,
    /// Where in the state the BMC of each node is.
    bmcs: HashMap<String, usize>,
    /// What goes over its links.
    pub rates: HashMap<String, LinkRate>,
}

impl Default for Mirror {
    fn default() -> Self {
        let state = State::default();
        Self {
            topology: Topology::of(&state),
            state,
            known: false,
            connection: Connection::Connecting,
            attempts: 0,
            events: VecDeque::new(),
            counts: HashMap::new(),
            bmcs: HashMap::new(),
            rates: HashMap::new(),
        }
    }
}

impl Mirror {
    /// Takes a new state.
    pub fn set_state(&mut self, state: State) {
        self.topology = Topology::of(&state);
        let bmcs = state.bmcs.iter().enumerate();
        self.bmcs = bmcs.map(|(index, bmc)| (bmc.node.clone(), index)).collect();
        self.state = state;
        self.known = true;
    }

    /// Takes events that happened. Ids that do not grow are those of another run: what was before is forgotten.
    pub fn add_events(&mut self, events: Vec<Event>) {
        for event in events {
            if self.events.back().is_some_and(|last| last.id >= event.id) {
                self.events.clear();
            }
            if self.events.len() == EVENTS {
                self.events.pop_front();
            }
            self.events.push_back(event);
        }
    }

    /// Takes counters that were read so many seconds after those before.
    pub fn add_counts(&mut self, counts: Vec<LinkCount>, seconds: f64) {
        let mut rates = HashMap::new();
        let mut known = HashMap::new();
        for LinkCount { id, counted } in counts {
            let mut rate = LinkRate {
                up: counted.up,
                ..LinkRate::default()
            };
            if let Some(before) = self.counts.get(&id).filter(|_| seconds > 0.0) {
                // Counters begin anew when a link is made anew.
                #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
                let per_second = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
                rate.rx = per_second(counted.rx_bytes, before.rx_bytes);
                rate.tx = per_second(counted.tx_bytes, before.tx_bytes);
            }
            rates.insert(id.clone(), rate);
            known.insert(id, counted);
        }
        (self.counts, self.rates) = (known, rates);
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&NodeState> {
        self.state.node(name)
    }

    /// The BMC of the node of that name.
    pub fn bmc(&self, node: &str) -> Option<&BmcState> {
        self.state.bmcs.get(*self.bmcs.get(node)?)
    }

    /// A state as it can be told now: what was so when the connection was lost need not be so any more.
    pub fn told(&self, state: impl Into<glyph::State>) -> glyph::State {
        let mut state = state.into();
        if self.connection != Connection::Connected {
            state.mood = Mood::Unknown;
        }
        state
    }

    /// How many nodes and apps do what they are for, and how many should.
    pub fn readiness(&self) -> (usize, usize) {
        let apps = self.state.namespaces.iter().flat_map(|netns| &netns.apps);
        let nodes = self.state.nodes.iter().map(|node| node.ready.state);
        let states = nodes.chain(apps.map(|app| app.ready.state));
        let wanted: Vec<ReadyState> = states.filter(|state| *state != ReadyState::Off).collect();
        let ready = wanted.iter().filter(|state| **state == ReadyState::Ready).count();
        (ready, wanted.len())
    }

    /// The name of the lab, as far as it is known.
    pub fn name(&self) -> &str {
        if self.known { &self.state.lab.name } else { "…" }
    }

    /// Whether the bring-up is to be shown: the lab is on its way, or did not come up.
    pub fn is_coming_up(&self) -> bool {
        self.known && matches!(self.state.lab.phase, LabPhase::Starting | LabPhase::Failed)
    }
}

/// Time since then, as short as it can be told: `12s` is not, since it would have to be drawn every second.
pub fn since(then: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(then).as_secs().max(0) / 60;
    match (minutes / 1440, minutes / 60, minutes) {
        (0, 0, 0) => "<1m".into(),
        (0, 0, minutes) => format!("{minutes}m"),
        (0, hours, minutes) => format!("{hours}h{:02}m", minutes % 60),
        (days, hours, _) => format!("{days}d{:02}h", hours % 24),
    }
}

/// Bytes a second, for people.
pub fn rate(bytes: f64) -> String {
    let bits = bytes * 8.0;
    match bits {
        _ if bits < 1.0 => "0".into(),
        _ if bits < 1e3 => format!("{bits:.0} b/s"),
        _ if bits < 1e6 => format!("{:.1} kb/s", bits / 1e3),
        _ if bits < 1e9 => format!("{:.1} Mb/s", bits / 1e6),
        _ => format!("{:.1} Gb/s", bits / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(id: &str, rx_bytes: u64) -> LinkCount {
        let counted = Counted {
            rx_bytes,
            tx_bytes: 0,
            up: true,
        };
        LinkCount { id: id.into(), counted }
    }

    #[test]
    fn rates_come_from_two_readings() {
        let mut mirror = Mirror::default();
        mirror.add_counts(vec![count("a", 1000)], 0.0);
        assert!(mirror.rates["a"].rx.abs() < f64::EPSILON);
        mirror.add_counts(vec![count("a", 3000), count("b", 9)], 2.0);
        assert!((mirror.rates["a"].rx - 1000.0).abs() < 1e-9);
        assert_eq!(rate(mirror.rates["a"].rx), "8.0 kb/s");
        // A link that was made anew counts from 0.
        mirror.add_counts(vec![count("a", 5)], 1.0);
        assert!(mirror.rates["a"].rx.abs() < f64::EPSILON);
    }

    #[test]
    fn times_change_by_the_minute() {
        let then: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let at = |text: &str| since(then, text.parse().unwrap());
        assert_eq!(at("2026-01-01T00:00:59Z"), "<1m");
        assert_eq!(at("2026-01-01T01:02:03Z"), "1h02m");
        assert_eq!(at("2026-01-03T05:00:00Z"), "2d05h");
        assert_eq!(at("2025-01-01T00:00:00Z"), "<1m");
    }
}
