//! Lists that lie over the view: where they are, what they look like, what is at a place of them.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};
use tui_input::Input;
use unicode_width::UnicodeWidthStr as _;

use super::{
    panel::{self, Line},
    table,
};
use crate::{
    areas::{inner, panes},
    model::Model,
};

/// A list one of whose lines is selected; it scrolls to that.
pub struct Menu<'a> {
    title: String,
    lines: Vec<Line>,
    /// Which line of the list is which item; headings are none.
    items: Vec<usize>,
    cursor: usize,
    width: u16,
    /// The text above it in which is typed what to look for.
    typed: Option<&'a Input>,
}

impl<'a> Menu<'a> {
    /// A list without lines, with the item that is selected, that many columns wide at least.
    pub fn new(title: impl Into<String>, cursor: usize, width: u16) -> Self {
        Self {
            title: title.into(),
            lines: Vec::new(),
            items: Vec::new(),
            cursor,
            width,
            typed: None,
        }
    }

    /// Has a text above it in which is typed what to look for. Its size does not change with what is found.
    #[must_use]
    pub fn typed(mut self, input: &'a Input) -> Self {
        self.typed = Some(input);
        self
    }

    /// Adds a line that can't be selected.
    pub fn heading(&mut self, text: &str, model: &Model) {
        self.lines.push(vec![(format!(" {text}"), model.settings.theme.title)]);
    }

    /// Adds an item.
    pub fn item(&mut self, line: Line) {
        self.items.push(self.lines.len());
        self.lines.push(line);
    }

    /// Where it is on the screen, with its border.
    fn area(&self, whole: Rect) -> Rect {
        let room = (whole.width.saturating_sub(4), whole.height.saturating_sub(4));
        let size = if self.typed.is_some() {
            (room.0.min(self.width), room.1.min(20))
        } else {
            let width = |line: &Line| line.iter().map(|(text, _)| text.width()).sum::<usize>() + 1;
            let widest = self.lines.iter().map(width).max().unwrap_or(0);
            let cells = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
            (
                cells(widest).max(self.width).min(room.0),
                cells(self.lines.len()).min(room.1),
            )
        };
        panel::popup_area(whole, size)
    }

    /// Where its lines are.
    fn list(&self, area: Rect) -> Rect {
        let inside = inner(area);
        if self.typed.is_some() { panes(inside) } else { inside }
    }

    /// The line that is selected, and the first one on the screen.
    fn selected(&self, rows: u16) -> (Option<usize>, usize) {
        let selected = self.items.get(self.cursor).copied();
        (selected, selected.map_or(0, |at| (at + 1).saturating_sub(rows.into())))
    }

    /// Draws it; returns where the cursor of a text that is typed is.
    pub fn draw(&self, model: &Model, whole: Rect, buffer: &mut Buffer) -> Option<Position> {
        let theme = &model.settings.theme;
        let area = self.area(whole);
        let inside = panel::over(model, area, &self.title, buffer);
        let list = self.list(area);
        let (selected, top) = self.selected(list.height);
        panel::lines(buffer, list, self.lines.get(top..).unwrap_or_default());
        let row = selected.and_then(|at| u16::try_from(at - top).ok());
        if let Some(row) = row.filter(|row| *row < list.height) {
            let line = Rect::new(list.x, list.y + row, list.width, 1);
            table::select(model, line, true, buffer);
        }
        let input = self.typed?;
        if self.lines.is_empty() {
            panel::text(buffer, first_row(list), "  nothing has that in its name", theme.muted);
        }
        let typed = first_row(inside);
        panel::text(buffer, typed, "> ", theme.title);
        panel::input(buffer, panel::right_of(typed, 2), input, theme.title)
    }

    /// What a click there means.
    pub fn at(&self, whole: Rect, place: Position) -> Hit {
        let area = self.area(whole);
        if !area.contains(place) {
            return Hit::Outside;
        }
        let list = self.list(area);
        if !list.contains(place) {
            return Hit::Nothing;
        }
        let (_, top) = self.selected(list.height);
        let line = top + usize::from(place.y - list.y);
        let item = self.items.iter().position(|item| *item == line);
        item.map_or(Hit::Nothing, Hit::Item)
    }
}

/// What is at a place of the screen while a list lies over the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// That item.
    Item(usize),
    /// Another part of the list.
    Nothing,
    /// What is below it.
    Outside,
}

fn first_row(area: Rect) -> Rect {
    Rect {
        height: area.height.min(1),
        ..area
    }
}
