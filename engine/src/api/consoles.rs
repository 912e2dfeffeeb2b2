//! `/nodes/NAME/console` and `/nodes/NAME/screenshot`: a node's serial console and its screen.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{Request, StatusCode},
    response::{IntoResponse, Response},
};
use futures::stream;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use utoipa::IntoParams;

use super::{
    answer::{ApiError, Options, Problem, Segments, flag, typed},
    routes::Shared,
    tunnel::Until,
};
use crate::{
    console::{Access, Connection, Console, Lines, Since},
    node::PowerState,
};

/// The header of the answer that says how many bytes of the stream are of the past.
pub const REPLAY_HEADER: &str = "placemat2-replay";

/// How long a guest may take to read what is typed.
const TYPING: Duration = Duration::from_secs(10);

/// Where a console's stream begins, and what its client may do.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConsoleQuery {
    /// `start`: with the oldest byte in memory (64 KiB are kept); `screen` (default): with the last screenful; `now`: with
    /// the next byte the guest writes.
    #[serde(default)]
    #[param(value_type = Option<Since>)]
    since: Since,
    /// What the client sends is dropped. `?readonly` alone means yes.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    readonly: bool,
}

/// Opens a node's serial console: raw bytes both ways, for any number of clients. It outlives power cycles.
///
/// The stream ends when the client closes it. A client that is too slow loses the oldest bytes.
#[utoipa::path(
    get, operation_id = "openConsole",
    path = "/nodes/{name}/console",
    tag = "nodes",
    params(("name" = String, Path, description = "Name of the node"), ConsoleQuery),
    responses(
        (status = 101, description = "The console; its bytes follow (Upgrade: placemat2-stream)",
            headers(("Placemat2-Replay" = u64, description = "How many of them the guest had written before: what it asked its terminal there is not to be answered"))),
        (status = 400, description = "A query parameter that cannot be read", body = Problem),
        (status = 404, description = "No such node", body = Problem),
        (status = 409, description = "The node is not there yet", body = Problem),
        (status = 426, description = "The request asks for no upgrade", body = Problem),
        (status = 503, description = "Too many streams", body = Problem),
    )
)]
pub async fn open(
    State(shared): State<Arc<Shared>>,
    Segments(name): Segments<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let query: ConsoleQuery = Options::of(&request)?;
    let permit = shared.tunnels.permit(&request)?;
    let access = if query.readonly { Access::ReadOnly } else { Access::Full };
    let console = find(&shared, &name)?;
    let Connection { stream, replay } = console.connect(query.since, access).map_err(|error| failed(&error))?;
    let mut response = shared.tunnels.open(permit, request, stream, Until::ClientEnds);
    response.headers_mut().insert(REPLAY_HEADER, replay.into());
    Ok(response)
}

/// What part of a console's log to write.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Only what the guest wrote at that time (RFC 3339) or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Goes on with what comes, until the client or the lab ends it. `?follow` alone means yes.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    follow: bool,
}

/// Returns all that the guest wrote to its serial console since the lab was started.
///
/// Before each line stands the time its first byte was read, in RFC 3339 with milliseconds and always 24 characters long,
/// and a blank; the rest are the guest's bytes as they are.
#[utoipa::path(
    get, operation_id = "getConsoleLog",
    path = "/nodes/{name}/console/log",
    tag = "nodes",
    params(("name" = String, Path, description = "Name of the node"), LogQuery),
    responses(
        (status = 200, description = "The lines", content_type = "text/plain", body = String),
        (status = 400, description = "A query parameter that cannot be read", body = Problem),
        (status = 404, description = "No such node", body = Problem),
        (status = 409, description = "The node is not there yet", body = Problem),
    )
)]
pub async fn log(
    State(shared): State<Arc<Shared>>,
    Segments(name): Segments<String>,
    Options(query): Options<LogQuery>,
) -> Result<Response, ApiError> {
    let lines = find(&shared, &name)?.history().lines(query.since, query.follow);
    Ok(typed("text/plain; charset=utf-8", body(lines, shared.cancel.clone())))
}

fn body(lines: Lines, cancel: CancellationToken) -> Body {
    let pieces = stream::unfold((lines, cancel), async |(mut lines, cancel)| {
        let piece = tokio::select! {
            piece = lines.next() => piece.transpose()?,
            () = cancel.cancelled() => return None,
        };
        Some((piece, (lines, cancel)))
    });
    Body::from_stream(pieces)
}

/// Types into a node's serial console: the bytes of the body as they are.
#[utoipa::path(
    post, operation_id = "typeIntoConsole",
    path = "/nodes/{name}/console/input",
    tag = "nodes",
    params(("name" = String, Path, description = "Name of the node")),
    request_body(content_type = "application/octet-stream", content = String, description = "At most 64 KiB"),
    responses(
        (status = 200, description = "On its way to the guest"),
        (status = 404, description = "No such node", body = Problem),
        (status = 409, description = "The node is not there yet, or off, or its guest does not read", body = Problem),
        (status = 413, description = "Too much at once", body = Problem),
        (status = 500, description = "The guest could not be told", body = Problem),
    )
)]
pub async fn input(
    State(shared): State<Arc<Shared>>,
    Segments(name): Segments<String>,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let console = find(&shared, &name)?;
    let off = shared.store.read(|state| {
        let node = state.node(&name);
        node.is_some_and(|node| node.power_status == PowerState::Off)
    });
    let conflict = |message| Err(ApiError::new(StatusCode::CONFLICT, message));
    if off {
        return conflict(format!("Node {name:?} is off: nobody reads what is typed."));
    }
    match timeout(TYPING, console.send(bytes)).await {
        Ok(sent) => sent.map_err(|error| failed(&error))?,
        Err(_) => return conflict(format!("The guest of node {name:?} does not read its console.")),
    }
    Ok(StatusCode::OK.into_response())
}

/// Sends a break on a node's serial line: with the next key typed, a guest's kernel may take it for the magic SysRq key.
#[utoipa::path(
    post, operation_id = "sendBreak",
    path = "/nodes/{name}/console/break",
    tag = "nodes",
    params(("name" = String, Path, description = "Name of the node")),
    responses(
        (status = 200, description = "The guest's line has had it"),
        (status = 404, description = "No such node", body = Problem),
        (status = 409, description = "The node is not there yet, or off", body = Problem),
        (status = 500, description = "QEMU refused", body = Problem),
    )
)]
pub async fn send_break(
    State(shared): State<Arc<Shared>>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    shared.control.send_break(&name).await?;
    Ok(StatusCode::OK.into_response())
}

/// Returns what a node's screen (not its serial console) shows.
#[utoipa::path(
    get, operation_id = "getScreenshot",
    path = "/nodes/{name}/screenshot",
    tag = "nodes",
    params(("name" = String, Path, description = "Name of the node")),
    responses(
        (status = 200, description = "The screen", content_type = "image/png", body = Vec<u8>),
        (status = 404, description = "No such node", body = Problem),
        (status = 409, description = "The node is not there yet, or not on", body = Problem),
        (status = 500, description = "QEMU refused", body = Problem),
    )
)]
pub async fn screenshot(
    State(shared): State<Arc<Shared>>,
    Segments(name): Segments<String>,
) -> Result<Response, ApiError> {
    let png = shared.control.screenshot(&name).await?;
    Ok(typed("image/png", png))
}

fn find(shared: &Shared, node: &str) -> Result<Console, ApiError> {
    Ok(shared.control.console(node)?)
}

fn failed(error: &dyn std::error::Error) -> ApiError {
    ApiError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        format!("The console can't be used: {error}."),
    )
}
