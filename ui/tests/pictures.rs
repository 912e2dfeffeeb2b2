//! The pictures, the recording, the tables of keys and the schema are what the program makes of itself.
//!
//! `UPDATE_DOCS=1 cargo test -p placemat2-ui --test pictures` writes them anew.

#![cfg(test)]

mod support;

use std::{env, fmt::Write as _, fs, path::Path};

use placemat2_ui::{
    action::{Scope, View, entries},
    config::Config,
    model::Settings,
    msg::Msg,
    terminal,
    testing::{self, Shape},
    theme::ThemeName,
};
use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use support::{Screen, settings};
use unicode_width::UnicodeWidthStr as _;

/// The pictures, and the keys that lead there.
const PICTURES: [(&str, &[&str]); 12] = [
    (
        "topology",
        &[
            "/", "r", "0", "-", "s", "1", "enter", "space", "up", "up", "up", "space",
        ],
    ),
    ("nodes", &["2", "down"]),
    ("networks", &["3", "down", "down", "down"]),
    ("namespaces", &["4", "down"]),
    (
        "consoles",
        &["2", "enter", "ctrl-]", "|", "r", "1", "-", "s", "1", "enter", "enter"],
    ),
    ("bmc", &["6"]),
    ("redfish", &["6", "enter", ".", ".", "enter", "enter"]),
    ("boot", &["6", "b", "right", "down", "down", "down"]),
    ("events", &["7"]),
    ("power", &["2", "down", "p"]),
    ("help", &["4", "?"]),
    ("palette", &[":", "p", "o", "w", "e", "r"]),
];

/// What the recording shows: keys, and for how long what they led to.
const WALK: [(&str, f64); 28] = [
    ("down", 1.0),
    ("down", 0.6),
    ("down", 0.6),
    ("down", 0.6),
    (".", 1.2),
    ("2", 1.5),
    ("down", 0.8),
    ("enter", 1.5),
    ("ctrl-]", 0.8),
    ("p", 1.5),
    ("esc", 0.6),
    ("4", 1.0),
    ("down", 1.5),
    ("enter", 0.8),
    ("T", 1.2),
    ("6", 1.5),
    ("enter", 1.0),
    (".", 0.5),
    (".", 0.8),
    ("enter", 1.0),
    ("enter", 1.8),
    ("b", 1.5),
    ("esc", 0.5),
    ("7", 1.5),
    ("?", 1.5),
    ("esc", 0.5),
    ("q", 1.5),
    ("esc", 0.5),
];

/// Compares a file with what it should be, or writes it.
fn check(path: &str, wanted: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path);
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, wanted).unwrap();
    }
    let there = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == wanted,
        "{path} is not what the program makes: write it anew with UPDATE_DOCS=1 cargo test -p placemat2-ui --test pictures"
    );
}

fn screen(keys: &[&str]) -> Screen {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (110, 30));
    screen.keys(keys);
    fill(&mut screen);
    screen
}

/// What a lab would tell of what is on the screen.
fn fill(screen: &mut Screen) {
    if screen.model.log.visible.is_empty() {
        testing::fill_log(&mut screen.model);
    }
    if screen.model.view == View::Consoles {
        let panes: Vec<_> = screen.model.consoles.panes.keys().copied().collect();
        for pane in panes {
            if screen.model.consoles.panes[&pane].emulator.all_text().trim().is_empty() {
                screen.message(Msg::Opened(pane));
                screen.message(Msg::Bytes(pane, testing::BOOT.as_bytes().to_vec()));
            }
        }
    }
}

#[test]
fn pictures_are_what_the_screen_shows() {
    for (name, keys) in PICTURES {
        check(&format!("docs/pictures/{name}.svg"), &svg(&screen(keys).buffer()));
    }
}

#[test]
fn the_recording_is_what_the_keys_lead_to() {
    let mut screen = Screen::new(Shape::DEMO, settings(ThemeName::Default), (110, 30));
    let mut frames = terminal::Screen::new((110, 30)).unwrap();
    let mut cast =
        String::from("{\"version\": 2, \"width\": 110, \"height\": 30, \"title\": \"placemat2 ui dc.yml\"}\n");
    let mut time = 0.5;
    let mut frame = |screen: &Screen, time: f64| {
        let bytes = frames.frame(&screen.model).unwrap();
        let event = serde_json::json!([time, "o", String::from_utf8(bytes).unwrap()]);
        writeln!(cast, "{event}").unwrap();
    };
    frame(&screen, 0.0);
    for (key, seconds) in WALK {
        screen.keys(&[key]);
        fill(&mut screen);
        frame(&screen, time);
        time = ((time + seconds) * 10.0).round() / 10.0;
    }
    check("docs/pictures/walk.cast", &cast);
}

