//! What is written to standard error.

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

/// Writes a remark for people to standard error. That nobody may be reading there changes nothing.
pub fn remark(program: &str, remark: &str) {
    let _ = writeln!(io::stderr().lock(), "{program}: {remark}");
}

/// Whether [`note`] writes nothing.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Has [`note`] write nothing from now on (`--quiet`).
pub fn keep_quiet(quiet: bool) {
    QUIET.store(quiet, Ordering::Relaxed);
}

/// Whether `--quiet` was given.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Writes a remark that tells of no failure, unless [`keep_quiet`] was asked for.
pub fn note(program: &str, note: &str) {
    if !is_quiet() {
        remark(program, note);
    }
}

/// Writes text for people to standard error as it is.
pub fn remarks(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether the user lets programs use colour at all (no-color.org).
pub fn color_is_welcome() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
