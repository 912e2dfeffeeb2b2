//! `/connect`: one connection to a host and port as a node's network or a namespace sees them.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{Request, StatusCode},
    response::Response,
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    answer::{ApiError, Options, Problem},
    routes::Shared,
    tunnel::Until,
};
use crate::spec::model::Destination;

/// What to connect to, and from where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct To {
    /// A node, to connect from a namespace that is on its networks, or else a namespace.
    from: String,
    /// The host: an address, or a name to be looked up inside the namespace.
    host: String,
    /// The TCP port.
    port: u16,
}

/// Makes a TCP connection from inside the lab; the request's own connection becomes its other end.
#[utoipa::path(
    get, operation_id = "connect",
    path = "/connect",
    tag = "forwards",
    params(To),
    responses(
        (status = 101, description = "The connection stands; its bytes follow (Upgrade: placemat2-stream)"),
        (status = 400, description = "No destination", body = Problem),
        (status = 404, description = "No such node or namespace", body = Problem),
        (status = 426, description = "The request asks for no upgrade", body = Problem),
        (status = 500, description = "No connection", body = Problem),
        (status = 503, description = "Too many streams", body = Problem),
    )
)]
pub async fn connect(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Result<Response, ApiError> {
    let To { from, host, port } = Options::of(&request)?;
    let permit = shared.tunnels.permit(&request)?;
    let to = Destination::new(&host, port).map_err(|error| {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            format!("{host:?} can't be connected to: {error}."),
        )
    })?;
    let far = shared.control.connect(&from, &to).await?;
    Ok(shared.tunnels.open(permit, request, far, Until::BothEnd))
}
