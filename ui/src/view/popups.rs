//! What lies over the view.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use tui_input::Input;
use unicode_width::UnicodeWidthStr as _;

use super::{form, panel, table};
use crate::{
    action::{Demand, Entry},
    glyph::clean,
    model::{
        Model,
        popup::{Confirm, Popup},
    },
    theme::Look,
    update::popups::{WAYS, cannot_tear_down, palette},
};

/// A line of a popup: its parts, and whether it can be chosen.
type Line = Vec<(String, Look)>;

/// Draws them all, the topmost last; returns where the cursor of a text that is typed is.
pub fn draw(model: &Model, whole: Rect, buffer: &mut Buffer) -> Option<Position> {
    let mut cursor = None;
    for popup in &model.popups {
        cursor = one(model, popup, whole, buffer);
    }
    cursor
}

fn one(model: &Model, popup: &Popup, whole: Rect, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.settings.theme;
    match popup {
        Popup::Help { scopes, cursor } => {
            let mut lines: Vec<Line> = Vec::new();
            let mut selected = 0;
            let mut scope = None;
            for (index, entry) in model.settings.keymap.entries(scopes).enumerate() {
                if scope != Some(entry.scope) {
                    scope = Some(entry.scope);
                    lines.push(vec![(format!(" {}", entry.scope.title()), theme.title)]);
                }
                if index == *cursor {
                    selected = lines.len();
                }
                lines.push(entry_line(model, entry, 18));
            }
            menu(
                model,
                whole,
                "What the keys do here",
                &lines,
                Some(selected),
                78,
                buffer,
            );
            None
        }
        Popup::Palette { input, cursor } => {
            let lines: Vec<Line> = palette(model, input.value())
                .into_iter()
                .map(|entry| palette_line(model, entry))
                .collect();
            typed(model, whole, "All actions", input, &lines, *cursor, buffer)
        }
        Popup::Confirm(confirm) => {
            ask(model, confirm, whole, buffer);
            None
        }
        Popup::Power { nodes, cursor } => {
            power(model, nodes, *cursor, whole, buffer);
            None
        }
        Popup::Form(form) => form::draw(model, form, whole, buffer),
        Popup::Quit { cursor } => {
            let refused = cannot_tear_down(model);
            let line = |(index, (what, detail)): (usize, &(&str, &str))| match refused.filter(|_| index == 1) {
                Some(reason) => vec![
                    (format!("  {what:<24}"), theme.muted),
                    (format!("no: {reason}"), theme.muted),
                ],
                None => vec![
                    (format!("  {what:<24}"), theme.text),
                    ((*detail).to_owned(), theme.muted),
                ],
            };
            let lines: Vec<Line> = WAYS.iter().enumerate().map(line).collect();
            let title = format!("Leave {}?", clean(model.mirror.name()));
            menu(model, whole, &title, &lines, Some(*cursor), 76, buffer);
            None
        }
        Popup::Choose {
            title,
            choices,
            input,
            cursor,
        } => {
            let lines: Vec<Line> = Popup::matching(choices, input)
                .into_iter()
                .map(|(label, _)| vec![(format!("  {}", clean(label)), theme.text)])
                .collect();
            typed(model, whole, title, input, &lines, *cursor, buffer)
        }
        Popup::Message { title, text, top } => {
            let width = whole.width.saturating_sub(6).min(100);
            let lines = text.lines().flat_map(|line| {
                panel::wrapped(&clean(line), width.into())
                    .into_iter()
                    .chain(line.is_empty().then(String::new))
            });
            let lines: Vec<Line> = lines.map(|line| vec![(line, theme.text)]).skip(*top).collect();
            let height = u16::try_from(lines.len())
                .unwrap_or(u16::MAX)
                .min(whole.height.saturating_sub(4));
            let inside = panel::popup(model, whole, (width, height), title, buffer);
            panel::lines(buffer, inside, &lines);
            None
        }
    }
}

/// The power menu.
fn power(model: &Model, nodes: &[String], cursor: usize, whole: Rect, buffer: &mut Buffer) {
    let title = match nodes {
        [one] => format!("Power of {}", clean(one)),
        _ => format!("Power of {} nodes", nodes.len()),
    };
    let mut lines: Vec<Line> = Vec::new();
    let mut selected = 0;
    for (index, demand) in Demand::all().enumerate() {
        if let Some(heading) = demand.heading() {
            lines.push(vec![(format!(" {heading}"), model.settings.theme.title)]);
        }
        if index == cursor {
            selected = lines.len();
        }
        lines.push(demand_line(model, demand, nodes));
    }
    menu(model, whole, &title, &lines, Some(selected), 56, buffer);
}

