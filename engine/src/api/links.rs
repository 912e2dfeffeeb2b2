//! `/links`: what went over each link, read from the kernel when asked.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{
    answer::{ApiError, Problem, json},
    routes::Shared,
};
use crate::fabric::LinkCounters;

/// Returns the counters of all links, as their ends see them: what the host, a namespace or a guest received and sent.
#[utoipa::path(
    get, operation_id = "listLinks",
    path = "/links",
    tag = "networks",
    responses(
        (status = 200, description = "The links, in the order of their networks", body = Vec<LinkCounters>),
        (status = 500, description = "The kernel refused", body = Problem),
    )
)]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    // One reading at a time: each takes some threads.
    let _turn = shared.links.lock().await;
    let links = shared.control.links().await?;
    Ok(json(serde_json::to_vec(&links)?.into()))
}
