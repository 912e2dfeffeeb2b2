//! The connection of one console or shell.

use std::path::Path;

use placemat2_engine::client::{Client, ClientError, Console, Tunnel};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::{mpsc, watch},
    task::AbortHandle,
};

use super::{Sender, TERM, pace::Pace, ssh};
use crate::{
    emulator::Size,
    model::consoles::{PaneId, Source},
    msg::Msg,
};

/// The most that is read at once.
const PIECE: usize = 16 * 1024;
/// Pieces that may wait for a guest that does not read.
const TYPED: usize = 256;

/// A connection; it ends when this is dropped.
pub struct Handle {
    typed: mpsc::Sender<Vec<u8>>,
    size: watch::Sender<Size>,
    task: AbortHandle,
}

impl Handle {
    /// Sends bytes. False if so many wait already that these can't.
    pub fn write(&self, bytes: Vec<u8>) -> bool {
        !matches!(self.typed.try_send(bytes), Err(mpsc::error::TrySendError::Full(_)))
    }

    /// Tells the other end the size of the terminal.
    pub fn resize(&self, size: Size) {
        self.size.send_if_modified(|old| std::mem::replace(old, size) != size);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whom to tell what comes.
pub struct Told {
    /// The pane.
    pub id: PaneId,
    /// For what happens to the connection.
    pub messages: Sender,
    /// For what is written on it, and its end, which must not overtake that.
    pub bytes: Sender,
}

/// Connects.
pub fn open(client: Client, source: Source, size: Size, told: Told, pmctl2: &Path) -> Handle {
    let (typed, keys) = mpsc::channel(TYPED);
    let (size_sender, sizes) = watch::channel(size);
    let pmctl2 = pmctl2.to_owned();
    let task = tokio::spawn(async move {
        let ended = match &source {
            Source::Console(node) => console(&client, node, keys, &told).await,
            Source::Shell(netns) => shell(&client, netns, keys, sizes, &told).await,
            Source::Ssh(node) => Ok(ssh::run(&client, node, &pmctl2, keys, sizes, &told).await),
        };
        let reason = ended.unwrap_or_else(|error| error.to_string());
        let _ = told.bytes.send(Msg::Closed(told.id, reason)).await;
    });
    Handle {
        typed,
        size: size_sender,
        task: task.abort_handle(),
    }
}

async fn console(
    client: &Client,
    node: &str,
    keys: mpsc::Receiver<Vec<u8>>,
    told: &Told,
) -> Result<String, ClientError> {
    let path = Client::path(&["nodes", node, "console"]);
    let Console { stream, replay } = client.console(&format!("{path}?since=screen")).await?;
    let _ = told.messages.send(Msg::Opened(told.id)).await;
    carry(stream, replay, keys, told).await;
    Ok("the connection to the console ended".into())
}

async fn shell(
    client: &Client,
    netns: &str,
    keys: mpsc::Receiver<Vec<u8>>,
    mut sizes: watch::Receiver<Size>,
    told: &Told,
) -> Result<String, ClientError> {
    let size = *sizes.borrow_and_update();
    let path = Client::path(&["netns", netns, "shell"]);
    let shell = client
        .shell(&format!("{path}?cols={}&rows={}&term={TERM}", size.columns, size.lines))
        .await?;
    let _ = told.messages.send(Msg::Opened(told.id)).await;
    let resize = async {
        let path = Client::path(&["shells", &shell.id, "size"]);
        while sizes.changed().await.is_ok() {
            let size = *sizes.borrow_and_update();
            // A shell that has ended needs no size; the stream tells of its end.
            let _ = client
                .put(&format!("{path}?cols={}&rows={}", size.columns, size.lines))
                .await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = carry(shell.stream, 0, keys, told) => {}
        () = resize => {}
    }
    Ok("the shell ended".into())
}

/// Carries bytes both ways until one side ends. So many of the first that are read are of the past.
async fn carry(stream: Tunnel, mut replay: u64, mut keys: mpsc::Receiver<Vec<u8>>, told: &Told) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let read = async {
        let mut buffer = vec![0; PIECE];
        let mut pace = Pace::new();
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            let past = usize::try_from(replay).map_or(count, |replay| replay.min(count));
            replay -= past as u64;
            let (past, now) = buffer.get(..count).unwrap_or_default().split_at(past);
            let replayed = (!past.is_empty()).then(|| Msg::Replay(told.id, past.to_vec()));
            let written = (!now.is_empty()).then(|| Msg::Bytes(told.id, now.to_vec()));
            for msg in replayed.into_iter().chain(written) {
                if told.bytes.send(msg).await.is_err() {
                    return;
                }
            }
            pace.spend(count).await;
        }
    };
    let write = async {
        while let Some(bytes) = keys.recv().await {
            if writer.write_all(&bytes).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = read => {}
        () = write => {}
    }
}
