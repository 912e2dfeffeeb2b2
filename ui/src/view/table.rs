//! Lists: with columns that fit the screen, and plain ones.

use std::fmt::Write as _;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::UnicodeWidthStr as _;

use super::panel::{self, Line};
use crate::{
    areas::list_rows,
    glyph::State,
    model::{Model, rows::Rows},
    theme::Look,
};

/// One cell.
pub struct Cell {
    /// What it says; without anything that controls a terminal.
    pub text: String,
    /// What it looks like.
    pub look: Option<Look>,
}

impl Cell {
    /// A state: its glyph and its word.
    pub fn state(state: impl Into<State>, model: &Model) -> Self {
        let state = model.mirror.told(state);
        Self {
            text: state.text(model.settings.ascii),
            look: Some(state.mood.look(&model.settings.theme)),
        }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, look: None }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

/// For [`Column::most`] of a text that may be long.
pub const REST: u16 = u16::MAX;
/// What a column with such a text needs at least, so that it says something.
const LEAST: u16 = 24;

/// A column of a list.
pub struct Column<T> {
    /// Its heading.
    pub title: &'static str,
    /// How dispensable it is: where there is no room, the highest goes first.
    pub rank: u8,
    /// The most columns of the screen it takes; [`REST`]: what the others leave, and nothing while it is empty.
    pub most: u16,
    /// What it shows of an object.
    pub cell: fn(&T, &Model) -> Cell,
}

/// Draws a list that has the keyboard in a panel of its own; the title tells of its filter and marks, too.
pub fn list<T>(
    model: &Model,
    area: Rect,
    title: &str,
    columns: &[Column<T>],
    list: &[T],
    rows: &Rows,
    buffer: &mut Buffer,
) {
    let inside = panel::panel(model, area, &format!("{title}{}", told(rows)), true, buffer);
    draw(model, inside, columns, list, rows, true, buffer);
}

/// The filter and the marks of a list, for its title.
pub fn told(rows: &Rows) -> String {
    let mut told = String::new();
    if !rows.filter.is_empty() {
        told.push_str(if rows.invert { ", without " } else { ", with " });
        let _ = write!(told, "{:?}", rows.filter);
    }
    if !rows.marked.is_empty() {
        let _ = write!(told, ", {} marked", rows.marked.len());
        if rows.marked_hidden() > 0 {
            let _ = write!(told, " ({} hidden)", rows.marked_hidden());
        }
    }
    told
}

/// A list whose rows are not made of columns: a panel, a heading, and a line for each row.
pub struct Plain<'a> {
    /// The title of the panel.
    pub title: &'a str,
    /// The headings.
    pub heading: &'a str,
    /// The rows.
    pub rows: &'a Rows,
    /// Whether they have the keyboard.
    pub focused: bool,
}

impl Plain<'_> {
    /// Draws them; `line` is what to show of an object.
    pub fn draw(&self, model: &Model, area: Rect, line: impl Fn(usize) -> Line, buffer: &mut Buffer) {
        let title = format!("{}{}", self.title, told(self.rows));
        let inside = panel::panel(model, area, &title, self.focused, buffer);
        let heading = Rect {
            height: inside.height.min(1),
            ..inside
        };
        panel::text(buffer, heading, self.heading, model.settings.theme.muted);
        let lines = list_rows(area);
        let rows = self.rows;
        for (place, y) in (rows.window.top..rows.visible.len()).zip(lines.y..lines.bottom()) {
            let row = Rect::new(lines.x, y, lines.width, 1);
            if let Some(index) = rows.visible.get(place) {
                let mut parts = line(*index);
                if let Some(((last, _), before)) = parts.split_last_mut() {
                    let used: usize = before.iter().map(|(text, _)| text.width()).sum();
                    let room = usize::from(row.width).saturating_sub(used);
                    *last = panel::shortened(last, room, model.settings.ascii);
                }
                panel::lines(buffer, row, &[parts]);
            }
            if place == rows.cursor {
                select(model, row, self.focused, buffer);
            }
        }
    }
}

