//! A panic gives the terminal back before it is told.

#![cfg(test)]

#[path = "../../tests/support/pty.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod pty;

use std::process::Command;

use placemat2_ui::terminal::Guard;

/// Set for the process that is to panic.
const PANICS: &str = "PLACEMAT2_TEST_PANICS";

/// Not a test but what the test below runs on a terminal.
#[test]
fn panics_with_the_terminal_taken() {
    if std::env::var_os(PANICS).is_some() {
        let _guard = Guard::take(true).unwrap();
        panic!("it has happened");
    }
}

#[test]
fn a_panic_gives_the_terminal_back() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "panics_with_the_terminal_taken", "--nocapture"])
        .env(PANICS, "1");
    let mut pty = pty::Pty::start(command, (80, 24));
    assert!(!pty.wait().success());
    pty.expect("it has happened");
    pty.assert_given_back();
}
