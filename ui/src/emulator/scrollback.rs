//! Scrolling, searching and copying what a guest wrote.

use alacritty_terminal::{
    grid::{Dimensions, Scroll},
    index::{Boundary, Column, Direction, Line, Point, Side},
    selection::{Selection, SelectionType},
    term::{TermMode, search::RegexSearch},
    vi_mode::ViMotion,
};

use super::{Emulator, terminal::SCROLLBACK};

/// How far to move in the scrollback.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "they say what they are")]
pub enum Motion {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Top,
    Bottom,
}

impl Emulator {
    /// Begins or ends scrolling and copying.
    pub fn set_copying(&mut self, on: bool) {
        if self.mode(TermMode::VI) != on {
            self.term.toggle_vi_mode();
        }
        if !on {
            self.term.selection = None;
            self.term.scroll_display(Scroll::Bottom);
        }
        self.settle();
    }

    /// Whether it is scrolled and copied from.
    pub fn is_copying(&self) -> bool {
        self.mode(TermMode::VI)
    }

    /// Lines scrolled back, and lines there are to scroll back.
    pub fn scrolled(&self) -> (usize, usize) {
        let grid = self.term.grid();
        let all = grid.history_size() + self.older.len();
        (grid.display_offset(), all.min(SCROLLBACK))
    }

    /// Scrolls without beginning to copy.
    pub fn scroll(&mut self, lines: i32) {
        self.term.scroll_display(Scroll::Delta(lines));
        self.settle();
    }

    /// Moves the cursor of the scrollback, and the selection with it.
    pub fn go(&mut self, motion: Motion) {
        let page = i32::try_from(self.term.screen_lines()).unwrap_or(i32::MAX);
        let point = self.term.vi_mode_cursor.point;
        let (top, bottom) = (self.term.topmost_line(), self.term.bottommost_line());
        let line = |delta: i32| Point::new(Line((point.line.0 + delta).clamp(top.0, bottom.0)), point.column);
        match motion {
            Motion::Up => self.term.vi_motion(ViMotion::Up),
            Motion::Down => self.term.vi_motion(ViMotion::Down),
            Motion::Left => self.term.vi_motion(ViMotion::Left),
            Motion::Right => self.term.vi_motion(ViMotion::Right),
            Motion::PageUp => self.term.vi_goto_point(line(-page)),
            Motion::PageDown => self.term.vi_goto_point(line(page)),
            Motion::Top => self.term.vi_goto_point(Point::new(top, Column(0))),
            Motion::Bottom => self.term.vi_goto_point(Point::new(bottom, Column(0))),
        }
        self.drag();
    }

    fn drag(&mut self) {
        let point = self.term.vi_mode_cursor.point;
        if let Some(selection) = &mut self.term.selection {
            selection.update(point, Side::Right);
            selection.include_all();
        }
    }

    /// Begins a selection at the cursor of the scrollback, or drops the one there is.
    pub fn select(&mut self, lines: bool) {
        if self.term.selection.take().is_none() {
            let kind = if lines {
                SelectionType::Lines
            } else {
                SelectionType::Simple
            };
            let mut selection = Selection::new(kind, self.term.vi_mode_cursor.point, Side::Left);
            selection.include_all();
            self.term.selection = Some(selection);
        }
    }

    /// The selected text; without a selection that of the cursor's line.
    pub fn selected(&self) -> String {
        match self.term.selection_to_string() {
            Some(text) if !text.is_empty() => text,
            _ => {
                let line = self.term.vi_mode_cursor.point.line;
                let (start, end) = (Point::new(line, Column(0)), Point::new(line, self.term.last_column()));
                self.term.bounds_to_string(start, end)
            }
        }
    }

    /// All that is there: the scrollback and the screen.
    pub fn all_text(&self) -> String {
        let start = Point::new(self.term.topmost_line(), Column(0));
        let end = Point::new(self.term.bottommost_line(), self.term.last_column());
        let text = self.older.text() + &self.term.bounds_to_string(start, end);
        format!("{}\n", text.trim_end())
    }

    /// Goes to the next match from the cursor, upwards or down, and round the end. False if there is none.
    pub fn find(&mut self, needle: &str, upwards: bool) -> bool {
        let Ok(mut regex) = RegexSearch::new(&escaped(needle)) else {
            return false;
        };
        let point = self.term.vi_mode_cursor.point;
        let (direction, origin) = if upwards {
            (Direction::Left, point.sub(&self.term, Boundary::None, 1))
        } else {
            (Direction::Right, point.add(&self.term, Boundary::None, 1))
        };
        let found = self.term.search_next(&mut regex, origin, direction, Side::Left, None);
        if let Some(found) = &found {
            self.term.vi_goto_point(*found.start());
            self.drag();
        }
        found.is_some()
    }
}

/// A pattern that finds this text: letter case counts only if there is a capital.
fn escaped(needle: &str) -> String {
    let mut pattern = String::new();
    for c in needle.chars() {
        if !c.is_alphanumeric() && !c.is_whitespace() && c.is_ascii() {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}
