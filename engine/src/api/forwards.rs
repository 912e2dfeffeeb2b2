//! `/forwards`: ports of the host that lead into namespaces.

use std::{net::IpAddr, sync::Arc};

use axum::{
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    answer::{ApiError, Options, Problem, Segments, json},
    routes::Shared,
};
use crate::{
    forward::Wanted,
    spec::model::{Destination, Protocol},
    store::ForwardState,
};

/// A forward to be added.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForwardRequest {
    /// The host's port.
    #[schema(minimum = 1)]
    pub local_port: u16,
    /// The namespace it leads into.
    pub netns: String,
    /// The host it leads to: an address, or a name to be looked up inside the namespace.
    pub remote_host: String,
    /// The port it leads to.
    #[schema(minimum = 1)]
    pub remote_port: u16,
    /// What it carries; TCP unless given.
    #[serde(default)]
    pub protocol: Protocol,
    /// The host's address to listen on; all of them, IPv4 and IPv6, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
}

/// Which of a port's forwards.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Which {
    /// What it carries; TCP unless given.
    #[serde(default)]
    protocol: Protocol,
}

/// Returns all forwards with their counters, in the order of their ports.
#[utoipa::path(get, operation_id = "listForwards", path = "/forwards", tag = "forwards", responses((status = 200, description = "The forwards", body = Vec<ForwardState>)))]
pub async fn list(State(shared): State<Arc<Shared>>) -> Result<Response, ApiError> {
    // Counters change without the store's version: this can't be rendered once.
    let forwards = shared.store.read(|state| state.forwards.clone());
    Ok(json(serde_json::to_vec(&forwards)?.into()))
}

/// Adds a forward; it takes connections when this answers.
#[utoipa::path(
    post, operation_id = "addForward",
    path = "/forwards",
    tag = "forwards",
    request_body = ForwardRequest,
    responses(
        (status = 201, description = "Added"),
        (status = 400, description = "Not a forward", body = Problem),
        (status = 404, description = "No such namespace", body = Problem),
        (status = 409, description = "The port is taken, or the namespace is not there yet", body = Problem),
        (status = 500, description = "It was tried and failed", body = Problem),
    )
)]
pub async fn add(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<Response, ApiError> {
    let bad = |message: String| ApiError::new(StatusCode::BAD_REQUEST, message);
    let request: ForwardRequest =
        serde_json::from_slice(&body).map_err(|error| bad(format!("The body is not a forward: {error}.")))?;
    if request.local_port == 0 {
        return Err(bad("The host's port must be from 1 to 65535, not 0.".into()));
    }
    let to = Destination::new(&request.remote_host, request.remote_port)
        .map_err(|error| bad(format!("{:?} can't be forwarded to: {error}.", request.remote_host)))?;
    shared.control.add_forward(Wanted {
        port: request.local_port,
        protocol: request.protocol,
        address: request.address,
        netns: request.netns,
        to,
    })?;
    Ok(StatusCode::CREATED.into_response())
}

/// Ends a forward and its connections; the port is free when this answers.
#[utoipa::path(
    delete, operation_id = "deleteForward",
    path = "/forwards/{port}",
    tag = "forwards",
    params(("port" = u16, Path, description = "The host's port"), Which),
    responses(
        (status = 200, description = "Deleted"),
        (status = 400, description = "No port", body = Problem),
        (status = 404, description = "No such forward", body = Problem),
    )
)]
pub async fn delete(
    State(shared): State<Arc<Shared>>,
    Segments(port): Segments<u16>,
    Options(Which { protocol }): Options<Which>,
) -> Result<Response, ApiError> {
    shared.control.delete_forward(port, protocol).await?;
    Ok(StatusCode::OK.into_response())
}
