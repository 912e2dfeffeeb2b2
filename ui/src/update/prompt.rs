//! A text that is typed in the status line.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use crate::{
    action::View,
    model::{
        Model,
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
        Purpose::Search if model.view == View::Consoles => model
            .consoles
            .pane()
            .map(|pane| pane.needle.clone())
            .unwrap_or_default(),
        Purpose::Search => model.log.needle.clone(),
        Purpose::Save => match (model.view, &model.log.of) {
            (View::Namespaces, Some(app)) => format!("{}-{}.log", app.netns, app.app),
            _ => model
                .consoles
                .pane()
                .map(|pane| format!("{}.log", pane.source.title()))
                .unwrap_or_default(),
        },
    };
    model.prompt = Some(Prompt {
        purpose,
        input: Input::new(text),
    });
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
        for c in text.chars().filter(|c| !c.is_control()) {
            prompt.input.handle(InputRequest::InsertChar(c));
        }
        if prompt.purpose == Purpose::Filter {
            let text = prompt.input.value().to_owned();
            filter(model, &text);
        }
    }
}

fn finish(model: &mut Model, prompt: &Prompt) -> Vec<Effect> {
    let text = prompt.input.value();
    match prompt.purpose {
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
        Purpose::Search => {
            text.clone_into(&mut model.log.needle);
            model.log.at = None;
            if !model.log.find(false) && !text.is_empty() {
                model.complain(format!("{text:?} was not found"));
            }
        }
        Purpose::Save if text.is_empty() => {}
        Purpose::Save => {
            let content = if model.view == View::Consoles {
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
