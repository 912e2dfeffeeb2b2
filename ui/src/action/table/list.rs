//! Every list.

use super::{Entry, entry};
use crate::action::{Action as A, Scope::List};

pub const ENTRIES: &[Entry] = &[
    entry(List, A::Filter, "filter", &["/"], "filter", "show only what has a text"),
    entry(List, A::Open, "open", &["enter"], "", "open the row"),
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
];
