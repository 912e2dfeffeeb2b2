//! A form, with the request that it makes.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use serde_json::Value;
use tui_input::Input;

use super::{
    panel::{self, Line},
    table,
};
use crate::{
    glyph::{Mood, clean},
    model::{
        Model,
        form::{Entered, Field, Form, Sent},
        secret,
    },
};

/// Columns of a form.
const WIDTH: u16 = 76;
/// The column where values begin.
const VALUES: u16 = 30;

/// Draws it; returns where the cursor of a text that is typed is.
pub fn draw(model: &Model, form: &Form, whole: Rect, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.settings.theme;
    let ascii = model.settings.ascii;
    let width = WIDTH.min(whole.width.saturating_sub(4));
    let told = match form.request() {
        Ok(request) => {
            let mut body = request.body.unwrap_or_default();
            secret::replace(&mut body, secret::MASK);
            (format!("{} {} {body}", request.method, request.path), theme.muted)
        }
        Err(reason) => (reason, theme.warn),
    };
    let answer = match &form.sent {
        Sent::No => None,
        Sent::As(_) => Some((
            format!("{} waiting for the answer", Mood::Busy.glyph(ascii)),
            theme.busy,
        )),
        Sent::Refused(reason) => Some((format!("{} {reason}", Mood::Bad.glyph(ascii)), theme.bad)),
    };
    let told: Vec<Line> = std::iter::once(told)
        .chain(answer)
        .flat_map(|(text, look)| {
            let lines = panel::wrapped(&clean(&text), width.into());
            lines.into_iter().map(move |line| vec![(line, look)])
        })
        .collect();
    let rows = form.fields.len() + told.len() + 3;
    let height = u16::try_from(rows)
        .unwrap_or(u16::MAX)
        .min(whole.height.saturating_sub(2));
    let inside = panel::popup(model, whole, (width, height), &clean(&form.title), buffer);
    // Where there is no room for all, what has the keyboard is seen.
    let at = if form.cursor < form.fields.len() {
        form.cursor
    } else {
        rows - 1
    };
    let top = (at + 1).saturating_sub(inside.height.into());
    let mut cursor = None;
    for (row, y) in (top..rows).zip(inside.y..inside.bottom()) {
        let line = Rect::new(inside.x, y, inside.width, 1);
        if let Some(field) = form.fields.get(row) {
            let focused = row == form.cursor;
            let typed = value(model, field, line, buffer);
            if focused {
                table::select(
                    model,
                    Rect {
                        width: VALUES.min(line.width),
                        ..line
                    },
                    true,
                    buffer,
                );
                cursor = typed;
            }
        } else if let Some(text) = row.checked_sub(form.fields.len() + 1).and_then(|row| told.get(row)) {
            panel::lines(buffer, line, std::slice::from_ref(text));
        } else if row + 1 == rows {
            let chosen = form.cursor >= form.fields.len();
            let (left, right) = if chosen { ("[", "]") } else { (" ", " ") };
            let look = if chosen { theme.selected } else { theme.text };
            panel::lines(buffer, line, &[vec![(format!("{left} send {right}"), look)]]);
        }
    }
    cursor
}

/// Draws a field; returns where the cursor of its text is.
fn value(model: &Model, field: &Field, line: Rect, buffer: &mut Buffer) -> Option<Position> {
    let theme = &model.settings.theme;
    panel::text(buffer, line, &format!("  {}", clean(&field.name)), theme.text);
    let place = panel::right_of(line, VALUES);
    match &field.entered {
        Entered::Choice(values, at) => {
            let text = match values.get(*at) {
                Some(Some(Value::String(text))) => clean(text),
                Some(Some(value)) => value.to_string(),
                Some(None) | None => "(left out)".into(),
            };
            let (left, right) = if model.settings.ascii {
                ("<", ">")
            } else {
                ("‹", "›")
            };
            let count = format!("  {} of {}", at + 1, values.len());
            panel::lines(
                buffer,
                place,
                &[vec![
                    (format!("{left} {text} {right}"), theme.title),
                    (count, theme.muted),
                ]],
            );
            None
        }
        Entered::Text(input) | Entered::Json(input) => {
            if input.value().is_empty() {
                let hint = if field.required { "(required)" } else { "(left out)" };
                panel::text(buffer, place, hint, theme.muted);
            }
            if secret::is_named(&field.name) {
                let stars = "*".repeat(input.value().chars().count());
                let hidden = Input::new(stars).with_cursor(input.cursor());
                return panel::input(buffer, place, &hidden, theme.title);
            }
            panel::input(buffer, place, input, theme.title)
        }
    }
}
