//! BMCs and the Redfish explorer, without a lab: what keys ask for, and what follows from the answers.

#![cfg(test)]

mod support;

use std::time::Duration;

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use placemat2_engine::api::RedfishRequest;
use placemat2_ui::{
    action::View,
    model::{Settings, bmc::Exchange, popup::Popup},
    msg::{Effect, Msg},
    testing::{self, Shape},
    theme::ThemeName,
    update::update,
};
use serde_json::json;
use support::{Screen, settings};

const SYSTEM: &str = "/redfish/v1/Systems/System.Embedded.1";

fn screen(keys: &[&str]) -> Screen {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (120, 30));
    screen.keys(keys);
    screen
}

/// The one request that the effects ask a BMC for.
fn asked(effects: &[Effect]) -> (&str, &RedfishRequest) {
    match effects {
        [Effect::Ask(_, node, request)] => (node, request),
        other => panic!("{other:?}"),
    }
}

/// Walks from the list to the system of the first node.
const TO_SYSTEM: [&str; 6] = ["6", "enter", ".", ".", "enter", "enter"];

#[test]
fn the_selected_bmc_is_read_as_long_as_it_is_looked_at() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (120, 30));
    // Without an answer nothing can be offered: the form waits for it.
    let effects = update(&mut screen.model, key("6"));
    assert!(effects.contains(&Effect::Survey(Some("r0-s1".into()))), "{effects:?}");
    update(&mut screen.model, key("b"));
    assert!(screen.text().contains("reading the BMC of r0-s1"), "{}", screen.text());
    testing::serve(&mut screen.model, &effects);
    assert!(screen.text().contains("Boot override of r0-s1"), "{}", screen.text());
    screen.keys(&["esc"]);
    assert_eq!(screen.keys(&["down"]), [Effect::Survey(Some("r0-s2".into()))]);
    // That of the next can't be read, and the screen says why.
    assert_eq!(screen.keys(&["down"]), [Effect::Survey(None)]);
    assert!(screen.text().contains("is not served"), "{}", screen.text());
    screen.keys(&["up"]);
    let text = screen.text();
    for part in [
        "CPUUsage 12.5 %",
        "Virtual CD: empty",
        "The watchdog reset the machine.",
        "10.72.16.12, UDP port 623",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(screen.keys(&["7"]).contains(&Effect::Survey(None)));
}

fn key(text: &str) -> Msg {
    let key: placemat2_ui::key::Key = text.parse().unwrap();
    Msg::Input(Event::Key(key.event()))
}

#[test]
fn links_are_followed_and_the_way_back_ends_at_the_list() {
    let mut screen = screen(&["6"]);
    let effects = screen.keys(&["enter"]);
    assert_eq!(asked(&effects).1.path, "/redfish/v1/");
    let effects = screen.keys(&[".", ".", "enter"]);
    assert_eq!(asked(&effects).1.path, "/redfish/v1/Systems");
    screen.keys(&["l"]);
    let text = screen.text();
    assert!(text.contains("v1 › Systems › System.Embedded.1"), "{text}");
    assert!(
        text.contains("GET /redfish/v1/Systems/System.Embedded.1") && text.contains("● 200  4 ms"),
        "{text}"
    );
    assert_eq!(
        screen.model.history.back().unwrap().text,
        format!("pmctl2 --lab dc redfish r0-s1 GET {SYSTEM}")
    );
    screen.keys(&["esc", "h"]);
    // Where it was is where it is again.
    assert!(screen.model.bmcs.explorer.line().unwrap().text().contains("Systems"));
    screen.keys(&["esc"]);
    assert!(!screen.model.side && screen.model.view == View::Bmc);
    assert_eq!(screen.keys(&["tab"]), [], "it is still there");
    assert!(screen.model.side);
}

#[test]
fn an_action_is_a_form_and_asks_before_it_destroys() {
    let mut screen = screen(&TO_SYSTEM);
    let effects = screen.keys(&["a", "enter", "enter"]);
    assert_eq!(
        asked(&effects),
        (
            "r0-s1",
            &request(
                "POST",
                &format!("{SYSTEM}/Actions/ComputerSystem.Reset"),
                json!({ "ResetType": "On" })
            ),
        )
    );
    // The change is what one wants to see, not that the resource was read again.
    assert!(screen.text().contains("● 204"), "{}", screen.text());
    assert_eq!(screen.keys(&["a", "right", "enter", "enter"]), []);
    assert!(
        screen.text().contains("ComputerSystem.Reset ForceOff of r0-s1?"),
        "{}",
        screen.text()
    );
    let effects = screen.keys(&["y"]);
    assert_eq!(asked(&effects).1.body, Some(json!({ "ResetType": "ForceOff" })));
    assert!(screen.text().contains("done: POST"));
}

