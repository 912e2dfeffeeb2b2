//! An answer read piece by piece as it comes.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::{ClientError, Endpoint};

/// The pieces of an answer.
#[derive(Debug)]
pub struct Pieces {
    endpoint: Endpoint,
    body: Incoming,
}

impl Pieces {
    pub(super) fn new(endpoint: Endpoint, body: Incoming) -> Self {
        Self { endpoint, body }
    }

    /// Returns the next piece, or `None` when the answer is over. Cancel safe.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(source)) => {
                    let endpoint = self.endpoint.clone();
                    return Err(ClientError::Http { endpoint, source });
                }
                None => return Ok(None),
            }
        }
    }
}
