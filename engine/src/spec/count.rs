//! `count`: how often something is repeated, and what each instance is called.

use std::ops::RangeInclusive;

use super::{
    diagnostic::{Code, Finding, quote},
    expression::is_name,
    scalar::whole_number,
    tree::{Mark, Node, Value},
};

/// How often something can be repeated by one `count`.
const MOST: u64 = 10_000;
/// The index that a `count` without names has.
const INDEX: &str = "i";

/// An index with the numbers it runs through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its numbers; none at all if they end before they begin.
    pub numbers: RangeInclusive<u32>,
}

/// Reads the value of `count`: a number of instances, counted from 0; a range such as `1-18`; or a mapping of the names of indices
/// to these, of which the first changes slowest.
pub fn read(node: &Node, key: Mark) -> Result<Vec<Index>, Finding> {
    let mut indices = match &node.value {
        Value::Mapping(entries) if !entries.is_empty() => {
            let mut indices: Vec<Index> = Vec::new();
            for entry in entries {
                let name = entry.key.scalar().filter(|name| is_name(name)).ok_or_else(|| {
                    let message = format!(
                        "{} can't be the name of an index.",
                        quote(entry.key.scalar().unwrap_or_default())
                    );
                    Finding::error(Code::InvalidName, entry.key.mark, message)
                        .hint("It is a letter or `_`, with letters, digits and `_` behind it.")
                })?;
                if indices.iter().any(|index| index.name == name) {
                    let message = format!("There is another index {}.", quote(name));
                    return Err(Finding::error(Code::DuplicateName, entry.key.mark, message));
                }
                indices.push(index(name, &entry.value)?);
            }
            indices
        }
        _ => vec![index(INDEX, node)?],
    };
    let instances = indices
        .iter()
        .map(|index| (u64::from(*index.numbers.end()) + 1).saturating_sub(u64::from(*index.numbers.start())))
        .fold(1_u64, u64::saturating_mul);
    if instances > MOST {
        let message = format!("This `count` makes {instances} instances; {MOST} are the most.");
        return Err(Finding::error(Code::Limit, key, message));
    }
    if instances == 0 {
        // An index before the one that runs through nothing would run through its numbers in vain, however many.
        indices.retain(|index| index.numbers.is_empty());
    }
    Ok(indices)
}

fn index(name: &str, node: &Node) -> Result<Index, Finding> {
    let numbers = node.scalar().and_then(numbers).ok_or_else(|| {
        let found = node.scalar().map_or_else(|| node.describe().to_owned(), quote);
        let message = format!("A `count` can't be {found}.");
        Finding::error(Code::Count, node.mark, message)
            .hint("It is a number such as `18`, a range such as `1-18`, or a mapping of names to these: `{rack: 4, node: 1-18}`.")
    })?;
    Ok(Index {
        name: name.to_owned(),
        numbers,
    })
}

fn numbers(text: &str) -> Option<RangeInclusive<u32>> {
    if let Some((first, last)) = text.split_once('-') {
        let (first, last) = (whole_number(first.trim())?, whole_number(last.trim())?);
        return (first <= last).then_some(first..=last);
    }
    match whole_number(text)? {
        // An empty range: there is no instance at all.
        0 => Some(RangeInclusive::new(1, 0)),
        count => Some(0..=count - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_numbers_and_ranges() {
        assert_eq!(numbers("3").map(Iterator::collect), Some(vec![0, 1, 2]));
        assert_eq!(numbers("0").map(Iterator::collect), Some(Vec::<u32>::new()));
        assert_eq!(numbers("1-3").map(Iterator::collect), Some(vec![1, 2, 3]));
        assert_eq!(numbers("7 - 7").map(Iterator::collect), Some(vec![7]));
        for text in ["", "-1", "3-1", "1-", "1-2-3", "two", "1..3", "1.5", "08", "9-08"] {
            assert_eq!(numbers(text), None, "{text}");
        }
    }
}
