//! The documentation says what is so: its labs are valid, the commands, options and keys it names exist, what it says to type works, the
//! reference is current.
//!
//! A lab in the documentation is a fenced block that begins with "```yaml lab", or an indented one that begins with `kind:`.

#![cfg(test)]

mod commands;
mod examples;
mod labs;
mod pages;
#[path = "../support/mod.rs"]
mod support;

use std::{fs, path::Path, process::Command};

use placemat2::reference;

const PLACEMAT2: &str = env!("CARGO_BIN_EXE_placemat2");

#[test]
fn the_command_reference_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    let page = reference::page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == page,
        "docs/commands.md is not what the commands say: write it anew with UPDATE_DOCS=1 cargo test --test docs"
    );
}

#[test]
fn every_command_and_subcommand_has_a_manual_page() {
    let dir = tempfile::tempdir().unwrap();
    let written = Command::new(PLACEMAT2).arg("man").arg(dir.path()).output().unwrap();
    assert!(written.status.success(), "{written:?}");
    let page = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    assert!(page("placemat2.1").contains(".SH NAME"));
    assert!(page("pmctl2-node-list.1").contains("List nodes"));
    // What docs/commands.md says that they have, too.
    let wait = page("pmctl2-wait.1");
    assert!(
        wait.contains(".SH \"EXIT STATUS\"") && !wait.contains("EXTRA"),
        "{wait}"
    );
    assert!(wait.contains("PLACEMAT2_LAB") && wait.contains("\"pmctl2 "), "{wait}");
    let (test, exec) = (page("placemat2-test.1"), page("pmctl2-netns-exec.1"));
    assert!(test.contains("[FILES]... \\-\\- <COMMAND>..."), "{test}");
    assert!(test.contains("\\-\\-timings") && test.contains("[="), "{test}");
    assert!(exec.contains("<NAME> <COMMAND>..."), "{exec}");
    assert!(page("pmctl2-node-action.1").contains("<ACTION> <NODE>..."));
    assert!(reference::page().contains("`--timings[=FILE]`"));
    let pages = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(pages, reference::commands().iter().map(count).sum::<usize>());
}

/// A command and those below it, without `help`.
fn count(command: &clap::Command) -> usize {
    let below = command.get_subcommands().filter(|command| command.get_name() != "help");
    1 + below.map(count).sum::<usize>()
}
