//! Events, and the commands that do the same as what this console asked for.

use placemat2_engine::store::Level;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{nodes::told, panel, table};
use crate::{
    areas::list_rows,
    glyph::{self, Mood, clean},
    model::{Model, rows::Rows},
    theme::Look,
};

/// Draws the view.
pub fn draw(model: &Model, main: Rect, side: Rect, buffer: &mut Buffer) {
    if !main.is_empty() {
        let level = match model.level {
            Level::Info => "",
            Level::Warn => ", warnings and errors",
            Level::Error => ", errors",
        };
        let follow = if model.follow_events { ", following" } else { ", held" };
        let title = format!(
            "Events: {} of {}{level}{follow}{}",
            model.events.visible.len(),
            model.mirror.events.len(),
            told(&model.events)
        );
        let heading = format!("  {:<10}{:<7}{:<26}MESSAGE", "TIME", "LEVEL", "OBJECT");
        list(
            model,
            main,
            &title,
            &heading,
            &model.events,
            !model.side,
            |index| event(model, index),
            buffer,
        );
    }
    if !side.is_empty() {
        let title = format!("Commands of this console{}", told(&model.commands));
        let heading = format!("  {:<10}{:<9}COMMAND THAT DOES THE SAME", "TIME", "OUTCOME");
        list(
            model,
            side,
            &title,
            &heading,
            &model.commands,
            model.side,
            |index| command(model, index),
            buffer,
        );
    }
}

#[allow(clippy::too_many_arguments, reason = "two lists, of which all differs")]
fn list(
    model: &Model,
    area: Rect,
    title: &str,
    heading: &str,
    rows: &Rows,
    focused: bool,
    line: impl Fn(usize) -> Vec<(String, Look)>,
    buffer: &mut Buffer,
) {
    let inside = panel::panel(model, area, title, focused, buffer);
    panel::text(
        buffer,
        Rect {
            height: inside.height.min(1),
            ..inside
        },
        heading,
        model.settings.theme.muted,
    );
    let lines = list_rows(area);
    for (place, y) in (rows.offset..rows.visible.len()).zip(lines.y..lines.bottom()) {
        let row = Rect::new(lines.x, y, lines.width, 1);
        if let Some(index) = rows.visible.get(place) {
            panel::lines(buffer, row, &[line(*index)]);
        }
        if place == rows.cursor {
            table::select(model, row, focused, buffer);
        }
    }
}

fn event(model: &Model, index: usize) -> Vec<(String, Look)> {
    let theme = &model.settings.theme;
    let Some(event) = model.mirror.events.get(index) else {
        return Vec::new();
    };
    let (word, look) = glyph::level(event.level, theme);
    let object: String = clean(&event.object).chars().take(25).collect();
    vec![
        (format!("  {:<10}", model.clock(event.time, "%H:%M:%S")), theme.muted),
        (format!("{word:<7}"), look),
        (format!("{object:<26}"), theme.text),
        (clean(&event.message), look),
    ]
}

fn command(model: &Model, index: usize) -> Vec<(String, Look)> {
    let theme = &model.settings.theme;
    let Some(command) = model.history.get(index) else {
        return Vec::new();
    };
    let (mood, word) = match &command.outcome {
        None => (Mood::Busy, "running"),
        Some(Ok(())) => (Mood::Good, "done"),
        Some(Err(_)) => (Mood::Bad, "failed"),
    };
    let mut parts = vec![
        (format!("  {:<10}", model.clock(command.time, "%H:%M:%S")), theme.muted),
        (
            format!("{:<9} ", format!("{} {word}", mood.glyph(model.settings.ascii))),
            mood.look(theme),
        ),
        (clean(&command.text), theme.text),
    ];
    if let Some(Err(reason)) = &command.outcome {
        parts.push((format!("  {}", clean(reason)), theme.bad));
    }
    parts
}
