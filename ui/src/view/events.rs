//! Events, and the commands that do the same as what this console asked for.

use placemat2_engine::store::Level;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{panel::Line, table};
use crate::{
    glyph::{self, Mood, clean},
    model::Model,
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
            "Events: {} of {}{level}{follow}",
            model.events.visible.len(),
            model.mirror.events.len()
        );
        let list = table::Plain {
            title: &title,
            heading: &format!("  {:<10}{:<7}{:<26}MESSAGE", "TIME", "LEVEL", "OBJECT"),
            rows: &model.events,
            focused: !model.side,
        };
        list.draw(model, main, |index| event(model, index), buffer);
    }
    if !side.is_empty() {
        let list = table::Plain {
            title: "Commands of this console",
            heading: &format!("  {:<10}{:<9}COMMAND THAT DOES THE SAME", "TIME", "OUTCOME"),
            rows: &model.commands,
            focused: model.side,
        };
        list.draw(model, side, |index| command(model, index), buffer);
    }
}

fn event(model: &Model, index: usize) -> Line {
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

fn command(model: &Model, index: usize) -> Line {
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
