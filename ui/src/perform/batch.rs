//! What a stream has to tell at once, for one message.

use placemat2_engine::client::{ClientError, Lines};
use serde::de::DeserializeOwned;

/// Lines told in one message.
const MOST: usize = 500;

/// A line with those that are there already. What this version can't read it can't show.
pub async fn batch<T: DeserializeOwned>(first: String, lines: &mut Lines) -> Result<Vec<T>, ClientError> {
    let mut batch = Vec::new();
    let mut next = Some(first);
    while let Some(line) = next.take() {
        batch.extend(serde_json::from_str(&line).ok());
        if batch.len() < MOST {
            next = tokio::select! {
                biased;
                line = lines.next() => line?,
                () = std::future::ready(()) => None,
            };
        }
    }
    Ok(batch)
}
