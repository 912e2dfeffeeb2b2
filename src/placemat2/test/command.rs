//! The command that a lab is brought up for.
//!
//! The lab's keeper starts it, so that nothing of it outlives the lab, however that ends. It stays in this program's process
//! group: on a terminal it can be typed to, and Ctrl-C reaches both.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, ErrorKind},
    os::fd::{AsFd, OwnedFd},
    path::PathBuf,
    time::Duration,
};

use nix::sys::signal::Signal;
use placemat2_engine::keeper::{Command, Exit, Inside, Keeper, KeeperError, Process};
use tokio::time::timeout;

use super::outcome::{Outcome, by_signal};

/// How much later than the end of its children the end of the keeper may be heard of.
const KEEPER_NEWS: Duration = Duration::from_millis(50);

/// What is to be run.
pub struct Wanted {
    /// Program and arguments.
    pub words: Vec<OsString>,
    /// Variables that tell it of the lab.
    pub env: Vec<(&'static str, OsString)>,
    /// Name and file of the namespace to run it in; the host's own if none.
    pub netns: Option<(String, PathBuf)>,
}

/// A command that runs.
pub struct Running {
    process: Process,
    keeper: Keeper,
}

impl Wanted {
    /// Starts it, with this program's own input and output.
    pub async fn start(self, keeper: &Keeper) -> Result<Running, Outcome> {
        let Some((program, arguments)) = self.words.split_first() else {
            return Err(cannot_run("no command", ErrorKind::InvalidInput, &"there is none"));
        };
        let shown = program.display().to_string();
        let mut command = Command::new(program);
        command.args = arguments.to_vec();
        command.env = self.env.into_iter().map(|(name, value)| (name.into(), value)).collect();
        command.with_engine = true;
        let prepared = streams().and_then(|streams| {
            [command.stdin, command.stdout, command.stderr] = streams.map(Some);
            let inside = |(name, file)| {
                let netns = File::open(file)?.into();
                let mounts = None;
                Ok::<_, io::Error>(Inside { netns, mounts, name })
            };
            command.namespace = self.netns.map(inside).transpose()?;
            Ok(command)
        });
        let command = prepared.map_err(|error| cannot_run(&shown, error.kind(), &error))?;
        match keeper.spawn(command).await {
            Ok(process) => Ok(Running {
                process,
                keeper: keeper.clone(),
            }),
            Err(KeeperError::Spawn { source, .. }) => Err(cannot_run(&shown, source.kind(), &source)),
            Err(error) => Err(cannot_run(&shown, ErrorKind::Other, &error)),
        }
    }
}

/// This program's own input and output, for another.
fn streams() -> io::Result<[OwnedFd; 3]> {
    Ok([
        io::stdin().as_fd().try_clone_to_owned()?,
        io::stdout().as_fd().try_clone_to_owned()?,
        io::stderr().as_fd().try_clone_to_owned()?,
    ])
}

fn cannot_run(program: &str, kind: ErrorKind, error: &dyn std::fmt::Display) -> Outcome {
    Outcome::NoCommand {
        reason: format!("cannot run {program}: {error}"),
        missing: kind == ErrorKind::NotFound,
    }
}

impl Running {
    /// Waits for its end; never returns if that is the keeper's, which is the lab's. Cancel safe.
    pub async fn ended(&mut self) -> Outcome {
        let exit = self.process.wait().await;
        if exit == Exit::Signal(Signal::SIGKILL as i32) && timeout(KEEPER_NEWS, self.keeper.gone()).await.is_ok() {
            std::future::pending::<()>().await;
        }
        Outcome::Ended(match exit {
            Exit::Code(code) => u8::try_from(code).unwrap_or(u8::MAX),
            Exit::Signal(signal) => by_signal(signal),
        })
    }

    /// Ends it: SIGTERM, and SIGKILL if it still runs after `grace`. What it has started goes with the lab.
    pub async fn stop(mut self, grace: Duration) {
        self.process.stop(grace).await;
    }
}
