//! The list of nodes.

use super::{Entry, entry};
use crate::action::{Action as A, Scope::Nodes};

pub const ENTRIES: &[Entry] = &[
    entry(
        Nodes,
        A::Open,
        "open",
        &["enter"],
        "console",
        "open the node's serial console, or those of all marked ones",
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
];
