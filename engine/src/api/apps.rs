//! `/netns/NAME/apps/APP`: one app and its output.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::{IntoParams, ToSchema};

use super::{
    ControlError,
    answer::{ApiError, Options, Problem, Segments, accepts, flag, json, typed},
    routes::Shared,
    stream::{self, BATCH, Log, Part},
};
use crate::{
    app::log::{AppLog, Line},
    spec::model::Object,
    store::AppState,
};

/// Returns one app.
#[utoipa::path(
    get, operation_id = "getApp",
    path = "/netns/{name}/apps/{app}",
    tag = "netns",
    params(
        ("name" = String, Path, description = "Name of the namespace"),
        ("app" = String, Path, description = "Name of the app"),
    ),
    responses((status = 200, description = "The app", body = AppState), (status = 404, description = "No such app", body = Problem))
)]
pub async fn show(
    State(shared): State<Arc<Shared>>,
    Segments((name, app)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    let found = shared.store.read(|state| state.app(&name, &app).cloned());
    let found = found.ok_or_else(|| not_found(&name, &app))?;
    Ok(json(serde_json::to_vec(&found)?.into()))
}

/// Ends an app's process, if there is one, and starts the app anew, whatever its restart policy. Returns when the new process runs.
#[utoipa::path(
    post, operation_id = "restartApp",
    path = "/netns/{name}/apps/{app}/restart",
    tag = "netns",
    params(
        ("name" = String, Path, description = "Name of the namespace"),
        ("app" = String, Path, description = "Name of the app"),
    ),
    responses(
        (status = 200, description = "Done"),
        (status = 404, description = "No such app", body = Problem),
        (status = 409, description = "It was not started yet", body = Problem),
        (status = 500, description = "It was tried and failed", body = Problem),
    )
)]
pub async fn restart(
    State(shared): State<Arc<Shared>>,
    Segments((name, app)): Segments<(String, String)>,
) -> Result<Response, ApiError> {
    if shared.store.read(|state| state.app(&name, &app).is_none()) {
        return Err(not_found(&name, &app));
    }
    let control = Arc::clone(&shared.control);
    shared
        .carry_out(async move { control.restart_app(&name, &app).await })
        .await
}

/// Which lines of an app's output to write, and how.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Goes on with the lines that come, until the client or the lab ends it. `?follow` alone means yes.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<bool>)]
    follow: bool,
    /// Only that many of the last lines that are there.
    tail: Option<u64>,
    /// Only lines with a higher id than this.
    #[serde(default)]
    #[param(value_type = Option<u64>)]
    after: u64,
    /// `text` (default) or `json`: one object a line, as with `Accept: application/x-ndjson`.
    format: Option<LogFormat>,
}

/// How lines of output are written.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum LogFormat {
    /// As the app wrote them.
    Text,
    /// As [`LogLine`].
    Json,
}

/// One line of an app's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Grows by one with each line, from 1.
    pub id: u64,
    /// When it was read.
    #[schema(value_type = String, format = DateTime)]
    pub time: Timestamp,
    /// `stdout` or `stderr`; `output` where the two were one.
    pub stream: String,
    /// The line without its end.
    pub text: String,
}

/// Returns the output of an app: the lines kept in memory, oldest first.
#[utoipa::path(
    get, operation_id = "getAppLog",
    path = "/netns/{name}/apps/{app}/log",
    tag = "netns",
    params(
        ("name" = String, Path, description = "Name of the namespace"),
        ("app" = String, Path, description = "Name of the app"),
        LogQuery,
    ),
    responses(
        (status = 200, description = "The lines", content((String = "text/plain"), (LogLine = "application/x-ndjson"))),
        (status = 400, description = "A query parameter that cannot be read", body = Problem),
        (status = 404, description = "No such app", body = Problem),
        (status = 409, description = "The app is not started yet", body = Problem),
    )
)]
pub async fn log(
    State(shared): State<Arc<Shared>>,
    Segments((name, app)): Segments<(String, String)>,
    Options(query): Options<LogQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let log = shared
        .control
        .app_log(&name, &app)
        .ok_or_else(|| no_log(&shared, &name, &app))?;
    let as_json = match query.format {
        Some(format) => format == LogFormat::Json,
        None => accepts(&headers, "application/x-ndjson"),
    };
    let (media_type, write): (_, fn(&Line, &mut Vec<u8>)) = if as_json {
        ("application/x-ndjson", write_json)
    } else {
        ("text/plain; charset=utf-8", write_text)
    };
    let last = *log.watch().borrow();
    let tail = query.tail.map_or(0, |lines| last.saturating_sub(lines));
    let part = Part {
        greeting: b"",
        after: query.after.max(tail),
        follow: query.follow.then(|| shared.cancel.clone()),
    };
    Ok(typed(media_type, stream::body(Output { log, write }, part)))
}

fn not_found(namespace: &str, app: &str) -> ApiError {
    ApiError::not_found(format!("app {app:?} of a namespace {namespace:?}"))
}

/// Why there is no output: it may only not be there yet.
fn no_log(shared: &Shared, namespace: &str, app: &str) -> ApiError {
    let planned = shared.store.read(|state| state.app(namespace, app).is_some());
    if planned {
        let (namespace, app) = (namespace.to_owned(), app.to_owned());
        return ControlError::NotYet(Object::App { namespace, app }).into();
    }
    not_found(namespace, app)
}

struct Output {
    log: Arc<AppLog>,
    write: fn(&Line, &mut Vec<u8>),
}

impl Log for Output {
    fn write_after(&self, after: u64, out: &mut Vec<u8>) -> Option<u64> {
        let lines = self.log.lines_after(after, BATCH);
        for line in &lines {
            (self.write)(line, out);
        }
        lines.last().map(|line| line.id)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.log.watch()
    }
}

fn write_text(line: &Line, out: &mut Vec<u8>) {
    out.extend_from_slice(line.text.as_bytes());
    out.push(b'\n');
}

/// One line as JSON. Writing a [`LogLine`] to memory cannot fail.
fn write_json(line: &Line, out: &mut Vec<u8>) {
    let line = LogLine {
        id: line.id,
        time: line.time,
        stream: line.stream.to_owned(),
        text: line.text.clone(),
    };
    let _ = serde_json::to_writer(&mut *out, &line);
    out.push(b'\n');
}
