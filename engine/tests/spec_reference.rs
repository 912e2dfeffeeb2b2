//! The schema and the tables of keys in the documentation are what the program makes of its own list of keys, and the schema takes
//! the labs in the documentation.
//!
//! `UPDATE_DOCS=1 cargo test -p placemat2-engine --test spec_reference` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must fail")]

use std::{env, fs, path::Path};

use placemat2_engine::spec::shape;
use serde::Deserialize as _;

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

#[test]
fn the_schema_takes_the_labs_of_the_documentation() {
    let validator = jsonschema::validator_for(&shape::schema()).unwrap();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut resources = 0;
    for entry in fs::read_dir(docs).unwrap() {
        let path = entry.unwrap().path();
        let page = fs::read_to_string(&path).unwrap_or_default();
        // What follows each fence of a lab up to the next fence.
        let labs = page
            .split("```yaml lab\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next());
        for document in labs.flat_map(serde_yaml::Deserializer::from_str) {
            let resource = serde_json::Value::deserialize(document).unwrap();
            let errors: Vec<_> = validator
                .iter_errors(&resource)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?} in {resource:#}", path.display());
            resources += 1;
        }
    }
    assert!(resources >= 10, "only {resources} resources were found");
}
