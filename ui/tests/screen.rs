//! What the console looks like and what its keys do, without a lab and without a terminal.

#![cfg(test)]

mod support;

use crossterm::event::Event;
use placemat2_ui::{
    action::View,
    model::{Outcome, Settings, consoles::Source},
    msg::{Effect, Msg},
    testing::{self, Shape},
    theme::ThemeName,
    update::update,
};
use support::{SIZES, Screen, settings};

/// The ways to each view, from the beginning.
const VIEWS: [(&str, &[&str]); 23] = [
    ("topology", &[]),
    (
        "topology_path",
        &["/", "r", "0", "-", "s", "1", "enter", "space", "g", "space"],
    ),
    ("topology_link", &["down", "down", ".", "."]),
    ("nodes", &["2"]),
    ("nodes_marked", &["2", "down", "space", "space", "p"]),
    ("networks", &["3"]),
    ("namespaces", &["4", "down"]),
    ("namespace", &["4"]),
    ("log_zoom", &["4", "down", "enter", "z"]),
    ("restart", &["4", "down", "r"]),
    ("consoles", &["2", "enter"]),
    ("consoles_tiled", &["2", "*", "enter"]),
    ("bmc", &["6"]),
    ("bmc_none", &["6", "G"]),
    ("bmc_power", &["6", "p", "1", "p", "down", "end"]),
    ("redfish", &["6", "enter", ".", ".", "enter", "enter"]),
    (
        "redfish_patch",
        &[
            "6", "enter", ".", ".", "enter", "enter", "/", "n", "a", "m", "e", "enter", "n", "e",
        ],
    ),
    ("redfish_form", &["6", "b", "right", "down", "down"]),
    (
        "redfish_answer",
        &[
            "6", "enter", "R", "ctrl-u", "D", "E", "L", "E", "T", "E", "space", "/", "x", "enter",
        ],
    ),
    ("events", &["7"]),
    ("help", &["2", "?"]),
    ("palette", &[":", "p", "o", "w"]),
    ("confirm", &["2", "p", "f"]),
];

fn at(view: &[&str], theme: ThemeName, size: (u16, u16)) -> Screen {
    let mut screen = Screen::new(Shape::DEMO, settings(theme), size);
    screen.keys(view);
    testing::fill_log(&mut screen.model);
    if screen.model.view == View::Consoles {
        let pane = screen.model.consoles.focused().unwrap();
        update(&mut screen.model, Msg::Opened(pane));
        update(&mut screen.model, Msg::Bytes(pane, testing::BOOT.as_bytes().to_vec()));
    }
    screen
}

#[test]
fn every_view_at_three_sizes() {
    for (name, keys) in VIEWS {
        for size in SIZES {
            let screen = at(keys, ThemeName::Default, size);
            insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), screen.text());
        }
    }
}

#[test]
fn a_big_lab_at_three_sizes() {
    for size in SIZES {
        let mut screen = Screen::new(Shape::BIG, settings(ThemeName::Default), size);
        screen.keys(&["z"]);
        insta::assert_snapshot!(format!("big_{}x{}", size.0, size.1), screen.text());
        // A rack that is unfolded, and the way to another one.
        screen.text_keys("/r3-s1");
        screen.keys(&["enter", "space", "o", "/", "ctrl-u"]);
        screen.text_keys("r19");
        screen.keys(&["enter", "space"]);
        insta::assert_snapshot!(format!("big_path_{}x{}", size.0, size.1), screen.text());
    }
}

#[test]
fn looks_of_every_view_in_two_themes() {
    for theme in [ThemeName::Default, ThemeName::Mono] {
        for (name, keys) in VIEWS {
            let screen = at(keys, theme, SIZES[0]);
            insta::assert_snapshot!(format!("{name}_{}", theme.word()), screen.looks());
        }
    }
}

#[test]
fn mono_has_the_same_text_and_no_colour() {
    for (name, keys) in VIEWS {
        for size in SIZES {
            let (plain, coloured) = (at(keys, ThemeName::Mono, size), at(keys, ThemeName::Default, size));
            assert_eq!(plain.text(), coloured.text(), "{name}");
            assert!(plain.is_colourless(), "{name}");
        }
    }
}

#[test]
fn ascii_means_ascii() {
    for (name, keys) in VIEWS {
        let settings = Settings {
            ascii: true,
            ..settings(ThemeName::Default)
        };
        let mut screen = Screen::new(Shape::DEMO, settings, SIZES[1]);
        screen.keys(keys);
        let text = screen.text();
        let other = text.chars().find(|c| !c.is_ascii());
        assert_eq!(other, None, "{name}:\n{text}");
    }
}

#[test]
fn every_size_draws() {
    let mut screens: Vec<Screen> = VIEWS
        .iter()
        .map(|(_, keys)| at(keys, ThemeName::Default, SIZES[0]))
        .collect();
    for width in 0..=200 {
        for height in 0..=60 {
            // All sizes for each view would be many times as many; every view sees every kind of size.
            let views = screens.len();
            let screen = &mut screens[(usize::from(width) + usize::from(height)) % views];
            screen.event(Event::Resize(width, height));
            screen.text();
        }
    }
}

