//! The tables of the documentation.

use std::fmt::Write as _;

use super::{
    Absent, KINDS, Key, Shape, Value,
    tables::{VOLUME, VOLUMES},
};

/// Returns all tables, each with the name that the documentation knows it by.
pub fn tables() -> Vec<(&'static str, String)> {
    let mut shapes: Vec<&'static Shape> = vec![&VOLUME];
    for (_, shape) in KINDS {
        add(shape, &mut shapes);
    }
    let mut tables: Vec<_> = shapes.into_iter().map(|shape| (shape.name, table(shape))).collect();
    tables.push(("kinds of volumes", kinds_of_volumes()));
    tables
}

/// Adds a mapping and those in it that have a table of their own.
fn add(shape: &'static Shape, shapes: &mut Vec<&'static Shape>) {
    if shapes.iter().any(|known| known.name == shape.name) {
        return;
    }
    shapes.push(shape);
    for key in shape.keys() {
        match &key.value {
            Value::List(Value::Mapping(inner) | Value::TextOr(inner))
            | Value::FullList(Value::Mapping(inner))
            | Value::Mapping(inner)
            | Value::OneOrMore(inner) => add(inner, shapes),
            _ => {}
        }
    }
}

fn table(shape: &Shape) -> String {
    let mut table = String::from("| key | value | not given |\n| --- | --- | --- |\n");
    let of_document = KINDS.iter().any(|(_, kind)| kind.name == shape.name);
    for key in shape.keys().filter(|key| !(of_document && key.name == "kind")) {
        row(&mut table, "", key);
    }
    table
}

fn kinds_of_volumes() -> String {
    let mut table = String::from("| kind | key | value | not given |\n| --- | --- | --- | --- |\n");
    for (kind, shape) in VOLUMES {
        let of_all = |key: &&Key| VOLUME.keys().any(|common| common.name == key.name);
        for (index, key) in shape.keys().filter(|key| !of_all(key)).enumerate() {
            let first = if index == 0 {
                format!("| `{kind}` ")
            } else {
                "| ".to_owned()
            };
            row(&mut table, &first, key);
        }
    }
    table
}

fn row(table: &mut String, first: &str, key: &Key) {
    let new = if key.new { "**new**: " } else { "" };
    let absent = match (&key.absent, &key.value) {
        (Absent::Error, Value::FullList(_)) => "error, as is an empty list",
        (Absent::Error, _) => "error",
        (Absent::Means(meaning), _) => meaning,
    };
    // Writing to a String can't fail.
    let _ = writeln!(table, "{first}| `{}` | {new}{} | {absent} |", key.name, key.about);
}
