//! What `<<` keys bring into a mapping: YAML 1.1's merge type.

use std::{collections::HashSet, rc::Rc};

use super::tree::{Entry, Node, Value};

/// Adds what `<<` keys bring in and returns how many nodes that is. A key that is written out,
/// or was brought in earlier, stays.
pub fn merge(entries: &mut Vec<Entry>) -> usize {
    let is_merge = |entry: &Entry| {
        let key = matches!(&entry.key.value, Value::Scalar { text, plain: true } if &**text == "<<");
        key && merged_mappings(&entry.value).is_some()
    };
    if !entries.iter().any(is_merge) {
        return 0;
    }
    let (merges, mut own): (Vec<Entry>, Vec<Entry>) = std::mem::take(entries).into_iter().partition(is_merge);
    let mut seen: HashSet<Rc<str>> = own
        .iter()
        .filter_map(|entry| entry.key.scalar().map(Rc::from))
        .collect();
    let mut weight = 0;
    for entry in merges
        .iter()
        .filter_map(|entry| merged_mappings(&entry.value))
        .flatten()
        .flatten()
    {
        if entry.key.scalar().is_none_or(|key| seen.insert(Rc::from(key))) {
            weight += entry.key.weight + entry.value.weight;
            own.push(entry.clone());
        }
    }
    *entries = own;
    weight
}

/// Returns the mappings that the value of a `<<` key brings in.
fn merged_mappings(value: &Node) -> Option<Vec<&[Entry]>> {
    match &value.value {
        Value::Mapping(entries) => Some(vec![entries]),
        Value::Sequence(items) => items
            .iter()
            .map(|item| match &item.value {
                Value::Mapping(entries) => Some(entries.as_slice()),
                _ => None,
            })
            .collect(),
        Value::Scalar { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::parse::{MAX_NODES, documents};

    #[test]
    fn merged_keys_give_way_to_written_ones() {
        let text = "- &a {x: 1, y: 2}\n- &b {y: 3, z: 4}\n- {<<: [*a, *b], x: 5}\n- {<<: text}\n";
        let (documents, _) = documents(text, 0, &mut MAX_NODES.clone());
        let Value::Sequence(items) = &documents[0].value else {
            panic!("not a list")
        };
        let pairs = |node: &Node| match &node.value {
            Value::Mapping(entries) => entries
                .iter()
                .map(|entry| format!("{}={}", entry.key.scalar().unwrap(), entry.value.scalar().unwrap()))
                .collect::<Vec<_>>(),
            _ => panic!("not a mapping"),
        };
        assert_eq!(pairs(&items[2]), ["x=5", "y=2", "z=4"]);
        assert_eq!(pairs(&items[3]), ["<<=text"]);
    }
}
