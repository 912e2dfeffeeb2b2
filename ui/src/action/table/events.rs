//! Events, and the commands of this console.

use super::{Entry, entry};
use crate::action::{
    Action as A,
    Scope::{Commands, Events},
};

pub const ENTRIES: &[Entry] = &[
    entry(
        Events,
        A::Open,
        "open",
        &["enter"],
        "go to",
        "show the object of the event in its view",
    ),
    entry(Events, A::ReadEvent, "read", &["x"], "read", "read the whole event"),
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
        Commands,
        A::Open,
        "open",
        &["enter"],
        "read",
        "read the whole command, and what came of it",
    ),
];
