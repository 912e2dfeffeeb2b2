//! Consoles: what is typed and pasted, who gets it, and what sizes they have.

#![cfg(test)]

mod support;

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use jiff::ToSpan as _;
use placemat2_ui::{
    action::View,
    model::{Outcome, consoles::PaneId},
    msg::{Effect, Msg},
    testing::Shape,
    theme::ThemeName,
};
use support::{Screen, settings};

/// The way to a shell inside the first namespace.
const SHELL: [&str; 2] = ["4", "s"];

fn screen(size: (u16, u16)) -> Screen {
    Screen::new(Shape::DEMO, settings(ThemeName::Default), size)
}

/// The screen with what these keys open, connected.
fn with(keys: &[&str], size: (u16, u16)) -> (Screen, PaneId) {
    let mut screen = screen(size);
    screen.keys(keys);
    let pane = connected(&mut screen);
    (screen, pane)
}

/// Connects the focused pane.
fn connected(screen: &mut Screen) -> PaneId {
    let pane = screen.model.consoles.focused().unwrap();
    screen.message(Msg::Opened(pane));
    pane
}

fn passes(screen: &mut Screen, milliseconds: i64) {
    let now = screen.model.now + milliseconds.milliseconds();
    screen.message(Msg::Time(now));
}

#[test]
fn a_paste_of_lines_asks_first_however_the_terminal_ends_them() {
    for end in ["\r", "\n", "\r\n"] {
        let (mut screen, pane) = with(&["2", "enter"], (80, 24));
        let text = ["rm -r a", "", "rm -r b"].join(end);
        assert_eq!(screen.event(Event::Paste(text)), [], "{end:?}");
        let asked = screen.text();
        assert!(asked.contains("Paste 3 lines into r0-s1?"), "{end:?}: {asked}");
        assert!(asked.contains("It begins with: rm -r a  "), "{end:?}: {asked}");
        assert_eq!(
            screen.keys(&["y"]),
            [Effect::Type(pane, b"rm -r a\r\rrm -r b".to_vec())],
            "{end:?}"
        );
        // A line that is ended is run.
        assert_eq!(screen.event(Event::Paste(format!("reboot{end}"))), []);
        assert!(screen.text().contains("Paste a whole line into r0-s1?"), "{end:?}");
    }
}

#[test]
fn other_views_do_not_change_the_size_of_consoles() {
    let (mut screen, pane) = with(&["2", "enter"], (120, 30));
    let size = screen.model.consoles.panes[&pane].emulator.size();
    screen.keys(&["ctrl-]"]);
    for view in ["1", "2", "3", "4", "6", "7"] {
        let effects = screen.keys(&[view]);
        let resized = effects.iter().any(|effect| matches!(effect, Effect::Resize(..)));
        assert!(!resized, "{view}: {effects:?}");
        assert_eq!(screen.model.consoles.panes[&pane].emulator.size(), size, "{view}");
    }
    // What the terminal became meanwhile counts as soon as they are looked at again.
    screen.event(Event::Resize(100, 40));
    let effects = screen.keys(&["5"]);
    assert!(
        matches!(effects[..], [Effect::Resize(id, size), ..] if id == pane && size.columns == 98),
        "{effects:?}"
    );
}

#[test]
fn the_key_that_leaves_is_sent_only_if_it_is_hit_twice_at_once() {
    let (mut screen, pane) = with(&["2", "enter"], (80, 24));
    let sent = [Effect::Type(pane, vec![0x1d])];
    screen.keys(&["ctrl-]"]);
    passes(&mut screen, 400);
    assert_eq!(screen.keys(&["ctrl-]"]), sent);
    screen.keys(&["ctrl-]"]);
    passes(&mut screen, 7000);
    assert_eq!(screen.keys(&["ctrl-]"]), []);
    assert!(!screen.model.is_typing());
}

