//! The terminal that a serial console or a shell believes to be connected to.
//!
//! Whatever a guest writes ends here, in cells; nothing of it reaches the terminal of the user but as cells that are drawn.

mod charset;
mod draw;
mod keys;

use std::{cell::RefCell, rc::Rc, time::Duration};

use alacritty_terminal::{
    Term,
    event::{Event, EventListener},
    grid::{Dimensions, Scroll},
    index::{Boundary, Column, Direction, Line, Point, Side},
    selection::{Selection, SelectionType},
    term::{Config, Osc52, TermMode, search::RegexSearch},
    vi_mode::ViMotion,
    vte::ansi::{Processor, Timeout},
};

use charset::Decoder;
pub use draw::Emulated;

/// Lines of scrollback.
const SCROLLBACK: usize = 10_000;
/// Answers to a guest that asks for more of them than it takes are dropped.
const REPLIES: usize = 64 * 1024;

/// A terminal's emulation.
pub struct Emulator {
    term: Term<Ear>,
    decoder: Decoder,
    parser: Processor<Unsynchronized>,
    heard: Rc<RefCell<Heard>>,
}

/// What a guest asked of its terminal.
#[derive(Default)]
struct Heard {
    replies: Vec<u8>,
    title: Option<String>,
    bell: bool,
}

#[derive(Clone)]
struct Ear(Rc<RefCell<Heard>>);

impl EventListener for Ear {
    fn send_event(&self, event: Event) {
        let mut heard = self.0.borrow_mut();
        match event {
            Event::PtyWrite(text) if heard.replies.len() + text.len() <= REPLIES => {
                heard.replies.extend_from_slice(text.as_bytes());
            }
            Event::Title(title) => heard.title = Some(title.chars().take(200).collect()),
            Event::ResetTitle => heard.title = None,
            Event::Bell => heard.bell = true,
            _ => {}
        }
    }
}

/// Synchronized updates of guests are shown as they come: a guest that begins one and never ends it hides nothing.
#[derive(Default)]
struct Unsynchronized;

impl Timeout for Unsynchronized {
    fn set_timeout(&mut self, _: Duration) {}

    fn clear_timeout(&mut self) {}

    fn pending_timeout(&self) -> bool {
        false
    }
}

/// Columns and lines of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns, at least 2: with one the emulation would grow without bound.
    pub columns: u16,
    /// Lines, at least 1.
    pub lines: u16,
}

impl Size {
    /// The nearest size that can be emulated.
    pub fn new(columns: u16, lines: u16) -> Self {
        Self {
            columns: columns.clamp(2, 1000),
            lines: lines.clamp(1, 1000),
        }
    }
}

impl Dimensions for Size {
    fn total_lines(&self) -> usize {
        self.screen_lines()
    }

    fn screen_lines(&self) -> usize {
        self.lines.into()
    }

