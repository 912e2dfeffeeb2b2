//! Consoles and shells: panes, how they share the screen, and who has the keyboard.

use std::collections::BTreeMap;

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::window::turned;
use crate::emulator::{Emulator, Size};

/// A pane, for as long as it is open.
pub type PaneId = u64;

/// What is at the other end of a pane.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The serial console of a node.
    Console(String),
    /// A shell inside a namespace.
    Shell(String),
    /// A login to a node.
    Ssh(String),
}

impl Source {
    /// What it is called.
    pub fn title(&self) -> String {
        match self {
            Self::Console(node) => node.clone(),
            Self::Shell(netns) => format!("{netns} (shell)"),
            Self::Ssh(node) => format!("{node} (ssh)"),
        }
    }

    /// The node it belongs to.
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::Console(node) | Self::Ssh(node) => Some(node),
            Self::Shell(_) => None,
        }
    }
}

/// Where a console is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a tab of its own.
    Tab,
    /// On the right of the focused pane.
    Beside,
    /// Below it.
    Below,
}

/// How the connection of a pane is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Being made.
    Opening,
    /// Bytes go both ways.
    Open,
    /// Over, and why.
    Closed(String),
}

/// One console or shell.
pub struct Pane {
    /// What is at the other end.
    pub source: Source,
    /// Its terminal.
    pub emulator: Emulator,
    /// Its connection.
    pub line: Line,
    /// What was last searched in its scrollback.
    pub needle: String,
}

impl Pane {
    /// Whether it is a shell or a login that ends, with all that runs in it, when it is closed. Serial consoles go on.
    pub fn is_shell(&self) -> bool {
        !matches!(self.source, Source::Console(_)) && !matches!(self.line, Line::Closed(_))
    }
}

/// How panes share an area.
#[derive(Clone, Debug)]
pub enum Tile {
    /// One pane has it.
    Pane(PaneId),
    /// Two parts have half of it each.
    Split {
        /// Side by side, or one above the other.
        beside: bool,
        /// The left or upper part.
        first: Box<Tile>,
        /// The right or lower part.
        second: Box<Tile>,
    },
}

impl Tile {
    /// The panes with the areas they have.
    pub fn areas(&self, area: Rect) -> Vec<(PaneId, Rect)> {
        match self {
            Self::Pane(id) => vec![(*id, area)],
            Self::Split { beside, first, second } => {
                let (mut one, mut other) = (area, area);
                if *beside {
                    one.width = area.width / 2;
                    other.width = area.width - one.width;
                    other.x = area.x.saturating_add(one.width);
                } else {
                    one.height = area.height / 2;
                    other.height = area.height - one.height;
                    other.y = area.y.saturating_add(one.height);
                }
                let mut areas = first.areas(one);
                areas.extend(second.areas(other));
                areas
            }
        }
    }

    /// The panes in order.
    pub fn panes(&self) -> Vec<PaneId> {
        self.areas(Rect::default()).into_iter().map(|(id, _)| id).collect()
    }

    /// A tile of several panes, of about the same size each: halves of halves, side by side or one above the other in turn.
    fn of(panes: &[PaneId], beside: bool) -> Option<Self> {
        match panes {
            [] => None,
            [one] => Some(Self::Pane(*one)),
            several => {
                let (first, second) = several.split_at(several.len().div_ceil(2));
                Some(Self::Split {
                    beside,
                    first: Box::new(Self::of(first, !beside)?),
                    second: Box::new(Self::of(second, !beside)?),
                })
            }
        }
    }

    fn split(&mut self, at: PaneId, beside: bool, new: PaneId) {
        match self {
            Self::Pane(id) if *id == at => {
                *self = Self::Split {
                    beside,
                    first: Box::new(Self::Pane(at)),
                    second: Box::new(Self::Pane(new)),
                };
            }
            Self::Pane(_) => {}
            Self::Split { first, second, .. } => {
                first.split(at, beside, new);
                second.split(at, beside, new);
            }
        }
    }

    fn without(self, gone: PaneId) -> Option<Self> {
        match self {
            Self::Pane(id) => (id != gone).then_some(self),
            Self::Split { beside, first, second } => match (first.without(gone), second.without(gone)) {
                (Some(first), Some(second)) => Some(Self::Split {
                    beside,
                    first: Box::new(first),
                    second: Box::new(second),
                }),
                (one, other) => one.or(other),
            },
        }
    }
}

