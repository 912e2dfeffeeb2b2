//! Keys, pastes and sizes: who gets them.

use crossterm::event::{Event, KeyEvent, KeyEventKind, MouseEventKind};
use jiff::SignedDuration;

use super::{act, console, form, mouse, popups, prompt};
use crate::{
    action::{Action, Scope},
    key::Key,
    model::{
        Model,
        popup::{Confirm, Pending, Popup},
    },
    msg::Effect,
};

/// How long after the key that leaves it counts as hit twice.
const TWICE: SignedDuration = SignedDuration::from_millis(500);

/// Something came from the terminal.
pub fn input(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => self::key(model, key),
        Event::Paste(text) => paste(model, &text),
        Event::Mouse(event) => {
            if matches!(event.kind, MouseEventKind::Down(_)) {
                model.consoles.left = None;
            }
            mouse::mouse(model, event)
        }
        Event::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    let key = Key::from(event);
    let keymap = &model.settings.keymap;
    // These work whatever lies over the view, but never where a guest has the keyboard.
    if !model.is_typing() {
        match keymap.action(&[Scope::Global], key) {
            Some(action @ (Action::Suspend | Action::Redraw)) => return act::act(model, action),
            _ => model.notice = None,
        }
    }
    if !model.popups.is_empty() {
        return popups::key(model, event);
    }
    if model.prompt.is_some() {
        return prompt::key(model, event);
    }
    if model.is_typing() {
        return typed(model, event, key);
    }
    let left = model.consoles.left.take();
    if left.is_some_and(|left| model.now.duration_since(left) <= TWICE)
        && model.settings.keymap.action(&[Scope::Console], key) == Some(Action::Leave)
    {
        // The key that leaves, twice: the guest gets it, and the keyboard.
        model.consoles.typing = true;
        return console::send(model, |pane| pane.emulator.key(event));
    }
    match model.settings.keymap.action(&model.scopes(), key) {
        Some(action) => act::act(model, action),
        None => Vec::new(),
    }
}

/// A key for a guest.
fn typed(model: &mut Model, event: KeyEvent, key: Key) -> Vec<Effect> {
    if model.settings.keymap.action(&[Scope::Console], key) == Some(Action::Leave) {
        model.consoles.typing = false;
        model.consoles.left = Some(model.now);
        return Vec::new();
    }
    console::send(model, |pane| pane.emulator.key(event))
}

fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    // Terminals have lines end as if they were typed, with CR; some as in a file.
    let text = &text.replace("\r\n", "\n").replace('\r', "\n");
    if model.prompt.is_some() {
        prompt::paste(model, text);
        return Vec::new();
    }
    if let Some(Popup::Form(form)) = model.popups.last_mut() {
        form::paste(form, text);
        return Vec::new();
    }
    if !model.is_typing() {
        return Vec::new();
    }
    let lines = text.trim_end_matches('\n').lines().count();
    let ends = text.ends_with('\n');
    if lines <= 1 && !ends {
        return console::send(model, |pane| pane.emulator.paste(text));
    }
    let panes = model.consoles.typed_into();
    let to = match panes.len() {
        1 => model
            .consoles
            .pane()
            .map(|pane| pane.source.title())
            .unwrap_or_default(),
        count => format!("{count} consoles"),
    };
    let first = text.lines().next().unwrap_or_default();
    model.popups.push(Popup::Confirm(Confirm {
        question: format!(
            "Paste {} into {to}?",
            if lines == 1 {
                "a whole line".into()
            } else {
                format!("{lines} lines")
            }
        ),
        detail: format!("It begins with: {}", first.chars().take(60).collect::<String>()),
        yes: "paste",
        pending: Pending::Paste(panes, text.clone()),
        chosen: false,
    }));
    Vec::new()
}
