//! `/netns`: the network namespaces with their apps.

use std::sync::Arc;

use axum::{extract::State, response::Response};

use super::{
    answer::{ApiError, Problem, Segments, json},
    routes::Shared,
};
use crate::store::NamespaceState;

/// Returns all namespaces in the order of the lab files.
#[utoipa::path(get, operation_id = "listNamespaces", path = "/netns", tag = "netns", responses((status = 200, description = "The namespaces", body = Vec<NamespaceState>)))]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let body = shared.namespaces.get(&shared.store, |state| state.namespaces.clone())?;
    Ok(json(body))
}

/// Returns one namespace.
#[utoipa::path(
    get, operation_id = "getNamespace",
    path = "/netns/{name}",
    tag = "netns",
    params(("name" = String, Path, description = "Name of the namespace")),
    responses((status = 200, description = "The namespace", body = NamespaceState), (status = 404, description = "No such namespace", body = Problem))
)]
pub async fn show(State(shared): State<Arc<Shared>>, Segments(name): Segments<String>) -> Result<Response, ApiError> {
    let namespace = shared
        .store
        .read(|state| {
            state
                .namespaces
                .iter()
                .find(|namespace| namespace.name == name)
                .cloned()
        })
        .ok_or_else(|| ApiError::not_found(format!("namespace {name:?}")))?;
    Ok(json(serde_json::to_vec(&namespace)?.into()))
}
