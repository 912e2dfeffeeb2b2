//! What actions do in a list.

use std::collections::BTreeSet;

use placemat2_engine::store::Level;

use super::{act::show, console, explorer, message, prompt};
use crate::{
    action::{Action, View},
    glyph,
    model::{Model, consoles::Source, popup::Purpose},
    msg::Effect,
    view::{bmc, networks, nodes},
};

/// Does an action in a list.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    let is_events = model.view == View::Events && !model.side;
    let last = model.rows().map_or(0, |rows| rows.visible.len().saturating_sub(1));
    let cursor = model.rows().map_or(0, |rows| rows.cursor);
    let page = model.rows().map_or(1, |rows| rows.window.page());
    let target = match action {
        Action::Up => Some(cursor.saturating_sub(1)),
        Action::Down => Some(cursor + 1),
        Action::PageUp => Some(cursor.saturating_sub(page)),
        Action::PageDown => Some(cursor + page),
        Action::Top => Some(0),
        Action::Bottom => Some(last),
        _ => None,
    };
    if let Some(target) = target {
        if is_events {
            // Whoever goes up wants to read; whoever comes to the end follows again.
            model.follow_events = target >= last && target >= cursor;
        }
        if let Some(rows) = model.rows_mut() {
            rows.go(target);
        }
        return Vec::new();
    }
    match action {
        Action::Filter => prompt::begin(model, Purpose::Filter),
        Action::NextFocus | Action::PreviousFocus => {
            if model.view == View::Bmc {
                return explorer::open(model);
            }
            if matches!(model.view, View::Namespaces | View::Events) {
                model.side = !model.side;
            }
        }
        Action::Follow if is_events => model.follow_events = !model.follow_events,
        Action::Level if is_events => {
            model.level = match model.level {
                Level::Info => Level::Warn,
                Level::Warn => Level::Error,
                Level::Error => Level::Info,
            };
        }
        Action::Open => return open_row(model),
        Action::ReadAgain => return vec![Effect::Survey(model.bmcs.followed.clone())],
        Action::Locate => locate(model),
        Action::ReadEvent => read_event(model),
        Action::OpenLog => model.side = true,
        Action::Fold => fold(model),
        Action::FoldAll => {
            let all = model.mirror.state.namespaces.iter().map(|netns| netns.name.clone());
            model.folded = if model.folded.is_empty() {
                all.collect()
            } else {
                BTreeSet::default()
            };
        }
        _ => rows_action(model, action),
    }
    Vec::new()
}

/// What changes a list itself.
fn rows_action(model: &mut Model, action: Action) {
    let columns = match model.view {
        View::Nodes => nodes::COLUMNS.len(),
        View::Bmc => bmc::COLUMNS.len(),
        _ => networks::COLUMNS.len(),
    };
    let Some(rows) = model.rows_mut() else { return };
    match action {
        Action::Invert => {
            if rows.filter.is_empty() {
                model.tell("there is no filter to invert: / begins one");
            } else {
                rows.invert = !rows.invert;
            }
        }
        Action::Mark => rows.toggle_mark(),
        Action::MarkAll if rows.marked.is_empty() => {
            let nodes = &model.mirror.state.nodes;
            let shown = model.nodes.visible.iter().filter_map(|index| nodes.get(*index));
            model.nodes.marked = shown.map(|node| node.name.clone()).collect();
        }
        Action::MarkAll => rows.marked.clear(),
        Action::Sort => {
            rows.sort = match rows.sort {
                None => Some(0),
                Some(column) if column + 1 < columns => Some(column + 1),
                Some(_) => None,
            };
        }
        Action::Reverse => rows.reverse = !rows.reverse,
        _ => {}
    }
}

fn fold(model: &mut Model) {
    let Some(name) = model.chosen_app().map(|(netns, _)| netns.name.clone()) else {
        return;
    };
    if !model.folded.remove(&name) {
        model.namespaces.select(&name);
        model.folded.insert(name);
    }
}

