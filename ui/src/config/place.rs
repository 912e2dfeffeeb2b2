//! Where in a YAML file its values are.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser};

/// Line and column of each value, counted from 1, by the keys that lead to it. Items of lists have their number as key.
pub type Places = HashMap<Vec<String>, (usize, usize)>;

/// A mapping or list that is not closed yet.
enum Open {
    /// With the key whose value comes next, if that was read.
    Mapping(Option<String>),
    /// With the number of the item that comes next.
    List(usize),
}

/// The places in a text that is YAML.
pub fn places(text: &str) -> Places {
    let mut places = Places::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        match event {
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
                passed(&mut open);
                continue;
            }
            Event::Scalar(..) | Event::Alias(_) | Event::MappingStart(..) | Event::SequenceStart(..) => {}
            _ => continue,
        }
        // The first scalar of a pair is the key; its value has the place of the key, where people look.
        let here = (span.start.line(), span.start.col() + 1);
        if let (Some(Open::Mapping(key @ None)), Event::Scalar(text, ..)) = (open.last_mut(), &event) {
            *key = Some(text.to_string());
            places.insert(way(&open), here);
            continue;
        }
        places.entry(way(&open)).or_insert(here);
        match event {
            Event::MappingStart(..) => open.push(Open::Mapping(None)),
            Event::SequenceStart(..) => open.push(Open::List(0)),
            _ => passed(&mut open),
        }
    }
    places
}

/// A value is over: what comes next is another.
fn passed(open: &mut [Open]) {
    match open.last_mut() {
        Some(Open::Mapping(key)) => *key = None,
        Some(Open::List(index)) => *index += 1,
        None => {}
    }
}

fn way(open: &[Open]) -> Vec<String> {
    open.iter()
        .map(|open| match open {
            Open::Mapping(key) => key.clone().unwrap_or_default(),
            Open::List(index) => index.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_place_of_their_key() {
        let places = places("a: 1\nb:\n  c: [x, y]\n  d: {e: f}\n");
        let at = |way: &[&str]| places[&way.iter().map(ToString::to_string).collect::<Vec<_>>()];
        assert_eq!(at(&["a"]), (1, 1));
        assert_eq!(at(&["b", "c"]), (3, 3));
        assert_eq!(at(&["b", "c", "1"]), (3, 10));
        assert_eq!(at(&["b", "d", "e"]), (4, 7));
    }
}
