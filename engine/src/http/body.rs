//! Bodies of requests: short and in time, or refused.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use tokio::time::timeout;

/// How long a client may take to send the body of a request.
const BODY_TIME: Duration = Duration::from_secs(10);

/// The longest body of a request, in bytes.
const BODY_SIZE: usize = 64 * 1024;

/// Why a body is refused.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Too long.
    #[error("The body of the request is longer than {BODY_SIZE} bytes.")]
    TooLarge,
    /// Too slow.
    #[error("The body of the request did not come in time.")]
    Late,
    /// Broken off, or not as HTTP has it.
    #[error("The body of the request could not be read: {0}.")]
    Broken(String),
}

/// Reads the body of a request.
pub async fn read_body(body: Incoming) -> Result<Bytes, BodyError> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    if body.size_hint().lower() > BODY_SIZE as u64 {
        return Err(BodyError::TooLarge);
    }
    match timeout(BODY_TIME, Limited::new(body, BODY_SIZE).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(error)) => Err(BodyError::Broken(error.to_string())),
        Err(_) => Err(BodyError::Late),
    }
}
