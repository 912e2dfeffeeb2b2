//! The table: a file for each part of the screen.

mod bmc;
mod consoles;
mod entry;
mod events;
mod global;
mod list;
mod namespaces;
mod networks;
mod nodes;
mod topology;

pub use entry::Entry;

use entry::entry;

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
