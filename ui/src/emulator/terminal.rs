//! The emulation: what a guest writes, what it is to be sent.

use std::{cell::RefCell, rc::Rc};

use alacritty_terminal::{
    Term,
    grid::{Dimensions, Grid, Scroll},
    index::{Column, Line},
    term::{Config, Osc52, TermMode},
    vte::ansi::Processor,
};

use super::{
    Size,
    charset::Decoder,
    ear::{Ear, Heard, Unsynchronized},
    history::{self, History},
    reset::{self, Resets},
};

/// Lines of scrollback.
pub(super) const SCROLLBACK: usize = 10_000;
/// So many of them stay cells while nobody scrolls; a resize wraps these anew.
const RECENT: usize = 100;
/// With so many the older ones are packed. The emulation makes 1,000 lines whenever it needs one more, and this needs no second thousand.
const PACKED_AT: usize = 900;

/// A terminal's emulation.
pub struct Emulator {
    pub(super) term: Term<Ear>,
    /// What was there when somebody began to scroll and copy: it stays as it is while the guest writes on.
    pub(super) held: Option<Box<Term<Ear>>>,
    /// Lines above all that the emulation has.
    pub(super) older: History,
    decoder: Decoder,
    resets: Resets,
    parser: Processor<Unsynchronized>,
    heard: Rc<RefCell<Heard>>,
}

impl Emulator {
    /// A terminal of that size.
    pub fn new(size: Size) -> Self {
        let heard = Rc::new(RefCell::new(Heard::default()));
        Self {
            term: term(size, &heard),
            held: None,
            older: History::default(),
            decoder: Decoder::default(),
            resets: Resets::default(),
            parser: Processor::new(),
            heard,
        }
    }

    /// Takes what the guest wrote.
    pub fn write(&mut self, bytes: &[u8]) {
        let text = self.resets.soften(self.decoder.decode(bytes));
        // What erases the scrollback ends with a J (ED 3, xterm's Erase Saved Lines), and leaves none.
        for piece in text.split_inclusive(|byte| *byte == b'J') {
            let before = self.recent();
            self.parser.advance(&mut self.term, piece);
            if matches!((before, self.recent()), (Some(before), Some(now)) if now < before) {
                self.older.clear();
            }
        }
        self.settle();
    }

    /// Lines above the screen that the emulation has. A full-screen program hides them.
    fn recent(&self) -> Option<usize> {
        (!self.mode(TermMode::ALT_SCREEN)).then(|| self.term.grid().history_size())
    }

    /// Packs older lines while nobody looks at them, and unpacks all for somebody who does.
    pub(super) fn settle(&mut self) {
        let Some(recent) = self.recent() else { return };
        if self.term.grid().display_offset() > 0 {
            self.unpack();
        } else if recent >= PACKED_AT {
            let grid = self.term.grid_mut();
            // Between two lines, if there is a place: what is wrapped together is wrapped anew together.
            let ends = |row: &usize| !history::wraps(&grid[above(*row)]);
            let kept = (1..=RECENT).rev().find(ends).unwrap_or(RECENT);
            for row in (kept..recent).rev() {
                self.older.push(&grid[above(row)]);
            }
            grid.update_history(kept);
            grid.update_history(SCROLLBACK);
            self.older.keep(SCROLLBACK - kept);
        }
    }

    /// A copy of what is there, to be scrolled and copied from.
    pub(super) fn hold(&mut self) -> Term<Ear> {
        if self.recent().is_some() {
            self.unpack();
        }
        let mut held = term(self.size(), &Rc::default());
        *held.grid_mut() = self.term.grid().clone();
        held
    }

    fn unpack(&mut self) {
        if self.older.is_empty() {
            return;
        }
        let grid = self.term.grid_mut();
        let older = self.older.unpack(grid.columns());
        let recent = grid.history_size();
        let room = SCROLLBACK.saturating_sub(recent);
        let older = older.into_iter().rev().take(room);
        let mut whole = Grid::new(grid.screen_lines(), grid.columns(), recent + older.len());
        whole.initialize_all();
        for line in grid.topmost_line().0..=grid.bottommost_line().0 {
            std::mem::swap(&mut whole[Line(line)], &mut grid[Line(line)]);
        }
        for (row, line) in older.zip(recent..) {
            whole[above(line)] = row;
        }
        whole.update_history(SCROLLBACK);
        whole.cursor = grid.cursor.clone();
        whole.saved_cursor = grid.saved_cursor.clone();
        whole.scroll_display(Scroll::Delta(i32::try_from(grid.display_offset()).unwrap_or(0)));
        *grid = whole;
    }

    /// Writes a line of this program's own between what the guests write: modes a dead guest left on are undone.
    pub fn mark(&mut self, text: &str) {
        self.write(reset::MODES);
        // Below all that is on the screen, so that nothing is lost.
        let used = self.used_lines().max(1);
        self.write(format!("\x1b[{used}H\r\n\x1b[7m {text} \x1b[0m\r\n").as_bytes());
    }

    /// How many lines of the screen there are down to the last that has something in it.
    fn used_lines(&self) -> usize {
        let grid = self.term.grid();
        let is_used = |line: &usize| {
            let row = &grid[Line(i32::try_from(*line).unwrap_or(0))];
            (0..grid.columns()).any(|column| row[Column(column)].c != ' ')
        };
        (0..grid.screen_lines()).rev().find(is_used).map_or(0, |line| line + 1)
    }

    /// Whether nothing is there, on the screen or above it.
    pub fn is_blank(&self) -> bool {
        self.held.is_none() && self.recent() == Some(0) && self.older.is_empty() && self.used_lines() == 0
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
            if let Some(held) = &mut self.held {
                held.resize(size);
            }
            self.settle();
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

    pub(super) fn mode(&self, mode: TermMode) -> bool {
        self.term.mode().contains(mode)
    }

    /// Whether the guest asked for pastes to be bracketed.
    pub fn brackets_paste(&self) -> bool {
        self.mode(TermMode::BRACKETED_PASTE)
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

/// An emulation with nothing on it.
fn term(size: Size, heard: &Rc<RefCell<Heard>>) -> Term<Ear> {
    let config = Config {
        scrolling_history: SCROLLBACK,
        // A guest must not write the user's clipboard.
        osc52: Osc52::Disabled,
        ..Config::default()
    };
    Term::new(config, &size, Ear(Rc::clone(heard)))
}

/// The line that stands so many lines above the first one over the screen.
fn above(lines: usize) -> Line {
    Line(i32::try_from(lines).map_or(i32::MIN, |lines| -1 - lines))
}
