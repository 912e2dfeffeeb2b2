//! Borders, titles and lines of text: what all parts of the screen are made of.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
    text::Span,
    widgets::{Block, Borders, Clear, Paragraph, Widget},
};
use tui_input::Input;
use unicode_width::UnicodeWidthStr as _;

use super::table::Cell;
use crate::{
    areas::inner,
    glyph::{self, clean},
    model::Model,
    theme::{Look, Theme},
};

/// A line, made of parts with looks of their own.
pub type Line = Vec<(String, Look)>;

/// The column where what [`fact`] tells begins.
pub const FACTS: usize = 9;

/// Draws the border of a part of the screen; returns what is inside.
pub fn panel(model: &Model, area: Rect, title: &str, focused: bool, buffer: &mut Buffer) -> Rect {
    let theme = &model.settings.theme;
    let ascii = model.settings.ascii;
    let look = if focused { theme.focus } else { theme.border };
    let marker = if focused { if ascii { "> " } else { "▸ " } } else { "" };
    Block::new()
        .borders(Borders::ALL)
        .border_set(glyph::borders(ascii, focused))
        .border_style(look)
        .title_style(if focused { theme.focus } else { theme.title })
        .title(format!(" {marker}{title} "))
        .render(area.intersection(*buffer.area()), buffer);
    inner(area)
}

/// The middle of the screen, with so many columns and rows inside a border.
pub fn popup_area(whole: Rect, size: (u16, u16)) -> Rect {
    let width = size.0.saturating_add(2).min(whole.width);
    let height = size.1.saturating_add(2).min(whole.height);
    Rect::new(
        whole.x + (whole.width - width) / 2,
        whole.y + (whole.height - height) / 2,
        width,
        height,
    )
}

/// Clears the middle of the screen and draws a border around it; returns what is inside.
pub fn popup(model: &Model, whole: Rect, size: (u16, u16), title: &str, buffer: &mut Buffer) -> Rect {
    over(model, popup_area(whole, size), title, buffer)
}

/// Clears an area and draws a border around it; returns what is inside.
pub fn over(model: &Model, area: Rect, title: &str, buffer: &mut Buffer) -> Rect {
    Clear.render(area, buffer);
    buffer.set_style(area, model.settings.theme.text);
    panel(model, area, title, true, buffer)
}

/// Writes one line of text, cut where the area ends.
pub fn text(buffer: &mut Buffer, area: Rect, text: &str, look: impl Into<Style>) {
    let area = area.intersection(*buffer.area());
    if area.is_empty() {
        return;
    }
    buffer.set_stringn(area.x, area.y, text, area.width.into(), look);
}

/// What is left of a row behind so many columns.
pub fn right_of(row: Rect, columns: u16) -> Rect {
    Rect {
        x: row.x.saturating_add(columns),
        width: row.width.saturating_sub(columns),
        ..row
    }
}

/// Draws a text that is being typed, in a row from where its cursor is seen; returns where that is.
pub fn input(buffer: &mut Buffer, row: Rect, input: &Input, look: Look) -> Option<Position> {
    let cells = |columns: usize| u16::try_from(columns).unwrap_or(u16::MAX);
    // The last column is for a cursor behind the text.
    let width = row.width.saturating_sub(1);
    let skipped = input.visual_scroll(width.into());
    let shown = Rect { width, ..row }.intersection(*buffer.area());
    Paragraph::new(Span::styled(clean(input.value()), look.style()))
        .scroll((0, cells(skipped)))
        .render(shown, buffer);
    let column = cells(input.visual_cursor().saturating_sub(skipped));
    let cursor = Position::new(row.x.saturating_add(column), row.y);
    row.contains(cursor).then_some(cursor)
}

/// A line that tells one thing of an object.
pub fn fact(theme: &Theme, title: &str, told: impl Into<Cell>) -> Line {
    let told = told.into();
    vec![
        (format!("{title:<FACTS$}"), theme.muted),
        (told.text, told.look.unwrap_or(theme.text)),
    ]
}

