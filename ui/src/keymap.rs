//! Which key does what where.

use std::collections::HashMap;

use crate::{
    action::{Action, Entry, Scope, entries},
    key::Key,
};

/// The bindings of all scopes.
#[derive(Clone, Debug)]
pub struct Keymap {
    bound: HashMap<(Scope, Key), Action>,
    /// The keys of each line of the table, by its scope and name.
    keys: HashMap<(Scope, &'static str), Vec<Key>>,
}

impl Default for Keymap {
    fn default() -> Self {
        let mut map = Self {
            bound: HashMap::new(),
            keys: HashMap::new(),
        };
        for entry in entries() {
            // A test reads every key of the table.
            let keys = entry.keys.iter().filter_map(|key| key.parse().ok()).collect();
            map.bind(entry, keys);
        }
        map
    }
}

impl Keymap {
    /// Gives an action other keys than it had. They are taken from whatever had them in that scope.
    pub fn bind(&mut self, entry: &'static Entry, keys: Vec<Key>) {
        self.bound
            .retain(|(scope, _), action| *scope != entry.scope || *action != entry.action);
        for key in &keys {
            if self.bound.insert((entry.scope, *key), entry.action).is_some() {
                let others = self.keys.iter_mut().filter(|((scope, _), _)| *scope == entry.scope);
                others.for_each(|(_, keys)| keys.retain(|other| other != key));
            }
        }
        self.keys.insert((entry.scope, entry.name), keys);
    }

    /// What a key does where these scopes count, the first of them most.
    pub fn action(&self, scopes: &[Scope], key: Key) -> Option<Action> {
        scopes.iter().find_map(|scope| self.bound.get(&(*scope, key)).copied())
    }

    /// The keys of a line of the table.
    pub fn keys(&self, entry: &Entry) -> &[Key] {
        self.keys.get(&(entry.scope, entry.name)).map_or(&[], Vec::as_slice)
    }

    /// The lines of the table that count in these scopes, those whose keys are all taken by an earlier scope left out.
    pub fn entries<'a>(&'a self, scopes: &'a [Scope]) -> impl Iterator<Item = &'static Entry> + 'a {
        let of_scope = |scope: &'a Scope| entries().filter(move |entry| entry.scope == *scope);
        let reachable = |entry: &&Entry| {
            let keys = self.keys(entry);
            let first = |key: &Key| scopes.iter().find(|scope| self.bound.contains_key(&(**scope, *key)));
            keys.is_empty() || keys.iter().any(|key| first(key) == Some(&entry.scope))
        };
        scopes.iter().flat_map(of_scope).filter(reachable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(scope: Scope, name: &str) -> &'static Entry {
        entries()
            .find(|entry| entry.scope == scope && entry.name == name)
            .unwrap()
    }

    #[test]
    fn the_first_scope_counts_most() {
        let map = Keymap::default();
        let slash = Key::char('/');
        assert_eq!(map.action(&[Scope::Log, Scope::Global], slash), Some(Action::Search));
        assert_eq!(map.action(&[Scope::List, Scope::Global], slash), Some(Action::Filter));
        assert_eq!(map.action(&[Scope::Console], slash), None);
    }

    #[test]
    fn a_key_that_is_bound_anew_is_taken_from_its_owner() {
        let mut map = Keymap::default();
        map.bind(find(Scope::Global, "detach"), vec![Key::char('q')]);
        assert_eq!(map.action(&[Scope::Global], Key::char('q')), Some(Action::Detach));
        assert_eq!(map.action(&[Scope::Global], Key::char('d')), None);
        assert!(!map.keys(find(Scope::Global, "quit")).contains(&Key::char('q')));
    }
}
