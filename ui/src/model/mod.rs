//! All that the screen shows, and all that decides on what a key does. Nothing here waits, reads or writes anything.

pub mod consoles;
pub mod log;
pub mod map;
pub mod mirror;
pub mod popup;
pub mod rows;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{Timestamp, tz::TimeZone};
use placemat2_engine::store::{AppState, Level, NamespaceState};

use crate::{
    action::{Action, Scope, View},
    keymap::Keymap,
    theme::{Theme, ThemeName},
};
use consoles::Consoles;
use log::LogPane;
use map::Map;
use mirror::{Connection, Mirror};
use popup::{Popup, Prompt};
use rows::Rows;

/// Commands kept.
const COMMANDS: usize = 1000;

/// How the console ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The lab goes on.
    Detached,
    /// The lab was taken down, or ended by itself.
    Ended,
    /// The engine that was started for this console failed; why.
    Failed(String),
}

/// What is chosen once and for all.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "independent options")]
pub struct Settings {
    /// What things look like.
    pub theme: Theme,
    /// The theme that is based on.
    pub theme_name: ThemeName,
    /// ASCII only.
    pub ascii: bool,
    /// Nothing can be changed.
    pub readonly: bool,
    /// What the keys do.
    pub keymap: Keymap,
    /// Whether this console takes the mouse.
    pub mouse: bool,
    /// Whether the lab runs on this host and can be told to end.
    pub local: bool,
    /// Where the clock is that times are told by.
    pub zone: TimeZone,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: Theme::named(ThemeName::Default),
            theme_name: ThemeName::Default,
            ascii: false,
            readonly: false,
            keymap: Keymap::default(),
            mouse: true,
            local: true,
            zone: TimeZone::system(),
        }
    }
}

/// Something this console asked for, as the command that does the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// When.
    pub time: Timestamp,
    /// The command.
    pub text: String,
    /// How it went; `None` while it is under way.
    pub outcome: Option<Result<(), String>>,
    /// Which job it is, if it takes time.
    pub job: Option<u64>,
}

