//! What follows from what happens: the one place where the model changes.

mod act;
mod app;
mod console;
mod explorer;
mod form;
mod input;
mod lab;
mod list;
mod log;
mod map;
mod mouse;
mod panes;
pub mod popups;
mod power;
mod prompt;
mod settle;

pub use settle::settle;

use crate::{
    model::{Model, popup::Popup},
    msg::{Effect, Msg},
};

/// Takes what happened; returns what is to be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = match msg {
        Msg::Input(event) => input::input(model, event),
        Msg::Time(now) => {
            model.now = now;
            Vec::new()
        }
        Msg::Connected => lab::connected(model),
        Msg::Lost(reason) => lab::lost(model, reason),
        Msg::State(state) => lab::state(model, *state),
        Msg::Events(events) => {
            model.mirror.add_events(events);
            Vec::new()
        }
        Msg::Links(counts, seconds) => {
            model.mirror.add_counts(counts, seconds);
            Vec::new()
        }
        Msg::Log(of, lines) => {
            if model.log.of.as_ref() == Some(&of) {
                model.log.add(lines);
            }
            Vec::new()
        }
        Msg::LogEnded(of, reason) => {
            if model.log.of.as_ref() == Some(&of) {
                model.log.ended = Some(reason);
            }
            Vec::new()
        }
        Msg::Opened(pane) => console::opened(model, pane),
        // Bytes are many: what else has to follow from a message does not follow from these.
        Msg::Replay(pane, bytes) => {
            console::replayed(model, pane, &bytes);
            return Vec::new();
        }
        Msg::Bytes(pane, bytes) => return console::bytes(model, pane, &bytes),
        Msg::Closed(pane, reason) => console::closed(model, pane, reason),
        Msg::Done(job, outcome) => {
            lab::done(model, job, outcome);
            Vec::new()
        }
        Msg::Answered(job, exchange) => explorer::answered(model, job, *exchange),
        Msg::Surveyed(node, survey) => explorer::surveyed(model, &node, survey),
        Msg::Told(Ok(text)) => {
            model.tell(text);
            Vec::new()
        }
        Msg::Told(Err(text)) => {
            model.complain(text);
            Vec::new()
        }
        Msg::Exists(path, text) => {
            model.popups.push(popups::overwrite(path, text));
            Vec::new()
        }
        Msg::Labs(labs) => {
            model.popups.push(popups::choose_lab(labs));
            Vec::new()
        }
        Msg::EngineEnded(failure) => lab::engine_ended(model, failure),
    };
    settle::settle(model, &mut effects);
    effects
}

/// A popup with something to be read.
fn message(title: &str, text: String) -> Popup {
    Popup::Message {
        title: title.into(),
        text,
        top: 0,
    }
}
