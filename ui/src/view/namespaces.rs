//! Namespaces: a tree of namespaces and their apps, with the log of the selected app.

use std::fmt::Write as _;

use placemat2_engine::store::{AppState, InterfaceState, NamespaceState};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    log,
    panel::{self, Line},
    table,
};
use crate::{
    glyph::clean,
    model::{
        Model, TreeRow,
        mirror::{Connection, since},
    },
};

/// Draws the view.
pub fn draw(model: &Model, main: Rect, side: Rect, buffer: &mut Buffer) {
    if !main.is_empty() {
        tree(model, main, buffer);
    }
    if side.is_empty() {
        return;
    }
    match model.chosen_app() {
        Some((netns, None)) => {
            let inside = panel::panel(model, side, &clean(&netns.name), model.side, buffer);
            panel::paragraphs(buffer, inside, &details(netns, model));
        }
        _ => log::draw(model, side, model.side, buffer),
    }
}

/// What there is to tell of a namespace: what it is attached to, and what runs in it.
fn details(netns: &NamespaceState, model: &Model) -> Vec<Line> {
    let theme = &model.settings.theme;
    let state = model.mirror.told(netns);
    let mut lines = vec![vec![(state.text(model.settings.ascii), state.mood.look(theme))]];
    if let (_, Some(reason)) = netns.readiness() {
        lines[0].push((format!(" ({})", clean(&reason)), theme.text));
    }
    lines.push(Vec::new());
    let widest = |text: fn(&InterfaceState) -> &str| {
        let widths = netns.interfaces.iter().map(|interface| text(interface).chars().count());
        widths.max().unwrap_or(0)
    };
    let (name, network) = (
        widest(|interface| &interface.name),
        widest(|interface| &interface.network),
    );
    for interface in &netns.interfaces {
        let addresses: Vec<String> = interface.addresses.iter().map(ToString::to_string).collect();
        lines.push(vec![
            (format!("{:<name$}  ", clean(&interface.name)), theme.text),
            (format!("{:<network$}  ", clean(&interface.network)), theme.muted),
            (addresses.join(" "), theme.text),
        ]);
    }
    lines.push(Vec::new());
    let name = netns.apps.iter().map(|app| app.name.chars().count()).max().unwrap_or(0);
    for app in &netns.apps {
        let state = model.mirror.told(app);
        lines.push(vec![
            (format!("{:<name$}  ", clean(&app.name)), theme.text),
            (
                format!("{:<13}", state.text(model.settings.ascii)),
                state.mood.look(theme),
            ),
            (clean(&app.command.join(" ")), theme.muted),
        ]);
    }
    lines
}

fn tree(model: &Model, area: Rect, buffer: &mut Buffer) {
    let namespaces = &model.mirror.state.namespaces;
    let apps: usize = namespaces.iter().map(|netns| netns.apps.len()).sum();
    let list = table::Plain {
        title: &format!("{} namespaces, {apps} apps", namespaces.len()),
        heading: &format!("  {:<22}{:<13}DETAIL", "NAME", "STATE"),
        rows: &model.namespaces,
        focused: !model.side,
    };
    let line = |index: usize| model.tree.get(index).map_or_else(Vec::new, |row| tree_row(model, *row));
    list.draw(model, area, line, buffer);
}

fn tree_row(model: &Model, row: TreeRow) -> Line {
    let theme = &model.settings.theme;
    let ascii = model.settings.ascii;
    let Some(netns) = model.mirror.state.namespaces.get(row.netns) else {
        return Vec::new();
    };
    if let Some(app) = row.app.and_then(|app| netns.apps.get(app)) {
        let state = model.mirror.told(app);
        let name = cut(&format!("    {}", clean(&app.name)), 23);
        return vec![
            (format!("{name:<24}"), theme.text),
            (format!("{:<13}", state.text(ascii)), state.mood.look(theme)),
            (about(app, model), theme.muted),
        ];
    }
    let folded = model.folded.contains(&netns.name) && model.namespaces.filter.is_empty();
    let sign = match (netns.apps.is_empty(), folded, ascii) {
        (true, ..) => " ",
        (_, true, true) => "+",
        (_, false, true) => "-",
        (_, true, false) => "▹",
        (_, false, false) => "▿",
    };
    let state = model.mirror.told(netns);
    let name = cut(&format!("  {sign} {}", clean(&netns.name)), 23);
    let interfaces = match netns.interfaces.len() {
        1 => "1 interface".to_owned(),
        count => format!("{count} interfaces"),
    };
    vec![
        (format!("{name:<24}"), theme.title),
        (format!("{:<13}", state.text(ascii)), state.mood.look(theme)),
        (interfaces, theme.muted),
    ]
}

fn cut(text: &str, columns: usize) -> String {
    text.chars().take(columns).collect()
}

/// What there is to tell of an app: its process while it runs and why it is not ready, else how it ended.
fn about(app: &AppState, model: &Model) -> String {
    let mut about = match (app.pid, &app.error, app.signal, app.exit_code) {
        (Some(pid), ..) => pid.to_string(),
        (None, Some(error), ..) => clean(error),
        (None, None, Some(signal), _) => format!("signal {signal}"),
        (None, None, None, Some(code)) => format!("exit code {code}"),
        (None, None, None, None) => String::new(),
    };
    if app.restarts > 0 {
        let times = if app.restarts == 1 { "restart" } else { "restarts" };
        let _ = write!(about, ", {} {times}", app.restarts);
    }
    if let (Some(_), Some(then), Connection::Connected) = (app.pid, app.started_at, &model.mirror.connection) {
        let _ = write!(about, ", {}", since(then, model.now));
    }
    if let (Some(_), (_, Some(reason))) = (app.pid, app.readiness()) {
        let _ = write!(about, ", {}", clean(&reason));
    }
    about
}
