//! A request to a BMC and its answer.

use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::Value;

use super::{
    explorer,
    panel::{self, Line},
};
use crate::{
    glyph::{Mood, clean},
    model::{
        Model,
        bmc::{Exchange, messages},
        json,
    },
};

/// The headers that say something of use (DSP0266, Response headers).
const HEADERS: [&str; 6] = [
    "allow",
    "content-type",
    "etag",
    "location",
    "retry-after",
    "www-authenticate",
];

/// Draws the last one.
pub fn draw(model: &Model, area: Rect, buffer: &mut Buffer) {
    let inside = panel::panel(model, area, "Request and answer", false, buffer);
    if let Some(exchange) = &model.bmcs.explorer.exchange {
        panel::lines(buffer, inside, &lines(model, exchange, inside.width.into()));
    }
}

fn lines(model: &Model, exchange: &Exchange, width: usize) -> Vec<Line> {
    let theme = &model.settings.theme;
    let mut lines = vec![vec![(
        clean(&format!("{} {}", exchange.request.method, exchange.request.path)),
        theme.title,
    )]];
    if let Some(body) = &exchange.request.body {
        lines.extend(json::lines(body).iter().map(|line| explorer::parts(model, line)));
    }
    let took = exchange.took.as_millis();
    let answer = match &exchange.answer {
        Ok(answer) => answer,
        Err(reason) => {
            let reason = clean(&format!("no answer: {reason}"));
            lines.extend(
                panel::wrapped(&reason, width)
                    .into_iter()
                    .map(|line| vec![(line, theme.bad)]),
            );
            return lines;
        }
    };
    let mood = if answer.status < 400 { Mood::Good } else { Mood::Bad };
    lines.push(vec![
        (
            format!("{} {}", mood.glyph(model.settings.ascii), answer.status),
            mood.look(theme),
        ),
        (format!("  {took} ms"), theme.muted),
    ]);
    for message in messages(&answer.body) {
        let message = panel::wrapped(&clean(message), width);
        lines.extend(message.into_iter().map(|line| vec![(line, mood.look(theme))]));
    }
    for name in HEADERS {
        if let Some(value) = answer.headers.get(name) {
            lines.push(vec![(format!("{name}: "), theme.muted), (clean(value), theme.text)]);
        }
    }
    // What was read is beside it already.
    if exchange.request.method != "GET" {
        lines.extend(body_of(&answer.body).iter().map(|line| explorer::parts(model, line)));
    }
    lines
}

fn body_of(body: &Value) -> Vec<json::Line> {
    if body.is_null() { Vec::new() } else { json::lines(body) }
}

/// All of it as text.
pub fn text(exchange: &Exchange) -> String {
    let mut text = format!("{} {}\n", exchange.request.method, exchange.request.path);
    let mut add = |body: &Value| {
        for line in body_of(body) {
            text.push_str(&line.text());
            text.push('\n');
        }
    };
    if let Some(body) = &exchange.request.body {
        add(body);
    }
    let (head, body) = match &exchange.answer {
        Ok(answer) => {
            let headers = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
            let head = format!(
                "\n{} after {} ms\n{}\n",
                answer.status,
                exchange.took.as_millis(),
                headers.collect::<String>()
            );
            (head, answer.body.clone())
        }
        Err(reason) => (format!("\nno answer: {reason}\n"), Value::Null),
    };
    text.push_str(&head);
    for line in body_of(&body) {
        text.push_str(&line.text());
        text.push('\n');
    }
    text
}