/// Panes that share the screen.
#[derive(Clone, Debug)]
pub struct Tab {
    /// How they share it.
    pub tile: Tile,
    /// The one that keys go to.
    pub focus: PaneId,
    /// Whether that one is shown alone.
    pub zoom: bool,
    /// Whether keys go to all of them.
    pub broadcast: bool,
}

/// All consoles and shells.
#[derive(Default)]
pub struct Consoles {
    /// The panes.
    pub panes: BTreeMap<PaneId, Pane>,
    /// How they share the screen.
    pub tabs: Vec<Tab>,
    /// The tab on the screen.
    pub current: usize,
    /// Whether keys go to the guest.
    pub typing: bool,
    /// When the key that leaves was hit, if that was the last thing done.
    pub left: Option<Timestamp>,
    next: PaneId,
}

impl Consoles {
    /// The tab on the screen.
    pub fn tab(&self) -> Option<&Tab> {
        self.tabs.get(self.current)
    }

    /// The tab on the screen.
    pub fn tab_mut(&mut self) -> Option<&mut Tab> {
        self.tabs.get_mut(self.current)
    }

    /// The pane that keys go to.
    pub fn focused(&self) -> Option<PaneId> {
        self.tab().map(|tab| tab.focus)
    }

    /// The pane that keys go to.
    pub fn pane(&self) -> Option<&Pane> {
        self.panes.get(&self.focused()?)
    }

    /// The pane that keys go to.
    pub fn pane_mut(&mut self) -> Option<&mut Pane> {
        let id = self.focused()?;
        self.panes.get_mut(&id)
    }

    /// The panes that what is typed goes to.
    pub fn typed_into(&self) -> Vec<PaneId> {
        match self.tab() {
            Some(tab) if tab.broadcast => tab.tile.panes(),
            Some(tab) => vec![tab.focus],
            None => Vec::new(),
        }
    }

    /// The nodes whose serial lines what is typed goes to.
    pub fn lines_typed_into(&self) -> Vec<String> {
        let panes = self.typed_into();
        let panes = panes.iter().filter_map(|id| self.panes.get(id));
        let node = |pane: &Pane| match &pane.source {
            Source::Console(node) => Some(node.clone()),
            Source::Shell(_) | Source::Ssh(_) => None,
        };
        panes.filter_map(node).collect()
    }

    /// How many shells and logins end with this console.
    pub fn shells(&self) -> usize {
        self.panes.values().filter(|pane| pane.is_shell()).count()
    }

    /// The areas of the panes on the screen, when they share this one.
    pub fn areas(&self, area: Rect) -> Vec<(PaneId, Rect)> {
        match self.tab() {
            Some(tab) if tab.zoom => vec![(tab.focus, area)],
            Some(tab) => tab.tile.areas(area),
            None => Vec::new(),
        }
    }

    /// Whether there is a pane with this at its other end.
    pub fn has(&self, source: &Source) -> bool {
        self.panes.values().any(|pane| pane.source == *source)
    }

    fn add(&mut self, source: Source) -> PaneId {
        self.next += 1;
        let pane = Pane {
            source,
            emulator: Emulator::new(Size::new(80, 24)),
            line: Line::Opening,
            needle: String::new(),
        };
        self.panes.insert(self.next, pane);
        self.next
    }

    /// Goes to the pane with this at its other end; it is made if there is none, in a tab of its own.
    pub fn show(&mut self, source: &Source) -> PaneId {
        for (index, tab) in self.tabs.iter_mut().enumerate() {
            let of_source = |id: &PaneId| self.panes.get(id).is_some_and(|pane| pane.source == *source);
            if let Some(id) = tab.tile.panes().into_iter().find(of_source) {
                tab.focus = id;
                self.current = index;
                return id;
            }
        }
        let id = self.add(source.clone());
        self.tabs.push(Tab {
            tile: Tile::Pane(id),
            focus: id,
            zoom: false,
            broadcast: false,
        });
        self.current = self.tabs.len() - 1;
        id
    }

    /// The pane with this at its other end, in no tab any more; it is made if there is none.
    fn take(&mut self, source: &Source) -> PaneId {
        let found = self.panes.iter().find(|(_, pane)| pane.source == *source);
        let Some(id) = found.map(|(id, _)| *id) else {
            return self.add(source.clone());
        };
        let current = self.focused();
        self.drop_from_tabs(id);
        self.current = current
            .and_then(|pane| self.tabs.iter().position(|tab| tab.tile.panes().contains(&pane)))
            .unwrap_or(0);
        id
    }

