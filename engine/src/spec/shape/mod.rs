//! What the mappings of a lab file look like: every key with what it may hold and what it means.
//!
//! The JSON Schema and the tables of the documentation are made from this. The readers in `read` do not use it, as they check
//! far more than shapes; tests hold that both know the same keys, words, numbers and lists. So a new key goes into its reader and
//! into `tables`, and a test fails until it is in both.

mod markdown;
mod schema;
mod tables;
#[cfg(test)]
mod tests;

pub use markdown::tables as markdown_tables;
pub use schema::schema;
use tables::KINDS;

/// A mapping.
#[derive(Debug)]
pub struct Shape {
    /// What it is called: in the schema, and where its table stands in the documentation.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Its keys, in the order of the documentation.
    pub keys: &'static [&'static [Key]],
    /// Keys of which exactly one must be there.
    pub one_of: &'static [&'static str],
    /// Keys that mean nothing without another, each with that.
    pub needs: &'static [(&'static str, &'static str)],
}

/// A key of a mapping.
#[derive(Debug)]
pub struct Key {
    /// Its name, in lower case.
    pub name: &'static str,
    /// What it holds.
    pub value: Value,
    /// What it means, without a full stop at the end.
    pub about: &'static str,
    /// What it means that it is not there.
    pub absent: Absent,
    /// A value that is right, in YAML.
    pub example: &'static str,
    /// Whether it is more than placemat version 2 had.
    pub new: bool,
}

/// What it means that a key is not there.
#[derive(Debug)]
pub enum Absent {
    /// It must be there.
    Error,
    /// This.
    Means(&'static str),
}

/// What a key holds.
#[derive(Debug)]
pub enum Value {
    /// Any scalar, as it is written.
    Text,
    /// Any scalar that is not empty, as an entry of a list.
    Name,
    /// `true` or `false`, with their synonyms.
    Boolean,
    /// A whole number in a range.
    Number(u32, u32),
    /// One of a few words.
    Words(&'static [&'static str]),
    /// A list.
    List(&'static Value),
    /// A list that is not empty.
    FullList(&'static Value),
    /// A mapping of names to texts.
    TextMap,
    /// A mapping.
    Mapping(&'static Shape),
    /// A mapping, or a list of such that is not empty.
    OneOrMore(&'static Shape),
    /// A mapping whose `kind` says what it looks like.
    Kinds(&'static [(&'static str, &'static Shape)]),
    /// A text, or a mapping that says more.
    TextOr(&'static Shape),
}

impl Shape {
    /// Returns all keys.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.keys.iter().copied().flatten()
    }
}

impl Key {
    /// Whether it must be there.
    pub fn is_required(&self) -> bool {
        matches!(self.absent, Absent::Error)
    }
}
