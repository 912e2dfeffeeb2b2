//! Parts of the screen: alone, side by side, and under the mouse.

#![cfg(test)]

mod support;

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use placemat2_ui::{
    action::View,
    msg::{Effect, Msg},
    testing::{self, Shape},
    theme::ThemeName,
};
use support::{Screen, settings};

fn demo(size: (u16, u16)) -> Screen {
    Screen::new(Shape::DEMO, settings(ThemeName::Default), size)
}

/// Clicks where a text is on the screen, the last of them.
fn click(screen: &mut Screen, text: &str) -> Vec<Effect> {
    let shown = screen.text();
    let (row, line) = shown
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains(text))
        .last()
        .unwrap();
    let column = line[..line.find(text).unwrap()].chars().count();
    click_at(screen, column, row)
}

fn click_at(screen: &mut Screen, column: usize, row: usize) -> Vec<Effect> {
    screen.event(Event::Mouse(MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: column.try_into().unwrap(),
        row: row.try_into().unwrap(),
        modifiers: KeyModifiers::NONE,
    }))
}

#[test]
fn a_part_has_the_screen_to_itself_until_esc() {
    let mut screen = demo((120, 30));
    screen.keys(&["4", "down"]);
    testing::fill_log(&mut screen.model);
    screen.keys(&["enter", "z"]);
    assert!(!screen.text().contains("namespaces,"), "{}", screen.text());
    assert!(screen.text().contains("zoomed"));
    screen.keys(&["esc"]);
    assert!(screen.text().contains("namespaces,") && screen.model.side);
    // What is enlarged goes with the keyboard, and another view begins as it always does.
    screen.keys(&["z", "tab"]);
    assert!(screen.text().contains("namespaces,"));
    screen.keys(&["2"]);
    assert!(!screen.model.zoom);
}

#[test]
fn an_app_is_restarted_once_that_is_confirmed() {
    let mut screen = demo((120, 30));
    screen.keys(&["4", "r"]);
    assert!(screen.text().contains("no app is selected"));
    assert_eq!(screen.keys(&["down", "r", "enter"]), []);
    let effects = screen.keys(&["r", "y"]);
    assert!(
        matches!(&effects[..], [Effect::Restart(_, of)] if *of == testing::first_app()),
        "{effects:?}"
    );
    let Effect::Restart(job, _) = effects[0] else {
        unreachable!()
    };
    screen.message(Msg::Done(job, Ok(())));
    assert!(screen.text().contains("done: restart core/bird"));
    assert_eq!(
        screen.model.history.back().unwrap().text,
        "pmctl2 --lab dc app restart core/bird"
    );
}

#[test]
fn marked_nodes_are_opened_side_by_side() {
    let mut screen = demo((120, 30));
    screen.keys(&["2", "enter", "ctrl-]"]);
    let effects = screen.keys(&["2", "space", "down", "space", "enter"]);
    // One of the two is open already, and is brought here.
    let opened = effects.iter().filter(|effect| matches!(effect, Effect::Open(..)));
    assert_eq!(opened.count(), 2, "{effects:?}");
    assert_eq!(screen.model.consoles.tabs.len(), 1);
    assert_eq!(screen.model.consoles.tab().unwrap().tile.panes().len(), 2);
}

