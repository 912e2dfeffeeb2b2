//! An answer read line by line as it comes.

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{ClientError, Endpoint};

/// The longest line taken, in bytes: a log line of 64 KiB with every byte escaped fits.
const LINE_SIZE: usize = 1024 * 1024;

/// The lines of an answer.
#[derive(Debug)]
pub struct Lines {
    endpoint: Endpoint,
    body: Incoming,
    buffer: BytesMut,
    /// How much of the buffer is known to hold no end of line.
    searched: usize,
}

impl Lines {
    pub(super) fn new(endpoint: Endpoint, body: Incoming) -> Self {
        Self {
            endpoint,
            body,
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
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(source)) => {
                    let endpoint = self.endpoint.clone();
                    return Err(ClientError::Http { endpoint, source });
                }
                None if self.buffer.is_empty() => return Ok(None),
                None => {
                    self.searched = 0;
                    return Ok(Some(String::from_utf8_lossy(&self.buffer.split()).into_owned()));
                }
            }
        }
    }
}
