//! The list of networks.

use super::{Entry, entry};
use crate::action::{Action as A, Scope::Networks};

pub const ENTRIES: &[Entry] = &[
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
];
