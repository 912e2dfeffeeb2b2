//! What guests write, and what comes of it.

use alacritty_terminal::{
    Term,
    event::{EventListener, VoidListener},
    grid::Dimensions,
    index::Line,
    term::{Config, TermMode, cell::Flags},
    vte::ansi::{Color, Processor},
};
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

/// The cells of a terminal's scrollback and screen, as far as they are drawn.
fn cells(term: &Term<impl EventListener>) -> Vec<(char, Vec<char>, Color, Color, Flags)> {
    let grid = term.grid();
    let lines = grid.topmost_line().0..=grid.bottommost_line().0;
    lines
        .flat_map(|line| grid[Line(line)][..].iter())
        .map(|cell| {
            let marks = cell.zerowidth().unwrap_or_default().to_vec();
            (cell.c, marks, cell.fg, cell.bg, cell.flags)
        })
        .collect()
}

/// The first cell that differs, for whoever reads of a failure.
fn difference(one: &Term<impl EventListener>, other: &Term<impl EventListener>) -> String {
    let (one, other) = (cells(one), cells(other));
    let first = one.iter().zip(&other).position(|(one, other)| one != other);
    format!(
        "{} and {} cells, first {:?}",
        one.len(),
        other.len(),
        first.map(|at| (at, &one[at], &other[at]))
    )
}

/// What guests write, in pieces that say little each.
fn pieces() -> impl Strategy<Value = Vec<(&'static str, usize)>> {
    let piece = prop::sample::select(vec![
        "a",
        "word ",
        "\t",
        "日本",
        "e\u{301}\u{20dd}",
        "\x1b[31;44m",
        "\x1b[1;4m\x1b[38;2;1;2;3m",
        "\x1b[0m",
        "\r\n",
        "\r\n",
        "line\r\n",
        "\x1b[2J\x1b[3J",
        "\x1b[?1049h",
        "\x1b[?1049l",
        "\x1b[5S",
        "\x1b[H",
    ]);
    prop::collection::vec((piece, prop_oneof![4 => 1usize..5, 1 => 500usize..1500]), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_is_packed_comes_back_as_it_was(pieces in pieces()) {
        let size = Size::new(20, 4);
        let mut emulator = Emulator::new(size);
        let mut plain = Term::new(Config { scrolling_history: 10_000, ..Config::default() }, &size, VoidListener);
        let mut parser: Processor = Processor::new();
        for (piece, times) in pieces {
            let text = piece.repeat(times);
            emulator.write(text.as_bytes());
            parser.advance(&mut plain, text.as_bytes());
            prop_assert!(emulator.mode(TermMode::ALT_SCREEN) || emulator.term.grid().history_size() < 1000);
        }
        emulator.set_copying(true);
        prop_assert!(cells(emulator.shown()) == cells(&plain), "{}", difference(emulator.shown(), &plain));
        emulator.set_copying(false);
        emulator.set_copying(true);
        prop_assert!(cells(emulator.shown()) == cells(&plain), "{}", difference(emulator.shown(), &plain));
    }

    #[test]
    fn lines_are_wrapped_anew_whether_they_were_packed_or_not(
        lines in prop::collection::vec("[a-z日]{0,50}", 1..20), times in 1usize..150, columns in 2u16..60,
    ) {
        let mut emulator = emulator("");
        let text = lines.join("\r\n") + "\r\n";
        emulator.write(text.repeat(times).as_bytes());
        let before = emulator.all_text();
        emulator.resize(Size::new(columns, 4));
        prop_assert_eq!(&emulator.all_text(), &before);
        emulator.set_copying(true);
        let shown = emulator.all_text();
        // What takes more lines than there are is cut from the top, in the middle of a line, too.
        prop_assert!(before.ends_with(shown.trim_start()) || before.lines().count() > 1000, "{shown:?}\n{before:?}");
    }
}

#[test]
fn only_what_is_looked_at_is_cells() {
    let mut emulator = Emulator::new(Size::new(20, 4));
    for line in 0..20_000 {
        emulator.write(format!("line {line}\r\n").as_bytes());
    }
    let kept = |emulator: &Emulator| emulator.term.grid().history_size();
    assert!(kept(&emulator) < 1000);
    let (_, all) = emulator.scrolled();
    assert!((9_900..=10_000).contains(&all), "{all}");
    // Two screens back, and the way down again.
    emulator.scroll(8);
    assert_eq!((kept(&emulator), emulator.scrolled().0), (all, 8));
    assert!(emulator.all_text().ends_with("line 19998\nline 19999\n"));
    emulator.scroll(-8);
    emulator.set_copying(false);
    assert!(kept(&emulator) < 1000);
    emulator.set_copying(true);
    assert!(kept(&emulator) < 1000, "what is copied from is held apart");
    assert!(emulator.find("line 19000", true));
    assert!(!emulator.find("line 900$", true));
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

#[test]
fn what_is_copied_from_does_not_change_while_the_guest_writes() {
    let mut emulator = emulator("one\r\ntwo\r\nthree\r\n");
    emulator.set_copying(true);
    emulator.go(Motion::Up);
    emulator.go(Motion::Up);
    emulator.select(true);
    emulator.write("more\r\n".repeat(20_000).as_bytes());
    emulator.mark("power off");
    emulator.go(Motion::Down);
    assert_eq!(emulator.selected(), "two\nthree\n");
    assert!(emulator.find("one", true));
    assert_eq!(emulator.scrolled(), (0, 0));
    emulator.set_copying(false);
    assert!(
        emulator.all_text().ends_with("more\n power off\n"),
        "it is there afterwards"
    );
}

#[test]
fn emoji_that_a_guest_joins_take_the_columns_that_are_counted() {
    let emulator = emulator("👩\u{200d}👧!");
    let area = ratatui::layout::Rect::new(0, 0, 20, 4);
    let mut buffer = ratatui::buffer::Buffer::empty(area);
    ratatui::widgets::Widget::render(Emulated::new(&emulator, true), area, &mut buffer);
    let symbols: Vec<&str> = [0, 2, 4].map(|x| buffer[(x, 0)].symbol()).to_vec();
    assert_eq!(symbols, ["👩", "👧", "!"]);
}
