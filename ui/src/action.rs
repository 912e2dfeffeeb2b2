//! Everything a key can do, in one table. Key bar, help, palette, config and documentation are made from it.

use crate::glyph::Mood;

/// The views, in the order of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// The lab as a graph.
    Topology,
    /// Virtual machines.
    Nodes,
    /// L2 segments.
    Networks,
    /// Network namespaces with their apps.
    Namespaces,
    /// Serial consoles and shells.
    Consoles,
    /// What happened, and what this console asked for.
    Events,
}

impl View {
    /// Every view.
    pub const ALL: [Self; 6] = [
        Self::Topology,
        Self::Nodes,
        Self::Networks,
        Self::Namespaces,
        Self::Consoles,
        Self::Events,
    ];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Topology => "Topology",
            Self::Nodes => "Nodes",
            Self::Networks => "Networks",
            Self::Namespaces => "Namespaces",
            Self::Consoles => "Consoles",
            Self::Events => "Events",
        }
    }

    /// Its number, which is also its key. 6 is kept for the BMCs.
    pub fn number(self) -> u8 {
        match self {
            Self::Topology => 1,
            Self::Nodes => 2,
            Self::Networks => 3,
            Self::Namespaces => 4,
            Self::Consoles => 5,
            Self::Events => 7,
        }
    }
}

/// What can be asked of a node's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Power on.
    On,
    /// Ask the guest to shut down.
    Shutdown,
    /// Cut the power.
    Off,
    /// Press the reset button.
    Reset,
    /// Cut the power and power on.
    Cycle,
    /// Send a non-maskable interrupt.
    Nmi,
    /// Press the power button.
    Push,
}

impl Verb {
    /// Every verb, in the order of the menu.
    pub const ALL: [Self; 7] = [
        Self::On,
        Self::Shutdown,
        Self::Push,
        Self::Reset,
        Self::Cycle,
        Self::Off,
        Self::Nmi,
    ];

    /// As the API and `pmctl2 node action` name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Shutdown => "shutdown",
            Self::Off => "off",
            Self::Reset => "reset",
            Self::Cycle => "cycle",
            Self::Nmi => "nmi",
            Self::Push => "push",
        }
    }

    /// What it does, for the menu.
    pub fn does(self) -> &'static str {
        match self {
            Self::On => "power on",
            Self::Shutdown => "shut down (the guest does it)",
            Self::Push => "press the power button",
            Self::Reset => "reset",
            Self::Cycle => "power off and on",
            Self::Off => "force off",
            Self::Nmi => "send an NMI",
        }
    }

    /// Its key in the menu.
    pub fn key(self) -> char {
        match self {
            Self::On => 'o',
            Self::Shutdown => 's',
            Self::Push => 'b',
            Self::Reset => 'r',
            Self::Cycle => 'c',
            Self::Off => 'f',
            Self::Nmi => 'n',
        }
    }

    /// Whether the guest can lose work by it.
    pub fn is_destructive(self) -> bool {
        matches!(self, Self::Off | Self::Reset | Self::Cycle | Self::Nmi)
    }

    /// Why it can't be done to a node whose power is so; `None` if it can.
    pub fn refused(self, mood: Mood) -> Option<&'static str> {
        match (self, mood) {
            (Self::On, Mood::Good) => Some("it is on"),
            (Self::On, Mood::Busy) => Some("it is on its way"),
            (Self::Shutdown | Self::Push | Self::Reset | Self::Off | Self::Nmi, Mood::Off | Mood::Bad) => {
                Some("it is off")
            }
            _ => None,
        }
    }
}