/// Writes lines.
pub fn lines(buffer: &mut Buffer, area: Rect, lines: &[Line]) {
    let area = area.intersection(*buffer.area());
    for (parts, y) in lines.iter().zip(area.y..area.bottom()) {
        let spans = parts
            .iter()
            .map(|(text, look)| Span::styled(text.as_str(), look.style()));
        buffer.set_line(area.x, y, &spans.collect::<ratatui::text::Line>(), area.width);
    }
}

/// Writes lines as [`lines`] does; the last part of one that is too long goes on below where it began.
pub fn paragraphs(buffer: &mut Buffer, area: Rect, paragraphs: &[Line]) {
    let width = usize::from(area.width);
    let mut all: Vec<Line> = Vec::new();
    for parts in paragraphs {
        let Some(((last, look), before)) = parts.split_last() else {
            all.push(Vec::new());
            continue;
        };
        let indent: usize = before.iter().map(|(text, _)| text.width()).sum();
        if indent + last.width() <= width || indent * 3 > width * 2 {
            all.push(parts.clone());
            continue;
        }
        let mut rows = wrapped(last, width - indent).into_iter();
        let mut first = before.to_vec();
        first.push((rows.next().unwrap_or_default(), *look));
        all.push(first);
        all.extend(rows.map(|row| vec![(" ".repeat(indent), *look), (row, *look)]));
    }
    lines(buffer, area, &all);
}

/// A text of at most that many columns: one that is longer ends in a sign for what is missing.
pub fn shortened(text: &str, width: usize, ascii: bool) -> String {
    use unicode_width::UnicodeWidthChar as _;
    if text.width() <= width {
        return text.to_owned();
    }
    let sign = if ascii { "..." } else { "…" };
    let room = width.saturating_sub(sign.width());
    let mut used = 0;
    let kept = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= room
    });
    let kept: String = kept.collect();
    format!("{}{sign}", kept.trim_end())
}

/// Breaks text into lines of at most that many columns, at spaces where there are any.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    use unicode_width::UnicodeWidthChar as _;
    let width = width.max(1);
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut current = String::new();
        let mut used = 0;
        for c in line.chars() {
            let columns = c.width().unwrap_or(0);
            if used + columns > width {
                let rest = match current.rfind(' ').filter(|at| *at > 0) {
                    Some(at) => current.split_off(at).trim_start().to_owned(),
                    None => String::new(),
                };
                lines.push(std::mem::replace(&mut current, rest));
                used = current.chars().map(|c| c.width().unwrap_or(0)).sum();
            }
            if !(current.is_empty() && c == ' ' && !lines.is_empty()) {
                current.push(c);
                used += columns;
            }
        }
        lines.push(current);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_shows_it() {
        assert_eq!(shortened("why not", 7, false), "why not");
        assert_eq!(shortened("why not so", 7, false), "why no…");
        assert_eq!(shortened("why not so", 7, true), "why...");
        assert_eq!(shortened("", 0, true), "");
    }

    #[test]
    fn the_cursor_stands_behind_wide_characters_too() {
        let row = Rect::new(0, 0, 6, 1);
        let mut buffer = Buffer::empty(row);
        let look = Look::default();
        let typed = Input::new("網路名稱".into());
        assert_eq!(input(&mut buffer, row, &typed, look), Some(Position::new(4, 0)));
        assert_eq!(buffer, Buffer::with_lines(["名稱  "]));
        let beginning = typed.with_cursor(0);
        assert_eq!(input(&mut buffer, row, &beginning, look), Some(Position::new(0, 0)));
        assert_eq!(input(&mut buffer, Rect::ZERO, &beginning, look), None);
    }

    #[test]
    fn text_is_broken_at_spaces() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("", 3), Vec::<String>::new());
    }
}
