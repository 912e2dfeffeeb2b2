//! What `${NAME}` can stand for: variables given from outside, declared in lab files, and the indices of what is repeated.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
};

use super::{suggest::did_you_mean, tree::Mark};

/// Variables given from outside.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    set: BTreeMap<String, String>,
    environment: BTreeMap<String, String>,
}

impl Variables {
    /// Takes those of this process's environment. One that is not text in UTF-8 counts as not set.
    #[must_use]
    pub fn of_environment() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            set: BTreeMap::new(),
            environment: env::vars_os().filter_map(text).collect(),
        }
    }

    /// Adds one that goes before the environment's.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Whether a text can be the name of a variable: a letter or `_`, then letters, digits and `_`.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        super::expression::is_name(text)
    }
}

/// A variable that a lab file declares.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// What it is where nothing else is given; it must be given if there is nothing here.
    pub value: Option<String>,
    /// Where it is declared.
    pub mark: Mark,
    /// How many files include one another down to the one that declares it.
    pub depth: usize,
}

/// What names stand for at one place of a lab file.
pub struct Scope<'v> {
    given: &'v Variables,
    declared: BTreeMap<String, Declaration>,
    /// The indices of what is repeated, the innermost last.
    indices: Vec<(String, u32)>,
    used: BTreeSet<String>,
}

impl<'v> Scope<'v> {
    /// Begins outside of all that is repeated.
    pub fn new(given: &'v Variables, declared: BTreeMap<String, Declaration>) -> Self {
        Self {
            given,
            declared,
            indices: Vec::new(),
            used: BTreeSet::new(),
        }
    }

    /// Goes into an instance.
    pub fn enter(&mut self, name: &str, index: u32) {
        self.indices.push((name.to_owned(), index));
    }

    /// Leaves the innermost instance.
    pub fn leave(&mut self) {
        self.indices.pop();
    }

    /// Says which instance this is, of all that are around this place.
    pub fn instance(&self) -> String {
        let indices: Vec<_> = self
            .indices
            .iter()
            .map(|(name, index)| format!("{name} = {index}"))
            .collect();
        indices.join(", ")
    }

    /// Returns what a name stands for; `None` if it is not set.
    pub fn value(&mut self, name: &str) -> Option<String> {
        if let Some((_, index)) = self.indices.iter().rev().find(|(known, _)| known == name) {
            return Some(index.to_string());
        }
        if let Some(value) = self.given.set.get(name) {
            self.used.insert(name.to_owned());
            return Some(value.clone());
        }
        if let Some(value) = self.given.environment.get(name) {
            return Some(value.clone());
        }
        self.declared
            .get(name)
            .and_then(|declaration| declaration.value.clone())
    }

    /// Whether a name is meant for lab files, and not only something in the environment.
    pub fn is_declared(&self, name: &str) -> bool {
        self.declaration(name).is_some()
            || self.given.set.contains_key(name)
            || self.indices.iter().any(|(known, _)| known == name)
    }

    /// Returns where a name is declared.
    pub fn declaration(&self, name: &str) -> Option<&Declaration> {
        self.declared.get(name)
    }

    /// Returns the nearest of the names there are, those of the environment last.
    pub fn suggest(&self, name: &str) -> Option<String> {
        let indices = self.indices.iter().map(|(name, _)| name);
        let own = indices.chain(self.declared.keys()).chain(self.given.set.keys());
        did_you_mean(name, own.map(String::as_str))
            .or_else(|| did_you_mean(name, self.given.environment.keys().map(String::as_str)))
    }

    /// Returns the names used of those that are set from outside.
    pub fn into_used(self) -> BTreeSet<String> {
        self.used
    }

    /// Returns the variables that were set and are used neither here nor there, each with what may have been meant.
    pub fn unused(&self, elsewhere: &BTreeSet<String>) -> Vec<(&'v str, Option<String>)> {
        let is_used = |name: &&String| self.used.contains(*name) || elsewhere.contains(*name);
        let unused = self.given.set.keys().filter(|name| !is_used(name));
        unused
            .map(|name| {
                let declared = self.declared.keys().map(String::as_str);
                (name.as_str(), did_you_mean(name, declared))
            })
            .collect()
    }
}