#[test]
fn small_sizes_draw_in_every_view() {
    for (_, keys) in VIEWS {
        let mut screen = at(keys, ThemeName::Default, SIZES[0]);
        for width in 0..=90 {
            for height in 0..=20 {
                screen.event(Event::Resize(width, height));
                screen.text();
            }
        }
        screen.event(Event::Resize(80, 24));
        assert!(!screen.text().contains("too small"));
    }
}

#[test]
fn keys_without_a_lab_do_no_harm() {
    let mut screen = Screen::empty(settings(ThemeName::Default), (80, 24));
    for key in [
        "2", "enter", "p", "esc", "3", "enter", "t", "4", "l", "enter", "s", "5", "enter", "|", "[", "6", "enter", "b",
        "v", "c", "tab", "r", "p", "7", "enter", "1", "enter", ".",
    ] {
        screen.keys(&[key]);
        screen.text();
    }
}

#[test]
fn enter_on_a_node_opens_its_console_and_ctrl_bracket_leaves_it() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    screen.keys(&["2"]);
    let effects = screen.keys(&["enter"]);
    assert!(
        matches!(&effects[..], [Effect::Open(_, Source::Console(node), _), ..] if node == "r0-s1"),
        "{effects:?}"
    );
    let pane = screen.model.consoles.focused().unwrap();
    screen.message(Msg::Opened(pane));
    // Every key is the guest's, those of this console too.
    assert_eq!(screen.keys(&["q"]), [Effect::Type(pane, b"q".to_vec())]);
    assert_eq!(screen.keys(&["esc"]), [Effect::Type(pane, b"\x1b".to_vec())]);
    assert_eq!(screen.keys(&["ctrl-z"]), [Effect::Type(pane, vec![0x1a])]);
    assert_eq!(screen.keys(&["ctrl-]"]), []);
    assert!(!screen.model.is_typing());
    // Twice: the guest gets it, and the keyboard.
    assert_eq!(screen.keys(&["ctrl-]"]), [Effect::Type(pane, vec![0x1d])]);
    assert!(screen.model.is_typing());
}

#[test]
fn destructive_actions_ask_and_cancel_is_the_default() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    assert_eq!(screen.keys(&["2", "p", "f", "enter"]), []);
    assert!(screen.model.popups.is_empty());
    let effects = screen.keys(&["p", "f", "y"]);
    assert!(
        matches!(&effects[..], [Effect::Power(_, node, verb)] if node == "r0-s1" && verb.word() == "off"),
        "{effects:?}"
    );
    let Effect::Power(job, ..) = &effects[0] else {
        unreachable!()
    };
    screen.message(Msg::Done(*job, Err("QEMU is stuck".into())));
    assert!(screen.text().contains("QEMU is stuck"));
    screen.keys(&["7", "tab"]);
    assert!(screen.text().contains(" enter read"), "{}", screen.text());
    screen.keys(&["enter"]);
    assert_eq!(screen.model.popups.len(), 1, "the whole reason can be read");
    screen.keys(&["esc"]);
    assert_eq!(
        screen.model.history.back().unwrap().text,
        "pmctl2 --lab dc node action off r0-s1"
    );
}

#[test]
fn safe_actions_do_not_ask_and_what_cannot_be_done_says_why() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    assert_eq!(screen.keys(&["2", "p", "o"]), []);
    assert!(
        screen.text().contains("cannot power on r0-s1: it is on"),
        "{}",
        screen.text()
    );
    let effects = screen.keys(&["down", "p", "o"]);
    assert!(
        matches!(&effects[..], [Effect::Power(_, node, _)] if node == "r0-s2"),
        "{effects:?}"
    );
}

#[test]
fn several_nodes_are_acted_on_at_once() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    // One of the four is off, and can't be reset.
    assert_eq!(screen.keys(&["2", "*", "p", "r", "y"]).len(), 3);
}

#[test]
fn readonly_disables_all_actions() {
    let settings = Settings {
        readonly: true,
        ..settings(ThemeName::Default)
    };
    let mut screen = Screen::new(Shape::DEMO, settings, (80, 24));
    assert_eq!(screen.keys(&["2", "p"]), []);
    assert!(screen.text().contains("read-only"));
    screen.keys(&["enter"]);
    assert!(!screen.model.is_typing(), "watching is no typing");
    screen.keys(&["q", "t"]);
    assert!(screen.model.popups.is_empty() && screen.text().contains("cannot tear the lab down"));
}

#[test]
fn tearing_down_is_never_one_key() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    assert_eq!(screen.keys(&["q", "t", "enter"]), []);
    assert_eq!(screen.keys(&["q", "t", "y"]), [Effect::TearDown(4711)]);
    screen.message(Msg::Lost("gone".into()));
    assert_eq!(screen.model.leaving, Some(Outcome::Ended));
}

