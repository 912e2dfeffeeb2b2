//! A person, or a script, at a stream of bytes: what is typed goes there, what comes is shown.

use std::{convert::Infallible, io, time::Duration};

use placemat2_engine::client::Tunnel;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf, copy, split},
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::timeout,
};

use super::{
    escape::{Escape, Wish},
    replay::Replay,
    stdio::file,
};

/// The most that is read at once, in bytes.
const PIECE: usize = 4096;

/// Pieces typed that wait for a far end that does not read.
const QUEUE: usize = 64;

/// How a conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Whoever typed wanted it.
    Left,
    /// The far end closed.
    Closed,
    /// A signal of that number asked for it.
    Signal(u8),
}

/// Carries bytes both ways for a person: every key goes there at once, but those of `escape`. A far end that does not read
/// can be left all the same.
pub async fn with_keys(stream: Tunnel, replay: Replay, escape: Option<Escape>) -> io::Result<End> {
    let (from_lab, to_lab) = split(stream);
    let (queue, typed) = mpsc::channel(QUEUE);
    tokio::select! {
        shown = show(from_lab, replay) => shown.map(|()| End::Closed),
        wish = keys(escape, queue) => wish.map(|()| End::Left),
        never = send(to_lab, typed) => match never {},
        signal = ending_signal() => Ok(End::Signal(signal?)),
    }
}

/// Carries bytes both ways for a script: all of standard input, whose length `over` is told, then what comes until nothing has
/// come for the time of `patience`, or without one until the far end closes.
pub async fn with_script(stream: Tunnel, over: impl AsyncFnOnce(u64), patience: Option<Duration>) -> io::Result<End> {
    let (mut from_lab, mut to_lab) = split(stream);
    let mut stdout = file(io::stdout())?;
    let (spoken, mut heard) = tokio::sync::oneshot::channel();
    let speak = async {
        let words = async { copy(&mut file(io::stdin())?, &mut to_lab).await };
        // That the far end has gone shows when it is read, after what it said last.
        if let Ok(length) = words.await {
            over(length).await;
        }
        // The other end of the channel is below, for as long as this is polled.
        let _ = spoken.send(());
        std::future::pending::<io::Result<End>>().await
    };
    let listen = async {
        let mut buffer = vec![0; PIECE];
        let (mut over, mut limit) = (false, None);
        loop {
            let next = read_within(limit, &mut from_lab, &mut buffer);
            let count = tokio::select! {
                count = next => count?,
                Ok(()) = &mut heard, if !over => {
                    (over, limit) = (true, patience);
                    continue;
                }
            };
            match count {
                None => return Ok(End::Left),
                Some(0) => return Ok(End::Closed),
                Some(count) => stdout.write_all(&buffer[..count]).await?,
            }
            stdout.flush().await?;
        }
    };
    tokio::select! {
        end = listen => end,
        end = speak => end,
        signal = ending_signal() => Ok(End::Signal(signal?)),
    }
}

/// Reads; `None` if nothing comes within the limit.
async fn read_within(
    limit: Option<Duration>,
    from_lab: &mut ReadHalf<Tunnel>,
    buffer: &mut [u8],
) -> io::Result<Option<usize>> {
    match limit {
        None => or_end(from_lab.read(buffer).await).map(Some),
        Some(limit) => match timeout(limit, from_lab.read(buffer)).await {
            Ok(count) => or_end(count).map(Some),
            Err(_) => Ok(None),
        },
    }
}

/// A far end that closed while something typed was still on its way to it looks as if it had broken off.
fn or_end<T: Default>(result: io::Result<T>) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(T::default()),
        other => other,
    }
}

/// Shows what comes until the far end closes.
pub async fn watch(stream: Tunnel) -> io::Result<End> {
    // Closing the writing half would end the stream.
    let (from_lab, _to_lab) = split(stream);
    tokio::select! {
        shown = show(from_lab, Replay::default()) => shown.map(|()| End::Closed),
        signal = ending_signal() => Ok(End::Signal(signal?)),
    }
}

async fn show(mut from_lab: ReadHalf<Tunnel>, mut replay: Replay) -> io::Result<()> {
    let mut stdout = file(io::stdout())?;
    let mut buffer = vec![0; PIECE];
    while replay.goes_on() {
        match or_end(from_lab.read(&mut buffer).await)? {
            0 => break,
            count => stdout.write_all(&replay.next(&buffer[..count])).await?,
        }
        stdout.flush().await?;
    }
    or_end(copy(&mut from_lab, &mut stdout).await)?;
    stdout.flush().await
}

/// Sends what is typed. That the far end has gone shows when it is read, after what it said last.
async fn send(mut to_lab: WriteHalf<Tunnel>, mut typed: mpsc::Receiver<Vec<u8>>) -> Infallible {
    while let Some(bytes) = typed.recv().await {
        if to_lab.write_all(&bytes).await.is_err() {
            break;
        }
    }
    std::future::pending().await
}

/// Queues what is typed until the escape keys, or the end of standard input.
async fn keys(mut escape: Option<Escape>, queue: mpsc::Sender<Vec<u8>>) -> io::Result<()> {
    let mut stdin = file(io::stdin())?;
    let mut buffer = vec![0; PIECE];
    loop {
        let patience = escape.as_ref().and_then(Escape::patience).unwrap_or(Duration::MAX);
        let mut out = Vec::new();
        let wish = match (timeout(patience, stdin.read(&mut buffer)).await, &mut escape) {
            (Ok(count), escape) => match (count?, escape) {
                (0, _) => return Ok(()),
                (count, Some(escape)) => escape.typed(&buffer[..count], &mut out),
                (count, None) => {
                    out.extend_from_slice(&buffer[..count]);
                    Wish::Stay
                }
            },
            (Err(_), Some(escape)) => escape.waited(),
            (Err(_), None) => Wish::Stay,
        };
        // What nobody reads has no room for ever more.
        if !out.is_empty() {
            let _ = queue.try_send(out);
        }
        if wish == Wish::Leave {
            return Ok(());
        }
    }
}

/// Waits for a signal that ends programs.
async fn ending_signal() -> io::Result<u8> {
    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = hangup.recv() => 1,
        _ = interrupt.recv() => 2,
        _ = quit.recv() => 3,
        _ = terminate.recv() => 15,
    })
}
