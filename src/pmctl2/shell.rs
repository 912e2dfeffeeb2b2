//! `pmctl2 netns enter`: a shell inside a namespace, on this terminal or, for scripts, without one.

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
};

use anyhow::bail;
use clap::Args;
use placemat2_engine::{
    client::{Client, Shell},
    shell::ShellState,
};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    connect::Session,
    converse::{self, End},
    enter::status,
    replay::Replay,
    terminal::{self, RawTerminal},
};

/// Arguments of `pmctl2 netns enter`
#[derive(Debug, Args)]
#[command(
    after_help = "The shell runs on a terminal of its own, as a process of the lab: it is hung up when this command ends, and \
                  ends with the lab. If standard input is no terminal, it has none either: it reads standard input to its end, and what it \
                  writes comes as it is, errors among the rest.\n\nOnly through the lab's unix socket.\n\nThe exit status is that of the shell, or 128 and the \
                  signal's number."
)]
pub struct Enter {
    /// Name of the namespace
    #[arg(add = super::complete::namespaces())]
    name: String,
    /// A command instead of root's shell
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Enter {
    /// Stays until the shell ends.
    pub async fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let on_terminal = io::stdin().is_terminal();
        let path = self.path(on_terminal)?;
        let Shell { id, stream } = session.with(async |client| client.shell(&path).await).await?;
        let end = if on_terminal {
            let raw = RawTerminal::enter()?;
            let end = tokio::select! {
                end = converse::with_keys(stream, Replay::default(), None) => end,
                error = follow_size(session, &id) => Err(error),
            };
            drop(raw);
            end?
        } else {
            let over = async |length: u64| {
                let path = format!("{}?length={length}", Client::path(&["shells", &id, "end-of-input"]));
                // A shell that has just ended needs no input.
                let _ = session.with(async |client| client.put(&path).await).await;
            };
            converse::with_script(stream, over, None).await?
        };
        if let End::Signal(_) = end {
            return Ok(status(end));
        }
        let path = Client::path(&["shells", &id]);
        let state: ShellState = session.with(async |client| client.get_json(&path).await).await?;
        match (state.exit_code, state.signal) {
            (Some(code), _) => Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))),
            (None, Some(number)) => Ok(ExitCode::from(u8::try_from(128 + number).unwrap_or(u8::MAX))),
            (None, None) => bail!("the shell in {} was cut off", self.name),
        }
    }

    fn path(&self, on_terminal: bool) -> anyhow::Result<String> {
        let segment = |text: &str| Client::path(&[text]).split_off(1);
        let mut path = Client::path(&["netns", &self.name, "shell"]);
        let (cols, rows) = terminal::size().unwrap_or((80, 24));
        path.extend(["?cols=", &cols.to_string(), "&rows=", &rows.to_string()]);
        if let Ok(term) = std::env::var("TERM") {
            path.extend(["&term=", &segment(&term)]);
        }
        if !on_terminal {
            path.push_str("&terminal=false");
        }
        if !self.command.is_empty() {
            let words = serde_json::to_string(&self.command)?;
            path.extend(["&command=", &segment(&words)]);
        }
        Ok(path)
    }
}

/// Tells the shell's terminal whenever this one gets another size. Returns only if that can't be heard of.
async fn follow_size(session: &Session, id: &str) -> io::Error {
    let mut changes = match signal(SignalKind::window_change()) {
        Ok(changes) => changes,
        Err(error) => return error,
    };
    loop {
        changes.recv().await;
        if let Some((cols, rows)) = terminal::size() {
            let path = format!("{}?cols={cols}&rows={rows}", Client::path(&["shells", id, "size"]));
            // A shell that has just ended has no size.
            let _ = session.with(async |client| client.put(&path).await).await;
        }
    }
}
