//! What lies over the view.

use std::fmt::Write as _;

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{
    form,
    menu::Menu,
    panel::{self, Line},
};
use crate::{
    action::{Demand, Entry, View},
    glyph::clean,
    model::{
        Model,
        popup::{Confirm, Popup, palette, ways},
    },
    theme::Look,
};

/// Draws them all, the topmost last; returns where the cursor of a text that is typed is.
pub fn draw(model: &Model, whole: Rect, buffer: &mut Buffer) -> Option<Position> {
    let mut cursor = None;
    for popup in &model.popups {
        cursor = match menu(model, popup) {
            Some(menu) => menu.draw(model, whole, buffer),
            None => one(model, popup, whole, buffer),
        };
    }
    cursor
}

/// The list of a popup that is one.
pub fn menu<'a>(model: &Model, popup: &'a Popup) -> Option<Menu<'a>> {
    let theme = &model.settings.theme;
    Some(match popup {
        Popup::Help { scopes, cursor } => {
            let mut menu = Menu::new("What the keys do here", *cursor, 78);
            let mut scope = None;
            for entry in model.settings.keymap.entries(scopes) {
                if scope != Some(entry.scope) {
                    scope = Some(entry.scope);
                    menu.heading(entry.scope.title(), model);
                }
                menu.item(entry_line(model, entry));
            }
            menu
        }
        Popup::Palette { input, cursor } => {
            let mut menu = Menu::new("All actions", *cursor, 90).typed(input);
            for entry in palette(model, input.value()) {
                menu.item(palette_line(model, entry));
            }
            menu
        }
        Popup::Power { nodes, cursor } => power(model, nodes, *cursor),
        Popup::Quit { cursor } => {
            let refused = model.refused_tear_down();
            let mut menu = Menu::new(format!("Leave {}?", clean(model.mirror.name())), *cursor, 76);
            for (index, (what, detail)) in ways(model).into_iter().enumerate() {
                menu.item(match refused.filter(|_| index == 1) {
                    Some(reason) => vec![
                        (format!("  {what:<24}"), theme.muted),
                        (format!("no: {reason}"), theme.muted),
                    ],
                    None => vec![(format!("  {what:<24}"), theme.text), (detail.to_owned(), theme.muted)],
                });
            }
            menu
        }
        Popup::Choose {
            title,
            choices,
            input,
            cursor,
        } => {
            let mut menu = Menu::new(title, *cursor, 60).typed(input);
            for (label, _) in Popup::matching(choices, input) {
                menu.item(vec![(format!("  {}", clean(label)), theme.text)]);
            }
            menu
        }
        Popup::Confirm(_) | Popup::Form(_) | Popup::Message { .. } => return None,
    })
}

fn one(model: &Model, popup: &Popup, whole: Rect, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.settings.theme;
    match popup {
        Popup::Confirm(confirm) => {
            ask(model, confirm, whole, buffer);
            None
        }
        Popup::Form(form) => form::draw(model, form, whole, buffer),
        Popup::Message { title, text, top } => {
            let (lines, size) = message(text, whole);
            let shown = lines.into_iter().skip(*top).map(|line| vec![(line, theme.text)]);
            let lines: Vec<Line> = shown.collect();
            let inside = panel::popup(model, whole, size, title, buffer);
            panel::lines(buffer, inside, &lines);
            None
        }
        // They are lists.
        _ => None,
    }
}

/// The lines of a message as they are shown, and the columns and rows that it has for them.
fn message(text: &str, whole: Rect) -> (Vec<String>, (u16, u16)) {
    let width = whole.width.saturating_sub(6).min(100);
    let lines = text.lines().flat_map(|line| {
        panel::wrapped(&clean(line), width.into())
            .into_iter()
            .chain(line.is_empty().then(String::new))
    });
    let lines: Vec<String> = lines.collect();
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let size = (width, height.min(whole.height.saturating_sub(4)));
    (lines, size)
}

/// The line that a message can begin with at most: then its last one is at the end.
pub fn last_top(text: &str, whole: Rect) -> usize {
    let (lines, (_, height)) = message(text, whole);
    lines.len().saturating_sub(height.into())
}