/// Draws a list: headings, then rows.
fn draw<T>(
    model: &Model,
    area: Rect,
    columns: &[Column<T>],
    list: &[T],
    rows: &Rows,
    focused: bool,
    buffer: &mut Buffer,
) {
    let area = area.intersection(*buffer.area());
    if area.is_empty() {
        return;
    }
    let theme = &model.settings.theme;
    let shown: Vec<&T> = rows.visible.iter().filter_map(|index| list.get(*index)).collect();
    let widths = widths(model, columns, &shown, area.width);
    let mut x = area.x + 2;
    let mut places = Vec::new();
    for (index, (column, width)) in columns.iter().zip(&widths).enumerate() {
        if let Some(width) = *width {
            let arrow = match (rows.sort == Some(index), rows.reverse, model.settings.ascii) {
                (false, ..) => "",
                (true, false, false) => "▲",
                (true, true, false) => "▼",
                (true, false, true) => "^",
                (true, true, true) => "v",
            };
            let cell = Rect::new(x, area.y, width, 1).intersection(area);
            panel::text(buffer, cell, &format!("{}{arrow}", column.title), theme.muted);
            places.push((x, width, column));
            x = x.saturating_add(width).saturating_add(2);
        }
    }
    for (place, y) in (rows.window.top..shown.len()).zip(area.y + 1..area.bottom()) {
        let object = shown[place];
        let marked = rows
            .visible
            .get(place)
            .is_some_and(|index| is_marked(rows, columns, &list[*index], model));
        let selected = place == rows.cursor;
        let line = Rect::new(area.x, y, area.width, 1);
        if marked {
            let mark = if model.settings.ascii { "*" } else { "◆" };
            panel::text(buffer, line, mark, theme.marked);
        }
        for (x, width, column) in &places {
            let cell = (column.cell)(object, model);
            let look = cell.look.unwrap_or(if marked { theme.marked } else { theme.text });
            let place = Rect::new(*x, y, *width, 1).intersection(area);
            let text = panel::shortened(&cell.text, place.width.into(), model.settings.ascii);
            panel::text(buffer, place, &text, look);
        }
        if selected {
            select(model, line, focused, buffer);
        }
    }
}

/// Marks a line as the selected one: by its look, and by a sign where there is no colour to tell.
pub fn select(model: &Model, line: Rect, focused: bool, buffer: &mut Buffer) {
    let sign = if model.settings.ascii { ">" } else { "▸" };
    if let Some(cell) = buffer.cell_mut((line.x, line.y))
        && cell.symbol() == " "
    {
        cell.set_symbol(sign);
    }
    if focused {
        let look: Style = model.settings.theme.selected.into();
        buffer.set_style(line.intersection(*buffer.area()), look);
    }
}

/// The first column holds what a row is marked by.
fn is_marked<T>(rows: &Rows, columns: &[Column<T>], object: &T, model: &Model) -> bool {
    !rows.marked.is_empty()
        && columns
            .first()
            .is_some_and(|column| rows.marked.contains(&(column.cell)(object, model).text))
}

/// How wide each column is; `None`: there is no room for it.
fn widths<T>(model: &Model, columns: &[Column<T>], shown: &[&T], room: u16) -> Vec<Option<u16>> {
    let text = |column: &Column<T>| {
        let cells = shown.iter().map(|object| (column.cell)(object, model).text.width());
        u16::try_from(cells.max().unwrap_or(0)).unwrap_or(u16::MAX)
    };
    let title = |column: &Column<T>| u16::try_from(column.title.len() + 1).unwrap_or(u16::MAX);
    let least = |column: &Column<T>| match (text(column), column.most) {
        (0, REST) => None,
        (text, REST) => Some(text.max(title(column)).min(LEAST)),
        (text, most) => Some(text.max(title(column)).min(most)),
    };
    let mut widths: Vec<Option<u16>> = columns.iter().map(least).collect();
    let used = |widths: &[Option<u16>]| {
        widths
            .iter()
            .flatten()
            .fold(0u16, |sum, width| sum.saturating_add(*width).saturating_add(2))
    };
    while used(&widths) > room {
        let there = columns.iter().enumerate().filter(|(index, _)| widths[*index].is_some());
        match there
            .max_by_key(|(_, column)| column.rank)
            .filter(|(_, column)| column.rank > 0)
        {
            Some((index, _)) => widths[index] = None,
            None => break,
        }
    }
    let mut left = room.saturating_sub(used(&widths));
    for (column, width) in columns.iter().zip(&mut widths) {
        if let Some(width) = width.as_mut().filter(|_| column.most == REST) {
            let more = text(column).saturating_sub(*width).min(left);
            *width += more;
            left -= more;
        }
    }
    widths
}
