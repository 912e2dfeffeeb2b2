//! Listings: one description of the columns, four ways to print it.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use placemat2_engine::harmless::steers_terminal;

use super::connect::Value;
use crate::output;

/// How a listing is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Names alone, one a line
    Name,
    /// Aligned columns under a heading
    Table,
    /// The API's own answer
    Json,
    /// The same as YAML
    Yaml,
}

/// `-o` of a listing whose default is the table.
#[derive(Clone, Copy, Debug, Args)]
pub struct FormatArg {
    /// How to print
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "table")]
    pub format: Format,
}

/// A column of a table. The first one of a listing holds its names.
pub struct Column {
    /// The heading.
    pub title: &'static str,
    /// What to print of an object.
    pub cell: fn(&Value) -> String,
}

/// Prints objects.
pub fn print(format: Format, columns: &[Column], objects: &[Value]) -> anyhow::Result<()> {
    match format {
        Format::Name => {
            let names = columns.iter().take(1);
            let names = names.flat_map(|column| objects.iter().map(|object| clean(&(column.cell)(object)) + "\n"));
            output::text(&names.collect::<String>())
        }
        Format::Table => output::text(&table(columns, objects)),
        Format::Json => output::json(&objects),
        Format::Yaml => output::yaml(&objects),
    }
}

fn table(columns: &[Column], objects: &[Value]) -> String {
    let heading = columns.iter().map(|column| column.title.to_owned()).collect();
    let cells = |object| columns.iter().map(|column| clean(&(column.cell)(object))).collect();
    let rows: Vec<Vec<String>> = std::iter::once(heading).chain(objects.iter().map(cells)).collect();
    aligned(&rows)
}

/// Returns rows of cells in columns as wide as their widest cell, without trailing blanks.
pub fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell: &String| cell.chars().count())
            .max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let cells: Vec<String> = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
        text.extend([cells.join("  ").trim_end(), "\n"]);
    }
    text
}

/// What guests and apps wrote must not steer the terminal; an empty cell would look like a missing one.
pub fn clean(cell: &str) -> String {
    if cell.is_empty() {
        return "-".into();
    }
    let mut clean = String::with_capacity(cell.len());
    for character in cell.chars() {
        if steers_terminal(character) {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
    }
    clean
}

/// Returns a field as text: nothing if it is null or missing, lists joined by commas.
pub fn field(object: &Value, name: &str) -> String {
    object.get(name).map(plain).unwrap_or_default()
}

/// Returns how far a node or an app is with getting ready.
pub fn ready(object: &Value) -> String {
    object
        .get("ready")
        .map(|ready| field(ready, "state"))
        .unwrap_or_default()
}

/// Returns what a node or an app waits for, or why it is not ready.
pub fn ready_reason(object: &Value) -> String {
    object
        .get("ready")
        .map(|ready| field(ready, "reason"))
        .unwrap_or_default()
}

/// Returns a field that is a point in time, to the millisecond, so that columns align.
pub fn moment(object: &Value, name: &str) -> String {
    let text = field(object, name);
    match text.parse::<Timestamp>() {
        Ok(time) => format!("{time:.3}"),
        Err(_) => text,
    }
}

/// Returns the elements of a field that is a list.
pub fn items<'a>(object: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    object.get(name).and_then(Value::as_sequence).into_iter().flatten()
}

/// Returns a value as text.
pub fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Sequence(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Mapping(_) | Value::Tagged(_) => serde_json::to_string(value).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_not_sent() {
        assert_eq!(clean("a\u{1b}[31mb\nc"), "a\\u{1b}[31mb\\nc");
        assert_eq!(clean("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(clean(""), "-");
        assert_eq!(clean("rack0-ü"), "rack0-ü");
    }

    #[test]
    fn columns_are_as_wide_as_needed() {
        let rows = [
            vec!["NAME".into(), "X".into()],
            vec!["ü".into(), "long".into()],
            vec!["boot-0".into()],
        ];
        assert_eq!(aligned(&rows), "NAME    X\nü       long\nboot-0\n");
        assert_eq!(aligned(&[]), "");
    }
}