/// What a key can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the table below says what each does")]
pub enum Action {
    Help,
    Palette,
    Show(View),
    NextFocus,
    PreviousFocus,
    Back,
    Quit,
    Detach,
    Suspend,
    Redraw,
    Mouse,
    Theme,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Filter,
    Invert,
    Mark,
    MarkAll,
    Sort,
    Reverse,
    Open,
    PowerMenu,
    Power(Verb),
    Shell,
    Locate,
    OpenLog,
    Follow,
    Wrap,
    Stamps,
    Search,
    NextMatch,
    PreviousMatch,
    Save,
    Level,
    Fold,
    FoldAll,
    NextLink,
    PreviousLink,
    Centre,
    PanLeft,
    PanRight,
    PanUp,
    PanDown,
    Type,
    NextTab,
    PreviousTab,
    Zoom,
    SplitRight,
    SplitDown,
    Close,
    Broadcast,
    Copy,
    Reconnect,
    Leave,
    Select,
    SelectLines,
    Yank,
    Edit,
}

/// Where a key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Everywhere but where every key goes to a guest.
    Global,
    /// Every list.
    List,
    /// The list of nodes.
    Nodes,
    /// The list of networks.
    Networks,
    /// The tree of namespaces and apps.
    Namespaces,
    /// The output of an app.
    Log,
    /// The list of events.
    Events,
    /// The graph.
    Topology,
    /// The consoles, while no guest has the keyboard.
    Consoles,
    /// A console that has the keyboard.
    Console,
    /// Scrollback of a console.
    Copying,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 11] = [
        Self::Global,
        Self::List,
        Self::Nodes,
        Self::Networks,
        Self::Namespaces,
        Self::Log,
        Self::Events,
        Self::Topology,
        Self::Consoles,
        Self::Console,
        Self::Copying,
    ];

    /// Its name in the config.
    pub fn word(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::List => "list",
            Self::Nodes => "nodes",
            Self::Networks => "networks",
            Self::Namespaces => "namespaces",
            Self::Log => "log",
            Self::Events => "events",
            Self::Topology => "topology",
            Self::Consoles => "consoles",
            Self::Console => "console",
            Self::Copying => "copy",
        }
    }

    /// The view it belongs to, and whether to its second part; `None`: to several.
    pub fn place(self) -> Option<(View, bool)> {
        match self {
            Self::Global | Self::List | Self::Console | Self::Copying => None,
            Self::Nodes => Some((View::Nodes, false)),
            Self::Networks => Some((View::Networks, false)),
            Self::Namespaces => Some((View::Namespaces, false)),
            Self::Log => Some((View::Namespaces, true)),
            Self::Events => Some((View::Events, false)),
            Self::Topology => Some((View::Topology, false)),
            Self::Consoles => Some((View::Consoles, false)),
        }
    }

    /// Its heading in the help.
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::List => "Lists",
            Self::Nodes => "Nodes",
            Self::Networks => "Networks",
            Self::Namespaces => "Namespaces",
            Self::Log => "Log",
            Self::Events => "Events",
            Self::Topology => "Topology",
            Self::Consoles => "Consoles",
            Self::Console => "A console that has the keyboard",
            Self::Copying => "Scroll and copy",
        }
    }
}

/// A line of the table.
#[derive(Debug)]
pub struct Entry {
    /// What it does.
    pub action: Action,
    /// Its name in the config.
    pub name: &'static str,
    /// Where its keys count.
    pub scope: Scope,
    /// Its keys unless the config has others.
    pub keys: &'static [&'static str],
    /// Its word in the key bar; empty: not there.
    pub label: &'static str,
    /// What it does, for help and palette.
    pub does: &'static str,
}

const fn entry(
    scope: Scope,
    action: Action,
    name: &'static str,
    keys: &'static [&'static str],
    label: &'static str,
    does: &'static str,
) -> Entry {
    Entry {
        action,
        name,
        scope,
        keys,
        label,
        does,
    }
}

use Action as A;
use Scope::{Console, Consoles, Copying, Events, Global, List, Log, Namespaces, Networks, Nodes, Topology};

