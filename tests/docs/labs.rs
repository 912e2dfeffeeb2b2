//! Labs in the documentation are right, and so is what is said of their keys.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, process::Command};

use serde_json::Value;

use super::{
    PLACEMAT2,
    pages::{blocks, pages, spans},
};

/// Files that the labs of the documentation name.
const FILES: [&str; 7] = [
    "common.yml",
    "guest.qcow2",
    "target/guest/guest.qcow2",
    "user-data.yml",
    "network-config.yml",
    "setup.sh",
    "leaf1.conf",
];

#[test]
fn labs_are_valid() {
    let dir = tempfile::tempdir().unwrap();
    for name in FILES {
        let file = dir.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        // A lab that includes one finds nothing in it.
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut labs = 0;
    for (path, page) in pages() {
        for block in blocks(&page) {
            if !block.is_lab() {
                continue;
            }
            assert!(
                matches!(block.info.as_str(), "yaml lab" | ""),
                "{}: a lab whose block is marked {:?}",
                path.display(),
                block.info
            );
            labs += 1;
            // What follows a lab in the same indented block, after an empty line, is no part of it.
            let lab: Vec<&str> = block
                .lines
                .iter()
                .map(String::as_str)
                .take_while(|line| !line.is_empty())
                .collect();
            fs::write(dir.path().join("lab.yml"), lab.join("\n") + "\n").unwrap();
            let checked = Command::new(PLACEMAT2)
                .args(["validate", "--strict", "lab.yml"])
                .current_dir(dir.path())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&checked.stdout);
            assert!(checked.status.success(), "a lab in {}:\n{said}", path.display());
        }
    }
    assert!(labs >= 4, "only {labs} labs were found");
}

/// What stands in backticks in the page on lab files like a key or a word of one, and is none.
const NO_KEYS: [(&str, &[&str]); 8] = [
    (
        "names of interfaces and disks",
        &["enp0s2", "ens3", "eth0", "eth1", "vda", "vdb", "lo", "all", "default"],
    ),
    ("words of QEMU", &["vvfat"]),
    ("keys of cloud-init", &["instance-id", "local-hostname", "lv"]),
    (
        "variables of the environment",
        &["all_proxy", "http_proxy", "https_proxy", "no_proxy"],
    ),
    ("states", &["waiting", "not-ready"]),
    ("words of YAML", &["true", "y", "yes", "null"]),
    ("our commands", &["placemat2", "plan", "run"]),
    (
        "words of diagnostics as JSON, and of URLs",
        &["code", "unknown-key", "https"],
    ),
];

/// Every key and every word that the schema knows.
fn vocabulary() -> (BTreeSet<String>, BTreeSet<String>) {
    fn collect(schema: &Value, keys: &mut BTreeSet<String>, words: &mut BTreeSet<String>) {
        match schema {
            Value::Object(entries) => {
                for (key, value) in entries {
                    match (key.as_str(), value) {
                        ("properties", Value::Object(properties)) => keys.extend(properties.keys().cloned()),
                        ("enum", Value::Array(choices)) => {
                            words.extend(choices.iter().filter_map(Value::as_str).map(str::to_owned));
                        }
                        _ => {}
                    }
                    collect(value, keys, words);
                }
            }
            Value::Array(entries) => entries.iter().for_each(|entry| collect(entry, keys, words)),
            _ => {}
        }
    }
    let (mut keys, mut words) = Default::default();
    collect(&placemat2_engine::spec::shape::schema(), &mut keys, &mut words);
    (keys, words)
}

/// Whether a text looks like a key or a word of a lab file.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
}

/// The keys in a piece of code such as `count: {rack: 4}` or `ready:`.
fn keys_of(code: &str) -> Vec<&str> {
    let Some((key, _)) = code.split_once(':') else {
        return Vec::new();
    };
    let value_follows = code
        .get(key.len() + 1..)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    if value_follows && is_word(key) {
        vec![key]
    } else {
        Vec::new()
    }
}

#[test]
fn keys_in_prose_exist() {
    let (keys, words) = vocabulary();
    assert!(
        keys.contains("depends-on") && words.contains("external"),
        "{keys:?} {words:?}"
    );
    let others: BTreeSet<&str> = NO_KEYS.iter().flat_map(|(_, words)| words.iter().copied()).collect();
    let mut named = BTreeSet::new();
    let mut looked_up = 0;
    for (path, page) in pages() {
        // The other pages speak of many things; what they write as a key with a colon behind it is one of ours.
        let of_lab_files = path.ends_with("docs/lab-file.md");
        let prose = without_blocks(&page);
        for code in spans(&prose) {
            for key in keys_of(code) {
                looked_up += 1;
                assert!(
                    keys.contains(key) || FOREIGN.contains(&key),
                    "{}: `{code}`: there is no key `{key}`",
                    path.display()
                );
            }
            if of_lab_files && is_word(code) {
                looked_up += 1;
                named.insert(code.to_owned());
                assert!(
                    keys.contains(code) || words.contains(code) || others.contains(code),
                    "{}: `{code}` is no key or word of a lab file",
                    path.display()
                );
            }
        }
    }
    assert!(looked_up > 200, "only {looked_up} keys and words were found");
    let unused: Vec<_> = others.iter().filter(|other| !named.contains(**other)).collect();
    assert!(unused.is_empty(), "no longer in the page: {unused:?}");
}

/// Keys of other files than lab files that pages write with a colon: of a Pod's volume.
const FOREIGN: [&str; 1] = ["medium"];

/// A page without what stands between fences.
fn without_blocks(page: &str) -> String {
    let mut fenced = false;
    let lines = page.lines().filter(|line| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}
