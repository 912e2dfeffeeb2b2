//! `/netns/NAME/shell` and `/shells/ID`: shells inside the lab's namespaces. Only for those on the unix socket: whoever may
//! use that is root already, while TCP on loopback is open to every user of the host.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Extension, State},
    http::{HeaderValue, Request, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    answer::{ApiError, Options, Problem, Segments, json},
    gate::Gate,
    routes::Shared,
    tunnel::Until,
};
use crate::{
    pty::Size,
    shell::{self, ShellState},
};

/// The header of the answer that names the shell.
pub const SHELL_HEADER: &str = "placemat2-shell";

/// The longest name of a kind of terminal.
const TERM_LENGTH: usize = 64;

/// The shell that is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ShellQuery {
    /// Columns of its terminal, 80 by default.
    #[serde(default = "default_cols")]
    #[param(value_type = Option<u16>)]
    cols: u16,
    /// Rows of its terminal, 24 by default.
    #[serde(default = "default_rows")]
    #[param(value_type = Option<u16>)]
    rows: u16,
    /// The kind of its terminal, for `TERM`; `xterm` by default.
    term: Option<String>,
    /// Whether it has a terminal at all, as by default. Without one, its output comes as it is written, and its input ends by
    /// `/shells/{id}/end-of-input`.
    terminal: Option<bool>,
    /// A command instead of root's shell: a JSON array of words.
    command: Option<String>,
}

fn default_cols() -> u16 {
    Size::default().cols
}

fn default_rows() -> u16 {
    Size::default().rows
}

/// Opens a shell (root's, or else `/bin/sh`) in a namespace, on a terminal of its own or without one: raw bytes both ways.
///
/// The answer names it in the header `Placemat2-Shell`. The stream ends with the shell; closing the stream hangs the shell
/// up.
#[utoipa::path(
    get, operation_id = "openShell",
    path = "/netns/{name}/shell",
    tag = "netns",
    params(("name" = String, Path, description = "Name of the namespace"), ShellQuery),
    responses(
        (status = 101, description = "The shell; its bytes follow (Upgrade: placemat2-stream)",
            headers(("Placemat2-Shell" = String, description = "Its id"))),
        (status = 400, description = "A query parameter that cannot be read", body = Problem),
        (status = 403, description = "Not over TCP", body = Problem),
        (status = 404, description = "No such namespace", body = Problem),
        (status = 409, description = "The namespace is not there yet, or there are too many shells", body = Problem),
        (status = 426, description = "The request asks for no upgrade", body = Problem),
        (status = 500, description = "The shell does not start", body = Problem),
        (status = 503, description = "Too many streams", body = Problem),
    )
)]
pub async fn open(
    State(shared): State<Arc<Shared>>,
    Extension(gate): Extension<Gate>,
    Segments(name): Segments<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    unix_only(gate)?;
    let query: ShellQuery = Options::of(&request)?;
    let permit = shared.tunnels.permit(&request)?;
    let opened = shared.control.open_shell(&name, wanted(query)?).await?;
    let mut response = shared.tunnels.open(permit, request, opened.stream, Until::ClientEnds);
    if let Ok(id) = HeaderValue::from_str(&opened.id) {
        response.headers_mut().insert(SHELL_HEADER, id);
    }
    Ok(response)
}

fn wanted(query: ShellQuery) -> Result<shell::Wanted, ApiError> {
    let bad = |message: String| ApiError::new(StatusCode::BAD_REQUEST, message);
    let term = query.term.unwrap_or_else(|| "xterm".into());
    let plain = |c: char| c.is_ascii_alphanumeric() || "+-._".contains(c);
    if term.is_empty() || term.len() > TERM_LENGTH || !term.chars().all(plain) {
        return Err(bad(format!("{term:?} is no kind of terminal.")));
    }
    let command: Vec<String> = match query.command {
        None => Vec::new(),
        Some(text) => serde_json::from_str(&text)
            .map_err(|error| bad(format!("The command is not a JSON array of words: {error}.")))?,
    };
    let (cols, rows) = (query.cols, query.rows);
    let size = Size { cols, rows };
    let terminal = query.terminal.unwrap_or(true).then_some(shell::Terminal { size, term });
    Ok(shell::Wanted { terminal, command })
}

/// Returns what is known of a shell, also for a while after its end.
#[utoipa::path(
    get, operation_id = "getShell",
    path = "/shells/{id}",
    tag = "netns",
    params(("id" = String, Path, description = "Id of the shell")),
    responses(
        (status = 200, description = "The shell", body = ShellState),
        (status = 403, description = "Not over TCP", body = Problem),
        (status = 404, description = "No such shell", body = Problem),
    )
)]
pub async fn show(
    State(shared): State<Arc<Shared>>,
    Extension(gate): Extension<Gate>,
    Segments(id): Segments<String>,
) -> Result<Response, ApiError> {
    unix_only(gate)?;
    let state = shared.control.shells()?.state(&id).map_err(super::ControlError::from)?;
    Ok(json(serde_json::to_vec(&state)?.into()))
}

/// Gives a shell's terminal another size.
#[utoipa::path(
    put, operation_id = "resizeShell",
    path = "/shells/{id}/size",
    tag = "netns",
    params(("id" = String, Path, description = "Id of the shell"), Size),
    responses(
        (status = 200, description = "Done"),
        (status = 400, description = "No size", body = Problem),
        (status = 403, description = "Not over TCP", body = Problem),
        (status = 404, description = "No such shell", body = Problem),
        (status = 409, description = "The shell has ended", body = Problem),
    )
)]
pub async fn resize(
    State(shared): State<Arc<Shared>>,
    Extension(gate): Extension<Gate>,
    Segments(id): Segments<String>,
    Options(size): Options<Size>,
) -> Result<Response, ApiError> {
    unix_only(gate)?;
    let shells = shared.control.shells()?;
    shells.resize(&id, size).map_err(super::ControlError::from)?;
    Ok(StatusCode::OK.into_response())
}

/// How long the input of a shell is.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Input {
    /// Bytes in all that its stream has carried to it, or will.
    length: u64,
}

/// Ends the input of a shell without a terminal behind that many bytes. Its stream stays open for its output.
#[utoipa::path(
    put, operation_id = "endShellInput",
    path = "/shells/{id}/end-of-input",
    tag = "netns",
    params(("id" = String, Path, description = "Id of the shell"), Input),
    responses(
        (status = 200, description = "Done"),
        (status = 400, description = "No length", body = Problem),
        (status = 403, description = "Not over TCP", body = Problem),
        (status = 404, description = "No such shell", body = Problem),
        (status = 409, description = "The shell is on a terminal", body = Problem),
    )
)]
pub async fn end_input(
    State(shared): State<Arc<Shared>>,
    Extension(gate): Extension<Gate>,
    Segments(id): Segments<String>,
    Options(input): Options<Input>,
) -> Result<Response, ApiError> {
    unix_only(gate)?;
    let shells = shared.control.shells()?;
    shells.end_input(&id, input.length).map_err(super::ControlError::from)?;
    Ok(StatusCode::OK.into_response())
}

fn unix_only(gate: Gate) -> Result<(), ApiError> {
    match gate {
        Gate::Unix => Ok(()),
        Gate::Tcp => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "Shells are for those who may use the lab's unix socket, /run/placemat2/LAB/api.sock.",
        )),
    }
}