/// A sentence in the status line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The sentence.
    pub text: String,
    /// Whether it tells of a failure.
    pub bad: bool,
}

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
            leaving: None,
        }
    }

    /// Whether every key goes to a guest.
    pub fn is_typing(&self) -> bool {
        self.view == View::Consoles && self.consoles.typing && self.popups.is_empty() && self.prompt.is_none()
    }

    /// Whether the scrollback of a console has the keyboard.
    pub fn is_copying(&self) -> bool {
        self.view == View::Consoles && self.consoles.pane().is_some_and(|pane| pane.emulator.is_copying())
    }

    /// Where keys count now, the first scope most.
    pub fn scopes(&self) -> Vec<Scope> {
        if self.is_typing() {
            return vec![Scope::Console];
        }
        if self.is_copying() {
            return vec![Scope::Copying];
        }
        let own: &[Scope] = match (self.view, self.side) {
            (View::Topology, _) => &[Scope::Topology],
            (View::Nodes, _) => &[Scope::Nodes, Scope::List],
            (View::Networks, _) => &[Scope::Networks, Scope::List],
            (View::Namespaces, false) => &[Scope::Namespaces, Scope::List],
            (View::Namespaces, true) => &[Scope::Log],
            (View::Consoles, _) => &[Scope::Consoles],
            (View::Events, false) => &[Scope::Events, Scope::List],
            (View::Events, true) => &[Scope::List],
        };
        own.iter().copied().chain([Scope::Global]).collect()
    }

    /// The list that has the keyboard.
    pub fn rows_mut(&mut self) -> Option<&mut Rows> {
        match (self.view, self.side) {
            (View::Nodes, _) => Some(&mut self.nodes),
            (View::Networks, _) => Some(&mut self.networks),
            (View::Namespaces, false) => Some(&mut self.namespaces),
            (View::Events, false) => Some(&mut self.events),
            (View::Events, true) => Some(&mut self.commands),
            _ => None,
        }
    }

    /// The list that has the keyboard.
    pub fn rows(&self) -> Option<&Rows> {
        match (self.view, self.side) {
            (View::Nodes, _) => Some(&self.nodes),
            (View::Networks, _) => Some(&self.networks),
            (View::Namespaces, false) => Some(&self.namespaces),
            (View::Events, false) => Some(&self.events),
            (View::Events, true) => Some(&self.commands),
            _ => None,
        }
    }

    /// The names of the nodes that an action on the power means.
    pub fn chosen_nodes(&self) -> Vec<String> {
        match self.view {
            View::Nodes if !self.nodes.marked.is_empty() => self.nodes.marked.iter().cloned().collect(),
            View::Nodes => self.nodes.key().map(str::to_owned).into_iter().collect(),
            View::Topology => self.map.selected_nodes(),
            View::Consoles => {
                let node = self.consoles.pane().and_then(|pane| pane.source.node());
                node.map(str::to_owned).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// The selected namespace, and the app if one is selected.
    pub fn chosen_app(&self) -> Option<(&NamespaceState, Option<&AppState>)> {
        let row = self.tree.get(self.namespaces.selected()?)?;
        let netns = self.mirror.state.namespaces.get(row.netns)?;
        Some((netns, row.app.and_then(|app| netns.apps.get(app))))
    }

    /// The namespace that a shell would be opened in.
    pub fn chosen_netns(&self) -> Option<String> {
        match self.view {
            View::Namespaces => self.chosen_app().map(|(netns, _)| netns.name.clone()),
            View::Topology => self
                .map
                .selected
                .as_deref()?
                .strip_prefix("namespace/")
                .map(str::to_owned),
            _ => None,
        }
    }

    /// Remembers a command; with a job, until that ends.
    pub fn log_command(&mut self, text: &str, job: Option<u64>) {
        if self.history.len() == COMMANDS {
            self.history.pop_front();
        }
        let outcome = if job.is_none() { Some(Ok(())) } else { None };
        let lab = if self.mirror.known {
            format!("--lab {} ", self.mirror.state.lab.name)
        } else {
            String::new()
        };
        self.history.push_back(Command {
            time: self.now,
            text: format!("pmctl2 {lab}{text}"),
            outcome,
            job,
        });
    }

    /// A time as the user's clock has it.
    pub fn clock(&self, time: Timestamp, format: &str) -> String {
        time.to_zoned_datetime(self.settings.zone.clone())
            .strftime(format)
            .to_string()
    }

    /// Puts a sentence into the status line.
    pub fn tell(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice {
            text: text.into(),
            bad: false,
        });
    }

    /// Puts a sentence about a failure into the status line.
    pub fn complain(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice {
            text: text.into(),
            bad: true,
        });
    }

    /// Why an action can't be done now.
    pub fn refused(&self, action: Action) -> Option<String> {
        let connected = self.mirror.connection == Connection::Connected;
        let changes = matches!(
            action,
            Action::Power(_) | Action::PowerMenu | Action::Shell | Action::Type | Action::Broadcast
        );
        if changes && self.settings.readonly {
            return Some("this console is read-only (--readonly)".into());
        }
        if (changes || action == Action::Open) && !connected {
            return Some("there is no connection to the lab".into());
        }
        let missing = |what: &str| Some(format!("no {what} is selected"));
        match action {
            Action::Power(_) | Action::PowerMenu if self.chosen_nodes().is_empty() => missing("node"),
            Action::Power(verb) => {
                let nodes = self.chosen_nodes();
                let reasons: Vec<_> = nodes.iter().map(|node| self.refused_power(verb, node)).collect();
                match reasons.first() {
                    Some(Some(reason)) if reasons.iter().all(Option::is_some) => Some(reason.clone()),
                    _ => None,
                }
            }
            Action::Shell if self.view == View::Nodes || self.map.selects_node() && self.view == View::Topology => {
                let name = self.chosen_nodes().into_iter().next();
                match name.as_deref().and_then(|name| self.mirror.node(name)) {
                    None => missing("node"),
                    Some(node) if node.addresses.is_empty() => Some(format!(
                        "no address of {} is known: it has none in its seed, and no DHCP server was seen to give it one",
                        node.name
                    )),
                    Some(_) => None,
                }
            }
            Action::Shell if self.chosen_netns().is_none() => missing("namespace"),
            Action::Shell if !self.settings.local => {
                Some("shells are opened only over the lab's unix socket, on its own host".into())
            }
            Action::OpenLog if self.chosen_app().is_none_or(|(_, app)| app.is_none()) => missing("app"),
            Action::Type
            | Action::Copy
            | Action::Zoom
            | Action::Close
            | Action::Broadcast
            | Action::SplitRight
            | Action::SplitDown
                if self.consoles.tabs.is_empty() =>
            {
                Some("no console is open".into())
            }
            _ => None,
        }
    }

    /// Why this can't be asked of that node's power now.
    pub fn refused_power(&self, verb: crate::action::Verb, node: &str) -> Option<String> {
        let Some(state) = self.mirror.node(node) else {
            return Some(format!("there is no node {node}"));
        };
        let mood = crate::glyph::State::from(state.power_status).mood;
        verb.refused(mood).map(str::to_owned)
    }
}
