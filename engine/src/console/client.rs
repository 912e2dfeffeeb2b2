//! Programs connected to a console: each sees what the guest wrote and what follows, and may type. Those on its unix
//! socket begin with the last screenful.

use std::{io, io::IoSlice, pin::pin, sync::Arc, time::Duration};

use bytes::BytesMut;
use tokio::{
    io::Interest,
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    hub::Console,
    reader::{Reader, Since},
};
use crate::accept;

/// Clients of one console at a time; more are turned away.
const MAX_CLIENTS: usize = 64;
/// The most that is read from a client at once, in bytes.
const INPUT_SIZE: usize = 4096;
/// How long the guest may take for what a client had typed before it went.
const LAST_INPUT: Duration = Duration::from_secs(1);

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read and type.
    Full,
    /// Read: what it writes is dropped.
    ReadOnly,
}

/// A client's end of a console.
#[derive(Debug)]
pub struct Connection {
    /// What the guest writes is read from it, what is written to it is typed.
    pub stream: UnixStream,
    /// How many of the first bytes to be read the guest had written before. What it asked in them was for who was there
    /// then.
    pub replay: u64,
}

/// Serves clients until the console is closed.
pub(super) async fn accept(listener: UnixListener, console: Console, closed: CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CLIENTS));
    loop {
        let stream = tokio::select! {
            stream = accept::accept(&listener, accept::warn("a console")) => stream,
            () = closed.cancelled() => return,
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            continue;
        };
        let console = console.clone();
        tokio::spawn(async move {
            serve(&stream, &console, console.reader(Since::Screen), Access::Full).await;
            drop(place);
        });
    }
}

/// Carries bytes both ways until the client or the console is gone.
pub(super) async fn serve(stream: &UnixStream, console: &Console, reader: Reader, access: Access) {
    let mut input = pin!(input(stream, console, access));
    tokio::select! {
        // An error means that the client is gone, which may have typed something before.
        written = output(stream, reader) => if written.is_err() {
            drop(timeout(LAST_INPUT, input).await);
        },
        _ = &mut input => {}
    }
}

async fn output(stream: &UnixStream, mut reader: Reader) -> io::Result<()> {
    while reader.ready().await {
        stream.writable().await?;
        let mut result = Ok(0);
        reader.take(|old, new| {
            result = stream.try_write_vectored(&[IoSlice::new(old), IoSlice::new(new)]);
            result.as_ref().copied().unwrap_or(0)
        });
        match result {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Ends when the client is gone. One that only closed its writing side goes on reading.
async fn input(stream: &UnixStream, console: &Console, access: Access) -> io::Result<()> {
    let mut buffer = BytesMut::new();
    loop {
        stream.readable().await?;
        buffer.reserve(INPUT_SIZE);
        match stream.try_read_buf(&mut buffer) {
            Ok(0) => {
                if stream.ready(Interest::WRITABLE).await?.is_write_closed() {
                    return Ok(());
                }
                return std::future::pending().await;
            }
            Ok(_) => {
                let typed = buffer.split().freeze();
                if access == Access::Full {
                    console.send(typed).await.map_err(io::Error::other)?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
