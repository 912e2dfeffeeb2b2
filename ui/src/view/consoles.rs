//! Consoles and shells: a row of tabs, and the panes of the one on the screen.

use std::fmt::Write as _;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    widgets::Widget,
};
use unicode_width::UnicodeWidthStr as _;

use super::panel;
use crate::{
    action::{Action, Scope},
    areas,
    emulator::Emulated,
    glyph::{Mood, State, clean},
    model::{
        Model,
        consoles::{Line, Pane, PaneId, Source, Tab},
    },
    theme::ThemeName,
};

/// Draws the view; returns where the cursor of the guest is.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.settings.theme;
    if model.consoles.tabs.is_empty() {
        let inside = panel::panel(model, area, "Consoles", true, buffer);
        let hints = [
            "No console is open.",
            "",
            "enter opens one: the serial console of a node, or a shell inside a namespace.",
            "So do enter on a node (2) and s on a namespace (4).",
        ];
        let lines: Vec<panel::Line> = hints
            .iter()
            .map(|hint| vec![(format!(" {hint}"), theme.text)])
            .collect();
        panel::lines(buffer, inside, &lines);
        return None;
    }
    tabs(
        model,
        Rect {
            height: area.height.min(1),
            ..area
        },
        buffer,
    );
    let mut cursor = None;
    for (id, area) in areas::consoles(model, area) {
        let focused = model.consoles.focused() == Some(id);
        if let Some(pane) = model.consoles.panes.get(&id) {
            let place = draw_pane(model, id, pane, area, buffer);
            if focused && (model.is_typing() || pane.emulator.is_copying()) {
                cursor = place;
            }
        }
    }
    cursor
}

fn tabs(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = &model.settings.theme;
    let parts = titles(model, area.width).into_iter().flat_map(|(index, title)| {
        let current = index == model.consoles.current;
        let look = if current { theme.mode } else { theme.bar };
        [(title, look), (" ".into(), theme.bar)]
    });
    panel::lines(buffer, area, &[parts.collect()]);
}

/// The tab whose title is there.
pub fn tab_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    let mut x = usize::from(area.x);
    let mut titles = titles(model, area.width).into_iter().filter(|_| at.y == area.y);
    titles.find_map(|(index, title)| {
        x += title.width() + 1;
        (usize::from(at.x) < x).then_some(index)
    })
}

/// The titles of the tabs, from the first for which there is room before the current one.
fn titles(model: &Model, width: u16) -> Vec<(usize, String)> {
    let consoles = &model.consoles;
    let title = |(index, tab): (usize, &Tab)| {
        let first = consoles.panes.get(&tab.focus);
        let first = first.map(|pane| clean(&pane.source.title())).unwrap_or_default();
        let more = tab.tile.panes().len() - 1;
        let title = if more == 0 {
            format!(" {first} ")
        } else {
            format!(" {first} +{more} ")
        };
        (index, title)
    };
    let titles: Vec<(usize, String)> = consoles.tabs.iter().enumerate().map(title).collect();
    let mut room = usize::from(width);
    let mut first = 0;
    for (index, title) in titles.iter().take(consoles.current + 1).rev() {
        let needed = title.width() + 1;
        if needed > room && *index < consoles.current {
            first = index + 1;
            break;
        }
        room = room.saturating_sub(needed);
    }
    titles.into_iter().skip(first).collect()
}

fn draw_pane(model: &Model, id: PaneId, pane: &Pane, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.settings.theme;
    let focused = model.consoles.focused() == Some(id);
    let broadcast = model.consoles.tab().is_some_and(|tab| tab.broadcast);
    let has_keyboard = model.is_typing() && model.consoles.typed_into().contains(&id);
    let inside = panel::panel(
        model,
        area,
        &title(model, pane, has_keyboard, broadcast),
        focused || has_keyboard,
        buffer,
    );
    let plain = model.settings.theme_name == ThemeName::Mono;
    let needle = Some(pane.needle.as_str()).filter(|_| pane.emulator.is_copying());
    let emulated = Emulated::new(&pane.emulator, plain).highlight(needle, theme.found.style());
    let cursor = emulated.cursor(inside);
    emulated.render(inside, buffer);
    if pane.emulator.is_blank()
        && let Some(hint) = hint(model, pane)
    {
        panel::text(buffer, inside, &hint, theme.muted);
    }
    cursor
}

/// Why there is nothing on a console, and what to do about it.
fn hint(model: &Model, pane: &Pane) -> Option<String> {
    let Source::Console(name) = &pane.source else {
        return None;
    };
    let state = State::from(model.mirror.node(name)?.power_status);
    let key = model.settings.keymap.entries(&[Scope::Consoles]);
    let key = key.filter(|entry| entry.action == Action::PowerMenu);
    let key = key.flat_map(|entry| model.settings.keymap.keys(entry)).next()?;
    match state.mood {
        Mood::Off if model.is_typing() => Some("The node is off.".into()),
        Mood::Off => Some(format!("The node is off: {key} powers it on.")),
        _ => None,
    }
}

/// What it is, how it is, and what the keys do as long as it has the keyboard.
fn title(model: &Model, pane: &Pane, has_keyboard: bool, broadcast: bool) -> String {
    let ascii = model.settings.ascii;
    let mut title = clean(&pane.source.title());
    if let Source::Console(name) = &pane.source
        && let Some(node) = model.mirror.node(name)
    {
        let _ = write!(title, " {}", model.mirror.told(State::of_power(node)).text(ascii));
    }
    match &pane.line {
        Line::Open => {}
        Line::Opening => title.push_str(", connecting"),
        Line::Closed(_) => title.push_str(", closed: r opens it again"),
    }
    if let Some(own) = pane.emulator.title() {
        let _ = write!(title, ", {}", clean(&own));
    }
    let (back, all) = pane.emulator.scrolled();
    if pane.emulator.is_copying() || back > 0 {
        let _ = write!(title, ", {back} of {all} lines back");
    }
    if has_keyboard {
        let leave = model.settings.keymap.entries(&[Scope::Console]).next();
        let key = leave
            .and_then(|entry| model.settings.keymap.keys(entry).first())
            .map(ToString::to_string);
        let whom = if broadcast { "all panes have" } else { "has" };
        let _ = write!(
            title,
            " | {whom} the keyboard, {} leaves",
            key.unwrap_or_else(|| "the palette".into())
        );
    } else if broadcast {
        title.push_str(" | broadcast");
    }
    title
}
