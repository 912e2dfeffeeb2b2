//! The emulation: what a guest writes, what it is to be sent.

use std::{cell::RefCell, rc::Rc};

use alacritty_terminal::{
    Term,
    grid::Dimensions,
    index::{Column, Line},
    term::{Config, Osc52, TermMode},
    vte::ansi::Processor,
};

use super::{
    Size,
    charset::Decoder,
    ear::{Ear, Heard, Unsynchronized},
    reset::{self, Resets},
};

/// Lines of scrollback.
const SCROLLBACK: usize = 10_000;

/// A terminal's emulation.
pub struct Emulator {
    pub(super) term: Term<Ear>,
    decoder: Decoder,
    resets: Resets,
    parser: Processor<Unsynchronized>,
    heard: Rc<RefCell<Heard>>,
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
            resets: Resets::default(),
            parser: Processor::new(),
            heard,
        }
    }

    /// Takes what the guest wrote.
    pub fn write(&mut self, bytes: &[u8]) {
        let text = self.resets.soften(self.decoder.decode(bytes));
        self.parser.advance(&mut self.term, &text);
    }

    /// Writes a line of this program's own between what the guests write: modes a dead guest left on are undone.
    pub fn mark(&mut self, text: &str) {
        self.write(reset::MODES);
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
