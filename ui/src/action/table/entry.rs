//! A line of the table.

use crate::action::{Action, Scope};

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

/// A line of the table.
pub(super) const fn entry(
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
