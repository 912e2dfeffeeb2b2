//! The output of one app: its last lines, what is searched in them, and where in them the screen is.

use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
};

use placemat2_engine::api::LogLine;

use super::window::Window;

/// Lines kept.
const LINES: usize = 10_000;
/// Bytes kept.
const BYTES: usize = 16 * 1024 * 1024;

/// An app, by namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppId {
    /// The namespace.
    pub netns: String,
    /// The app.
    pub app: String,
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.netns, self.app)
    }
}

/// A log on the screen.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches of the reader")]
pub struct LogPane {
    /// Whose it is.
    pub of: Option<AppId>,
    lines: VecDeque<LogLine>,
    bytes: usize,
    /// Indices of the lines that pass the filter.
    pub visible: Vec<usize>,
    /// Why there is nothing more to come.
    pub ended: Option<String>,
    /// Whether the last line is kept in sight.
    pub follow: bool,
    /// Whether long lines are wrapped.
    pub wrap: bool,
    /// Whether it is shown when each line came.
    pub stamps: bool,
    /// Those of the visible lines that are on the screen, while it does not follow.
    pub window: Window,
    /// The line a search is at, of the visible ones.
    pub at: Option<usize>,
    /// The first column on the screen, while lines are not wrapped.
    pub left: usize,
    /// What is searched.
    pub needle: String,
    /// What lines must have in them.
    pub filter: String,
    /// What they must not have in them, rather.
    pub invert: bool,
}

impl LogPane {
    /// Turns to the log of another app, or of none.
    pub fn open(&mut self, of: Option<AppId>) {
        self.window.top = 0;
        *self = Self {
            of,
            follow: true,
            wrap: self.wrap,
            stamps: self.stamps,
            window: self.window,
            ..Self::default()
        };
    }

    /// Takes lines that came.
    pub fn add(&mut self, lines: Vec<LogLine>) {
        for mut line in lines {
            if self.lines.back().is_some_and(|last| last.id >= line.id) {
                continue;
            }
            // Colours and the like are for a terminal, which an app does not have here.
            if line.text.contains('\x1b') {
                line.text = anstream::adapter::strip_str(&line.text).to_string();
            }
            self.bytes += line.text.len();
            if self.passes(&line) {
                self.visible.push(self.lines.len());
            }
            self.lines.push_back(line);
        }
        let mut dropped = 0;
        while self.lines.len() > LINES || self.bytes > BYTES {
            let Some(line) = self.lines.pop_front() else { break };
            self.bytes -= line.text.len();
            dropped += 1;
        }
        if dropped > 0 {
            let gone = self.visible.partition_point(|index| *index < dropped);
            self.visible.drain(..gone);
            self.visible.iter_mut().for_each(|index| *index -= dropped);
            self.window.top = self.window.top.saturating_sub(gone);
            self.at = self.at.and_then(|at| at.checked_sub(gone));
        }
    }

    fn passes(&self, line: &LogLine) -> bool {
        self.filter.is_empty() || line.text.to_lowercase().contains(&self.filter.to_lowercase()) != self.invert
    }

    /// Chooses the visible lines anew.
    pub fn refresh(&mut self) {
        let visible = self.lines.iter().enumerate().filter(|(_, line)| self.passes(line));
        self.visible = visible.map(|(index, _)| index).collect();
        self.at = None;
        self.window.top = self.window.top.min(self.visible.len());
    }

    /// The visible line of that number.
    pub fn line(&self, place: usize) -> Option<&LogLine> {
        self.lines.get(*self.visible.get(place)?)
    }

    /// The first line on the screen if each took one row.
    pub fn first(&self) -> usize {
        if self.follow {
            self.window.last_top(self.visible.len())
        } else {
            self.window.top
        }
    }

    /// Scrolls. Whoever scrolls up wants to read; whoever comes to the end follows again.
    pub fn scroll(&mut self, by: isize) {
        let last = self.window.last_top(self.visible.len());
        self.window.top = self.first().saturating_add_signed(by).min(last);
        self.follow = by > 0 && self.window.top == last;
    }

    /// Goes to the next line with what is searched, downwards or up. False if there is none.
    pub fn find(&mut self, downwards: bool) -> bool {
        let needle = self.needle.to_lowercase();
        let has = |place: &usize| {
            self.line(*place)
                .is_some_and(|line| line.text.to_lowercase().contains(&needle))
        };
        let count = self.visible.len();
        let found = if needle.is_empty() {
            None
        } else if downwards {
            let from = self.at.map_or(self.first(), |at| at + 1);
            (from..count).chain(0..from.min(count)).find(has)
        } else {
            let from = self.at.unwrap_or(count).min(count);
            (0..from).rev().chain((from..count).rev()).find(has)
        };
        if let Some(place) = found {
            self.at = Some(place);
            self.follow = false;
            let page = self.window.page();
            if self.wrap {
                // How many rows the lines before it take is not known here.
                self.window.top = place;
            } else if place < self.window.top || place >= self.window.top + page {
                self.window.top = place.saturating_sub(page / 2);
            }
        }
        found.is_some()
    }

    /// The lines that pass the filter, as they are saved.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in self.visible.iter().filter_map(|index| self.lines.get(*index)) {
            if self.stamps {
                let _ = write!(text, "{} ", line.time);
            }
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(ids: std::ops::Range<u64>) -> Vec<LogLine> {
        let line = |id| format!(r#"{{"id":{id},"time":"2026-01-01T00:00:00Z","stream":"stdout","text":"line {id}"}}"#);
        ids.map(|id| serde_json::from_str(&line(id)).unwrap()).collect()
    }

    #[test]
    fn a_match_is_on_the_screen_however_many_rows_lines_take() {
        let mut log = LogPane::default();
        log.window.set_page(24);
        log.add(lines(1..100));
        log.follow = false;
        log.wrap = true;
        log.needle = "line 20".into();
        assert!(log.find(true));
        assert_eq!(log.window.top, 19);
    }

    #[test]
    fn colours_are_left_out() {
        let mut log = LogPane::default();
        let line = r#"{"id":1,"time":"2026-01-01T00:00:00Z","stream":"stdout","text":"\u001b[1;31mred 11\u001b[0m\tis \u001b]8;;http://a/\u001b\\here\u001b]8;;\u001b\\"}"#;
        log.add(vec![serde_json::from_str(line).unwrap()]);
        assert_eq!(log.text(), "red 11\tis here\n");
        // What is looked for is what is seen.
        log.needle = "d 11".into();
        assert!(log.find(true));
    }

    #[test]
    fn it_is_bounded_and_stays_where_the_reader_is() {
        let mut log = LogPane::default();
        log.window.set_page(10);
        log.add(lines(1..10_001));
        log.window.top = 500;
        log.add(lines(10_001..10_101));
        assert_eq!(log.visible.len(), 10_000);
        assert_eq!(log.line(log.window.top).unwrap().text, "line 501");
        // A stream that begins anew repeats nothing.
        log.add(lines(10_050..10_101));
        assert_eq!(log.visible.len(), 10_000);
    }

    #[test]
    fn it_is_searched_and_filtered() {
        let mut log = LogPane::default();
        log.window.set_page(10);
        log.follow = true;
        log.add(lines(1..101));
        log.needle = "LINE 7".into();
        assert!(log.find(false));
        assert_eq!(log.line(log.at.unwrap()).unwrap().text, "line 79");
        assert!(!log.follow);
        log.filter = "0".into();
        log.refresh();
        assert_eq!(log.visible.len(), 10);
        log.needle = "nothing".into();
        assert!(!log.find(true));
    }
}