    fn columns(&self) -> usize {
        self.columns.into()
    }
}

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
    /// A terminal of that size.
    pub fn new(size: Size) -> Self {
        let heard = Rc::new(RefCell::new(Heard::default()));
        let config = Config {
            scrolling_history: SCROLLBACK,
            // A guest must not write the user's clipboard.
            osc52: Osc52::Disabled,
            ..Config::default()
        };
        Self {
            term: Term::new(config, &size, Ear(Rc::clone(&heard))),
            decoder: Decoder::default(),
            parser: Processor::new(),
            heard,
        }
    }

    /// Takes what the guest wrote.
    pub fn write(&mut self, bytes: &[u8]) {
        let text = self.decoder.decode(bytes);
        self.parser.advance(&mut self.term, &text);
    }

    /// Writes a line of this program's own between what the guests write: modes a dead guest left on are undone.
    pub fn mark(&mut self, text: &str) {
        self.write(b"\x1b[?1049l\x1b[!p\x1b[?1000;1002;1003;1006;2004l\x1b[?25h\x1b[r\x1b[0m\x1b(B\x0f");
        // Below all that is on the screen, so that nothing is lost.
        let used = self.used_lines();
        self.write(format!("\x1b[{used}H\r\n\x1b[7m {text} \x1b[0m\r\n").as_bytes());
    }

    /// The last line of the screen that has something in it, counted from 1.
    fn used_lines(&self) -> usize {
        let grid = self.term.grid();
        let is_used = |line: &usize| {
            let row = &grid[Line(i32::try_from(*line).unwrap_or(0))];
            (0..grid.columns()).any(|column| row[Column(column)].c != ' ')
        };
        (0..grid.screen_lines()).rev().find(is_used).map_or(1, |line| line + 1)
    }

    /// Returns what is to be sent to the guest in answer to its questions.
    pub fn replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.heard.borrow_mut().replies)
    }

    /// The title the guest gave its terminal.
    pub fn title(&self) -> Option<String> {
        self.heard.borrow().title.clone()
    }

    /// Whether the bell rang since it was last asked.
    pub fn rang(&mut self) -> bool {
        std::mem::take(&mut self.heard.borrow_mut().bell)
    }

    /// Gives the terminal another size; lines are wrapped anew.
    pub fn resize(&mut self, size: Size) {
        if self.size() != size {
            self.term.resize(size);
        }
    }

    /// Its size.
    pub fn size(&self) -> Size {
        let clamp = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        Size {
            columns: clamp(self.term.columns()),
            lines: clamp(self.term.screen_lines()),
        }
    }

    fn mode(&self, mode: TermMode) -> bool {
        self.term.mode().contains(mode)
    }

    /// Whether the guest asked for pastes to be bracketed.
    pub fn brackets_paste(&self) -> bool {
        self.mode(TermMode::BRACKETED_PASTE)
    }

    /// Begins or ends scrolling and copying.
    pub fn set_copying(&mut self, on: bool) {
        if self.mode(TermMode::VI) != on {
            self.term.toggle_vi_mode();
        }
        if !on {
            self.term.selection = None;
            self.term.scroll_display(Scroll::Bottom);
        }
    }

    /// Whether it is scrolled and copied from.
    pub fn is_copying(&self) -> bool {
        self.mode(TermMode::VI)
    }

    /// Lines scrolled back, and lines there are to scroll back.
    pub fn scrolled(&self) -> (usize, usize) {
        (self.term.grid().display_offset(), self.term.grid().history_size())
    }

    /// Scrolls without beginning to copy.
    pub fn scroll(&mut self, lines: i32) {
        self.term.scroll_display(Scroll::Delta(lines));
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

    /// Whether there is a selection.
    pub fn is_selecting(&self) -> bool {
        self.term.selection.is_some()
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
        let text = self.term.bounds_to_string(start, end);
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

    /// The bytes of a paste as the guest wants them.
    pub fn paste(&self, text: &str) -> Vec<u8> {
        // What ends a bracketed paste must not come from within it.
        let text = text.replace('\x1b', "").replace("\r\n", "\r").replace('\n', "\r");
        if self.brackets_paste() {
            format!("\x1b[200~{text}\x1b[201~").into_bytes()
        } else {
            text.into_bytes()
        }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn emulator(text: &str) -> Emulator {
        let mut emulator = Emulator::new(Size::new(20, 4));
        emulator.write(text.as_bytes());
        emulator
    }

    #[test]
    fn a_guest_that_asks_is_answered() {
        let mut emulator = emulator("ab\x1b[6n");
        assert_eq!(emulator.replies(), b"\x1b[1;3R");
        assert!(emulator.replies().is_empty());
    }

    #[test]
    fn scrollback_is_searched_and_copied() {
        let mut emulator = emulator("one\r\ntwo.x\r\nthree\r\nfour\r\nfive\r\nsix");
        emulator.set_copying(true);
        assert!(emulator.find("two.x", true));
        assert!(!emulator.find("nowhere", true));
        emulator.select(false);
        emulator.go(Motion::Right);
        assert_eq!(emulator.selected(), "tw");
        emulator.set_copying(false);
        assert_eq!(emulator.scrolled().0, 0);
        assert!(emulator.all_text().starts_with("one\ntwo.x\n"));
    }

    #[test]
    fn a_mark_undoes_what_a_dead_guest_left() {
        let mut emulator = emulator("\x1b[?1049h\x1b[?1000h\x1b[31mgone");
        emulator.mark("power off");
        assert!(!emulator.mode(TermMode::ALT_SCREEN) && !emulator.mode(TermMode::MOUSE_MODE));
        assert!(emulator.all_text().contains("power off"));
    }

    #[test]
    fn a_mark_stands_below_what_is_there() {
        let mut emulator = emulator("one\r\ntwo\x1b[H");
        emulator.mark("power off");
        assert_eq!(emulator.all_text(), "one\ntwo\n power off\n");
        assert_eq!(emulator.scrolled(), (0, 0));
    }

    #[test]
    fn a_paste_cannot_end_its_own_brackets() {
        let emulator = emulator("\x1b[?2004h");
        assert_eq!(emulator.paste("a\x1b[201~b\n"), b"\x1b[200~a[201~b\r\x1b[201~");
    }

    proptest! {
        #[test]
        fn no_bytes_and_no_size_panic(chunks in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..200), 0u16..90, 0u16..40), 0..12)) {
            let mut emulator = emulator("");
            for (bytes, columns, lines) in chunks {
                emulator.write(&bytes);
                emulator.resize(Size::new(columns, lines));
                emulator.mark("x");
                emulator.set_copying(true);
                emulator.go(Motion::PageUp);
                emulator.find("a", true);
                emulator.select(true);
                emulator.selected();
                emulator.set_copying(false);
            }
        }
    }
}
