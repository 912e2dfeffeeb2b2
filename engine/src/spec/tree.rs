//! A YAML document as written: every scalar's text, every key's order, and the place of each.

use std::rc::Rc;

/// A stretch of text in one of the files being read; lines and columns count from 1, the end is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark {
    /// Index of the file among the sources.
    pub file: u32,
    /// First line.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Last line.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
    /// Which instance of something repeated it is of, as the sources know it; 0 where nothing is repeated.
    pub instance: u32,
}

/// A node of the tree. An alias shares the node it stands for.
#[derive(Debug)]
pub struct Node {
    /// Where it was written; for an alias, where its anchor is.
    pub mark: Mark,
    /// What it holds.
    pub value: Value,
    /// Nodes in this tree when every alias is written out.
    pub weight: usize,
    /// Levels of nodes below this one.
    pub height: usize,
}

/// What a node holds.
#[derive(Debug)]
pub enum Value {
    /// Text, with quotes and escapes resolved and otherwise as written.
    Scalar {
        /// The text.
        text: Box<str>,
        /// Whether it was written without quotes, so that it may mean a number, a truth value or nothing.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Rc<Node>>),
    /// Keys and values in the order they were written; keys may repeat.
    Mapping(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Rc<Node>,
    /// The value.
    pub value: Rc<Node>,
}

impl Node {
    /// Makes a node.
    pub fn new(mark: Mark, value: Value) -> Self {
        let (mut weight, mut height) = (1, 0);
        let mut count = |child: &Node| {
            weight += child.weight;
            height = height.max(child.height + 1);
        };
        match &value {
            Value::Scalar { .. } => {}
            Value::Sequence(items) => items.iter().for_each(|item| count(item)),
            Value::Mapping(entries) => {
                for Entry { key, value } in entries {
                    count(key);
                    count(value);
                }
            }
        }
        Self {
            mark,
            value,
            weight,
            height,
        }
    }

    /// Whether this is a plain scalar that means "nothing": empty, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(&**text, "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Returns the text of a scalar.
    pub fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Says what kind of value this is, for messages.
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}
