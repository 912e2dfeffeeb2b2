//! The older lines of a scrollback, as text: a cell of the emulation takes 24 bytes whatever is in it, and most lines are never looked at.
//!
//! What is drawn of a line is kept, and nothing else: colours of underlines and the targets of links are not.

use std::collections::VecDeque;

use alacritty_terminal::{
    grid::Row,
    index::Column,
    term::cell::{Cell, Flags},
    vte::ansi::Color,
};
use unicode_width::UnicodeWidthChar as _;

/// What says how a line is wrapped, which is found anew when its cells are laid out.
const LAYOUT: Flags = Flags::WRAPLINE.union(Flags::LEADING_WIDE_CHAR_SPACER);

/// Cells that look the same.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    cells: u16,
    foreground: Color,
    background: Color,
    flags: Flags,
}

/// A row of cells.
#[derive(Debug, PartialEq, Eq)]
struct Packed {
    /// The characters, one or more for each cell: what combines with a character follows it.
    text: Box<str>,
    /// How they look; cells behind the last run are blank.
    runs: Box<[Run]>,
    /// The row below goes on with the same line.
    wraps: bool,
}

impl Packed {
    /// The row as it is packed, with so many cells at least.
    fn new(row: &Row<Cell>, least: usize) -> Self {
        let cells = &row[..];
        let wraps = wraps(row);
        let blank = Cell::default();
        let used = match cells.iter().rposition(|cell| *cell != blank) {
            Some(end) if !wraps => end + 1,
            None if !wraps => 0,
            _ => cells.len(),
        };
        let used = used.max(least);
        let mut text = String::with_capacity(used);
        let mut runs: Vec<Run> = Vec::new();
        for cell in cells.iter().take(used) {
            if cell.flags.contains(Flags::LEADING_WIDE_CHAR_SPACER) {
                continue;
            }
            text.push(cell.c);
            // Only what combines is told from a cell of its own when it is read again.
            text.extend(cell.zerowidth().unwrap_or_default().iter().filter(|c| combines(**c)));
            let flags = cell.flags.difference(LAYOUT);
            match runs.last_mut() {
                Some(run) if (run.foreground, run.background, run.flags) == (cell.fg, cell.bg, flags) => run.cells += 1,
                _ => runs.push(Run {
                    cells: 1,
                    foreground: cell.fg,
                    background: cell.bg,
                    flags,
                }),
            }
        }
        Self {
            text: text.into(),
            runs: runs.into(),
            wraps,
        }
    }

    /// Appends its cells to those of the line.
    fn unpack(&self, line: &mut Vec<Cell>) {
        let mut characters = self.text.chars().peekable();
        for run in &self.runs {
            for _ in 0..run.cells {
                let mut cell = Cell {
                    c: characters.next().unwrap_or(' '),
                    fg: run.foreground,
                    bg: run.background,
                    flags: run.flags,
                    extra: None,
                };
                while let Some(mark) = characters.next_if(|c| combines(*c)) {
                    cell.push_zerowidth(mark);
                }
                line.push(cell);
            }
        }
    }
}

/// Whether the row below goes on with the same line.
pub fn wraps(row: &Row<Cell>) -> bool {
    row.last().is_some_and(|cell| cell.flags.contains(Flags::WRAPLINE))
}

/// Whether a character has no cell of its own. Tabs have one, as control characters of no width.
fn combines(c: char) -> bool {
    c.width() == Some(0)
}

/// Rows, the oldest first.
#[derive(Debug, Default)]
pub struct History(VecDeque<Packed>);

impl History {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a row that is newer than all others.
    pub fn push(&mut self, row: &Row<Cell>) {
        // A blank row that goes on with a line is a row of its own, too.
        let goes_on = self.0.back().is_some_and(|last| last.wraps);
        self.0.push_back(Packed::new(row, usize::from(goes_on)));
    }

    /// Forgets the oldest rows, until so many are left.
    pub fn keep(&mut self, rows: usize) {
        self.0.drain(..self.0.len().saturating_sub(rows));
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0 = VecDeque::new();
    }

    /// What the rows say, as lines.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut cells = Vec::new();
        for packed in &self.0 {
            packed.unpack(&mut cells);
            let said = cells
                .drain(..)
                .filter(|cell| !cell.flags.contains(Flags::WIDE_CHAR_SPACER));
            for cell in said {
                text.push(cell.c);
                text.extend(cell.zerowidth().unwrap_or_default());
            }
            if !packed.wraps {
                text.truncate(text.trim_end_matches(' ').len());
                text.push('\n');
            }
        }
        text
    }

    /// Takes all rows out, for a terminal of so many columns: lines that were wrapped for another are wrapped anew.
    pub fn unpack(&mut self, columns: usize) -> Vec<Row<Cell>> {
        let mut rows = Vec::with_capacity(self.0.len());
        let mut line = Vec::with_capacity(columns);
        for packed in std::mem::take(&mut self.0) {
            packed.unpack(&mut line);
            if !packed.wraps {
                wrap(&mut line, columns, false, &mut rows);
            }
        }
        if !line.is_empty() {
            // It goes on in what was not packed.
            wrap(&mut line, columns, true, &mut rows);
        }
        rows
    }
}

/// Makes rows of the cells of a line.
fn wrap(line: &mut Vec<Cell>, columns: usize, goes_on: bool, rows: &mut Vec<Row<Cell>>) {
    let mut cells = line.drain(..).peekable();
    loop {
        let mut row = Row::new(columns);
        let mut used = 0;
        while let Some(cell) = cells.peek() {
            let is_wide = cell.flags.contains(Flags::WIDE_CHAR);
            if used + usize::from(is_wide) >= columns {
                break;
            }
            if let Some(cell) = cells.next() {
                row[Column(used)] = cell;
                used += 1;
            }
        }
        if let Some(next) = cells.peek().filter(|_| used < columns) {
            // The place that a wide character left blank looks as that does.
            let blank = &mut row[Column(used)];
            (blank.fg, blank.bg) = (next.fg, next.bg);
            blank.flags = next.flags.difference(Flags::WIDE_CHAR) | Flags::LEADING_WIDE_CHAR_SPACER;
        }
        let more = cells.peek().is_some();
        if more || goes_on {
            row[Column(columns - 1)].flags.insert(Flags::WRAPLINE);
        }
        rows.push(row);
        if !more {
            return;
        }
    }
}
