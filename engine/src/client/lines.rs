//! An answer read line by line as it comes.

use bytes::{Buf, BytesMut};
use hyper::body::Incoming;

use super::{ClientError, Endpoint, Pieces};

/// The longest line taken, in bytes: a log line of 64 KiB with every byte escaped fits.
const LINE_SIZE: usize = 1024 * 1024;

/// The lines of an answer.
#[derive(Debug)]
pub struct Lines {
    endpoint: Endpoint,
    pieces: Pieces,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of line.
    searched: usize,
}

impl Lines {
    pub(super) fn new(endpoint: Endpoint, body: Incoming) -> Self {
        Self {
            pieces: Pieces::new(endpoint.clone(), body),
            endpoint,
            buffer: BytesMut::new(),
            searched: 0,
        }
    }

    /// Returns the next line without its end, or `None` when the answer is over. Cancel safe.
    pub async fn next(&mut self) -> Result<Option<String>, ClientError> {
        loop {
            let unread = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(offset) = unread.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(self.searched + offset);
                self.buffer.advance(1);
                self.searched = 0;
                return Ok(Some(String::from_utf8_lossy(&line).into_owned()));
            }
            self.searched = self.buffer.len();
            if self.searched > LINE_SIZE {
                return Err(ClientError::Answer {
                    endpoint: self.endpoint.clone(),
                    reason: format!("a line is longer than {LINE_SIZE} bytes"),
                });
            }
            match self.pieces.next().await? {
                Some(piece) => self.buffer.extend_from_slice(&piece),
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    self.searched = 0;
                    return Ok(Some(String::from_utf8_lossy(&self.buffer.split()).into_owned()));
                }
            }
        }
    }
}
