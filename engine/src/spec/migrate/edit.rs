//! Looking into trees, and making new ones.

use std::rc::Rc;

use crate::spec::tree::{Entry, Mark, Node, Value};

/// Returns the value of a key.
pub fn entry<'t>(node: &'t Node, key: &str) -> Option<&'t Rc<Node>> {
    let Value::Mapping(entries) = &node.value else {
        return None;
    };
    let is_key = |entry: &&Entry| {
        entry
            .key
            .scalar()
            .is_some_and(|written| written.eq_ignore_ascii_case(key))
    };
    let found = entries.iter().rfind(is_key)?;
    (!found.value.is_null()).then_some(&found.value)
}

/// Returns the text of a key.
pub fn text<'t>(node: &'t Node, key: &str) -> Option<&'t str> {
    entry(node, key).and_then(|value| value.scalar())
}

/// Returns the entries of the list of a key.
pub fn items<'t>(node: &'t Node, key: &str) -> &'t [Rc<Node>] {
    match entry(node, key).map(|list| &list.value) {
        Some(Value::Sequence(items)) => items,
        _ => &[],
    }
}

/// Returns the keys of a mapping with their places.
pub fn keys(node: &Node) -> Vec<(&str, Mark)> {
    let Value::Mapping(entries) = &node.value else {
        return Vec::new();
    };
    let key = |entry: &'_ Entry| entry.key.mark;
    entries
        .iter()
        .filter_map(|entry| Some((entry.key.scalar()?, key(entry))))
        .collect()
}

/// Makes a text.
pub fn scalar(text: &str) -> Rc<Node> {
    let text = text.into();
    Rc::new(Node::new(Mark::default(), Value::Scalar { text, plain: false }))
}

/// Makes a list.
pub fn list(items: Vec<Rc<Node>>) -> Rc<Node> {
    Rc::new(Node::new(Mark::default(), Value::Sequence(items)))
}

/// Makes a mapping.
pub fn mapping(pairs: Vec<(&str, Rc<Node>)>) -> Rc<Node> {
    let entries = pairs.into_iter().map(|(key, value)| Entry {
        key: scalar(key),
        value,
    });
    Rc::new(Node::new(Mark::default(), Value::Mapping(entries.collect())))
}
