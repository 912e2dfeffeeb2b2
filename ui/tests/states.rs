//! How nodes, apps and the lab are: in every view the same, with the reason where something is not as it should be.

#![cfg(test)]

mod support;

use placemat2_engine::store::State;
use placemat2_ui::{
    msg::Msg,
    testing::{self, Shape},
    theme::ThemeName,
};
use serde_json::json;
use support::{Screen, settings};

const WHY: &str = "`console login:` has not succeeded within 60 seconds: the last line on the console is `Kernel panic - not syncing`";

fn demo(size: (u16, u16)) -> Screen {
    Screen::new(Shape::DEMO, settings(ThemeName::Default), size)
}

/// The demo with other things in it.
fn with(size: (u16, u16), change: impl FnOnce(&mut State)) -> Screen {
    let mut screen = demo(size);
    let mut state = testing::state(Shape::DEMO);
    change(&mut state);
    screen.message(Msg::State(Box::new(state)));
    screen
}

/// The first node is on, and given up.
fn unready(state: &mut State) {
    state.nodes[0].ready = serde_json::from_value(json!({
        "state": "not-ready", "probe": "console login:", "reason": WHY, "since": "2026-11-26T08:31:02Z",
    }))
    .unwrap();
}

/// What the screen says right of that column, from line to line, as one text.
fn joined(screen: &Screen, column: usize) -> String {
    let part = |line: &str| line.chars().skip(column).collect::<String>();
    let text: String = screen.text().lines().map(|line| part(line) + "\n").collect();
    let words = text.split(|c: char| c.is_whitespace() || "│┃".contains(c));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_node_that_is_on_but_not_ready_is_not_told_to_be_well() {
    let mut screen = with((120, 30), |state| {
        unready(state);
        let waiting = json!({ "state": "waiting", "probe": "tcp 22", "reason": null, "since": null });
        state.nodes[2].ready = serde_json::from_value(waiting).unwrap();
    });
    let text = screen.text();
    for part in [
        "✗ r0-s1",
        "not ready",
        "◐ r1-s1",
        "waiting",
        "✗ r0-s2",
        "failed",
        "● r1-s2",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(text.contains("3/4 nodes on  12/16 ready"), "{text}");
    screen.keys(&["G"]);
    screen.keys(&["2", "t"]);
    let detail = joined(&screen, 86);
    assert!(
        detail.contains(&format!("ready ✗ not ready why {WHY}")),
        "{}",
        screen.text()
    );
}

#[test]
fn a_namespace_is_the_same_in_every_view_and_an_app_tells_whether_it_is_ready() {
    let mut screen = with((120, 30), |state| {
        let app = &mut state.namespaces[0].apps[0];
        app.ready = serde_json::from_value(json!({
            "state": "not-ready", "probe": "tcp 179", "reason": "connection refused", "since": null,
        }))
        .unwrap();
    });
    let shown = screen.text();
    assert!(shown.contains("✗ core") && shown.contains("not ready"), "{shown}");
    assert!(shown.contains("app died"), "{shown}");
    screen.keys(&["4"]);
    let text = screen.text();
    let line = |name: &str| {
        text.lines()
            .find(|line| line.contains(name))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(line("▿ core").contains("✗ not ready"), "{text}");
    assert!(line("  bird").contains("✗ not ready"), "{text}");
    assert!(line("r0-tor2").contains("✗ app died"), "{text}");
    assert!(
        joined(&screen, 48).contains("✗ not ready (app bird: connection refused)"),
        "{text}"
    );
}

#[test]
fn a_rack_of_which_not_all_are_ready_says_so() {
    let mut screen = with((120, 30), |state| {
        unready(state);
        state.nodes[1] = state.nodes[2].clone();
        state.nodes[1].name = "r0-s2".into();
    });
    screen.keys(&["O"]);
    let text = screen.text();
    assert!(text.contains("✗ r0") && text.contains("1/2 ready"), "{text}");
    assert!(text.contains("● r1") && text.contains("2/2 on"), "{text}");
}

#[test]
fn why_a_node_is_not_ready_can_be_read_at_every_size() {
    for size in support::SIZES {
        let mut screen = with(size, unready);
        screen.keys(&["2"]);
        // The column has what room there is, the detail has all of it.
        let text = screen.text();
        let cut = text
            .lines()
            .any(|line| line.contains("r0-s1") && line.contains("`console login:`"));
        assert!(cut, "{size:?}\n{text}");
        let column = if size.0 >= 120 { size.0 - 44 } else { 0 };
        assert!(
            joined(&screen, column.into()).contains(&format!("why {WHY}")),
            "{size:?}\n{text}"
        );
    }
    // What was cut shows it.
    let mut screen = with((160, 40), unready);
    screen.keys(&["2"]);
    let text = screen.text();
    assert!(
        text.lines().any(|line| line.contains("r0-s1") && line.contains('…')),
        "{text}"
    );
}

#[test]
fn a_long_event_is_read_as_a_whole() {
    let mut screen = demo((80, 24));
    let event = json!({
        "id": 100, "time": "2026-11-26T08:31:02Z", "level": "error", "object": "node/r0-s1", "kind": "ready",
        "message": format!("r0-s1 is not ready: {WHY}"),
    });
    screen.message(Msg::Events(vec![serde_json::from_value(event).unwrap()]));
    screen.keys(&["7"]);
    assert!(screen.text().contains('…'), "{}", screen.text());
    screen.keys(&["x"]);
    let text = joined(&screen, 0);
    assert!(text.contains(WHY) && text.contains("node/r0-s1"), "{}", screen.text());
}

#[test]
fn a_failed_bring_up_shows_the_step_that_failed_and_the_cause() {
    let error = "node `r0-s1`: QEMU ended with exit code 1: qemu-system-x86_64: warning: host doesn't support requested feature\n\
        qemu-system-x86_64: -drive file=/srv/root.img: Could not open '/srv/root.img': No such file or directory";
    for size in [(80, 24), (120, 30)] {
        let screen = with(size, |state| {
            state.lab.phase = placemat2_engine::store::LabPhase::Failed;
            state.lab.error = Some(error.into());
            state.lab.steps[2].failed = true;
        });
        let text = screen.text();
        assert!(text.contains("● namespaces 0.3s  ✗ nodes 2.2s"), "{text}");
        let told = joined(&screen, 0);
        for part in [
            "✗ node `r0-s1`: QEMU ended with exit code 1",
            "'/srv/root.img': No such file or directory",
        ] {
            assert!(told.contains(part), "{part} in\n{text}");
        }
        let status = text.lines().last().unwrap_or_default();
        assert!(status.contains("the lab failed: qemu-system"), "{text}");
    }
}

#[test]
fn the_state_of_the_connection_has_a_glyph() {
    let mut screen = demo((80, 24));
    screen.message(Msg::Lost("gone".into()));
    assert!(screen.text().starts_with(" dc ✗ connection lost"), "{}", screen.text());
    screen.message(Msg::EngineEnded(None));
    assert!(screen.text().starts_with(" dc ○ ended"), "{}", screen.text());
    screen.message(Msg::EngineEnded(Some("placemat2: no\n".into())));
    assert!(screen.text().starts_with(" dc ✗ failed"), "{}", screen.text());
}

#[test]
fn what_was_so_before_the_connection_was_lost_is_not_told_to_be_so() {
    let mut screen = demo((120, 30));
    screen.message(Msg::Lost("gone".into()));
    for view in ["1", "2", "3", "4", "6"] {
        screen.keys(&[view]);
        let text = screen.text();
        let body: Vec<&str> = text.lines().skip(1).collect();
        assert!(!body.iter().any(|line| line.contains('●')), "{text}");
        assert!(body.iter().any(|line| line.contains('?')), "{text}");
    }
    assert!(!screen.text().contains("2h01m"), "{}", screen.text());
    screen.keys(&["q"]);
    let text = screen.text();
    assert!(
        text.contains("the lab does not answer") && !text.contains("leave the lab running"),
        "{text}"
    );
    screen.keys(&["esc"]);
    screen.message(Msg::Connected);
    assert!(screen.text().contains("● on"), "{}", screen.text());
}

#[test]
fn a_node_that_is_off_has_no_address_of_a_dhcp_server_and_what_is_empty_is_left_out() {
    let mut screen = with((120, 30), |state| {
        state.nodes[1].addresses = state.nodes[0].addresses.clone();
        state.nodes[1].smbios.manufacturer.clear();
        state.nodes[1].smbios.product.clear();
    });
    screen.keys(&["2", "down"]);
    let text = screen.text();
    let row = text.lines().find(|line| line.contains("r0-s2")).unwrap_or_default();
    assert!(!row.contains("10.69."), "{text}");
    assert!(joined(&screen, 76).contains("smbios demo-r0-s2"), "{text}");
    assert!(!joined(&screen, 76).contains("(DHCP)"), "{text}");
}
