//! The size of a terminal.

use alacritty_terminal::grid::Dimensions;

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
