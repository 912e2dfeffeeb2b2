//! Whatever is typed, the console lives on and Esc leads back.

#![cfg(test)]

mod support;

use crossterm::event::Event;
use placemat2_ui::{
    action::entries,
    model::Outcome,
    msg::{Effect, Msg},
    testing::{self, Shape},
    theme::ThemeName,
};
use support::{Screen, settings};

/// How many keys are typed.
const KEYS: u32 = 100_000;
/// Esc leads back from anywhere within so many.
const BACK: usize = 12;

/// Numbers that look like chance and are the same each time (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }
}

fn is_back(screen: &Screen) -> bool {
    let model = &screen.model;
    model.popups.is_empty() && model.prompt.is_none() && !model.is_copying() && !model.is_typing()
}

#[test]
fn random_keys_never_panic_and_esc_leads_back() {
    let mut keys: Vec<&str> = entries().flat_map(|entry| entry.keys.iter().copied()).collect();
    keys.extend([
        "a",
        "é",
        "0",
        "y",
        "backspace",
        "delete",
        "f5",
        "alt-x",
        "ctrl-w",
        "shift-up",
        "enter",
        "enter",
    ]);
    let sizes = [
        (80, 24),
        (120, 30),
        (200, 60),
        (59, 14),
        (39, 7),
        (2, 2),
        (0, 0),
        (84, 15),
    ];
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (80, 24));
    let mut pending = Vec::new();
    for step in 0..KEYS {
        let effects = screen.keys(&[keys[chance.below(keys.len())]]);
        for effect in effects {
            match effect {
                Effect::Open(pane, ..) => pending.push(Msg::Opened(pane)),
                Effect::Type(pane, bytes) => pending.push(Msg::Bytes(pane, bytes)),
                Effect::Power(job, ..) => pending.push(Msg::Done(job, Ok(()))),
                _ => {}
            }
        }
        match chance.below(40) {
            0 => drop(screen.event(Event::Resize(
                sizes[chance.below(sizes.len())].0,
                sizes[chance.below(sizes.len())].1,
            ))),
            1 => pending.extend([Msg::Lost("x".into()), Msg::Connected]),
            2 => pending.push(Msg::State(Box::new(testing::state(Shape::DEMO)))),
            3 => pending.push(Msg::Events(testing::events())),
            4 => drop(screen.event(Event::Paste("a\nb".into()))),
            _ => {}
        }
        for msg in pending.drain(..) {
            screen.message(msg);
        }
        // A console that was left is as good as new.
        if screen
            .model
            .leaving
            .take()
            .is_some_and(|outcome| outcome == Outcome::Ended)
        {
            screen.message(Msg::Connected);
        }
        screen.model.tearing_down = false;
        if step % 16 == 0 {
            screen.text();
        }
        if step % 50 == 0 {
            let view = screen.model.view;
            for _ in 0..BACK {
                // Where a guest has the keyboard the title names the key that leads back.
                screen.keys(&[if screen.model.is_typing() { "ctrl-]" } else { "esc" }]);
                screen.model.leaving = None;
            }
            assert!(is_back(&screen), "step {step}, {view:?}:\n{}", screen.text());
        }
    }
}
