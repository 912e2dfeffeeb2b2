//! The schema and the tables of keys in the documentation are what the program makes of its own list of keys.
//!
//! `UPDATE_DOCS=1 cargo test -p placemat2-engine --test spec_reference` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must fail")]

use std::{env, fs, path::Path};

use placemat2_engine::spec::shape;

/// Compares a file with what it should hold, or writes that.
fn check(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "{} is not what the program makes of itself: set UPDATE_DOCS=1 to write it anew",
        path.display()
    );
}

#[test]
fn the_schema_is_that_of_lab_files() {
    let schema = serde_json::to_string_pretty(&shape::schema()).unwrap();
    check("assets/lab.schema.json", &(schema + "\n"));
}

#[test]
fn the_tables_are_those_of_the_program() {
    let path = "docs/lab-file.md";
    let mut page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap();
    for (name, table) in shape::markdown_tables() {
        let mark = format!("<!-- keys of {name} -->\n");
        let (before, after) = page
            .split_once(&mark)
            .unwrap_or_else(|| panic!("{path} has no table {mark}"));
        // A table ends with the first line that is none of it.
        let rest: String = after
            .split_inclusive('\n')
            .skip_while(|line| line.starts_with('|'))
            .collect();
        page = format!("{before}{mark}{table}{rest}");
    }
    check(path, &page);
}
