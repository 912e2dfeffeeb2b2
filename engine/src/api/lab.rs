//! `GET /lab` and `GET /topology`: the lab as a whole.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{
    answer::{ApiError, json},
    routes::Shared,
    topology::Topology,
};
use crate::store::LabState;

/// Returns the lab as a whole: name, phase, MTU, versions, steps of the bring-up.
#[utoipa::path(get, operation_id = "getLab", path = "/lab", tag = "lab", responses((status = 200, description = "The lab", body = LabState)))]
pub async fn show(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let body = shared.lab.get(&shared.store, |state| state.lab.clone())?;
    Ok(json(body))
}

/// Returns what is linked with what: host, networks, namespaces and nodes as vertices, links as edges.
#[utoipa::path(get, operation_id = "getTopology", path = "/topology", tag = "lab", responses((status = 200, description = "The graph", body = Topology)))]
pub async fn topology(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let body = shared.topology.get(&shared.store, Topology::of)?;
    Ok(json(body))
}