/// The power menu.
fn power(model: &Model, nodes: &[String], cursor: usize) -> Menu<'static> {
    let mut title = match nodes {
        [one] => format!("Power of {}", clean(one)),
        _ => format!("Power of {} nodes", nodes.len()),
    };
    let hidden = model.nodes.marked_hidden();
    if model.view == View::Nodes && hidden > 0 {
        let _ = write!(title, " ({hidden} marked hidden)");
    }
    let mut menu = Menu::new(title, cursor, 56);
    for demand in Demand::all() {
        if let Some(heading) = demand.heading() {
            menu.heading(heading, model);
        }
        menu.item(demand_line(model, demand, nodes));
    }
    menu
}

/// Keys, what they do, and why not if that can't be done now.
fn entry_line(model: &Model, entry: &Entry) -> Line {
    let theme = &model.settings.theme;
    let keys: Vec<String> = model
        .settings
        .keymap
        .keys(entry)
        .iter()
        .map(ToString::to_string)
        .collect();
    // Of what belongs to another view it is not known yet what it will mean.
    let here = model.scopes().contains(&entry.scope);
    let refused = model.refused(entry.action).filter(|_| here || model.settings.readonly);
    let keys = format!("  {:<18}", keys.join(" "));
    match refused {
        None => vec![(keys, theme.key), (entry.does.to_owned(), theme.text)],
        Some(reason) => vec![
            (keys, theme.muted),
            (format!("{} (no: {reason})", entry.does), theme.muted),
        ],
    }
}

/// The same for the palette, which tells, too, of which view it is.
fn palette_line(model: &Model, entry: &Entry) -> Line {
    let mut line = entry_line(model, entry);
    if !model.scopes().contains(&entry.scope) {
        line.push((format!("  ({})", entry.scope.title()), model.settings.theme.muted));
    }
    line
}

fn demand_line(model: &Model, demand: Demand, nodes: &[String]) -> Line {
    let theme = &model.settings.theme;
    let reasons: Vec<Option<String>> = nodes.iter().map(|node| model.refused_demand(demand, node)).collect();
    let refused = reasons.iter().flatten().count();
    let line = |look: Look, rest: String| {
        vec![
            (
                format!("  {}  ", demand.key().unwrap_or(' ')),
                if refused == nodes.len() { theme.muted } else { theme.key },
            ),
            (format!("{:<30}", demand.does()), look),
            (rest, theme.muted),
        ]
    };
    match reasons.first() {
        Some(Some(reason)) if refused == nodes.len() => line(theme.muted, format!("no: {reason}")),
        _ if refused > 0 => line(theme.text, format!("{} of them", nodes.len() - refused)),
        _ => line(theme.text, String::new()),
    }
}

fn ask(model: &Model, confirm: &Confirm, whole: Rect, buffer: &mut Buffer) {
    let theme = &model.settings.theme;
    let width = whole.width.saturating_sub(6).min(64);
    let wrapped = |text: &str, look: Look| -> Vec<Line> {
        let lines = panel::wrapped(&clean(text), width.into());
        lines.into_iter().map(|line| vec![(line, look)]).collect()
    };
    let mut lines = wrapped(&confirm.question, theme.title);
    let mut detail = wrapped(&confirm.detail, theme.text);
    let button = |word: &str, chosen: bool| {
        let (left, right) = if chosen { ("[", "]") } else { (" ", " ") };
        (
            format!("{left} {word} {right}"),
            if chosen { theme.selected } else { theme.text },
        )
    };
    let buttons = vec![
        button(confirm.yes, confirm.chosen),
        ("   ".into(), theme.text),
        button("cancel", !confirm.chosen),
    ];
    let height = u16::try_from(lines.len() + detail.len() + 3).unwrap_or(u16::MAX);
    let inside = panel::popup(model, whole, (width, height), "Sure?", buffer);
    // What is asked, and the buttons, are what must be seen where there is no room for all.
    if inside.height < height {
        let room = usize::from(inside.height).saturating_sub(1);
        lines.truncate(room);
        detail.truncate(room - lines.len());
    } else {
        detail.insert(0, Vec::new());
        detail.push(Vec::new());
    }
    lines.append(&mut detail);
    lines.push(buttons);
    panel::lines(buffer, inside, &lines);
}
