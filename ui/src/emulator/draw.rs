//! The cells of an emulated terminal on the screen.

use alacritty_terminal::{
    grid::Dimensions,
    index::{Column, Line, Point},
    term::{
        cell::{Cell, Flags},
        point_to_viewport,
    },
    vte::ansi::{Color as GuestColor, CursorShape, NamedColor},
};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::{Color, Modifier, Style},
    widgets::Widget,
};
use unicode_width::UnicodeWidthChar as _;

use super::Emulator;

/// ZERO WIDTH JOINER (UTS #51, section 1.4.7), which makes one emoji of several.
const JOINER: char = '\u{200d}';

/// Draws an emulated terminal.
pub struct Emulated<'a> {
    emulator: &'a Emulator,
    /// No colours.
    plain: bool,
    /// What is highlighted.
    needle: Option<(&'a str, Style)>,
}

impl<'a> Emulated<'a> {
    /// The terminal as it is.
    pub fn new(emulator: &'a Emulator, plain: bool) -> Self {
        Self {
            emulator,
            plain,
            needle: None,
        }
    }

    /// Highlights every match of a text.
    #[must_use]
    pub fn highlight(mut self, needle: Option<&'a str>, style: Style) -> Self {
        self.needle = needle.filter(|needle| !needle.is_empty()).map(|needle| (needle, style));
        self
    }

    /// Where the cursor is to be shown when the terminal is drawn there.
    pub fn cursor(&self, area: Rect) -> Option<Position> {
        let content = self.emulator.shown().renderable_content();
        if content.cursor.shape == CursorShape::Hidden {
            return None;
        }
        let point = point_to_viewport(content.display_offset, content.cursor.point)?;
        let x = area.x.checked_add(u16::try_from(point.column.0).ok()?)?;
        let y = area.y.checked_add(u16::try_from(point.line).ok()?)?;
        let position = Position { x, y };
        area.contains(position).then_some(position)
    }

    fn row(&self, line: Line, y: u16, area: Rect, buffer: &mut Buffer) {
        let term = self.emulator.shown();
        let selection = term.selection.as_ref().and_then(|selection| selection.to_range(term));
        for (column, x) in (area.x..area.right()).enumerate().take(term.columns()) {
            let point = Point::new(line, Column(column));
            let cell = &term.grid()[point];
            let Some(target) = buffer.cell_mut(Position { x, y }) else {
                continue;
            };
            let mut style = self.style(cell);
            if selection.is_some_and(|selection| selection.contains(point)) {
                style = style.add_modifier(Modifier::REVERSED);
            }
            if cell.flags.contains(Flags::WIDE_CHAR_SPACER) {
                // The wide character before it covers this cell.
                target.reset();
                target.set_style(style);
                continue;
            }
            let fits = !cell.flags.contains(Flags::WIDE_CHAR) || x + 1 < area.right();
            target.set_style(style);
            if fits && shown(cell.c) && !cell.flags.contains(Flags::HIDDEN) {
                let mut symbol = [0; 4];
                target.set_symbol(cell.c.encode_utf8(&mut symbol));
                // What combines with the character; bounded, since a guest can pile up any number.
                for mark in cell
                    .zerowidth()
                    .unwrap_or_default()
                    .iter()
                    .take(3)
                    // A terminal that joins emoji would show fewer columns than the guest and this screen count.
                    .filter(|mark| !(mark.is_control() || **mark == JOINER && cell.flags.contains(Flags::WIDE_CHAR)))
                {
                    let symbol = format!("{}{mark}", target.symbol());
                    target.set_symbol(&symbol);
                }
            } else {
                target.set_symbol(" ");
            }
        }
    }

    fn style(&self, cell: &Cell) -> Style {
        let mut style = Style::reset();
        if !self.plain {
            style = style.fg(colour(cell.fg)).bg(colour(cell.bg));
        }
        let modifiers = [
            (Flags::BOLD, Modifier::BOLD),
            (Flags::ITALIC, Modifier::ITALIC),
            (Flags::ALL_UNDERLINES, Modifier::UNDERLINED),
            (Flags::STRIKEOUT, Modifier::CROSSED_OUT),
            (Flags::INVERSE, Modifier::REVERSED),
        ];
        for (flag, modifier) in modifiers {
            if cell.flags.intersects(flag) {
                style = style.add_modifier(modifier);
            }
        }
        style
    }

    fn matches(&self, y: u16, area: Rect, buffer: &mut Buffer) {
        let Some((needle, style)) = self.needle else { return };
        let cells: Vec<char> = (area.x..area.right())
            .map(|x| {
                buffer
                    .cell(Position { x, y })
                    .and_then(|cell| cell.symbol().chars().next())
                    .unwrap_or(' ')
            })
            .collect();
        let needle: Vec<char> = needle.chars().collect();
        for (column, window) in cells.windows(needle.len()).enumerate() {
            if window == needle {
                let x = area.x.saturating_add(u16::try_from(column).unwrap_or(u16::MAX));
                let width = u16::try_from(needle.len()).unwrap_or(u16::MAX);
                buffer.set_style(Rect::new(x, y, width, 1).intersection(area), style);
            }
        }
    }
}

impl Widget for Emulated<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let area = area.intersection(*buffer.area());
        let term = self.emulator.shown();
        let offset = i32::try_from(term.grid().display_offset()).unwrap_or(i32::MAX);
        for (row, y) in (area.y..area.bottom()).enumerate().take(term.screen_lines()) {
            let line = Line(i32::try_from(row).unwrap_or(i32::MAX).saturating_sub(offset));
            self.row(line, y, area, buffer);
            self.matches(y, area, buffer);
        }
    }
}

/// Whether a character may be shown: a stored tab is a blank, and nothing else that controls a terminal is stored, or drawn.
fn shown(c: char) -> bool {
    !c.is_control() && c.width().is_some_and(|width| width > 0)
}

fn colour(colour: GuestColor) -> Color {
    match colour {
        GuestColor::Spec(rgb) => Color::Rgb(rgb.r, rgb.g, rgb.b),
        GuestColor::Indexed(index) => Color::Indexed(index),
        GuestColor::Named(name) => match name {
            NamedColor::Black | NamedColor::DimBlack => Color::Black,
            NamedColor::Red | NamedColor::DimRed => Color::Red,
            NamedColor::Green | NamedColor::DimGreen => Color::Green,
            NamedColor::Yellow | NamedColor::DimYellow => Color::Yellow,
            NamedColor::Blue | NamedColor::DimBlue => Color::Blue,
            NamedColor::Magenta | NamedColor::DimMagenta => Color::Magenta,
            NamedColor::Cyan | NamedColor::DimCyan => Color::Cyan,
            NamedColor::White | NamedColor::DimWhite => Color::Gray,
            NamedColor::BrightBlack => Color::DarkGray,
            NamedColor::BrightRed => Color::LightRed,
            NamedColor::BrightGreen => Color::LightGreen,
            NamedColor::BrightYellow => Color::LightYellow,
            NamedColor::BrightBlue => Color::LightBlue,
            NamedColor::BrightMagenta => Color::LightMagenta,
            NamedColor::BrightCyan => Color::LightCyan,
            NamedColor::BrightWhite => Color::White,
            NamedColor::Foreground
            | NamedColor::Background
            | NamedColor::Cursor
            | NamedColor::BrightForeground
            | NamedColor::DimForeground => Color::Reset,
        },
    }
}