#[test]
fn the_tables_of_keys_are_those_of_the_program() {
    let keymap = Settings::default().keymap;
    let mut tables = String::new();
    for scope in Scope::ALL {
        writeln!(
            tables,
            "\n### {}\n\n`{}` in the config.\n\n| keys | does | name |\n| --- | --- | --- |",
            scope.title(),
            scope.word()
        )
        .unwrap();
        for entry in entries().filter(|entry| entry.scope == scope) {
            let keys: Vec<String> = keymap
                .keys(entry)
                .iter()
                .map(|key| format!("`{key}`").replace('|', "\\|"))
                .collect();
            writeln!(tables, "| {} | {} | `{}` |", keys.join(" "), entry.does, entry.name).unwrap();
        }
    }
    let path = "docs/console.md";
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(path)).unwrap();
    let (before, _) = page.split_once("<!-- keys -->").expect("the mark before the tables");
    check(path, &format!("{before}<!-- keys -->\n{tables}"));
}

#[test]
fn the_schema_is_that_of_the_config() {
    let schema = serde_json::to_string_pretty(&Config::schema()).unwrap();
    check("assets/config.schema.json", &(schema + "\n"));
}

/// Width and height of a cell.
const CELL: (usize, usize) = (9, 19);

fn svg(buffer: &Buffer) -> String {
    let (width, height) = (usize::from(buffer.area.width), usize::from(buffer.area.height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" font-family=\"monospace\" \
         font-size=\"15\">\n<rect width=\"100%\" height=\"100%\" fill=\"#1c1c1c\"/>\n",
        width * CELL.0,
        height * CELL.1
    );
    for (y, row) in buffer.content.chunks(width).enumerate() {
        let mut x = 0;
        while x < width {
            let look = look(&row[x]);
            let end = x + row[x..].iter().take_while(|cell| self::look(cell) == look).count();
            run(&mut svg, &row[x..end], (x, y), look);
            x = end;
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Foreground, background, bold, underlined.
type Look = (&'static str, Option<&'static str>, bool, bool);

fn look(cell: &Cell) -> Look {
    let reversed = cell.modifier.contains(Modifier::REVERSED);
    let (mut fg, mut bg) = (colour(cell.fg).unwrap_or("#d0d0d0"), colour(cell.bg));
    if reversed {
        (fg, bg) = (bg.unwrap_or("#1c1c1c"), Some(fg));
    }
    (
        fg,
        bg,
        cell.modifier.contains(Modifier::BOLD),
        cell.modifier.contains(Modifier::UNDERLINED),
    )
}

fn colour(colour: Color) -> Option<&'static str> {
    Some(match colour {
        Color::Black => "#000000",
        Color::Red => "#e05555",
        Color::Green => "#5fba5f",
        Color::Yellow => "#d7af37",
        Color::Blue => "#5f87ff",
        Color::Magenta => "#d75fd7",
        Color::Cyan => "#5fd7d7",
        Color::Gray => "#b0b0b0",
        Color::DarkGray => "#808080",
        Color::White => "#ffffff",
        _ => return None,
    })
}

fn run(svg: &mut String, cells: &[Cell], (x, y): (usize, usize), (fg, bg, bold, underlined): Look) {
    let text: String = cells.iter().map(Cell::symbol).collect();
    let (left, top) = (x * CELL.0, y * CELL.1);
    let columns: usize = text.width();
    if let Some(bg) = bg {
        let (width, height) = (columns * CELL.0, CELL.1);
        writeln!(
            svg,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"{bg}\"/>"
        )
        .unwrap();
    }
    if text.trim().is_empty() {
        return;
    }
    let weight = if bold { " font-weight=\"bold\"" } else { "" };
    let line = if underlined {
        " text-decoration=\"underline\""
    } else {
        ""
    };
    let text = text.trim_end();
    let length = text.width() * CELL.0;
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    writeln!(
        svg,
        "<text x=\"{left}\" y=\"{}\" textLength=\"{length}\" xml:space=\"preserve\" fill=\"{fg}\"{weight}{line}>{escaped}</text>",
        top + 14
    )
    .unwrap();
}
