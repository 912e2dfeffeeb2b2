//! States as glyph and word, in Unicode or in ASCII; and the characters that boxes and lines are made of.

use placemat2_engine::{
    harmless::steers_terminal,
    node::PowerState,
    store::{AppPhase, AppState, ImagePhase, LabPhase, Level, NamespaceState, NodeState, Ready, ReadyState},
};
use ratatui::symbols::border;

use crate::theme::{Look, Theme};

/// How good a state is; decides on glyph and colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mood {
    /// As it should be.
    Good,
    /// On its way.
    Busy,
    /// Off, and meant to be.
    Off,
    /// Failed.
    Bad,
    /// It was told before the connection was lost.
    Unknown,
}

/// A state as the screen tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// How good it is.
    pub mood: Mood,
    /// What it is called.
    pub word: &'static str,
}

impl State {
    const fn new(mood: Mood, word: &'static str) -> Self {
        Self { mood, word }
    }

    /// The power of a node, and whether it was taken from it.
    pub fn of_power(node: &NodeState) -> Self {
        match node.power_status {
            PowerState::Off if node.failed => Self::new(Mood::Bad, "failed"),
            power => power.into(),
        }
    }

    /// Glyph and word.
    pub fn text(self, ascii: bool) -> String {
        format!("{} {}", self.mood.glyph(ascii), self.word)
    }
}

impl Mood {
    /// Its glyph.
    pub fn glyph(self, ascii: bool) -> &'static str {
        match (self, ascii) {
            (Self::Good, false) => "●",
            (Self::Busy, false) => "◐",
            (Self::Off, false) => "○",
            (Self::Bad, false) => "✗",
            (Self::Unknown, _) => "?",
            (Self::Good, true) => "*",
            (Self::Busy, true) => "~",
            (Self::Off, true) => "o",
            (Self::Bad, true) => "x",
        }
    }

    /// What it looks like.
    pub fn look(self, theme: &Theme) -> Look {
        match self {
            Self::Good => theme.good,
            Self::Busy => theme.busy,
            Self::Off => theme.off,
            Self::Bad => theme.bad,
            Self::Unknown => theme.muted,
        }
    }
}

impl From<PowerState> for State {
    fn from(power: PowerState) -> Self {
        match power {
            PowerState::On => Self::new(Mood::Good, "on"),
            PowerState::PoweringOn => Self::new(Mood::Busy, "starting"),
            PowerState::Off => Self::new(Mood::Off, "off"),
            PowerState::PoweringOff => Self::new(Mood::Busy, "stopping"),
        }
    }
}

impl From<Ready> for State {
    fn from(ready: Ready) -> Self {
        match ready {
            Ready::Waiting => Self::new(Mood::Off, "waiting"),
            Ready::Starting => Self::new(Mood::Busy, "starting"),
            Ready::Ready => Self::new(Mood::Good, "ready"),
            Ready::Failed => Self::new(Mood::Bad, "failed"),
        }
    }
}

impl From<ReadyState> for State {
    fn from(ready: ReadyState) -> Self {
        match ready {
            ReadyState::Waiting => Self::new(Mood::Busy, "waiting"),
            ReadyState::Ready => Self::new(Mood::Good, "ready"),
            ReadyState::NotReady => Self::new(Mood::Bad, "not ready"),
            ReadyState::Off => Self::new(Mood::Off, "off"),
        }
    }
}

/// A node as a whole: its power, and of one that is on whether it does what it is for.
impl From<&NodeState> for State {
    fn from(node: &NodeState) -> Self {
        match (node.power_status, node.ready.state) {
            (PowerState::On, unready @ (ReadyState::Waiting | ReadyState::NotReady)) => unready.into(),
            _ => Self::of_power(node),
        }
    }
}

/// An app: what its process does, and of one that runs whether it does what it is for.
impl From<&AppState> for State {
    fn from(app: &AppState) -> Self {
        match (app.phase, app.ready.state) {
            (AppPhase::Waiting, _) => Self::new(Mood::Off, "waiting"),
            (AppPhase::Starting, _) => Self::new(Mood::Busy, "starting"),
            (AppPhase::Running, unready @ (ReadyState::Waiting | ReadyState::NotReady)) => unready.into(),
            (AppPhase::Running, _) => Self::new(Mood::Good, "running"),
            (AppPhase::Exited, ReadyState::Ready) if app.exit_code == Some(0) => Self::new(Mood::Off, "ended"),
            (AppPhase::Exited, _) => Self::new(Mood::Bad, "failed"),
        }
    }
}

/// A namespace as a whole, with all that runs in it.
impl From<&NamespaceState> for State {
    fn from(netns: &NamespaceState) -> Self {
        // A router whose program has failed is not what its namespace's state says.
        let app = |mood: Mood| netns.apps.iter().map(Self::from).find(|app| app.mood == mood);
        match (netns.state, app(Mood::Bad), app(Mood::Busy)) {
            (Ready::Ready, Some(app), _) if app.word == "failed" => Self::new(Mood::Bad, "app died"),
            (Ready::Ready, Some(app), _) | (Ready::Ready, None, Some(app)) => app,
            (state, ..) => state.into(),
        }
    }
}

impl From<LabPhase> for State {
    fn from(phase: LabPhase) -> Self {
        match phase {
            LabPhase::Starting => Self::new(Mood::Busy, "starting"),
            LabPhase::Running => Self::new(Mood::Good, "running"),
            LabPhase::Stopping => Self::new(Mood::Busy, "stopping"),
            LabPhase::Failed => Self::new(Mood::Bad, "failed"),
        }
    }
}

impl From<ImagePhase> for State {
    fn from(phase: ImagePhase) -> Self {
        match phase {
            ImagePhase::Waiting => Self::new(Mood::Off, "waiting"),
            ImagePhase::Downloading => Self::new(Mood::Busy, "downloading"),
            ImagePhase::Checking => Self::new(Mood::Busy, "checking"),
            ImagePhase::Unpacking => Self::new(Mood::Busy, "unpacking"),
            ImagePhase::Ready => Self::new(Mood::Good, "ready"),
            ImagePhase::Failed => Self::new(Mood::Bad, "failed"),
        }
    }
}

/// The word and the look of a level.
pub fn level(level: Level, theme: &Theme) -> (&'static str, Look) {
    match level {
        Level::Info => ("info", theme.text),
        Level::Warn => ("warn", theme.warn),
        Level::Error => ("error", theme.bad),
    }
}

/// Borders in ASCII.
const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};

/// Borders in ASCII of what has the keyboard.
const ASCII_FOCUS: border::Set<'static> = border::Set {
    vertical_left: "#",
    vertical_right: "#",
    horizontal_top: "=",
    horizontal_bottom: "=",
    ..ASCII_BORDER
};

/// The border of a panel: heavy where the keyboard is.
pub fn borders(ascii: bool, focused: bool) -> border::Set<'static> {
    match (ascii, focused) {
        (false, false) => border::PLAIN,
        (false, true) => border::THICK,
        (true, false) => ASCII_BORDER,
        (true, true) => ASCII_FOCUS,
    }
}

/// Returns text from outside without what steers a terminal: `·` stands for it.
pub fn clean(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => ' ',
        c if steers_terminal(c) => '·',
        c => c,
    };
    text.chars().map(shown).collect()
}