fn request(method: &str, path: &str, body: serde_json::Value) -> RedfishRequest {
    RedfishRequest {
        method: method.into(),
        path: path.into(),
        body: Some(body),
        ..RedfishRequest::default()
    }
}

#[test]
fn the_parameters_of_an_action_are_read_where_it_says() {
    let mut screen = screen(&["6", "enter", ".", "enter", "enter"]);
    assert!(screen.text().contains("Manager.Reset"), "{}", screen.text());
    let effects = screen.keys(&["a"]);
    assert_eq!(asked(&effects).1.path, "/redfish/v1/Managers/BMC/ResetActionInfo");
    let Some(Popup::Form(form)) = screen.model.popups.last() else {
        panic!("no form in\n{}", screen.text())
    };
    // What is not required may be left out.
    assert_eq!(form.request().unwrap().body, Some(json!({})));
}

#[test]
fn a_resource_is_patched_by_a_body_that_begins_with_the_line() {
    let mut screen = screen(&TO_SYSTEM);
    screen.keys(&["/", "e", "n", "a", "b", "l", "e", "d", "\"", "enter", "e"]);
    assert!(
        screen
            .text()
            .contains(r#"{"Boot":{"BootSourceOverrideEnabled":"Disabled"}}"#),
        "{}",
        screen.text()
    );
    let effects = screen.keys(&["backspace", "!", "\"", "enter"]);
    assert_eq!(
        asked(&effects).1,
        &request(
            "PATCH",
            SYSTEM,
            json!({ "Boot": { "BootSourceOverrideEnabled": "Disabled!" } })
        )
    );
    // What can't be read is not sent, and not lost either.
    assert_eq!(screen.keys(&["e", "backspace", "backspace", "enter"]), []);
    assert!(screen.text().contains("is no JSON"), "{}", screen.text());
    screen.keys(&["R"]);
    let typed = screen.model.prompt.as_ref().unwrap().input.value().to_owned();
    assert!(typed.starts_with("PATCH /redfish"), "{typed}");
    screen.keys(&["esc", "esc", "e"]);
    assert!(
        screen.text().contains("can't be changed: it knows GET, HEAD"),
        "{}",
        screen.text()
    );
}

#[test]
fn what_a_bmc_refuses_is_told_in_its_words() {
    let mut screen = screen(&["6", "enter", "R", "ctrl-u"]);
    screen.text_keys("DELETE /redfish/v1/x");
    screen.keys(&["enter"]);
    let text = screen.text();
    assert!(
        text.contains("✗ 404") && text.contains("The resource at /redfish/v1/x was not found."),
        "{text}"
    );
    screen.keys(&["x"]);
    assert!(screen.text().contains("Base.1.19.GeneralError"), "{}", screen.text());
}

#[test]
fn the_boot_override_is_a_form_and_a_line_of_the_power_menu() {
    let mut screen = screen(&["6"]);
    let effects = screen.keys(&["b", "right", "enter", "enter", "enter", "enter"]);
    let boot = json!({ "Boot": {
        "BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once", "BootSourceOverrideMode": "Legacy",
    } });
    assert_eq!(asked(&effects), ("r0-s1", &request("PATCH", SYSTEM, boot)));
    let effects = screen.keys(&["p", "1"]);
    assert!(
        matches!(&effects[..], [Effect::Power(_, node, demand)] if node == "r0-s1" && demand.does() == "next boot from the network"),
        "{effects:?}"
    );
    // What was really asked is in the log of commands once it was.
    let Effect::Power(job, ..) = effects[0] else {
        unreachable!()
    };
    let request = request(
        "PATCH",
        SYSTEM,
        json!({ "Boot": { "BootSourceOverrideTarget": "Pxe" } }),
    );
    screen.message(Msg::Answered(
        job,
        Box::new(Exchange {
            node: "r0-s1".into(),
            answer: Ok(testing::answer(&request)),
            request,
            took: Duration::from_millis(3),
        }),
    ));
    assert!(
        screen.text().contains("done: next boot from the network of r0-s1"),
        "{}",
        screen.text()
    );
    let wanted =
        format!("pmctl2 --lab dc redfish r0-s1 PATCH {SYSTEM} '{{\"Boot\":{{\"BootSourceOverrideTarget\":\"Pxe\"}}}}'");
    assert!(
        screen.model.history.iter().any(|command| command.text == wanted),
        "{:?}",
        screen.model.history
    );
    assert_eq!(screen.keys(&["p", "3"]), []);
    assert!(
        screen.text().contains("this BMC offers None, Pxe, Hdd"),
        "{}",
        screen.text()
    );
}

#[test]
fn a_form_that_a_bmc_refuses_stays_and_says_why() {
    let mut screen = screen(&["6", "v"]);
    screen.text_keys("http://10.72.16.1/no.iso");
    // By hand, so that it is not answered at once.
    let send = |screen: &mut Screen| {
        let effects: Vec<Effect> = (0..4).flat_map(|_| update(&mut screen.model, key("enter"))).collect();
        let [Effect::Ask(job, node, request)] = &effects[..] else {
            panic!("{effects:?}")
        };
        (*job, node.clone(), request.clone())
    };
    let (job, node, request) = send(&mut screen);
    assert!(screen.text().contains("waiting for the answer"), "{}", screen.text());
    assert_eq!(update(&mut screen.model, key("enter")), [], "once is enough");
    let words =
        "What http://10.72.16.1/no.iso names can't be had. http://10.72.16.1/no.iso: connection refused by the server";
    let answer = |status: u16, body: serde_json::Value| {
        let answer = placemat2_engine::api::RedfishAnswer {
            status,
            headers: std::collections::BTreeMap::new(),
            body,
        };
        let exchange = Exchange {
            node: node.clone(),
            request: request.clone(),
            answer: Ok(answer),
            took: Duration::from_millis(3),
        };
        Box::new(exchange)
    };
    let refused = json!({ "error": { "@Message.ExtendedInfo": [{ "Message": words }] } });
    screen.message(Msg::Answered(job, answer(400, refused)));
    let text = screen.text();
    assert!(matches!(screen.model.popups[..], [Popup::Form(_)]), "{text}");
    assert!(
        text.contains("✗ 400 What http://10.72.16.1/no.iso names can't be had."),
        "{text}"
    );
    assert!(text.contains("connection refused by the server"), "{text}");
    // It is mended and sent again.
    screen.keys(&["up", "up", "up", "backspace"]);
    let (job, _, again) = send(&mut screen);
    assert_eq!(again.body.as_ref().unwrap()["Image"], "http://10.72.16.1/no.is");
    screen.message(Msg::Answered(job, answer(204, serde_json::Value::Null)));
    assert!(
        screen.model.popups.is_empty() && screen.text().contains("done: "),
        "{}",
        screen.text()
    );
}

#[test]
fn the_power_menu_says_why_a_bmc_can_not_be_asked() {
    let mut screen = screen(&["2", "G", "p"]);
    assert!(screen.text().contains("no: r1-s2 has no BMC"), "{}", screen.text());
    assert_eq!(screen.keys(&["1"]), []);
    assert!(
        screen.text().contains("r1-s2 has no BMC: no address was given"),
        "{}",
        screen.text()
    );
    // Of several, those are asked that can be.
    assert_eq!(screen.keys(&["*", "p", "1"]).len(), 2);
}

#[test]
fn a_redfish_reset_that_destroys_asks_too() {
    let mut screen = screen(&["2", "p"]);
    screen.keys(&["end", "up"]);
    assert_eq!(screen.keys(&["enter"]), []);
    assert!(screen.text().contains("Cut the power of r0-s1?"), "{}", screen.text());
    assert!(matches!(&screen.keys(&["y"])[..], [Effect::Power(_, _, demand)] if demand.word() == "ForceOff"));
}

#[test]
fn virtual_media_are_inserted_by_url() {
    let mut screen = screen(&["6", "v"]);
    screen.keys(&["enter", "enter", "enter", "enter"]);
    assert!(screen.text().contains("Image is missing"), "{}", screen.text());
    screen.event(Event::Paste("http://10.0.0.1/a.iso\n".into()));
    let effects = screen.keys(&["enter", "enter", "enter", "enter"]);
    let target = "/redfish/v1/Managers/BMC/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia";
    assert_eq!(
        asked(&effects).1,
        &request("POST", target, json!({ "Image": "http://10.0.0.1/a.iso" }))
    );
}

/// The BMC answers what was asked; what this console has kept of it all.
fn kept(screen: &mut Screen, effects: &[Effect]) -> String {
    let [Effect::Ask(job, node, request)] = effects else {
        panic!("{effects:?}")
    };
    screen.message(Msg::Answered(
        *job,
        Box::new(Exchange {
            node: node.clone(),
            request: request.clone(),
            answer: Err("it is gone".into()),
            took: Duration::from_millis(1),
        }),
    ));
    let model = &screen.model;
    format!("{}{:?}{:?}", screen.text(), model.history, model.bmcs)
}

#[test]
fn passwords_are_sent_and_not_kept() {
    let mut screen = screen(&["6", "v"]);
    for (text, shown) in [
        ("https://10.0.0.1/a.iso", "https://10.0.0.1/a.iso"),
        ("ada", "ada"),
        ("lovelace", "********"),
    ] {
        screen.event(Event::Paste(text.into()));
        assert!(screen.text().contains(shown), "{}", screen.text());
        screen.keys(&["enter"]);
    }
    assert!(!screen.text().contains("lovelace"), "{}", screen.text());
    let effects = screen.keys(&["enter"]);
    assert_eq!(asked(&effects).1.body.as_ref().unwrap()["Password"], "lovelace");
    let found = kept(&mut screen, &effects);
    assert!(found.contains("ada") && !found.contains("lovelace"), "{found}");
}

#[test]
fn a_password_that_was_typed_is_typed_again() {
    let mut screen = screen(&["6", "enter", "R"]);
    screen.keys(&["ctrl-u"]);
    let typed = r#"POST /redfish/v1/AccountService/Accounts {"UserName":"eve","Password":"lovelace"}"#;
    screen.event(Event::Paste(typed.into()));
    let effects = screen.keys(&["enter"]);
    assert_eq!(asked(&effects).1.body.as_ref().unwrap()["Password"], "lovelace");
    let found = kept(&mut screen, &effects);
    assert!(found.contains("eve") && !found.contains("lovelace"), "{found}");
    screen.keys(&["R"]);
    assert!(screen.text().contains(r#""Password":"""#), "{}", screen.text());
}

#[test]
fn readonly_walks_and_changes_nothing() {
    let settings = Settings {
        readonly: true,
        ..settings(ThemeName::Default)
    };
    let mut screen = Screen::new(Shape::DEMO, settings, (120, 30));
    screen.keys(&TO_SYSTEM);
    assert!(screen.text().contains("ComputerSystem.v1"), "{}", screen.text());
    for key in ["a", "e", "R", "b", "v", "p"] {
        assert_eq!(screen.keys(&[key]), [], "{key}");
        assert!(
            screen.text().contains("this console is read-only"),
            "{key}\n{}",
            screen.text()
        );
    }
    // Enter on an action, too.
    screen.keys(&["g", "."]);
    assert!(screen.model.bmcs.explorer.line().unwrap().action.is_some());
    assert_eq!(screen.keys(&["enter"]), []);
    assert!(screen.model.popups.is_empty());
}

#[test]
fn the_mouse_follows_links() {
    let mut screen = screen(&["6", "enter"]);
    let text = screen.text();
    let row = text.lines().position(|line| line.contains("\"Systems\"")).unwrap();
    let click = || {
        Event::Mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: 10,
            row: u16::try_from(row).unwrap(),
            modifiers: KeyModifiers::NONE,
        })
    };
    assert_eq!(screen.event(click()), []);
    assert_eq!(asked(&screen.event(click())).1.path, "/redfish/v1/Systems");
}

#[test]
fn an_event_of_a_bmc_leads_to_it() {
    let mut screen = screen(&[]);
    let event = json!({"id": 9, "time": "2026-11-26T08:31:00Z", "level": "info", "object": "node/r0-s2", "kind": "bmc", "message": "served"});
    screen.message(Msg::Events(vec![serde_json::from_value(event).unwrap()]));
    screen.keys(&["7", "enter"]);
    assert_eq!(
        (screen.model.view, screen.model.bmcs.rows.key()),
        (View::Bmc, Some("r0-s2"))
    );
}

#[test]
fn the_palette_opens_the_explorer_for_what_belongs_there() {
    let mut screen = screen(&["1", ":"]);
    screen.text_keys("virtual media");
    screen.keys(&["enter"]);
    assert_eq!(screen.model.view, View::Bmc);
}