#[test]
fn after_a_click_or_in_another_view_the_key_that_leaves_is_not_sent() {
    let (mut screen, _) = with(&["2", "enter"], (80, 24));
    screen.keys(&["ctrl-]"]);
    let click = |column, row| {
        Event::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row,
            modifiers: KeyModifiers::NONE,
        })
    };
    // On the border of the status line: nothing is done by it.
    screen.event(click(0, 23));
    assert_eq!(screen.keys(&["ctrl-]"]), []);
    // On the name of another view.
    screen.keys(&["enter"]);
    connected(&mut screen);
    screen.keys(&["ctrl-]"]);
    let header = screen.text();
    let column = header[..header.find("2 Nodes").unwrap()].chars().count();
    screen.event(click(u16::try_from(column).unwrap(), 0));
    assert_eq!(screen.model.view, View::Nodes);
    assert_eq!(screen.keys(&["ctrl-]"]), []);
}

#[test]
fn a_shell_is_closed_only_if_that_is_meant() {
    let (mut screen, pane) = with(&SHELL, (80, 24));
    screen.keys(&["ctrl-]"]);
    assert_eq!(screen.keys(&["x"]), []);
    assert!(screen.text().contains("Close the shell in core?"), "{}", screen.text());
    assert_eq!(screen.keys(&["enter"]), [], "cancelling is the default");
    assert_eq!(screen.keys(&["x", "y"]), [Effect::Close(pane)]);
    // A serial console goes on without whoever looks at it, and a shell that has ended has nothing to lose.
    let (mut screen, pane) = with(&["2", "enter", "ctrl-]"], (80, 24));
    assert_eq!(screen.keys(&["x"]), [Effect::Close(pane)]);
    let (mut screen, pane) = with(&SHELL, (80, 24));
    screen.message(Msg::Closed(pane, "the shell ended".into()));
    assert_eq!(screen.keys(&["x"]), [Effect::Close(pane)]);
}

#[test]
fn whoever_leaves_is_told_of_the_shells_that_end() {
    for keys in [&["d"][..], &["q", "l"], &["q", "enter"]] {
        let (mut screen, _) = with(&SHELL, (80, 24));
        screen.keys(&["ctrl-]"]);
        screen.keys(keys);
        assert_eq!(screen.model.leaving, None, "{keys:?}");
        assert!(screen.text().contains("1 shell ends"), "{keys:?}: {}", screen.text());
        screen.keys(&["esc"]);
        assert_eq!(screen.model.leaving, None, "{keys:?}");
        screen.keys(keys);
        screen.keys(&["y"]);
        assert_eq!(screen.model.leaving, Some(Outcome::Detached), "{keys:?}");
    }
    let (mut screen, _) = with(&["2", "enter", "ctrl-]"], (80, 24));
    screen.keys(&["d"]);
    assert_eq!(screen.model.leaving, Some(Outcome::Detached), "nothing is lost");
}

#[test]
fn what_is_copied_stays_while_the_guest_writes_on() {
    let (mut screen, pane) = with(&["2", "enter"], (80, 24));
    screen.message(Msg::Bytes(pane, b"first\r\nsecond\r\n".to_vec()));
    screen.keys(&["ctrl-]", "[", "up", "up", "v"]);
    let before = screen.text();
    for line in 0..300 {
        screen.message(Msg::Bytes(pane, format!("line {line}\r\n").into_bytes()));
    }
    assert_eq!(screen.text(), before);
    screen.keys(&["down"]);
    let effects = screen.keys(&["y"]);
    assert_eq!(effects, [Effect::Clipboard("first\ns".into())]);
    assert!(screen.text().contains("line 299"), "{}", screen.text());
}

#[test]
fn every_console_that_is_opened_is_in_the_log_of_commands() {
    let logged = |screen: &Screen| {
        let texts = screen.model.history.iter().map(|command| command.text.clone());
        texts.collect::<Vec<_>>()
    };
    let mut screen = screen((120, 30));
    screen.keys(&["2", "enter", "ctrl-]", "|", "r", "1", "-", "s", "1", "enter"]);
    let opened = ["pmctl2 --lab dc node enter r0-s1", "pmctl2 --lab dc node enter r1-s1"];
    assert_eq!(logged(&screen), opened);
    // Those that are open already are not opened again.
    screen.keys(&["2", "*", "enter"]);
    assert_eq!(
        logged(&screen)[2..],
        ["pmctl2 --lab dc node enter r0-s2", "pmctl2 --lab dc node enter r1-s2"]
    );
    screen.keys(&SHELL);
    assert_eq!(logged(&screen)[4..], ["pmctl2 --lab dc netns enter core"]);
}

