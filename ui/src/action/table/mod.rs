//! The table: a file for each part of the screen.

mod bmc;
mod consoles;
mod events;
mod global;
mod list;
mod namespaces;
mod networks;
mod nodes;
mod topology;

use super::{Action, Scope};

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

/// The parts of the table. Within a scope the order is that of key bar and help.
const PARTS: [&[Entry]; 9] = [
    nodes::ENTRIES,
    networks::ENTRIES,
    namespaces::ENTRIES,
    events::ENTRIES,
    topology::ENTRIES,
    consoles::ENTRIES,
    bmc::ENTRIES,
    list::ENTRIES,
    global::ENTRIES,
];

/// The lines of the table.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    PARTS.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::key::Key;

    #[test]
    fn every_key_can_be_read_and_is_bound_once_in_its_scope() {
        let mut seen = HashSet::new();
        for entry in entries() {
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
        for entry in entries() {
            assert!(
                seen.insert((entry.scope, entry.name)),
                "{} {}",
                entry.scope.word(),
                entry.name
            );
        }
    }
}
