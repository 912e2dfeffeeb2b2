//! What is written to standard error.

use std::{
    io::{self, Write as _},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

/// Writes a remark for people to standard error. That nobody may be reading there changes nothing.
pub fn remark(program: &str, remark: &str) {
    remarks(&format!("{program}: {remark}\n"));
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
    let write = |text: &str| {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    };
    if !IMPATIENT.load(Ordering::Relaxed) {
        return write(text);
    }
    // Whether a write will block can't be told before for every kind of file. A thread that does is left behind.
    let (done, written) = mpsc::channel();
    let text = text.to_owned();
    let thread = thread::Builder::new().spawn(move || {
        write(&text);
        let _ = done.send(());
    });
    if thread.is_ok() {
        let _ = written.recv_timeout(PATIENCE);
    }
}

/// How long whoever does not read standard error is waited for by those who hold up nobody.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether that holds for this process.
static IMPATIENT: AtomicBool = AtomicBool::new(false);

/// Has remarks wait a moment at most for whoever should read standard error, from now on: what is not read in time may be lost.
/// For a process that looks after a lab.
pub fn hold_up_nobody() {
    IMPATIENT.store(true, Ordering::Relaxed);
}

/// Whether the user lets programs use colour at all (no-color.org).
pub fn color_is_welcome() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
