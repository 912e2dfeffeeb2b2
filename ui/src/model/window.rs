//! The part of a list that is on the screen, and going round a list.

/// The rows of a list that are on the screen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    /// The first of them.
    pub top: usize,
    page: usize,
}

impl Window {
    /// Tells how many rows the screen has room for.
    pub fn set_page(&mut self, page: usize) {
        self.page = page;
    }

    /// How many rows the screen has room for.
    pub fn page(&self) -> usize {
        self.page.max(1)
    }

    /// The first row if the last of so many is on the screen.
    pub fn last_top(&self, count: usize) -> usize {
        count.saturating_sub(self.page())
    }

    /// Moves no further than that the cursor is seen, and no row is wasted.
    pub fn keep(&mut self, cursor: usize, count: usize) {
        let least = (cursor + 1).saturating_sub(self.page());
        self.top = self.top.clamp(least, cursor).min(self.last_top(count));
    }
}

/// The places of a list from the one after `at` on, or backwards from the one before, and round the end; `at` comes last.
pub fn round(at: usize, count: usize, forwards: bool) -> impl Iterator<Item = usize> {
    (1..=count).map(move |by| if forwards { at + by } else { at + count - by } % count)
}

/// The next place of a list, or the one before, and round the end.
pub fn turned(at: usize, count: usize, forwards: bool) -> usize {
    round(at, count, forwards).next().unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_follows_the_cursor() {
        let mut window = Window::default();
        window.set_page(3);
        let mut kept = |cursor, count| {
            window.keep(cursor, count);
            window.top
        };
        assert_eq!([kept(1, 9), kept(4, 9), kept(3, 9), kept(1, 9)], [0, 2, 2, 1]);
        assert_eq!([kept(8, 9), kept(4, 5), kept(0, 0)], [6, 2, 0]);
    }

    #[test]
    fn lists_have_no_end() {
        assert_eq!(round(1, 3, true).collect::<Vec<_>>(), [2, 0, 1]);
        assert_eq!(round(1, 3, false).collect::<Vec<_>>(), [0, 2, 1]);
        assert_eq!([turned(2, 3, true), turned(0, 3, false), turned(0, 0, true)], [0, 2, 0]);
    }
}
