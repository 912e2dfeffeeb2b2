//! `GET /changes`: tells that the state has changed, so that nobody who mirrors it has to ask again and again.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use super::{
    answer::typed,
    routes::Shared,
    stream::{self, Log, Part},
};
use crate::store::Store;

/// The state has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Grows with every change of a lab's state.
    pub version: u64,
}

/// Returns a line of JSON at once and one after each change of the state, until the client or the lab ends it.
///
/// Changes that happen while the client reads nothing are told as one. What has changed is to be read from `/lab`,
/// `/nodes` and so on.
#[utoipa::path(
    get, operation_id = "followChanges",
    path = "/changes",
    tag = "lab",
    responses((status = 200, description = "The changes", body = Change, content_type = "application/x-ndjson"))
)]
pub async fn follow(State(shared): State<Arc<Shared>>) -> Response {
    let part = Part {
        greeting: b"",
        after: 0,
        follow: Some(shared.cancel.clone()),
    };
    let changes = Changes(shared.store.clone());
    let mut response = typed("application/x-ndjson", stream::body(changes, part));
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    response
}

struct Changes(Store);

impl Log for Changes {
    fn write_after(&self, after: u64, out: &mut Vec<u8>) -> Option<u64> {
        // Versions count from 0, ids of a log from 1.
        let version = self.0.version();
        let id = version + 1;
        if id <= after {
            return None;
        }
        // Writing a number to memory cannot fail.
        let _ = serde_json::to_writer(&mut *out, &Change { version });
        out.push(b'\n');
        Some(id)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.0.watch()
    }
}