#[test]
fn where_one_part_fits_one_console_is_shown() {
    let mut screen = screen((120, 30));
    screen.keys(&["2", "enter", "ctrl-]", "|", "r", "1", "-", "s", "1", "enter"]);
    screen.event(Event::Resize(59, 20));
    let panes = |screen: &Screen| screen.text().matches("connecting").count();
    assert_eq!(panes(&screen), 1, "{}", screen.text());
    assert!(screen.text().contains("r1-s1 "), "{}", screen.text());
    screen.keys(&["ctrl-]", "tab"]);
    assert!(screen.text().contains("r0-s1 +1"), "{}", screen.text());
    screen.event(Event::Resize(120, 30));
    assert_eq!(panes(&screen), 2, "{}", screen.text());
}

#[test]
fn a_question_names_its_object_at_any_size() {
    let mut screen = screen((40, 8));
    screen.keys(&["2", "p", "f"]);
    let asked = screen.text();
    assert!(asked.contains("r0-s1?") && asked.contains("[ cancel ]"), "{asked}");
}

#[test]
fn what_a_guest_asked_before_is_not_answered() {
    let (mut screen, pane) = with(&["2", "enter"], (80, 24));
    assert_eq!(screen.message(Msg::Replay(pane, b"/ # \x1b[6n\x07\x1b[".to_vec())), []);
    assert!(screen.text().contains("/ #"), "{}", screen.text());
    // What it asks now is, also if it had begun to before.
    let answer = [Effect::Type(pane, b"\x1b[1;5R".to_vec())];
    assert_eq!(screen.message(Msg::Bytes(pane, b"6n".to_vec())), answer);
}

#[test]
fn of_those_who_look_on_a_serial_line_who_types_answers() {
    let (mut screen, pane) = with(&["2", "enter"], (80, 24));
    let asks = |screen: &mut Screen| screen.message(Msg::Bytes(pane, b"\x1b[6n".to_vec())).len();
    assert_eq!(asks(&mut screen), 1);
    screen.keys(&["ctrl-]"]);
    assert_eq!(asks(&mut screen), 0);
    screen.keys(&["enter", "ctrl-]", "|", "r", "1", "-", "s", "1", "enter", "enter"]);
    assert_eq!(asks(&mut screen), 0, "another pane has the keyboard");
    screen.keys(&["ctrl-]", "b", "enter"]);
    assert_eq!(asks(&mut screen), 1);
    screen.keys(&["ctrl-]", "1"]);
    assert_eq!(asks(&mut screen), 0);
    // A shell has no other terminal than this one.
    let (mut screen, shell) = with(&["4", "s", "ctrl-]"], (80, 24));
    assert_eq!(screen.message(Msg::Bytes(shell, b"\x1b[6n".to_vec())).len(), 1);
}

#[test]
fn a_guest_is_told_the_size_that_a_serial_line_cannot_tell() {
    let mut screen = screen((120, 30));
    screen.keys(&["5", "R"]);
    assert!(
        screen.text().contains("no serial console is selected"),
        "{}",
        screen.text()
    );
    screen.keys(&["2", "enter", "ctrl-]", "R"]);
    assert!(screen.text().contains("not connected"), "{}", screen.text());
    let one = connected(&mut screen);
    let told = |pane, cols| Effect::Type(pane, format!("stty rows 24 cols {cols}\r").into_bytes());
    assert_eq!(screen.keys(&["R"]), [told(one, 118)]);
    assert_eq!(
        screen.model.history.back().unwrap().text,
        "pmctl2 --lab dc node type --enter r0-s1 'stty rows 24 cols 118'"
    );
    // Each line that keys go to, the size of its pane.
    screen.keys(&["|", "r", "1", "-", "s", "1", "enter", "b"]);
    let two = connected(&mut screen);
    assert_eq!(screen.keys(&["R"]), [told(one, 58), told(two, 58)]);
}
