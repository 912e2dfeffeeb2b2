//! The state of a list: which rows are shown in which order, which one is selected, which are marked.

use std::{cmp::Ordering, collections::BTreeSet};

use super::window::Window;

/// What a list shows of its objects.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Indices of the objects shown, in order.
    pub visible: Vec<usize>,
    /// Which of them is selected.
    pub cursor: usize,
    /// The key of the selected one, by which it is found again when the list changes.
    key: Option<String>,
    /// Those on the screen.
    pub window: Window,
    /// What they must have in them.
    pub filter: String,
    /// What they must not have in them, rather.
    pub invert: bool,
    /// Keys of the marked ones.
    pub marked: BTreeSet<String>,
    /// Keys of those that are shown, in their order.
    marked_shown: Vec<String>,
    /// The column they are sorted by; `None`: the order of the lab files.
    pub sort: Option<usize>,
    /// Whether the order is reversed.
    pub reverse: bool,
}

impl Rows {
    /// Chooses and sorts anew. An object is known by its `key` and filtered by its `text`; `compare` sorts by a column.
    pub fn refresh(
        &mut self,
        count: usize,
        key: impl Fn(usize) -> String,
        text: impl Fn(usize) -> String,
        compare: impl Fn(usize, usize, usize) -> Ordering,
    ) {
        let needle = self.filter.to_lowercase();
        self.visible.clear();
        for index in 0..count {
            if needle.is_empty() || text(index).to_lowercase().contains(&needle) != self.invert {
                self.visible.push(index);
            }
        }
        if let Some(column) = self.sort {
            self.visible.sort_by(|one, other| compare(column, *one, *other));
        }
        if self.reverse {
            self.visible.reverse();
        }
        if let Some(wanted) = &self.key
            && let Some(place) = self.visible.iter().position(|index| key(*index) == *wanted)
        {
            self.cursor = place;
        }
        if !self.marked.is_empty() {
            let there: BTreeSet<String> = (0..count).map(&key).collect();
            self.marked.retain(|marked| there.contains(marked));
        }
        let shown = self.visible.iter().map(|index| key(*index));
        self.marked_shown = shown.filter(|key| self.marked.contains(key)).collect();
        self.cursor = self.cursor.min(self.visible.len().saturating_sub(1));
        self.key = self.selected().map(key);
        self.scroll();
    }

    /// Tells how many rows the screen has room for.
    pub fn set_page(&mut self, page: usize) {
        self.window.set_page(page);
        self.scroll();
    }

    fn scroll(&mut self) {
        self.window.keep(self.cursor, self.visible.len());
    }

    /// The index of the selected object.
    pub fn selected(&self) -> Option<usize> {
        self.visible.get(self.cursor).copied()
    }

    /// The key of the selected object.
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// The keys of what an action is for: the marked ones that are shown, or the selected one if there are none.
    pub fn chosen(&self) -> Vec<String> {
        match &self.marked_shown[..] {
            [] => self.key.iter().cloned().collect(),
            marked => marked.to_vec(),
        }
    }

    /// How many marked ones the filter hides.
    pub fn marked_hidden(&self) -> usize {
        self.marked.len().saturating_sub(self.marked_shown.len())
    }

    /// Drops the marks of what was acted on.
    pub fn unmark(&mut self, keys: &[String]) {
        self.marked.retain(|marked| !keys.contains(marked));
    }

    /// Selects the object of that key once the list is refreshed.
    pub fn select(&mut self, key: &str) {
        self.key = Some(key.to_owned());
    }

    /// Moves the cursor, and forgets the key: the refresh that follows finds the new one.
    pub fn go(&mut self, to: usize) {
        self.cursor = to.min(self.visible.len().saturating_sub(1));
        self.key = None;
    }

    /// Moves the cursor by so many rows.
    pub fn step(&mut self, by: isize) {
        self.go(self.cursor.saturating_add_signed(by));
    }

    /// Goes to the last row.
    pub fn follow(&mut self, key: impl Fn(usize) -> String) {
        self.cursor = self.visible.len().saturating_sub(1);
        self.key = self.selected().map(key);
        self.scroll();
    }

    /// Marks the selected row, or takes the mark away, and goes on to the next.
    pub fn toggle_mark(&mut self) {
        if let Some(key) = self.key.clone() {
            if !self.marked.remove(&key) {
                self.marked.insert(key);
            }
            self.step(1);
        }
    }
}

/// Compares as people count: `r2` before `r10`.
pub fn natural(one: &str, other: &str) -> Ordering {
    let (mut one, mut other) = (one, other);
    loop {
        let (Some(a), Some(b)) = (one.chars().next(), other.chars().next()) else {
            return one.len().cmp(&other.len());
        };
        if a.is_ascii_digit() && b.is_ascii_digit() {
            let (x, rest_of_one) = number(one);
            let (y, rest_of_other) = number(other);
            let (x, y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
            if order != Ordering::Equal {
                return order;
            }
            (one, other) = (rest_of_one, rest_of_other);
        } else {
            if a != b {
                return a.cmp(&b);
            }
            (one, other) = (&one[a.len_utf8()..], &other[b.len_utf8()..]);
        }
    }
}

fn number(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = ["r1", "r2", "boot", "r10", "r3"];

    fn refresh(rows: &mut Rows) {
        rows.refresh(
            NAMES.len(),
            |index| NAMES[index].into(),
            |index| NAMES[index].into(),
            |_, one, other| natural(NAMES[one], NAMES[other]),
        );
    }

    fn shown(rows: &Rows) -> Vec<&'static str> {
        rows.visible.iter().map(|index| NAMES[*index]).collect()
    }

    #[test]
    fn rows_are_filtered_and_sorted_as_people_count() {
        let mut rows = Rows {
            filter: "R".into(),
            sort: Some(0),
            ..Rows::default()
        };
        refresh(&mut rows);
        assert_eq!(shown(&rows), ["r1", "r2", "r3", "r10"]);
        rows.invert = true;
        refresh(&mut rows);
        assert_eq!(shown(&rows), ["boot"]);
    }

    #[test]
    fn the_selected_row_is_found_again() {
        let mut rows = Rows::default();
        rows.set_page(2);
        refresh(&mut rows);
        rows.step(3);
        refresh(&mut rows);
        assert_eq!((rows.key(), rows.window.top), (Some("r10"), 2));
        rows.sort = Some(0);
        refresh(&mut rows);
        assert_eq!((rows.key(), rows.cursor), (Some("r10"), 4));
    }
}