#[test]
fn marks_mean_the_same_for_every_key_and_are_used_up() {
    // One mark, and the cursor elsewhere.
    let mut screen = demo((120, 30));
    screen.keys(&["2", "space", "p"]);
    assert!(screen.text().contains("Power of r0-s1"), "{}", screen.text());
    screen.keys(&["esc"]);
    let effects = screen.keys(&["enter"]);
    let opened = |effects: &[Effect]| {
        effects
            .iter()
            .filter(|effect| matches!(effect, Effect::Open(..)))
            .count()
    };
    assert_eq!(opened(&effects), 1, "{effects:?}");
    assert!(screen.text().contains("r0-s1"), "{}", screen.text());
    assert!(screen.model.nodes.marked.is_empty());

    // What the filter hides is left out, and stays marked.
    screen.keys(&["ctrl-]", "2", "*", "/", "r", "1", "enter", "p"]);
    let text = screen.text();
    assert!(text.contains("Power of 2 nodes (2 marked hidden)"), "{text}");
    screen.keys(&["esc"]);
    assert!(screen.text().contains("4 marked (2 hidden)"), "{}", screen.text());
    assert_eq!(screen.keys(&["p", "r", "y"]).len(), 2);
    let marked: Vec<_> = screen.model.nodes.marked.iter().cloned().collect();
    assert_eq!(marked, ["r0-s1", "r0-s2"]);
    // Without any that is shown it is the selected row.
    screen.keys(&["p"]);
    assert!(
        screen.text().contains("Power of r1-s2 (2 marked hidden)"),
        "{}",
        screen.text()
    );
    screen.keys(&["esc"]);
    assert_eq!(opened(&screen.keys(&["enter"])), 1);
}

#[test]
fn consoles_are_opened_where_they_are_seen() {
    let mut screen = demo((120, 30));
    screen.keys(&["5", "enter"]);
    assert!(screen.text().contains("Which console?"), "{}", screen.text());
    screen.text_keys("r0-s2");
    let effects = screen.keys(&["enter"]);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Open(..))));
    assert!(screen.text().contains("The node is off."), "{}", screen.text());
    screen.keys(&["ctrl-]", "o"]);
    screen.text_keys("r1-s1");
    screen.keys(&["enter", "ctrl-]"]);
    assert_eq!(screen.model.consoles.tabs.len(), 2);
    // What is open in another tab comes here.
    screen.keys(&["-"]);
    screen.text_keys("r0-s2");
    screen.keys(&["enter"]);
    assert_eq!(screen.model.consoles.tabs.len(), 1);
}

#[test]
fn keys_of_the_key_bar_tabs_and_lists_are_clicked() {
    let mut screen = demo((120, 30));
    click(&mut screen, "2 Nodes");
    assert_eq!(screen.model.view, View::Nodes);
    click(&mut screen, "power ");
    assert!(screen.text().contains("Power of r0-s1"));
    click(&mut screen, "force off");
    assert!(screen.text().contains("Cut the power of r0-s1?"));
    screen.keys(&["esc"]);
    click(&mut screen, "help");
    assert_eq!(screen.model.popups.len(), 1);
    // A heading is nothing, what is beside the list closes it.
    click(&mut screen, "Everywhere");
    assert_eq!(screen.model.popups.len(), 1);
    click_at(&mut screen, 1, 20);
    assert!(screen.model.popups.is_empty());
    screen.keys(&["enter", "ctrl-]", "2", "down", "enter", "ctrl-]"]);
    assert_eq!(screen.model.consoles.current, 1);
    click_at(&mut screen, 2, 1);
    assert_eq!(screen.model.consoles.current, 0);
}

#[test]
fn a_box_of_the_topology_is_selected_where_it_is_seen() {
    for size in [(80, 24), (120, 30), (200, 60)] {
        let mut screen = demo(size);
        let map = &screen.model.map;
        let first = map.picture.layout.boxes[0].vertex;
        let other = map
            .picture
            .layout
            .boxes
            .iter()
            .find(|placed| placed.vertex != first)
            .unwrap();
        let id = map.picture.graph.vertices[other.vertex].id.clone();
        screen.model.map.select(first);
        let name = format!("● {}", id.rsplit('/').next().unwrap());
        let shown = screen.text();
        let (row, line) = shown
            .lines()
            .enumerate()
            .find(|(_, line)| line.contains(&name))
            .unwrap();
        let column = line[..line.find(&name).unwrap()].chars().count();
        click_at(&mut screen, column, row);
        let selected = screen.model.map.selected.clone().unwrap();
        assert_eq!(selected, id, "{size:?}\n{}", screen.text());
    }
}

