//! `GET /events`: what happened to the lab, as server-sent events, JSON lines or one array.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use serde::Deserialize;
use tokio::sync::watch;
use utoipa::IntoParams;

use super::{
    answer::{ApiError, Options, Problem, accepts, json, typed},
    routes::Shared,
    stream::{self, BATCH, Log, Part},
};
use crate::store::{Event, Store};

/// How a stream of events is written.
struct Form {
    media_type: &'static str,
    greeting: &'static [u8],
    write: fn(&Event, &mut Vec<u8>),
}

/// For browsers and curl. The greeting says after how many milliseconds a browser is to connect again.
const SERVER_SENT: Form = Form {
    media_type: "text/event-stream",
    greeting: b"retry: 1000\n\n",
    write: write_sse,
};

/// For programs.
const LINES: Form = Form {
    media_type: "application/x-ndjson",
    greeting: b"",
    write: write_line,
};

/// Where to begin.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Only events with a higher id than this. The header `Last-Event-ID` does the same and counts first.
    #[serde(default)]
    after: Option<u64>,
}

/// Returns the lab's events and goes on with those that come.
///
/// Without an `Accept` header that says otherwise these are server-sent events whose ids are those of the events. With
/// `Accept: application/x-ndjson` each event is a line of JSON. With `Accept: application/json` the answer is an array
/// of those that happened so far, and ends. Some ten thousand events are kept. An id this engine has not reached yet is
/// one of an earlier run of the lab: a stream then begins with the first event there is.
#[utoipa::path(
    get, operation_id = "listEvents",
    path = "/events",
    tag = "lab",
    params(EventsQuery, ("Last-Event-ID" = Option<u64>, Header, description = "Resume after this event")),
    responses(
        (status = 200, description = "The events", content(
            (String = "text/event-stream"),
            (Event = "application/x-ndjson"),
            (Vec<Event> = "application/json"),
        )),
        (status = 400, description = "A query parameter that cannot be read", body = Problem),
    )
)]
pub async fn list(
    State(shared): State<Arc<Shared>>,
    Options(query): Options<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let resume = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok()?.parse().ok());
    let after = resume.or(query.after).unwrap_or(0);
    if accepts(&headers, "application/json") {
        let events = shared.store.events_after(after);
        return Ok(json(serde_json::to_vec(&events)?.into()));
    }
    let form = if accepts(&headers, "application/x-ndjson") {
        &LINES
    } else {
        &SERVER_SENT
    };
    let log = Events {
        store: shared.store.clone(),
        write: form.write,
    };
    let last = shared.store.last_event_id();
    let part = Part {
        greeting: form.greeting,
        after: if after > last { 0 } else { after },
        follow: Some(shared.cancel.clone()),
    };
    let mut response = typed(form.media_type, stream::body(log, part));
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    Ok(response)
}

struct Events {
    store: Store,
    write: fn(&Event, &mut Vec<u8>),
}

impl Log for Events {
    fn write_after(&self, after: u64, out: &mut Vec<u8>) -> Option<u64> {
        let batch = self.store.some_events_after(after, BATCH);
        for event in &batch {
            (self.write)(event, out);
        }
        batch.last().map(|event| event.id)
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.store.watch()
    }
}

/// One event as a line of JSON. Writing an [`Event`] to memory cannot fail.
fn write_line(event: &Event, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(&mut *out, event);
    out.push(b'\n');
}

/// One event in the format of WHATWG HTML, section 9.2. JSON has no raw line breaks, so one `data:` line holds it.
fn write_sse(event: &Event, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("id: {}\ndata: ", event.id).as_bytes());
    write_line(event, out);
    out.push(b'\n');
}
