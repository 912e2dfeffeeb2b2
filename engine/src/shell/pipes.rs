//! Bytes between a program without a terminal and whoever speaks to it.

use std::{io, os::fd::OwnedFd};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        UnixStream,
        unix::{self, pipe},
    },
    sync::watch,
};
use tokio_util::sync::CancellationToken;

/// The most that is carried at once, in bytes.
const PIECE: usize = 16 * 1024;

/// Our ends of a program's standard streams.
#[derive(Debug)]
pub struct Pipes {
    input: pipe::Sender,
    output: pipe::Receiver,
    /// How many bytes the input has in all, once that is known.
    length: watch::Receiver<Option<u64>>,
}

impl Pipes {
    /// Makes pipes, the program's ends of them (input, output, errors), and what to tell the length of the input by. The program's
    /// output and errors are one stream.
    pub fn open() -> io::Result<(Self, [OwnedFd; 3], watch::Sender<Option<u64>>)> {
        let (input, programs_input) = pipe::pipe()?;
        let (programs_output, output) = pipe::pipe()?;
        let programs_output = programs_output.into_blocking_fd()?;
        let programs_errors = programs_output.try_clone()?;
        let (told, length) = watch::channel(None);
        let programs = [programs_input.into_blocking_fd()?, programs_output, programs_errors];
        Ok((Self { input, output, length }, programs, told))
    }

    /// Carries bytes both ways until the client is gone, or `ended` is cancelled and the client has all that was written before.
    pub async fn carry(self, client: UnixStream, ended: &CancellationToken) {
        let (from_client, to_client) = client.into_split();
        tokio::select! {
            _ = output(self.output, to_client, ended) => {}
            _ = input(self.input, from_client, self.length) => {}
        }
    }
}

async fn output(
    mut program: pipe::Receiver,
    mut client: unix::OwnedWriteHalf,
    ended: &CancellationToken,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    loop {
        let count = tokio::select! {
            biased;
            count = program.read(&mut buffer) => count?,
            // Others may have the pipe open still: what the program started, and left behind.
            () = ended.cancelled() => nix::unistd::read(&program, &mut buffer).unwrap_or(0),
        };
        if count == 0 {
            ended.cancelled().await;
            return Ok(());
        }
        client.write_all(&buffer[..count]).await?;
    }
}

/// Ends when the client has closed its stream. The program's input ends before that if its length is told.
async fn input(
    program: pipe::Sender,
    mut client: unix::OwnedReadHalf,
    mut length: watch::Receiver<Option<u64>>,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let (mut open, mut carried) = (Some(program), 0);
    loop {
        let all = *length.borrow_and_update();
        if all.is_some_and(|all| carried >= all) {
            open = None;
        }
        let count = tokio::select! {
            count = client.read(&mut buffer) => count?,
            // If nobody is left who could tell it, nothing changes any more.
            Ok(()) = length.changed() => continue,
        };
        if count == 0 {
            return Ok(());
        }
        carried += count as u64;
        // A program that reads no more goes on all the same.
        if let Some(program) = &mut open
            && program.write_all(&buffer[..count]).await.is_err()
        {
            open = None;
        }
    }
}
