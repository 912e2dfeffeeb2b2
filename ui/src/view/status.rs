//! The last two rows: what keys do, and the status line.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use unicode_width::UnicodeWidthStr as _;

use super::panel::{self, Line};
use crate::{
    action::{Action, Entry, View},
    glyph::clean,
    model::{
        Model,
        mirror::Connection,
        popup::{Popup, Purpose},
    },
};

/// Draws the key bar: computed from what the focused part can do.
pub fn keys(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = &model.settings.theme;
    let told = |(key, label, _): (String, &str, Option<Action>)| {
        [(format!(" {key}"), theme.key), (format!(" {label} "), theme.bar)]
    };
    let parts: Line = bar(model, area.width).into_iter().flat_map(told).collect();
    panel::lines(buffer, area, &[parts]);
}

/// The action whose key stands there in the key bar.
pub fn action_at(model: &Model, area: Rect, at: Position) -> Option<Action> {
    let mut x = usize::from(area.x);
    bar(model, area.width).into_iter().find_map(|(key, label, action)| {
        x += key.width() + label.width() + 3;
        (usize::from(at.x) < x).then_some(action)
    })?
}

/// Keys, their words and what they do, as many as there is room for.
fn bar(model: &Model, width: u16) -> Vec<(String, &'static str, Option<Action>)> {
    let mut bar = Vec::new();
    let mut room = usize::from(width);
    let mut add = |key: &str, label: &'static str, action: Option<Action>| {
        let width = key.width() + label.width() + 3;
        if width <= room {
            room -= width;
            bar.push((key.to_owned(), label, action));
        }
    };
    if model.prompt.is_some() {
        add("enter", "done", None);
        add("esc", "cancel", None);
    } else if let Some(popup) = model.popups.last() {
        for (key, label) in of_popup(popup) {
            add(key, label, None);
        }
    } else {
        let scopes = model.scopes();
        let entries: Vec<&Entry> = model
            .settings
            .keymap
            .entries(&scopes)
            .filter(|entry| !entry.label.is_empty())
            .collect();
        // Help is there even where there is no room for all.
        let is_help = |entry: &&&Entry| entry.action == Action::Help;
        for entry in entries
            .iter()
            .filter(is_help)
            .chain(entries.iter().filter(|entry| !is_help(entry)))
        {
            if let Some(key) = model.settings.keymap.keys(entry).first() {
                add(&key.to_string(), entry.label, Some(entry.action));
            }
        }
    }
    bar
}

fn of_popup(popup: &Popup) -> &'static [(&'static str, &'static str)] {
    match popup {
        Popup::Help { .. } | Popup::Palette { .. } => &[("enter", "do it"), ("esc", "close")],
        Popup::Confirm(_) => &[
            ("y", "yes"),
            ("n", "no"),
            ("tab", "the other button"),
            ("esc", "cancel"),
        ],
        Popup::Power { .. } | Popup::Quit { .. } => &[("enter", "do it"), ("esc", "cancel")],
        Popup::Form(_) => &[("enter", "next, send"), ("left/right", "choose"), ("esc", "cancel")],
        Popup::Choose { .. } => &[("enter", "take it"), ("esc", "cancel")],
        Popup::Message { .. } => &[("enter", "close")],
    }
}

/// The mode.
pub fn mode(model: &Model) -> &'static str {
    match () {
        () if model
            .prompt
            .as_ref()
            .is_some_and(|prompt| prompt.purpose == Purpose::Filter) =>
        {
            "FILTER"
        }
        () if model.prompt.is_some() => "INPUT",
        () if model.is_typing() => "CONSOLE",
        () if model.is_copying() => "COPY",
        () => "NORMAL",
    }
}

/// Draws the status line; returns where the cursor of a text that is typed is.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.settings.theme;
    buffer.set_style(area.intersection(*buffer.area()), theme.bar);
    let right = right(model);
    let right_width = u16::try_from(right.width()).unwrap_or(u16::MAX);
    let badge = format!(" {} ", mode(model));
    let left_width = u16::try_from(badge.len() + 1).unwrap_or(u16::MAX);
    let middle = Rect {
        x: area.x.saturating_add(left_width),
        width: area
            .width
            .saturating_sub(left_width)
            .saturating_sub(right_width)
            .saturating_sub(1),
        ..area
    };
    panel::text(buffer, area, &badge, theme.mode);
    if middle.width > 10 || model.prompt.is_none() {
        let place = Rect {
            x: area.right().saturating_sub(right_width),
            width: right_width.min(area.width.saturating_sub(left_width)),
            ..area
        };
        panel::text(buffer, place, &right, theme.bar);
    }
    if let Some(prompt) = &model.prompt {
        let title = prompt.purpose.title();
        panel::text(buffer, middle, title, theme.text);
        let typed = panel::right_of(middle, u16::try_from(title.len()).unwrap_or(u16::MAX));
        return panel::input(buffer, typed, &prompt.input, theme.text);
    }
    let (text, look) = match (&model.notice, &model.mirror.connection) {
        (Some(notice), _) => (notice.text.clone(), if notice.bad { theme.bad } else { theme.text }),
        (None, Connection::Lost(reason)) => (format!("trying again: {reason}"), theme.bad),
        (None, Connection::Ended) => ("the lab has ended; q leaves".to_owned(), theme.warn),
        (None, _) => (jobs(model), theme.busy),
    };
    panel::text(buffer, middle, &clean(&text), look);
    None
}

/// What is under way.
fn jobs(model: &Model) -> String {
    match model.jobs.len() {
        0 => String::new(),
        1 => format!("under way: {}", model.jobs.values().next().map_or("", String::as_str)),
        count => format!("under way: {count} jobs"),
    }
}

/// Counts and the time.
fn right(model: &Model) -> String {
    let state = &model.mirror.state;
    let on = state.nodes.iter().filter(|node| node.pid.is_some()).count();
    let bad = model
        .mirror
        .events
        .iter()
        .filter(|event| event.level == placemat2_engine::store::Level::Error)
        .count();
    let mut parts = Vec::new();
    if model.settings.readonly {
        parts.push("read-only".to_owned());
    }
    let zoomed = match model.view {
        View::Consoles => model.consoles.tab().is_some_and(|tab| tab.zoom),
        _ => model.zoom,
    };
    if zoomed {
        parts.push("zoomed".to_owned());
    }
    // What was so when the connection was lost need not be so any more.
    if !state.nodes.is_empty() && model.mirror.connection == Connection::Connected {
        let (ready, wanted) = model.mirror.readiness();
        let wide = model.size.0 >= 100;
        if wide || ready == wanted {
            parts.push(format!("{on}/{} nodes on", state.nodes.len()));
        }
        if wide || ready < wanted {
            parts.push(format!("{ready}/{wanted} ready"));
        }
    }
    if bad > 0 {
        parts.push(if bad == 1 {
            "1 error".to_owned()
        } else {
            format!("{bad} errors")
        });
    }
    parts.push(model.clock(model.now, "%H:%M"));
    format!("{} ", parts.join("  "))
}
