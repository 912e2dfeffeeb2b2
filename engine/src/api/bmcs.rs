//! `/bmcs`: the management controllers of nodes.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{
    answer::{ApiError, Problem, Segments, json},
    routes::Shared,
};
use crate::store::BmcState;

/// Returns all BMCs: those that lab files declare, and those that guests announced.
#[utoipa::path(get, operation_id = "listBmcs", path = "/bmcs", tag = "bmcs", responses((status = 200, description = "The BMCs", body = Vec<BmcState>)))]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let body = shared.bmcs.get(&shared.store, |state| state.bmcs.clone())?;
    Ok(json(body))
}

/// Returns the BMC of a node.
#[utoipa::path(
    get, operation_id = "getBmc",
    path = "/bmcs/{node}",
    tag = "bmcs",
    params(("node" = String, Path, description = "Name of the node")),
    responses((status = 200, description = "The BMC", body = BmcState), (status = 404, description = "No such node, or it has no BMC", body = Problem))
)]
pub async fn show(State(shared): State<Arc<Shared>>, Segments(node): Segments<String>) -> Result<Response, ApiError> {
    let bmc = shared
        .store
        .read(|state| state.bmcs.iter().find(|bmc| bmc.node == node).cloned())
        .ok_or_else(|| ApiError::not_found(&format!("BMC of a node {node:?}")))?;
    Ok(json(serde_json::to_vec(&bmc)?.into()))
}
