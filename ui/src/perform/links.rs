//! Counters of the lab's links. The kernel tells nobody that a packet passed, so they are read from time to time, and only
//! while they are on the screen.

use std::time::{Duration, Instant};

use placemat2_engine::client::{Client, ClientError};

use super::Sender;
use crate::{model::mirror::LinkCount, msg::Msg};

/// How often they are read.
const EVERY: Duration = Duration::from_secs(2);

/// Reads them until aborted, or until the lab tells that it has none.
pub async fn watch(client: Client, messages: Sender) {
    let mut before: Option<Instant> = None;
    loop {
        match client.get_json::<Vec<LinkCount>>("/links").await {
            Ok(counts) => {
                let now = Instant::now();
                let seconds = before.replace(now).map_or(0.0, |before| (now - before).as_secs_f64());
                if messages.send(Msg::Links(counts, seconds)).await.is_err() {
                    return;
                }
            }
            Err(ClientError::Refused { status: 404, .. }) => return,
            // The connection is the business of others, who tell of it.
            Err(_) => before = None,
        }
        tokio::time::sleep(EVERY).await;
    }
}
