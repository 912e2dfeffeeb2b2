//! The Redfish explorer: a resource as JSON, where it is in the tree, and the last request with its answer.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{exchange, panel, table};
use crate::{
    areas::list_rows,
    glyph::clean,
    model::{
        Model,
        json::{Line, Token},
    },
};

/// Draws it.
pub fn draw(model: &Model, main: Rect, side: Rect, buffer: &mut Buffer) {
    let theme = &model.settings.theme;
    let explorer = &model.bmcs.explorer;
    let node = explorer.node.as_deref().unwrap_or_default();
    let title = format!("Redfish of {}", clean(node));
    let inside = panel::panel(model, main, &title, true, buffer);
    let heading = Rect {
        height: inside.height.min(1),
        ..inside
    };
    panel::lines(buffer, heading, &[breadcrumbs(model, inside.width.into())]);
    let area = list_rows(main);
    if explorer.shown.is_none() {
        let told = match &explorer.waiting {
            Some(_) => "(asking)",
            None => "(not read; r reads it)",
        };
        let first = Rect {
            height: area.height.min(1),
            ..area
        };
        panel::text(buffer, first, told, theme.muted);
    }
    for (index, y) in (explorer.window.top..explorer.lines().len()).zip(area.y..area.bottom()) {
        let row = Rect::new(area.x, y, area.width, 1);
        if let Some(line) = explorer.lines().get(index) {
            let mut parts = vec![("  ".to_owned(), theme.text)];
            parts.extend(self::parts(model, line));
            panel::lines(buffer, row, &[parts]);
        }
        if index == explorer.cursor() {
            table::select(model, row, true, buffer);
        }
    }
    if !side.is_empty() {
        exchange::draw(model, side, buffer);
    }
}

/// The way from the root, its end rather than its beginning where there is no room for all.
fn breadcrumbs(model: &Model, width: usize) -> panel::Line {
    let theme = &model.settings.theme;
    let between = if model.settings.ascii { " > " } else { " › " };
    let trail = &model.bmcs.explorer.trail;
    let names: Vec<String> = trail.iter().map(|place| clean(place.name())).collect();
    let mut first = 0;
    let length = |first: usize| -> usize {
        let names = names.iter().skip(first);
        names.map(|name| name.chars().count() + between.chars().count()).sum()
    };
    while length(first) > width && first + 1 < names.len() {
        first += 1;
    }
    let mut parts = Vec::new();
    let last = names.len().saturating_sub(1);
    for (index, name) in names.into_iter().enumerate().skip(first) {
        parts.push((name, if index == last { theme.title } else { theme.muted }));
        if index < last {
            parts.push((between.to_owned(), theme.muted));
        }
    }
    parts
}

/// A line of JSON in the looks of its parts.
pub fn parts(model: &Model, line: &Line) -> panel::Line {
    let theme = &model.settings.theme;
    let look = |token: Token| match token {
        Token::Mark => theme.text,
        Token::Name => theme.name,
        Token::Text => theme.string,
        Token::Number => theme.number,
        Token::Link => theme.reference,
    };
    line.parts
        .iter()
        .map(|(token, text)| (text.clone(), look(*token)))
        .collect()
}