#[test]
fn a_paste_of_lines_asks_first() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    screen.keys(&["2", "enter"]);
    let pane = screen.model.consoles.focused().unwrap();
    screen.message(Msg::Opened(pane));
    assert_eq!(
        screen.event(Event::Paste("ls".into())),
        [Effect::Type(pane, b"ls".to_vec())]
    );
    assert_eq!(screen.event(Event::Paste("rm -r a\nrm -r b\n".into())), []);
    assert!(screen.text().contains("Paste 2 lines into r0-s1?"), "{}", screen.text());
    assert_eq!(
        screen.keys(&["y"]),
        [Effect::Type(pane, b"rm -r a\rrm -r b\r".to_vec())]
    );
}

#[test]
fn a_console_tells_of_power_cycles() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    screen.keys(&["2", "down", "enter"]);
    let mut state = testing::state(Shape::DEMO);
    state.nodes[1].power_status = placemat2_engine::node::PowerState::On;
    screen.message(Msg::State(Box::new(state)));
    assert!(screen.text().contains("10:32:00 power on"), "{}", screen.text());
    screen.message(Msg::State(Box::new(testing::state(Shape::DEMO))));
    assert!(screen.text().contains("power off: guest panicked"));
}

#[test]
fn a_lost_connection_is_shown_and_consoles_are_opened_again() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    screen.keys(&["2", "enter"]);
    let pane = screen.model.consoles.focused().unwrap();
    screen.message(Msg::Opened(pane));
    screen.message(Msg::Closed(pane, "the connection to the console ended".into()));
    screen.message(Msg::Lost("no such file".into()));
    assert!(screen.text().contains("connection lost") && screen.text().contains("trying again"));
    let effects = screen.message(Msg::Connected);
    assert!(
        matches!(&effects[..], [Effect::Open(id, ..)] if *id == pane),
        "{effects:?}"
    );
}

#[test]
fn what_was_followed_is_followed_again() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    assert_eq!(screen.message(Msg::Connected), [Effect::Links(true)]);
    screen.keys(&["4", "down"]);
    testing::fill_log(&mut screen.model);
    let of = testing::first_app();
    screen.message(Msg::LogEnded(of.clone(), "the lab ended the log".into()));
    assert_eq!(screen.message(Msg::Connected), [Effect::Log(Some(of))]);
    // The first line of another run has the number of one that was there.
    testing::fill_log(&mut screen.model);
    assert_eq!(screen.model.log.visible.len(), testing::log().len());
}

#[test]
fn what_is_typed_goes_to_all_panes_of_a_broadcast() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (120, 30));
    screen.keys(&["2", "enter", "ctrl-]", "|", "r", "1", "-", "s", "1", "enter"]);
    let panes: Vec<_> = screen.model.consoles.panes.keys().copied().collect();
    assert_eq!(panes.len(), 2, "{}", screen.text());
    for pane in panes {
        screen.message(Msg::Opened(pane));
    }
    screen.keys(&["b", "enter"]);
    assert_eq!(screen.keys(&["x"]).len(), 2);
}

#[test]
fn a_break_goes_where_keys_go_and_the_next_key_after_it() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (120, 30));
    screen.keys(&["5", "B"]);
    assert!(
        screen.text().contains("no serial console is selected"),
        "{}",
        screen.text()
    );
    screen.keys(&["2", "enter", "ctrl-]", "|", "r", "1", "-", "s", "1", "enter", "b"]);
    let sent = |effects: &[Effect]| {
        let nodes = effects.iter().filter_map(|effect| match effect {
            Effect::Break(_, node) => Some(node.clone()),
            _ => None,
        });
        nodes.collect::<Vec<_>>()
    };
    let panes: Vec<_> = screen.model.consoles.panes.keys().copied().collect();
    for pane in panes {
        screen.message(Msg::Opened(pane));
    }
    assert_eq!(sent(&screen.keys(&["B"])), ["r0-s1", "r1-s1"]);
    assert!(screen.model.is_typing());
    assert_eq!(screen.keys(&["s"]).len(), 2);
}

#[test]
fn a_filter_is_live_and_esc_drops_it() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    screen.keys(&["2", "/", "r", "1"]);
    assert_eq!(screen.model.nodes.visible.len(), 2);
    assert!(screen.text().contains("FILTER"));
    screen.keys(&["enter", "!"]);
    assert_eq!(screen.model.nodes.visible, [0, 1]);
    screen.keys(&["esc"]);
    assert_eq!(screen.model.nodes.visible.len(), 4);
}

#[test]
fn the_palette_does_what_belongs_to_other_views_there() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    screen.keys(&["7", ":"]);
    screen.keys(&["w", "r", "a", "p", "enter"]);
    assert!(screen.model.log.wrap && screen.model.view == View::Namespaces);
}
