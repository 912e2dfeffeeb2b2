//! `/networks`: the L2 segments.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{
    answer::{ApiError, Problem, Segments, json},
    routes::Shared,
};
use crate::store::NetworkState;

/// Returns all networks in the order of the lab files.
#[utoipa::path(get, operation_id = "listNetworks", path = "/networks", tag = "networks", responses((status = 200, description = "The networks", body = Vec<NetworkState>)))]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let body = shared.networks.get(&shared.store, |state| state.networks.clone())?;
    Ok(json(body))
}

/// Returns one network.
#[utoipa::path(
    get, operation_id = "getNetwork",
    path = "/networks/{name}",
    tag = "networks",
    params(("name" = String, Path, description = "Name of the network")),
    responses((status = 200, description = "The network", body = NetworkState), (status = 404, description = "No such network", body = Problem))
)]
pub async fn show(State(shared): State<Arc<Shared>>, Segments(name): Segments<String>) -> Result<Response, ApiError> {
    let network = shared
        .store
        .read(|state| state.networks.iter().find(|network| network.name == name).cloned())
        .ok_or_else(|| ApiError::not_found(format!("network {name:?}")))?;
    Ok(json(serde_json::to_vec(&network)?.into()))
}
