//! The time line of a bring-up, for people and as a trace for viewers of Chrome's format.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::Context as _;
use jiff::Timestamp;
use placemat2_engine::store::{Readiness, ReadyState, State, Store};
use serde_json::{Value, json};

use super::{settled::settled, watch::Watch};
use crate::output;

/// A step of the bring-up.
pub const STEP: &str = "step";
/// The time from the start of something until it was ready.
pub const READY: &str = "ready";

/// Tells how long the bring-up took once everything is ready or given up, and writes the trace to a file if one is named.
pub async fn tell_when_settled(watch: &Watch, trace: Option<&Path>) {
    let store = watch.store.wait().await;
    settled(store).await;
    tell(store, trace);
}

/// Tells how long the bring-up took so far, and writes the trace to a file if one is named.
pub fn tell(store: &Store, trace: Option<&Path>) {
    let line = TimeLine::of(store);
    output::remarks(&line.text());
    if let Some(file) = trace {
        output::tell("placemat2", line.write(file));
    }
}

/// What took how long.
pub struct TimeLine {
    lab: String,
    spans: Vec<Span>,
}

/// One thing that took its time.
pub struct Span {
    /// [`STEP`] or [`READY`].
    pub kind: &'static str,
    /// What it was, or the id of what got ready.
    pub name: String,
    /// Seconds from the start of the engine.
    pub begin: f64,
    /// `None`: it has not ended, or not as it should.
    pub seconds: Option<f64>,
}

impl TimeLine {
    /// The time line as far as it is known.
    pub fn of(store: &Store) -> Self {
        store.read(|state| Self {
            lab: state.lab.name.clone(),
            spans: spans(state),
        })
    }

    /// A line for each thing.
    pub fn text(&self) -> String {
        let mut text = format!("The bring-up of {}:\n  {:>9}  {:>9}\n", self.lab, "begin", "seconds");
        for Span {
            kind,
            name,
            begin,
            seconds,
        } in &self.spans
        {
            let took = seconds.map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.3}"));
            // Writing to a string does not fail.
            let _ = writeln!(text, "  {begin:>9.3}  {took:>9}  {kind:<5}  {name}");
        }
        text
    }

    /// Events of Chrome's trace format: complete ones (`X`), in microseconds, each on a line of its own.
    pub fn trace(&self) -> Value {
        let events = self.spans.iter().enumerate().map(|(row, span)| {
            json!({
                "name": span.name,
                "cat": span.kind,
                "ph": "X",
                "ts": (span.begin * 1e6).round(),
                "dur": (span.seconds.unwrap_or_default() * 1e6).round(),
                "pid": 1,
                "tid": row + 1,
            })
        });
        json!({"traceEvents": events.collect::<Vec<_>>(), "displayTimeUnit": "ms"})
    }

    /// Writes the trace.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_vec(&self.trace())?;
        fs::write(file, text).with_context(|| format!("cannot write the time line {}", file.display()))
    }
}

/// What took how long so far, in the order it began.
pub fn spans(state: &State) -> Vec<Span> {
    let origin = state.lab.started_at;
    let steps = state.lab.steps.iter().map(|step| Span {
        kind: STEP,
        name: step.name.clone(),
        begin: between(origin, step.started_at),
        seconds: step.seconds,
    });
    let span = |name: String, started_at: Option<Timestamp>, ready: &Readiness| {
        let started_at = started_at?;
        let since = ready.since.filter(|_| ready.state == ReadyState::Ready);
        Some(Span {
            kind: READY,
            name,
            begin: between(origin, started_at),
            seconds: since.map(|since| between(started_at, since)),
        })
    };
    let nodes = state
        .nodes
        .iter()
        .filter_map(|node| span(format!("node/{}", node.name), node.started_at, &node.ready));
    let apps = state.namespaces.iter().flat_map(|namespace| {
        let apps = namespace.apps.iter();
        apps.filter_map(|app| {
            span(
                format!("app/{}/{}", namespace.name, app.name),
                app.started_at,
                &app.ready,
            )
        })
    });
    let mut spans: Vec<_> = steps.chain(nodes).chain(apps).collect();
    spans.sort_by(|one, other| one.begin.total_cmp(&other.begin));
    spans
}

fn between(from: Timestamp, to: Timestamp) -> f64 {
    // What began a moment earlier than it was noted did not end before its beginning.
    to.duration_since(from).as_secs_f64().max(0.0)
}

#[cfg(test)]
mod tests {
    use placemat2_engine::store::Step;

    use super::*;

    #[test]
    fn steps_are_told_in_the_order_they_began() {
        let mut state = State::default();
        let step = |name: &str, after: i64, seconds| Step {
            name: name.into(),
            started_at: state.lab.started_at + jiff::SignedDuration::from_millis(after),
            seconds,
            failed: false,
        };
        state.lab.steps = vec![step("nodes", 1500, None), step("fabric", 250, Some(0.125))];
        state.lab.name = "dc".into();
        let line = TimeLine::of(&Store::new(state));
        let expected = "The bring-up of dc:\n      begin    seconds\n      0.250      0.125  step   fabric\n      1.500          -  step   nodes\n";
        assert_eq!(line.text(), expected);
        let event = &line.trace()["traceEvents"][0];
        assert_eq!((&event["ts"], &event["dur"]), (&json!(250_000.0), &json!(125_000.0)));
    }
}
