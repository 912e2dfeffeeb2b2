//! Scrolling, searching and copying what a guest wrote.

use alacritty_terminal::{
    Term,
    grid::{Dimensions, Scroll},
    index::{Boundary, Column, Direction, Line, Point, Side},
    selection::{Selection, SelectionType},
    term::search::RegexSearch,
    vi_mode::ViMotion,
};

use super::{Emulator, ear::Ear, terminal::SCROLLBACK};

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
        if on && self.held.is_none() {
            let mut held = self.hold();
            held.toggle_vi_mode();
            self.held = Some(Box::new(held));
        } else if !on {
            self.held = None;
        }
        self.term.scroll_display(Scroll::Bottom);
        self.settle();
    }

    /// Whether it is scrolled and copied from.
    pub fn is_copying(&self) -> bool {
        self.held.is_some()
    }

    /// What is on the screen.
    pub(super) fn shown(&self) -> &Term<Ear> {
        self.held.as_deref().unwrap_or(&self.term)
    }

    /// Lines scrolled back, and lines there are to scroll back.
    pub fn scrolled(&self) -> (usize, usize) {
        let grid = self.shown().grid();
        let packed = if self.is_copying() { 0 } else { self.older.len() };
        let all = grid.history_size() + packed;
        (grid.display_offset(), all.min(SCROLLBACK))
    }

    /// Scrolls without beginning to copy.
    pub fn scroll(&mut self, lines: i32) {
        let term = self.held.as_deref_mut().unwrap_or(&mut self.term);
        term.scroll_display(Scroll::Delta(lines));
        self.settle();
    }

    /// Moves the cursor of the scrollback, and the selection with it.
    pub fn go(&mut self, motion: Motion) {
        let Some(held) = self.held.as_deref_mut() else { return };
        let page = i32::try_from(held.screen_lines()).unwrap_or(i32::MAX);
        let point = held.vi_mode_cursor.point;
        let (top, bottom) = (held.topmost_line(), held.bottommost_line());
        let line = |delta: i32| Point::new(Line((point.line.0 + delta).clamp(top.0, bottom.0)), point.column);
        match motion {
            Motion::Up => held.vi_motion(ViMotion::Up),
            Motion::Down => held.vi_motion(ViMotion::Down),
            Motion::Left => held.vi_motion(ViMotion::Left),
            Motion::Right => held.vi_motion(ViMotion::Right),
            Motion::PageUp => held.vi_goto_point(line(-page)),
            Motion::PageDown => held.vi_goto_point(line(page)),
            Motion::Top => held.vi_goto_point(Point::new(top, Column(0))),
            Motion::Bottom => held.vi_goto_point(Point::new(bottom, Column(0))),
        }
        drag(held);
    }

    /// Begins a selection at the cursor of the scrollback, or drops the one there is.
    pub fn select(&mut self, lines: bool) {
        let Some(held) = self.held.as_deref_mut() else { return };
        if held.selection.take().is_none() {
            let kind = if lines {
                SelectionType::Lines
            } else {
                SelectionType::Simple
            };
            let mut selection = Selection::new(kind, held.vi_mode_cursor.point, Side::Left);
            selection.include_all();
            held.selection = Some(selection);
        }
    }

    /// The selected text; without a selection that of the cursor's line.
    pub fn selected(&self) -> String {
        let term = self.shown();
        match term.selection_to_string() {
            Some(text) if !text.is_empty() => text,
            _ => {
                let line = term.vi_mode_cursor.point.line;
                let (start, end) = (Point::new(line, Column(0)), Point::new(line, term.last_column()));
                term.bounds_to_string(start, end)
            }
        }
    }

    /// All that is there: the scrollback and the screen.
    pub fn all_text(&self) -> String {
        let term = self.shown();
        let start = Point::new(term.topmost_line(), Column(0));
        let end = Point::new(term.bottommost_line(), term.last_column());
        let packed = if self.is_copying() {
            String::new()
        } else {
            self.older.text()
        };
        let text = packed + &term.bounds_to_string(start, end);
        format!("{}\n", text.trim_end())
    }

    /// Goes to the next match from the cursor, upwards or down, and round the end. False if there is none.
    pub fn find(&mut self, needle: &str, upwards: bool) -> bool {
        let (Some(held), Ok(mut regex)) = (self.held.as_deref_mut(), RegexSearch::new(&escaped(needle))) else {
            return false;
        };
        let point = held.vi_mode_cursor.point;
        let (direction, origin) = if upwards {
            (Direction::Left, point.sub(held, Boundary::None, 1))
        } else {
            (Direction::Right, point.add(held, Boundary::None, 1))
        };
        let found = held.search_next(&mut regex, origin, direction, Side::Left, None);
        if let Some(found) = &found {
            held.vi_goto_point(*found.start());
            drag(held);
        }
        found.is_some()
    }
}

/// Moves the end of a selection to the cursor.
fn drag(held: &mut Term<Ear>) {
    let point = held.vi_mode_cursor.point;
    if let Some(selection) = &mut held.selection {
        selection.update(point, Side::Right);
        selection.include_all();
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
