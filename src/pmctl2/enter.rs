//! `pmctl2 node enter`: a node's serial console on this terminal.

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
    time::Duration,
};

use clap::Args;
use placemat2_engine::client::{Client, Console};

use super::{
    connect::Session,
    converse::{self, End},
    escape::Escape,
    replay::Replay,
    terminal::{self, RawTerminal},
};
use crate::output;

/// How long a script waits for what its last words bring about.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Arguments of `pmctl2 node enter`
#[derive(Debug, Args)]
#[command(
    after_help = "Leave with Ctrl-Q Ctrl-X or with Ctrl-]; Ctrl-Q and Ctrl-] typed twice are sent once. Ctrl-Q waits for the \
                  next key, and goes to the guest with any other than Ctrl-X. All other keys go to the guest, Ctrl-C and Ctrl-Z among them. Any number of people can be at one console. It outlives power \
                  cycles.\n\nIf standard input is no terminal, all of it is typed; this ends half a second after its end \
                  and the last of what the guest writes."
)]
pub struct Enter {
    /// Name of the node
    #[arg(add = super::complete::nodes())]
    node: String,
    /// Type nothing, only look
    #[arg(long)]
    readonly: bool,
    /// Tell the guest's shell the size of this terminal, by typing `stty rows R cols C`: a serial line can't
    #[arg(long, conflicts_with = "readonly")]
    resize: bool,
}

impl Enter {
    /// Stays until whoever is there leaves, or the lab does.
    pub async fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let node = &self.node;
        let mut path = Client::path(&["nodes", node, "console"]);
        path.push_str(if self.readonly {
            "?readonly=true"
        } else {
            "?since=screen"
        });
        let Console { stream, replay } = session.console(&path).await?;
        let end = if io::stdin().is_terminal() {
            if self.resize {
                self.tell_size(session).await?;
            }
            output::note(
                "pmctl2",
                &format!("this is the console of {node}; Ctrl-] or Ctrl-Q Ctrl-X leaves it"),
            );
            let raw = RawTerminal::enter()?;
            let end = converse::with_keys(stream, Replay::new(replay), Some(Escape::default())).await;
            drop(raw);
            output::remarks("\n");
            let farewell = match end {
                Ok(End::Closed) => format!("the console of {node} was closed"),
                _ => format!("left the console of {node}"),
            };
            output::note("pmctl2", &farewell);
            end?
        } else if self.readonly {
            converse::watch(stream).await?
        } else {
            converse::with_script(stream, async |_| {}, Some(LAST_WORDS)).await?
        };
        Ok(status(end))
    }

    async fn tell_size(&self, session: &Session) -> anyhow::Result<()> {
        let Some((cols, rows)) = terminal::size() else {
            return Ok(());
        };
        let path = Client::path(&["nodes", &self.node, "console", "input"]);
        let line = format!("stty rows {rows} cols {cols}\r");
        session
            .with(async |client| client.post_bytes(&path, line.into()).await)
            .await
    }
}

/// The exit status: as shells have it after a signal.
pub fn status(end: End) -> ExitCode {
    match end {
        End::Left | End::Closed => ExitCode::SUCCESS,
        End::Signal(number) => ExitCode::from(128 + number),
    }
}
