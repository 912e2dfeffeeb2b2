//! What guests write, and what comes of it.

use alacritty_terminal::term::TermMode;
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
