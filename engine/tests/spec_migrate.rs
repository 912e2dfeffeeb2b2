//! Lab files of placemat version 1, turned into those of today.

#![allow(clippy::unwrap_used, reason = "a test that can't go on must fail")]

use std::path::{Path, PathBuf};

use placemat2_engine::spec::{
    load_from,
    migrate::{Migrated, migrate, migrate_from},
    sample::AllThere,
};
use proptest::{prelude::*, sample::Index};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v1/dc.yml")
}

/// What became of a file, without the directory it is in.
fn shown(text: &str) -> String {
    let directory = fixture().parent().unwrap().to_string_lossy().into_owned();
    text.replace(&directory, "V1")
}

#[test]
fn a_lab_of_version_1() {
    let Migrated { yaml, report } = migrate(&[fixture()]);
    insta::assert_snapshot!("v1_migrated", shown(&yaml));
    insta::assert_snapshot!("v1_remarks", shown(&report.render_text(false)));
    assert!(!report.has_errors(false));
}

#[test]
fn what_comes_of_it_is_right() {
    let Migrated { yaml, .. } = migrate(&[fixture()]);
    let report = load_from(vec![("/lab/dc.yml".into(), yaml.into_bytes())], &AllThere);
    assert_eq!(report.render_text(false), "");
    let spec = report.spec.unwrap();
    assert_eq!(
        (spec.networks.len(), spec.namespaces.len(), spec.nodes.len()),
        (2, 1, 2)
    );
    let shell = &spec.namespaces[0].apps[1];
    assert_eq!(shell.command, ["/bin/sh", "-c", "for i in 1 2; do echo ${i}; done"]);
}

#[test]
fn unreadable_files_are_told() {
    let migrated = migrate(&["/does/not/exist.yml".into()]);
    assert!(migrated.report.has_errors(false) && migrated.yaml.is_empty());
}

proptest! {
    #[test]
    fn damage_is_no_harm(damage in prop::collection::vec((any::<Index>(), 0..40_usize, "[-a-z:{}$\\[\\]\n ]{0,6}"), 1..8)) {
        let mut text: Vec<char> = std::fs::read_to_string(fixture()).unwrap().chars().collect();
        for (at, length, replacement) in damage {
            let start = at.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, replacement.chars());
        }
        let text: String = text.into_iter().collect();
        let migrated = migrate_from(vec![("dc.yml".into(), Ok(text.into_bytes()))]);
        let _ = migrated.report.render_text(true);
        load_from(vec![("dc.yml".into(), migrated.yaml.into_bytes())], &AllThere);
    }
}
