//! `/nodes`: the virtual machines and their power, as placemat v2 served them.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use super::{
    answer::{ApiError, Problem, Segments, json},
    routes::Shared,
};
use crate::{node::Action, store::NodeState};

/// Returns all nodes in the order of the lab files.
#[utoipa::path(get, operation_id = "listNodes", path = "/nodes", tag = "nodes", responses((status = 200, description = "The nodes", body = Vec<NodeState>)))]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    let body = shared.nodes.get(&shared.store, |state| state.nodes.clone())?;
    Ok(json(body))
}

/// Returns one node.
#[utoipa::path(
    get, operation_id = "getNode",
    path = "/nodes/{name}",
    tag = "nodes",
    params(("name" = String, Path, description = "Name of the node")),
    responses((status = 200, description = "The node", body = NodeState), (status = 404, description = "No such node", body = Problem))
)]
pub async fn show(State(shared): State<Arc<Shared>>, Segments(name): Segments<String>) -> Result<Response, ApiError> {
    let node = shared
        .store
        .read(|state| state.nodes.iter().find(|node| node.name == name).cloned())
        .ok_or_else(|| not_found(&name))?;
    Ok(json(serde_json::to_vec(&node)?.into()))
}

/// Acts on a node's power and answers when that is done.
#[utoipa::path(
    post, operation_id = "actOnNode",
    path = "/nodes/{name}/{action}",
    tag = "nodes",
    params(
        ("name" = String, Path, description = "Name of the node"),
        ("action" = Action, Path, description = "What to do: start, stop or restart"),
    ),
    responses(
        (status = 200, description = "Done"),
        (status = 400, description = "No such action", body = Problem),
        (status = 404, description = "No such node", body = Problem),
        (status = 500, description = "It was tried and failed", body = Problem),
    )
)]
pub async fn act(
    State(shared): State<Arc<Shared>>,
    Segments((name, action)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    if !shared
        .store
        .read(|state| state.nodes.iter().any(|node| node.name == name))
    {
        return Err(not_found(&name));
    }
    let action = parse_action(&action)?;
    let permit = Arc::clone(&shared.actions).acquire_owned().await.map_err(interrupted)?;
    // A task of its own: a client that goes away must not leave an action half done.
    let control = Arc::clone(&shared.control);
    let task = tokio::spawn(async move {
        let _permit = permit;
        control.node_action(&name, action).await
    });
    task.await.map_err(interrupted)??;
    Ok(StatusCode::OK.into_response())
}

fn not_found(name: &str) -> ApiError {
    ApiError::not_found(&format!("node {name:?}"))
}

fn interrupted(error: impl std::error::Error) -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("The action was interrupted: {error}."),
    )
}

fn parse_action(action: &str) -> Result<Action, ApiError> {
    match action {
        "start" => Ok(Action::Start),
        "stop" => Ok(Action::Stop),
        "restart" => Ok(Action::Restart),
        _ => Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            format!("There is no action {action:?} on nodes: use start, stop or restart."),
        )),
    }
}
