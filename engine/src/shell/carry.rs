//! Bytes between a pseudo terminal and whoever looks at it.

use std::{
    io::{self, ErrorKind},
    os::fd::OwnedFd,
};

use nix::unistd::{read, write};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, unix::AsyncFd},
    net::{UnixStream, unix},
};
use tokio_util::sync::CancellationToken;

/// The most that is carried at once, in bytes.
const PIECE: usize = 16 * 1024;

/// Carries bytes both ways until the client is gone, or `ended` is cancelled and the client has all that was written
/// before. The caller hangs up by closing the terminal.
pub async fn carry(terminal: &AsyncFd<OwnedFd>, client: UnixStream, ended: &CancellationToken) {
    let (from_client, to_client) = client.into_split();
    tokio::select! {
        _ = output(terminal, to_client, ended) => {}
        _ = input(terminal, from_client) => {}
    }
}

async fn output(
    terminal: &AsyncFd<OwnedFd>,
    mut client: unix::OwnedWriteHalf,
    ended: &CancellationToken,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let result = tokio::select! {
            ready = terminal.readable() => match ready?.try_io(|terminal| Ok(read(terminal, &mut buffer)?)) {
                Ok(result) => result,
                Err(_would_block) => continue,
            },
            () = ended.cancelled() => read(terminal.get_ref(), &mut buffer).map_err(io::Error::from),
        };
        match result {
            Ok(count) if count > 0 => client.write_all(&buffer[..count]).await?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Nothing more, or (EIO) nobody who could write. A program that lives on without its terminal is waited for.
            _ => {
                ended.cancelled().await;
                return Ok(());
            }
        }
    }
}

/// Ends when the client has closed its stream, with an error if the terminal takes no more.
async fn input(terminal: &AsyncFd<OwnedFd>, mut client: unix::OwnedReadHalf) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let count = client.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let mut left = &buffer[..count];
        while !left.is_empty() {
            let mut ready = terminal.writable().await?;
            match ready.try_io(|terminal| Ok(write(terminal, left)?)) {
                Ok(Ok(count)) => left = &left[count..],
                Ok(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
    }
}
