//! What is written to standard output.

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind, IsTerminal as _, Write as _},
};

use serde::Serialize;

use super::Visible;

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
    if stdout_is_terminal() {
        return indented_json(value);
    }
    text(&format!("{}\n", serde_json::to_string(value)?))
}

/// Writes a value as indented JSON, whoever reads it: what is kept in files.
pub fn indented_json(value: &impl Serialize) -> anyhow::Result<()> {
    text(&format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Writes a value as YAML.
pub fn yaml(value: &impl Serialize) -> anyhow::Result<()> {
    text(&super::yaml::to_string(value)?)
}
