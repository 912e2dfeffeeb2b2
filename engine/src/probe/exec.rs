//! Running a program in a namespace, for its exit code.

use std::{io, os::fd::OwnedFd};

use nix::sys::signal::Signal;
use tokio::{io::AsyncReadExt as _, net::unix::pipe};

use crate::keeper::{Command, Keeper, Process};

/// How much of a program's output is kept to tell of, in bytes.
const KEPT: usize = 4096;

/// Runs a command; the error says how it ended and what it wrote last. It is killed, with its group, if this is dropped.
pub async fn exec(keeper: &Keeper, mut command: Command) -> Result<(), String> {
    let (mut output, writer) = output().map_err(|error| format!("there is no pipe for its output: {error}"))?;
    command.stdout = Some(writer.try_clone().map_err(|error| error.to_string())?);
    command.stderr = Some(writer);
    let spawned = keeper.spawn(command).await;
    let mut process = Killed(spawned.map_err(|error| error.to_string())?);
    let mut kept = Vec::new();
    let exit = loop {
        tokio::select! {
            exit = process.0.wait() => break exit,
            () = keep(&mut output, &mut kept) => {}
        }
    };
    // What it wrote is all in the pipe by now.
    let mut rest = [0; KEPT];
    while let Ok(count @ 1..) = output.try_read(&mut rest) {
        kept.extend_from_slice(&rest[..count]);
    }
    if exit.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&kept);
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
    Err(match last {
        Some(line) => format!("it {exit}: {line}"),
        None => format!("it {exit}"),
    })
}

fn output() -> io::Result<(pipe::Receiver, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    Ok((pipe::Receiver::from_owned_fd(reader.into())?, writer.into()))
}

/// Keeps the end of what comes; never returns once nothing more can come.
async fn keep(output: &mut pipe::Receiver, kept: &mut Vec<u8>) {
    match output.read_buf(kept).await {
        Ok(1..) => {
            let surplus = kept.len().saturating_sub(KEPT);
            kept.drain(..surplus);
        }
        _ => std::future::pending().await,
    }
}

struct Killed(Process);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.signal(Signal::SIGKILL);
    }
}
