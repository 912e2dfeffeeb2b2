//! Keys of the config.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    action::{Entry, Scope, entries},
    key::Key,
    keymap::Keymap,
};

/// Keys by scope and action.
#[derive(Clone, Debug, Default)]
pub struct Keys(pub(super) Vec<(&'static Entry, Vec<Key>)>);

impl Keys {
    /// Every action with the keys it has unless a config says otherwise.
    pub fn of(keymap: &Keymap) -> Self {
        Self(entries().map(|entry| (entry, keymap.keys(entry).to_vec())).collect())
    }
}

impl Serialize for Keys {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut scopes: BTreeMap<&str, BTreeMap<&str, Vec<String>>> = BTreeMap::new();
        for (entry, keys) in &self.0 {
            let keys = keys.iter().map(ToString::to_string).collect();
            scopes.entry(entry.scope.word()).or_default().insert(entry.name, keys);
        }
        scopes.serialize(serializer)
    }
}

/// The scope of that name, or what there is instead.
pub fn scope(name: &str) -> Result<Scope, String> {
    let scope = Scope::ALL.into_iter().find(|scope| scope.word() == name);
    scope.ok_or_else(|| {
        format!(
            "there is no scope {name:?}: there are {}",
            Scope::ALL.map(Scope::word).join(", ")
        )
    })
}

/// The action of that name in a scope, or the one that is meant.
pub fn action(scope: Scope, name: &str) -> Result<&'static Entry, String> {
    let in_scope = || entries().filter(|entry| entry.scope == scope);
    in_scope().find(|entry| entry.name == name).ok_or_else(|| {
        let hint = nearest(in_scope().map(|entry| entry.name), name);
        format!("there is no action {name:?} in the scope {}{hint}", scope.word())
    })
}

/// A question for the name that is most like one that does not exist.
pub fn nearest<'a>(names: impl Iterator<Item = &'a str>, wrong: &str) -> String {
    let similar = names.max_by(|one, other| strsim::jaro(one, wrong).total_cmp(&strsim::jaro(other, wrong)));
    similar
        .map(|name| format!(": do you mean {name:?}?"))
        .unwrap_or_default()
}
