//! The model: all parts of the screen together.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use placemat2_engine::store::Level;

use super::{
    Command, Notice, Outcome, Settings,
    bmc::Bmcs,
    consoles::Consoles,
    log::LogPane,
    map::Map,
    mirror::Mirror,
    popup::{Popup, Prompt},
    rows::Rows,
};
use crate::action::View;

/// A row of the tree of namespaces: a namespace, or one of its apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeRow {
    /// Index of the namespace.
    pub netns: usize,
    /// Index of the app.
    pub app: Option<usize>,
}

/// All that the screen shows.
#[allow(clippy::struct_excessive_bools, reason = "parts of a screen that change apart")]
pub struct Model {
    /// The lab.
    pub mirror: Mirror,
    /// What was chosen.
    pub settings: Settings,
    /// The view on the screen.
    pub view: View,
    /// Whether the second part of the view has the keyboard.
    pub side: bool,
    /// Whether the part that has the keyboard has the screen to itself.
    pub zoom: bool,
    /// The list of nodes.
    pub nodes: Rows,
    /// The list of networks.
    pub networks: Rows,
    /// The tree of namespaces.
    pub namespaces: Rows,
    /// What [`Self::namespaces`] is about.
    pub tree: Vec<TreeRow>,
    /// Namespaces whose apps are not shown.
    pub folded: BTreeSet<String>,
    /// The list of events.
    pub events: Rows,
    /// Events below this level are not shown.
    pub level: Level,
    /// Whether the last event is kept selected.
    pub follow_events: bool,
    /// The list of commands.
    pub commands: Rows,
    /// What [`Self::commands`] is about.
    pub history: VecDeque<Command>,
    /// The log of an app.
    pub log: LogPane,
    /// Consoles and shells.
    pub consoles: Consoles,
    /// BMCs and their resources.
    pub bmcs: Bmcs,
    /// The topology.
    pub map: Map,
    /// What lies over the view, the last on top.
    pub popups: Vec<Popup>,
    /// A text that is being typed.
    pub prompt: Option<Prompt>,
    /// A sentence in the status line.
    pub notice: Option<Notice>,
    /// What is under way.
    pub jobs: BTreeMap<u64, String>,
    /// Number of the next job.
    pub next_job: u64,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// What time it is.
    pub now: Timestamp,
    /// Whether counters of links are being read.
    pub watches_links: bool,
    /// Whether the lab was told to end.
    pub tearing_down: bool,
    /// What the engine that was started for this console said when it failed.
    pub failure: Option<String>,
    /// Set when it is time to go.
    pub leaving: Option<Outcome>,
}

impl Model {
    /// A screen of that size, before anything is known.
    pub fn new(settings: Settings, size: (u16, u16), now: Timestamp) -> Self {
        Self {
            mirror: Mirror::default(),
            settings,
            view: View::Topology,
            side: false,
            zoom: false,
            nodes: Rows::default(),
            networks: Rows::default(),
            namespaces: Rows::default(),
            tree: Vec::new(),
            folded: BTreeSet::new(),
            events: Rows::default(),
            level: Level::Info,
            follow_events: true,
            commands: Rows::default(),
            history: VecDeque::new(),
            log: LogPane::default(),
            consoles: Consoles::default(),
            bmcs: Bmcs::default(),
            map: Map::default(),
            popups: Vec::new(),
            prompt: None,
            notice: None,
            jobs: BTreeMap::new(),
            next_job: 1,
            size,
            now,
            watches_links: false,
            tearing_down: false,
            failure: None,
            leaving: None,
        }
    }
}