/// Enter on a row.
fn open_row(model: &mut Model) -> Vec<Effect> {
    match model.view {
        View::Nodes => {
            let nodes = model.nodes.chosen();
            let effects = match &nodes[..] {
                [] => Vec::new(),
                [one] => console::open(model, &Source::Console(one.clone())),
                _ => console::open_all(model, &nodes),
            };
            if model.view == View::Consoles {
                model.nodes.unmark(&nodes);
            }
            effects
        }
        View::Networks => {
            locate(model);
            Vec::new()
        }
        View::Bmc => explorer::open(model),
        View::Namespaces => {
            if model.chosen_app().is_some_and(|(_, app)| app.is_some()) {
                model.side = true;
            } else {
                fold(model);
            }
            Vec::new()
        }
        View::Events if !model.side => {
            let object = model
                .events
                .selected()
                .and_then(|index| model.mirror.events.get(index))
                .map(|event| (event.object.clone(), event.kind.clone()));
            if let Some((object, kind)) = object {
                go_to(model, &object, &kind);
            }
            Vec::new()
        }
        View::Events => {
            // A reason may be longer than the line it stands on.
            if let Some(command) = model.commands.selected().and_then(|index| model.history.get(index)) {
                let outcome = match &command.outcome {
                    None => "It is under way.",
                    Some(Ok(())) => "It is done.",
                    Some(Err(reason)) => reason,
                };
                let text = format!("{}\n\n{outcome}", command.text);
                model.popups.push(message("Command", text));
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Shows all of an event: a reason may be longer than the line it stands on.
fn read_event(model: &mut Model) {
    let selected = model.events.selected();
    let Some(event) = selected.and_then(|index| model.mirror.events.get(index)) else {
        model.complain("no event is selected");
        return;
    };
    let time = model.clock(event.time, "%Y-%m-%d %H:%M:%S");
    let (level, _) = glyph::level(event.level, &model.settings.theme);
    let text = format!("{time}  {level}  {}\n\n{}", event.object, event.message);
    model.popups.push(message("Event", text));
}

/// Shows the object of an event in its view.
pub fn go_to(model: &mut Model, object: &str, event: &str) {
    let (kind, name) = object.split_once('/').unwrap_or((object, ""));
    let (view, rows) = match kind {
        "node" if event == "bmc" => (View::Bmc, &mut model.bmcs.rows),
        "node" => (View::Nodes, &mut model.nodes),
        "network" => (View::Networks, &mut model.networks),
        "namespace" | "app" => (View::Namespaces, &mut model.namespaces),
        _ => {
            model.complain(format!("{object} has no view of its own"));
            return;
        }
    };
    rows.filter.clear();
    rows.select(name);
    if let Some((netns, _)) = name.split_once('/') {
        model.folded.remove(netns);
    }
    show(model, view);
}

/// Shows the selected object in the topology.
fn locate(model: &mut Model) {
    let id = match model.view {
        View::Nodes => model.nodes.key().map(|name| format!("node/{name}")),
        View::Bmc => model.chosen_bmc().map(|name| format!("node/{name}")),
        View::Namespaces => model.chosen_app().map(|(netns, _)| format!("namespace/{}", netns.name)),
        View::Networks => {
            let name = model.networks.key().map(|name| format!("network/{name}"));
            let edges = &model.mirror.topology.edges;
            name.and_then(|name| edges.iter().find(|edge| edge.to == name))
                .map(|edge| edge.from.clone())
        }
        _ => None,
    };
    let network = model
        .networks
        .key()
        .map(str::to_owned)
        .filter(|_| model.view == View::Networks);
    match id.and_then(|id| model.map.picture.graph.find(&id)) {
        Some(vertex) => {
            show(model, View::Topology);
            model.map.select(vertex);
            let links = model.map.links();
            let nets = &model.map.picture.graph.nets;
            model.map.link = network.and_then(|name| links.iter().position(|(net, _)| nets[*net].name == name));
        }
        None => model.complain("nothing is linked to it"),
    }
}