    /// Takes a pane out of its tab, and the tab away if it was the only one there.
    fn drop_from_tabs(&mut self, gone: PaneId) {
        self.tabs.retain_mut(|tab| match tab.tile.clone().without(gone) {
            Some(tile) => {
                if tab.focus == gone {
                    tab.focus = tile.panes().first().copied().unwrap_or_default();
                    tab.zoom = false;
                }
                tab.tile = tile;
                true
            }
            None => false,
        });
    }

    /// Puts several panes into one tab, the only one they are in.
    pub fn tile(&mut self, sources: &[Source]) -> Vec<PaneId> {
        let panes: Vec<PaneId> = sources.iter().map(|source| self.take(source)).collect();
        // Two stand side by side, more in two rows.
        if let (Some(tile), Some(focus)) = (Tile::of(&panes, panes.len() == 2), panes.first()) {
            self.tabs.push(Tab {
                tile,
                focus: *focus,
                zoom: false,
                broadcast: false,
            });
            self.current = self.tabs.len() - 1;
        }
        panes
    }

    /// Puts another pane beside or below the focused one, from another tab if it is there.
    pub fn split(&mut self, source: &Source, beside: bool) -> Option<PaneId> {
        let focus = self.focused()?;
        if self.panes.get(&focus)?.source == *source {
            return None;
        }
        let id = self.take(source);
        let tab = self.tabs.get_mut(self.current)?;
        tab.tile.split(tab.focus, beside, id);
        tab.focus = id;
        tab.zoom = false;
        Some(id)
    }

    /// Closes the focused pane, and its tab if it was the only one there.
    pub fn close(&mut self) -> Option<PaneId> {
        let gone = self.focused()?;
        self.panes.remove(&gone);
        self.drop_from_tabs(gone);
        self.current = self.current.min(self.tabs.len().saturating_sub(1));
        self.typing = false;
        Some(gone)
    }

    /// Goes to the next tab, or the one before.
    pub fn turn(&mut self, forwards: bool) {
        self.current = turned(self.current, self.tabs.len(), forwards);
    }

    /// Goes to the next pane of the tab, or the one before.
    pub fn cycle(&mut self, forwards: bool) {
        if let Some(tab) = self.tab_mut() {
            let panes = tab.tile.panes();
            let place = panes.iter().position(|id| *id == tab.focus).unwrap_or(0);
            if let Some(id) = panes.get(turned(place, panes.len(), forwards)) {
                tab.focus = *id;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(node: &str) -> Source {
        Source::Console(node.into())
    }

    #[test]
    fn a_console_is_opened_once() {
        let mut consoles = Consoles::default();
        let a = consoles.show(&console("a"));
        let b = consoles.show(&console("b"));
        assert_eq!(consoles.show(&console("a")), a);
        assert_eq!(consoles.current, 0);
        consoles.turn(true);
        assert_eq!(consoles.focused(), Some(b));
    }

    #[test]
    fn panes_are_split_and_closed() {
        let mut consoles = Consoles::default();
        consoles.show(&console("a"));
        consoles.split(&console("b"), true);
        consoles.split(&console("c"), false);
        let areas: Vec<Rect> = consoles
            .areas(Rect::new(0, 0, 81, 20))
            .into_iter()
            .map(|(_, area)| area)
            .collect();
        assert_eq!(
            areas,
            [
                Rect::new(0, 0, 40, 20),
                Rect::new(40, 0, 41, 10),
                Rect::new(40, 10, 41, 10)
            ]
        );
        consoles.close();
        consoles.close();
        assert_eq!(consoles.areas(Rect::new(0, 0, 80, 20)).len(), 1);
        consoles.close();
        assert!(consoles.tabs.is_empty() && consoles.panes.is_empty());
        assert_eq!(consoles.close(), None);
    }

    #[test]
    fn a_pane_is_in_one_tab_wherever_it_was_before() {
        let mut consoles = Consoles::default();
        let a = consoles.show(&console("a"));
        let b = consoles.show(&console("b"));
        let c = consoles.show(&console("c"));
        // From a tab before the current one, which is its current one still.
        assert_eq!(consoles.split(&console("a"), true), Some(a));
        assert_eq!((consoles.tabs.len(), consoles.current), (2, 1));
        assert_eq!(consoles.tab().unwrap().tile.panes(), [c, a]);
        assert_eq!(consoles.split(&console("a"), true), None);
        let panes = consoles.tile(&[console("b"), console("c"), console("d"), console("e")]);
        assert_eq!(panes[..2], [b, c]);
        assert_eq!(consoles.tabs.len(), 2);
        let areas = consoles.areas(Rect::new(0, 0, 80, 20));
        assert!(areas.iter().all(|(_, area)| (area.width, area.height) == (40, 10)));
    }
}
