//! The only place that writes to standard output and standard error, and that decides on the exit status.
//!
//! Exit statuses: 0 done, 1 failed, 2 wrong usage (clap's own). A reader that has seen enough (`| head`) is no failure.

mod visible;
mod yaml;

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind, IsTerminal as _, Write as _},
    process::ExitCode,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use placemat2_engine::causes::with_causes;
use serde::Serialize;
pub use visible::Visible;

/// Whoever read standard output has gone: time to end quietly.
#[derive(Debug)]
pub struct ReaderGone;

impl fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nobody reads the output any more")
    }
}

impl Error for ReaderGone {}

/// Writes text as it is.
pub fn text(text: &str) -> anyhow::Result<()> {
    bytes(text.as_bytes())
}

/// Writes a line of a guest's bytes: as they are, but harmless on a terminal.
pub fn line(line: &[u8]) -> anyhow::Result<()> {
    if stdout_is_terminal() {
        return text(&format!("{}\n", Visible::all(line)));
    }
    bytes(&[line, b"\n"].concat())
}

/// The last lines of what a guest wrote, harmless on a terminal, without those that are empty.
pub fn last_lines(bytes: &[u8], most: usize) -> Vec<String> {
    let lines: Vec<&[u8]> = bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
        .collect();
    let last = lines.iter().rev().take(most).rev();
    last.map(|line| Visible::all(line).trim_end().to_owned()).collect()
}

/// Whether a person looks at standard output.
pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Writes bytes as they are.
pub fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => anyhow::Error::new(ReaderGone),
        _ => anyhow::anyhow!("cannot write to standard output: {error}"),
    })
}

/// Writes a value as JSON: indented for a person, else on one line, which scripts look through with `grep`.
pub fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let json = if stdout_is_terminal() {
        serde_json::to_string_pretty(value)?
    } else {
        serde_json::to_string(value)?
    };
    text(&format!("{json}\n"))
}

/// Writes a value as YAML.
pub fn yaml(value: &impl Serialize) -> anyhow::Result<()> {
    text(&yaml::to_string(value)?)
}

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

/// Returns the exit status of a command, having told what went wrong.
pub fn exit_code(program: &str, outcome: anyhow::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(error) if is_reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            remark(program, &with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Whether all that went wrong is that nobody reads standard output any more. Streams of bytes tell it by the pipe's own error; that
/// a far end which is written to has gone is never an error of theirs.
fn is_reader_gone(error: &anyhow::Error) -> bool {
    let broken = |error: &io::Error| error.kind() == ErrorKind::BrokenPipe;
    error.is::<ReaderGone>() || error.downcast_ref().is_some_and(broken)
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