#[test]
fn the_end_of_a_long_message_can_be_read() {
    let mut screen = demo((80, 24));
    let text = format!("{}the very end", "many words ".repeat(800));
    screen.message(Msg::EngineEnded(Some(format!("placemat2: {text}\n"))));
    assert!(screen.text().contains("The lab failed"));
    screen.keys(&["G"]);
    assert!(screen.text().contains("the very end"), "{}", screen.text());
    screen.keys(&["x", "left"]);
    assert!(
        screen.text().contains("the very end"),
        "what is no answer closes nothing"
    );
    screen.keys(&["enter"]);
    assert!(screen.model.popups.is_empty());
}

#[test]
fn a_text_that_is_typed_is_dropped_with_the_view_that_it_is_for() {
    let mut screen = demo((120, 30));
    screen.keys(&["2", "enter", "ctrl-]", "[", "S"]);
    assert!(screen.model.prompt.is_some());
    click(&mut screen, "2 Nodes");
    assert!(
        screen.model.prompt.is_none()
            && screen
                .keys(&["enter"])
                .iter()
                .all(|effect| !matches!(effect, Effect::Save(..)))
    );
}

#[test]
fn a_file_that_is_there_is_overwritten_only_after_a_question() {
    let mut screen = demo((120, 30));
    screen.keys(&["4", "down", "enter", "S"]);
    let effects = screen.keys(&["enter"]);
    let [Effect::Save(path, text)] = &effects[..] else {
        panic!("{effects:?}")
    };
    screen.message(Msg::Exists(path.clone(), text.clone()));
    assert!(
        screen.text().contains(&format!("Overwrite {path}?")),
        "{}",
        screen.text()
    );
    assert_eq!(screen.keys(&["enter"]), [], "cancelling is the default");
    screen.message(Msg::Exists(path.clone(), text.clone()));
    assert_eq!(screen.keys(&["y"]), [Effect::Overwrite(path.clone(), text.clone())]);
}

#[test]
fn the_key_bar_takes_the_keyboard_back() {
    let mut screen = demo((120, 30));
    screen.keys(&["2", "enter"]);
    assert!(screen.model.is_typing());
    click(&mut screen, "leave (twice");
    assert!(!screen.model.is_typing());
}

#[test]
fn what_was_opened_too_early_is_opened_again() {
    let mut screen = demo((120, 30));
    screen.keys(&["2", "down", "enter"]);
    let pane = screen.model.consoles.focused().unwrap();
    screen.message(Msg::Closed(pane, "Node \"r0-s2\" is not there yet.".into()));
    let mut state = testing::state(Shape::DEMO);
    state.nodes[1].power_status = placemat2_engine::node::PowerState::PoweringOn;
    let effects = screen.message(Msg::State(Box::new(state.clone())));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Open(id, ..) if *id == pane)),
        "{effects:?}"
    );

    screen.keys(&["ctrl-]", "4", "down"]);
    let of = testing::first_app();
    screen.message(Msg::LogEnded(of.clone(), "App is not started yet.".into()));
    let app = state
        .namespaces
        .iter_mut()
        .find(|netns| netns.name == of.netns)
        .unwrap();
    let app = app.apps.iter_mut().find(|app| app.name == of.app).unwrap();
    app.phase = placemat2_engine::store::AppPhase::Starting;
    let effects = screen.message(Msg::State(Box::new(state)));
    assert!(effects.contains(&Effect::Log(Some(of))), "{effects:?}");
}

#[test]
fn a_lab_that_nobody_hears_of_is_not_told_to_end() {
    let mut screen = demo((120, 30));
    screen.message(Msg::Lost("gone".into()));
    assert_eq!(screen.keys(&["q", "t"]), []);
    assert!(
        screen.text().contains("there is no connection to it"),
        "{}",
        screen.text()
    );
}