/// Keys, what they do, and why not if that can't be done now.
fn entry_line(model: &Model, entry: &Entry, columns: usize) -> Line {
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
    let keys = format!("  {:<columns$}", keys.join(" "));
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
    let mut line = entry_line(model, entry, 18);
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
    let mut lines: Vec<Line> = Vec::new();
    lines.extend(
        panel::wrapped(&clean(&confirm.question), width.into())
            .into_iter()
            .map(|line| vec![(line, theme.title)]),
    );
    lines.push(Vec::new());
    lines.extend(
        panel::wrapped(&clean(&confirm.detail), width.into())
            .into_iter()
            .map(|line| vec![(line, theme.text)]),
    );
    lines.push(Vec::new());
    let button = |word: &str, chosen: bool| {
        let (left, right) = if chosen { ("[", "]") } else { (" ", " ") };
        (
            format!("{left} {word} {right}"),
            if chosen { theme.selected } else { theme.text },
        )
    };
    lines.push(vec![
        button(confirm.yes, confirm.chosen),
        ("   ".into(), theme.text),
        button("cancel", !confirm.chosen),
    ]);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let inside = panel::popup(model, whole, (width, height), "Sure?", buffer);
    // The buttons are what must be seen where there is no room for all.
    let skipped = lines.len().saturating_sub(inside.height.into());
    panel::lines(buffer, inside, &lines[skipped..]);
}

/// A list one of whose lines is selected; it scrolls to that.
fn menu(
    model: &Model,
    whole: Rect,
    title: &str,
    lines: &[Line],
    selected: Option<usize>,
    width: u16,
    buffer: &mut Buffer,
) -> Rect {
    let widest = lines
        .iter()
        .map(|line| line.iter().map(|(text, _)| text.width()).sum::<usize>() + 1)
        .max()
        .unwrap_or(0);
    let width = u16::try_from(widest)
        .unwrap_or(u16::MAX)
        .max(width)
        .min(whole.width.saturating_sub(4));
    let height = u16::try_from(lines.len())
        .unwrap_or(u16::MAX)
        .min(whole.height.saturating_sub(4));
    let inside = panel::popup(model, whole, (width, height), title, buffer);
    body(model, inside, lines, selected, buffer);
    inside
}

fn body(model: &Model, inside: Rect, lines: &[Line], selected: Option<usize>, buffer: &mut Buffer) {
    let rows = usize::from(inside.height);
    let top = selected.map_or(0, |at| (at + 1).saturating_sub(rows));
    panel::lines(buffer, inside, lines.get(top..).unwrap_or_default());
    if let Some(row) = selected
        .and_then(|at| u16::try_from(at - top).ok())
        .filter(|row| *row < inside.height)
    {
        table::select(
            model,
            Rect::new(inside.x, inside.y + row, inside.width, 1),
            true,
            buffer,
        );
    }
}

/// A list with a line above it in which is typed what to look for.
fn typed(
    model: &Model,
    whole: Rect,
    title: &str,
    input: &Input,
    lines: &[Line],
    cursor: usize,
    buffer: &mut Buffer,
) -> Option<Position> {
    let theme = &model.settings.theme;
    let width = whole.width.saturating_sub(4).min(90);
    let height = whole.height.saturating_sub(4).min(20);
    let inside = panel::popup(model, whole, (width, height), title, buffer);
    let room = usize::from(inside.width).saturating_sub(3);
    let skipped = input.visual_scroll(room);
    let text: String = input.value().chars().skip(skipped).take(room).collect();
    panel::text(
        buffer,
        Rect {
            height: inside.height.min(1),
            ..inside
        },
        &format!("> {}", clean(&text)),
        theme.title,
    );
    let below = crate::areas::panes(inside);
    if lines.is_empty() {
        panel::text(
            buffer,
            Rect {
                height: below.height.min(1),
                ..below
            },
            "  nothing has that in its name",
            theme.muted,
        );
    }
    body(model, below, lines, (!lines.is_empty()).then_some(cursor), buffer);
    let x = inside.x + 2 + u16::try_from(input.visual_cursor().saturating_sub(skipped)).unwrap_or(0);
    let place = Position::new(x, inside.y);
    inside.contains(place).then_some(place)
}
