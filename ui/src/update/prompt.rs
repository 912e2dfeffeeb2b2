//! A text that is typed in the status line.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use super::explorer;
use crate::{
    action::View,
    model::{
        Model,
        explorer::Place,
        popup::{Prompt, Purpose},
    },
    msg::Effect,
};

/// Begins to type a text.
pub fn begin(model: &mut Model, purpose: Purpose) {
    let text = match purpose {
        Purpose::Filter => match model.view {
            View::Topology => model.map.filter.clone(),
            View::Namespaces if model.side => model.log.filter.clone(),
            _ => model.rows().map(|rows| rows.filter.clone()).unwrap_or_default(),
        },
        // What was searched before is searched again if nothing is typed.
        Purpose::Search => String::new(),
        Purpose::Save => match (model.view, &model.log.of) {
            (View::Namespaces, Some(app)) => format!("{}-{}.log", app.netns, app.app),
            (View::Bmc, _) => {
                let place = model.bmcs.explorer.trail.last();
                format!("{}.json", place.map(Place::name).unwrap_or_default())
            }
            _ => model
                .consoles
                .pane()
                .map(|pane| format!("{}.log", pane.source.title()))
                .unwrap_or_default(),
        },
        Purpose::Patch => model.bmcs.explorer.patch().to_string(),
        Purpose::Request if model.bmcs.explorer.typed.is_empty() => format!("GET {}", model.bmcs.explorer.path()),
        Purpose::Request => model.bmcs.explorer.typed.clone(),
    };
    let mut input = Input::new(text);
    if purpose == Purpose::Patch {
        // In front of the brackets that end the body.
        let end = input.value().trim_end_matches('}').chars().count();
        input = input.with_cursor(end);
    }
    model.prompt = Some(Prompt { purpose, input });
}

/// A key while a text is typed.
pub fn key(model: &mut Model, key: KeyEvent) -> Vec<Effect> {
    let Some(mut prompt) = model.prompt.take() else {
        return Vec::new();
    };
    match key.code {
        KeyCode::Esc => {
            if prompt.purpose == Purpose::Filter {
                filter(model, "");
            }
            return Vec::new();
        }
        KeyCode::Enter => return finish(model, &prompt),
        _ => {}
    }
    edit(&mut prompt.input, key);
    if prompt.purpose == Purpose::Filter {
        filter(model, prompt.input.value());
    }
    model.prompt = Some(prompt);
    Vec::new()
}

/// Text that is pasted while a text is typed.
pub fn paste(model: &mut Model, text: &str) {
    if let Some(prompt) = &mut model.prompt {
        insert(&mut prompt.input, text);
        if prompt.purpose == Purpose::Filter {
            let text = prompt.input.value().to_owned();
            filter(model, &text);
        }
    }
}

/// What was last searched where a search would be now.
fn searched(model: &Model) -> String {
    match model.view {
        View::Consoles => model
            .consoles
            .pane()
            .map(|pane| pane.needle.clone())
            .unwrap_or_default(),
        View::Bmc => model.bmcs.explorer.needle.clone(),
        _ => model.log.needle.clone(),
    }
}

/// The text is complete.
fn finish(model: &mut Model, prompt: &Prompt) -> Vec<Effect> {
    let text = prompt.input.value();
    let before = searched(model);
    match prompt.purpose {
        Purpose::Search if text.is_empty() && !before.is_empty() => {
            let input = Input::new(before);
            return finish(model, &Prompt { input, ..*prompt });
        }
        Purpose::Filter => {
            filter(model, text);
            if model.view == View::Topology && !text.is_empty() && !model.map.find(true, true) {
                model.complain(format!("nothing here has {text:?} in its name"));
            }
        }
        Purpose::Search if model.view == View::Consoles => {
            let found = model.consoles.pane_mut().is_some_and(|pane| {
                text.clone_into(&mut pane.needle);
                pane.emulator.find(text, true)
            });
            if !found && !text.is_empty() {
                model.complain(format!("{text:?} was not found"));
            }
        }
        Purpose::Search if model.view == View::Bmc => {
            text.clone_into(&mut model.bmcs.explorer.needle);
            if !model.bmcs.explorer.find(true) && !text.is_empty() {
                model.complain(format!("{text:?} was not found"));
            }
        }
        Purpose::Search => {
            text.clone_into(&mut model.log.needle);
            model.log.at = None;
            if !model.log.find(false) && !text.is_empty() {
                model.complain(format!("{text:?} was not found"));
            }
        }
        Purpose::Save if text.is_empty() => {}
        Purpose::Save => {
            let content = if model.view == View::Bmc {
                model.bmcs.explorer.text().unwrap_or_default()
            } else if model.view == View::Consoles {
                model
                    .consoles
                    .pane()
                    .map(|pane| pane.emulator.all_text())
                    .unwrap_or_default()
            } else {
                model.log.text()
            };
            return vec![Effect::Save(text.to_owned(), content)];
        }
        Purpose::Patch => {
            let request = format!("PATCH {} {text}", model.bmcs.explorer.path());
            return explorer::typed(model, &request);
        }
        Purpose::Request => return explorer::typed(model, text),
    }
    Vec::new()
}

/// Filters what has the keyboard.
fn filter(model: &mut Model, text: &str) {
    if model.view == View::Topology {
        text.clone_into(&mut model.map.filter);
    } else if let Some(rows) = model.rows_mut() {
        text.clone_into(&mut rows.filter);
        if text.is_empty() {
            rows.invert = false;
        }
        if model.view == View::Events {
            model.follow_events = text.is_empty();
        }
    } else if model.view == View::Namespaces {
        text.clone_into(&mut model.log.filter);
        if text.is_empty() {
            model.log.invert = false;
        }
        model.log.refresh();
    }
}

/// Inserts a text that was pasted.
pub fn insert(input: &mut Input, text: &str) {
    for c in text.chars().filter(|c| !c.is_control()) {
        input.handle(InputRequest::InsertChar(c));
    }
}

/// Edits a line of text.
pub fn edit(input: &mut Input, key: KeyEvent) {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    let request = match key.code {
        KeyCode::Char('w') if control => InputRequest::DeletePrevWord,
        KeyCode::Char('u') if control => InputRequest::DeleteLine,
        KeyCode::Char('a') if control => InputRequest::GoToStart,
        KeyCode::Char('e') if control => InputRequest::GoToEnd,
        KeyCode::Char(c) if !control => InputRequest::InsertChar(c),
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        _ => return,
    };
    input.handle(request);
}
