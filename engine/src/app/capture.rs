//! From the pipe a program writes to into its log.

use std::{io, os::fd::OwnedFd, sync::Arc};

use tokio::net::unix::pipe;

use super::{
    lines::Splitter,
    log::{AppLog, Batch},
};

/// Bytes taken from a pipe at a time.
const CHUNK: usize = 8 * 1024;

/// How many chunks [`Capture::take`] takes at most: as much as the largest pipe holds by default
/// (`/proc/sys/fs/pipe-max-size`), so that all a program wrote before it ended is among them.
const MAX_CHUNKS: usize = 1024 * 1024 / CHUNK;

/// The reading end of a pipe whose lines go into a log.
pub struct Capture {
    pipe: pipe::Receiver,
    splitter: Splitter,
    stream: &'static str,
    log: Arc<AppLog>,
    ended: bool,
}

impl Capture {
    /// A new pipe: its reading end, and the end for a program to write to.
    pub fn new(log: &Arc<AppLog>, stream: &'static str) -> io::Result<(Self, OwnedFd)> {
        let (reader, writer) = io::pipe()?;
        let capture = Self {
            pipe: pipe::Receiver::from_owned_fd(reader.into())?,
            splitter: Splitter::default(),
            stream,
            log: log.clone(),
            ended: false,
        };
        Ok((capture, writer.into()))
    }

    /// Returns when there is something to take; never after the end. Cancel safe.
    pub async fn readable(&self) {
        if self.ended || self.pipe.readable().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Takes what is in the pipe now. False at its end: nobody holds the other end any more.
    pub async fn take(&mut self) -> bool {
        for _ in 0..MAX_CHUNKS {
            let Some(batch) = self.chunk() else {
                break;
            };
            self.log.commit(batch).await;
        }
        !self.ended
    }

    /// The lines that the next chunk completes; `None` if nothing is there or ever will be.
    fn chunk(&mut self) -> Option<Batch> {
        if self.ended {
            return None;
        }
        let mut chunk = [0; CHUNK];
        let read = self.pipe.try_read(&mut chunk);
        let mut batch = Batch::new(self.stream);
        match read {
            Ok(length @ 1..) => self.splitter.feed(&chunk[..length], |line| batch.add(line)),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return None;
            }
            Ok(0) | Err(_) => {
                self.ended = true;
                self.splitter.finish(|line| batch.add(line));
            }
        }
        Some(batch)
    }

    /// Takes everything until the end, for as long as anybody holds the other end.
    pub async fn run(mut self) {
        while !self.ended {
            self.readable().await;
            self.take().await;
        }
    }
}