/// The table. Within a scope the order is that of key bar and help.
pub const ENTRIES: &[Entry] = &[
    entry(
        Nodes,
        A::Open,
        "open",
        &["enter"],
        "console",
        "open the node's serial console",
    ),
    entry(
        Nodes,
        A::PowerMenu,
        "power",
        &["p"],
        "power",
        "power menu of the node, or of all marked ones",
    ),
    entry(Nodes, A::Shell, "shell", &["s"], "ssh", "log in to the node with ssh"),
    entry(
        Nodes,
        A::Locate,
        "locate",
        &["t"],
        "find",
        "show the node in the topology",
    ),
    entry(
        Nodes,
        A::Mark,
        "mark",
        &["space"],
        "mark",
        "mark the node, to act on several",
    ),
    entry(
        Nodes,
        A::MarkAll,
        "mark-all",
        &["*"],
        "",
        "mark all nodes that are shown, or none",
    ),
    entry(Nodes, A::Sort, "sort", &["o"], "sort", "sort by the next column"),
    entry(Nodes, A::Reverse, "reverse", &["O"], "", "reverse the order"),
    entry(
        Networks,
        A::Locate,
        "locate",
        &["t", "enter"],
        "find",
        "show the network in the topology",
    ),
    entry(Networks, A::Sort, "sort", &["o"], "sort", "sort by the next column"),
    entry(Networks, A::Reverse, "reverse", &["O"], "", "reverse the order"),
    entry(
        Namespaces,
        A::OpenLog,
        "log",
        &["l", "enter"],
        "log",
        "read the log of the app",
    ),
    entry(
        Namespaces,
        A::Shell,
        "shell",
        &["s"],
        "shell",
        "open a shell inside the namespace",
    ),
    entry(
        Namespaces,
        A::Locate,
        "locate",
        &["t"],
        "find",
        "show the namespace in the topology",
    ),
    entry(
        Namespaces,
        A::Fold,
        "fold",
        &["o", "left", "right"],
        "fold",
        "fold the namespace, or unfold it",
    ),
    entry(
        Namespaces,
        A::FoldAll,
        "fold-all",
        &["O"],
        "",
        "fold all namespaces, or unfold them",
    ),
    entry(Log, A::Follow, "follow", &["f"], "follow", "follow the log, or hold it"),
    entry(Log, A::Search, "search", &["/"], "search", "search the log"),
    entry(Log, A::NextMatch, "next", &["n"], "next", "go to the next match"),
    entry(Log, A::PreviousMatch, "previous", &["N"], "", "go to the match before"),
    entry(
        Log,
        A::Filter,
        "filter",
        &["&"],
        "filter",
        "show only lines with a text",
    ),
    entry(
        Log,
        A::Invert,
        "invert",
        &["!"],
        "",
        "show only lines without that text",
    ),
    entry(Log, A::Wrap, "wrap", &["w"], "wrap", "wrap long lines, or cut them"),
    entry(
        Log,
        A::Stamps,
        "timestamps",
        &["T"],
        "time",
        "show when each line came, or not",
    ),
    entry(Log, A::Save, "save", &["S"], "save", "save the log to a file"),
    entry(Log, A::Edit, "edit", &["e"], "", "open the log in $EDITOR"),
    entry(Log, A::Up, "up", &["up", "k"], "", "scroll up"),
    entry(Log, A::Down, "down", &["down", "j"], "", "scroll down"),
    entry(Log, A::Left, "left", &["left", "h"], "", "scroll left"),
    entry(Log, A::Right, "right", &["right"], "", "scroll right"),
    entry(Log, A::PageUp, "page-up", &["pgup"], "", "scroll up a page"),
    entry(Log, A::PageDown, "page-down", &["pgdn"], "", "scroll down a page"),
    entry(Log, A::Top, "top", &["g", "home"], "", "go to the first line"),
    entry(
        Log,
        A::Bottom,
        "bottom",
        &["G", "end"],
        "",
        "go to the last line, and follow",
    ),
    entry(
        Events,
        A::Open,
        "open",
        &["enter"],
        "go to",
        "show the object of the event in its view",
    ),
    entry(
        Events,
        A::Level,
        "level",
        &["v"],
        "level",
        "show only warnings, only errors, or all",
    ),
    entry(
        Events,
        A::Follow,
        "follow",
        &["f"],
        "follow",
        "follow the events, or hold them",
    ),
    entry(
        Topology,
        A::Open,
        "open",
        &["enter"],
        "open",
        "open the console of the node, the log of the namespace, the rack",
    ),
    entry(
        Topology,
        A::PowerMenu,
        "power",
        &["p"],
        "power",
        "power menu of the node, or of all nodes of the rack",
    ),
    entry(
        Topology,
        A::Shell,
        "shell",
        &["s"],
        "shell",
        "open a shell inside the namespace, or ssh to the node",
    ),
    entry(
        Topology,
        A::Fold,
        "fold",
        &["o"],
        "fold",
        "fold the rack into one box, or unfold it",
    ),
    entry(
        Topology,
        A::FoldAll,
        "fold-all",
        &["O"],
        "",
        "fold all racks, or unfold them",
    ),
    entry(
        Topology,
        A::Mark,
        "path",
        &["space"],
        "path",
        "mark one end of a path, then the other",
    ),
    entry(
        Topology,
        A::Filter,
        "filter",
        &["/"],
        "filter",
        "highlight what has a text in its name, and go there",
    ),
    entry(Topology, A::NextMatch, "next", &["n"], "", "go to the next match"),
    entry(
        Topology,
        A::PreviousMatch,
        "previous",
        &["N"],
        "",
        "go to the match before",
    ),
    entry(
        Topology,
        A::NextLink,
        "next-link",
        &["."],
        "link",
        "select the next link of the box",
    ),
    entry(
        Topology,
        A::PreviousLink,
        "previous-link",
        &[","],
        "",
        "select the link before",
    ),
    entry(Topology, A::Up, "up", &["up", "k"], "", "walk up along a link"),
    entry(Topology, A::Down, "down", &["down", "j"], "", "walk down along a link"),
    entry(
        Topology,
        A::Left,
        "left",
        &["left", "h"],
        "",
        "go to the box on the left",
    ),
    entry(
        Topology,
        A::Right,
        "right",
        &["right", "l"],
        "",
        "go to the box on the right",
    ),
    entry(Topology, A::Top, "first", &["g", "home"], "", "go to the first box"),
    entry(Topology, A::Bottom, "last", &["G", "end"], "", "go to the last box"),
    entry(
        Topology,
        A::PanLeft,
        "pan-left",
        &["H", "shift-left"],
        "",
        "move the picture",
    ),
    entry(
        Topology,
        A::PanRight,
        "pan-right",
        &["L", "shift-right"],
        "",
        "move the picture",
    ),
    entry(
        Topology,
        A::PanUp,
        "pan-up",
        &["K", "shift-up", "pgup"],
        "",
        "move the picture",
    ),
    entry(
        Topology,
        A::PanDown,
        "pan-down",
        &["J", "shift-down", "pgdn"],
        "",
        "move the picture",
    ),
    entry(
        Topology,
        A::Centre,
        "centre",
        &["c"],
        "",
        "bring the selected box to the middle",
    ),
    entry(
        Consoles,
        A::Type,
        "type",
        &["enter", "i"],
        "type",
        "give the keyboard to the console",
    ),
    entry(Consoles, A::Copy, "copy", &["["], "copy", "scroll, search and copy"),
    entry(
        Consoles,
        A::NextTab,
        "next-tab",
        &["right", "l", ">"],
        "next",
        "go to the next tab",
    ),
    entry(
        Consoles,
        A::PreviousTab,
        "previous-tab",
        &["left", "h", "<"],
        "",
        "go to the tab before",
    ),
    entry(
        Consoles,
        A::SplitRight,
        "split-right",
        &["|"],
        "split",
        "split the pane, another console on the right",
    ),
    entry(
        Consoles,
        A::SplitDown,
        "split-down",
        &["-"],
        "",
        "split the pane, another console below",
    ),
    entry(
        Consoles,
        A::Zoom,
        "zoom",
        &["z"],
        "zoom",
        "show this pane alone, or all again",
    ),
    entry(
        Consoles,
        A::Broadcast,
        "broadcast",
        &["b"],
        "broadcast",
        "type into all panes of this tab at once, or not",
    ),
    entry(
        Consoles,
        A::PowerMenu,
        "power",
        &["p"],
        "power",
        "power menu of the console's node",
    ),
    entry(Consoles, A::Close, "close", &["x"], "close", "close the pane"),
    entry(
        Consoles,
        A::Reconnect,
        "reconnect",
        &["r"],
        "",
        "connect again, or start the shell again",
    ),
    entry(
        Consoles,
        A::NextFocus,
        "next-pane",
        &["tab", "down", "j"],
        "",
        "go to the next pane",
    ),
    entry(
        Consoles,
        A::PreviousFocus,
        "previous-pane",
        &["backtab", "up", "k"],
        "",
        "go to the pane before",
    ),
    entry(
        Console,
        A::Leave,
        "leave",
        &["ctrl-]"],
        "leave (twice: send it)",
        "take the keyboard back; twice sends the key",
    ),
    entry(
        Copying,
        A::Select,
        "select",
        &["v", "space"],
        "select",
        "begin a selection, or drop it",
    ),
    entry(
        Copying,
        A::SelectLines,
        "select-lines",
        &["V"],
        "",
        "select whole lines",
    ),
    entry(
        Copying,
        A::Yank,
        "yank",
        &["y", "enter"],
        "copy",
        "copy the selection to the clipboard of the terminal",
    ),
    entry(Copying, A::Search, "search", &["/"], "search", "search backwards"),
    entry(
        Copying,
        A::NextMatch,
        "next",
        &["n"],
        "next",
        "go to the next match upwards",
    ),
    entry(
        Copying,
        A::PreviousMatch,
        "previous",
        &["N"],
        "",
        "go to the next match downwards",
    ),
    entry(
        Copying,
        A::Edit,
        "edit",
        &["e"],
        "edit",
        "open the scrollback in $EDITOR",
    ),
    entry(Copying, A::Save, "save", &["S"], "", "save the scrollback to a file"),
    entry(Copying, A::Up, "up", &["up", "k"], "", "move up"),
    entry(Copying, A::Down, "down", &["down", "j"], "", "move down"),
    entry(Copying, A::Left, "left", &["left", "h"], "", "move left"),
    entry(Copying, A::Right, "right", &["right", "l"], "", "move right"),
    entry(Copying, A::PageUp, "page-up", &["pgup", "ctrl-u"], "", "move up a page"),
    entry(
        Copying,
        A::PageDown,
        "page-down",
        &["pgdn", "ctrl-d"],
        "",
        "move down a page",
    ),
    entry(Copying, A::Top, "top", &["g", "home"], "", "go to the first line"),
    entry(Copying, A::Bottom, "bottom", &["G", "end"], "", "go to the last line"),
    entry(Copying, A::Back, "back", &["q", "esc"], "back", "back to the console"),
    entry(List, A::Filter, "filter", &["/"], "filter", "show only what has a text"),
    entry(
        List,
        A::Invert,
        "invert",
        &["!"],
        "",
        "show only what has not that text",
    ),
    entry(List, A::Up, "up", &["up", "k"], "", "go up"),
    entry(List, A::Down, "down", &["down", "j"], "", "go down"),
    entry(List, A::PageUp, "page-up", &["pgup"], "", "go up a page"),
    entry(List, A::PageDown, "page-down", &["pgdn"], "", "go down a page"),
    entry(List, A::Top, "top", &["g", "home"], "", "go to the first row"),
    entry(List, A::Bottom, "bottom", &["G", "end"], "", "go to the last row"),
    entry(Global, A::Help, "help", &["?", "f1"], "help", "what the keys do here"),
    entry(
        Global,
        A::Palette,
        "palette",
        &[":", "ctrl-p"],
        "all actions",
        "every action by its name",
    ),
    entry(
        Global,
        A::NextFocus,
        "next",
        &["tab"],
        "",
        "go to the next part of the screen",
    ),
    entry(
        Global,
        A::PreviousFocus,
        "previous",
        &["backtab"],
        "",
        "go to the part before",
    ),
    entry(
        Global,
        A::Back,
        "back",
        &["esc"],
        "",
        "back: drop the filter, the marks, leave the part",
    ),
    entry(
        Global,
        A::Show(View::Topology),
        "topology",
        &["1"],
        "",
        "show the topology",
    ),
    entry(Global, A::Show(View::Nodes), "nodes", &["2"], "", "show the nodes"),
    entry(
        Global,
        A::Show(View::Networks),
        "networks",
        &["3"],
        "",
        "show the networks",
    ),
    entry(
        Global,
        A::Show(View::Namespaces),
        "namespaces",
        &["4"],
        "",
        "show namespaces, apps and logs",
    ),
    entry(
        Global,
        A::Show(View::Consoles),
        "consoles",
        &["5"],
        "",
        "show the consoles",
    ),
    entry(
        Global,
        A::Show(View::Events),
        "events",
        &["7"],
        "",
        "show events and commands",
    ),
    entry(
        Global,
        A::Power(Verb::On),
        "power-on",
        &[],
        "",
        "power on the selected nodes",
    ),
    entry(
        Global,
        A::Power(Verb::Shutdown),
        "power-shutdown",
        &[],
        "",
        "ask the selected nodes to shut down",
    ),
    entry(
        Global,
        A::Power(Verb::Push),
        "power-push",
        &[],
        "",
        "press the power button of the selected nodes",
    ),
    entry(
        Global,
        A::Power(Verb::Reset),
        "power-reset",
        &[],
        "",
        "reset the selected nodes",
    ),
    entry(
        Global,
        A::Power(Verb::Cycle),
        "power-cycle",
        &[],
        "",
        "power the selected nodes off and on",
    ),
    entry(
        Global,
        A::Power(Verb::Off),
        "power-off",
        &[],
        "",
        "cut the power of the selected nodes",
    ),
    entry(
        Global,
        A::Power(Verb::Nmi),
        "power-nmi",
        &[],
        "",
        "send an NMI to the selected nodes",
    ),
    entry(
        Global,
        A::Mouse,
        "mouse",
        &["m"],
        "",
        "let the terminal have the mouse, or this console",
    ),
    entry(Global, A::Theme, "theme", &[], "", "take the next theme"),
    entry(Global, A::Detach, "detach", &["d"], "detach", "leave; the lab goes on"),
    entry(
        Global,
        A::Quit,
        "quit",
        &["q", "ctrl-c"],
        "quit",
        "leave the lab running, or tear it down",
    ),
    entry(
        Global,
        A::Suspend,
        "suspend",
        &["ctrl-z"],
        "",
        "suspend this console (fg brings it back)",
    ),
    entry(Global, A::Redraw, "redraw", &["ctrl-l"], "", "draw everything again"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::key::Key;

    #[test]
    fn every_key_can_be_read_and_is_bound_once_in_its_scope() {
        let mut seen = HashSet::new();
        for entry in ENTRIES {
            for key in entry.keys {
                let key: Key = key.parse().unwrap();
                assert!(
                    seen.insert((entry.scope, key)),
                    "{key} is bound twice in {}",
                    entry.scope.word()
                );
            }
        }
    }

    #[test]
    fn names_are_unique_in_their_scope() {
        let mut seen = HashSet::new();
        for entry in ENTRIES {
            assert!(
                seen.insert((entry.scope, entry.name)),
                "{} {}",
                entry.scope.word(),
                entry.name
            );
        }
    }
}
