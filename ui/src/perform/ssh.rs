//! A login to a node: `ssh` on a terminal of its own, with the config that `pmctl2` makes.

use std::{
    io::{Read, Write},
    path::Path,
};

use placemat2_engine::client::Client;
use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};
use tokio::sync::{mpsc, watch};

use super::{TERM, pane::Told};
use crate::{emulator::Size, msg::Msg};

/// Reads the config from a pipe, so that no file is left; `$0` is `pmctl2`, `$1` the endpoint, `$2` the node.
const SCRIPT: &str = r#"exec ssh -F <("$0" --endpoint "$1" ssh-config) -- "$2""#;

/// Runs it to its end; how it ended.
pub async fn run(
    client: &Client,
    node: &str,
    pmctl2: &Path,
    mut keys: mpsc::Receiver<Vec<u8>>,
    mut sizes: watch::Receiver<Size>,
    told: &Told,
) -> String {
    let mut command = CommandBuilder::new("bash");
    command.args(["-c", SCRIPT]);
    command.arg(pmctl2);
    command.args([&client.endpoint().to_string(), node]);
    command.env("TERM", TERM);
    let size = *sizes.borrow_and_update();
    let started = tokio::task::spawn_blocking(move || start(command, size)).await;
    let (master, mut child) = match started {
        Ok(Ok(started)) => started,
        Ok(Err(error)) => return format!("ssh can't be started: {error}"),
        Err(_) => return "ssh can't be started".into(),
    };
    let (reader, writer) = match (master.try_clone_reader(), master.take_writer()) {
        (Ok(reader), Ok(writer)) => (reader, writer),
        (Err(error), _) | (_, Err(error)) => return format!("the terminal of ssh can't be used: {error}"),
    };
    let mut killer = child.clone_killer();
    let _ = told.messages.send(Msg::Opened(told.id)).await;
    let (id, bytes) = (told.id, told.bytes.clone());
    // The terminal of a process blocks: reading, writing and waiting have a thread each.
    let mut read =
        tokio::task::spawn_blocking(move || pump(reader, |piece| bytes.blocking_send(Msg::Bytes(id, piece)).is_ok()));
    let (typed, queue) = std::sync::mpsc::channel::<Vec<u8>>();
    drop(tokio::task::spawn_blocking(move || write(writer, &queue)));
    let mut guard = Killer(Some(Box::new(move || drop(killer.kill()))));
    loop {
        tokio::select! {
            _ = &mut read => break,
            bytes = keys.recv() => match bytes {
                Some(bytes) => if typed.send(bytes).is_err() { break },
                None => break,
            },
            changed = sizes.changed() => match changed {
                Ok(()) => {
                    let size = *sizes.borrow_and_update();
                    let _ = master.resize(pty_size(size));
                }
                Err(_) => break,
            },
        }
    }
    guard.0 = None;
    let status = tokio::task::spawn_blocking(move || child.wait()).await;
    match status {
        Ok(Ok(status)) if status.success() => "ssh ended".into(),
        Ok(Ok(status)) => format!("ssh ended: {status}"),
        _ => "ssh ended".into(),
    }
}

/// Kills what a closed pane leaves.
struct Killer(Option<Box<dyn FnOnce() + Send>>);

impl Drop for Killer {
    fn drop(&mut self) {
        if let Some(kill) = self.0.take() {
            kill();
        }
    }
}

type Started = (Box<dyn MasterPty + Send>, Box<dyn portable_pty::Child + Send + Sync>);

fn start(command: CommandBuilder, size: Size) -> Result<Started, Box<dyn std::error::Error + Send + Sync>> {
    let pair = native_pty_system().openpty(pty_size(size))?;
    let child = pair.slave.spawn_command(command)?;
    Ok((pair.master, child))
}

fn pty_size(size: Size) -> PtySize {
    PtySize {
        rows: size.lines,
        cols: size.columns,
        pixel_width: 0,
        pixel_height: 0,
    }
}

fn pump(mut reader: Box<dyn Read + Send>, mut take: impl FnMut(Vec<u8>) -> bool) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = reader.read(&mut buffer) {
        if !take(buffer.get(..count).unwrap_or_default().to_vec()) {
            break;
        }
    }
}

fn write(mut writer: Box<dyn Write + Send>, queue: &std::sync::mpsc::Receiver<Vec<u8>>) {
    for bytes in queue {
        if writer.write_all(&bytes).and_then(|()| writer.flush()).is_err() {
            break;
        }
    }
}
