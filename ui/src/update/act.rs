//! What each action does.

use std::collections::BTreeSet;

use tui_input::Input;

use super::{console, popups, power, prompt};
use crate::{
    action::{Action, Entry, View},
    emulator::Motion,
    model::{
        Model, Outcome,
        consoles::Source,
        popup::{Chosen, Popup, Purpose},
    },
    msg::Effect,
    theme::{Theme, ThemeName},
    topology::{self, Direction},
};

/// Columns that the log and the topology move by.
const STEP: i16 = 8;

/// Does an action, or tells why it can't be done now.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if let Some(reason) = model.refused(action) {
        model.complain(reason);
        return Vec::new();
    }
    if let Some(popup) = popups::of_action(model, action) {
        model.popups.push(popup);
        return Vec::new();
    }
    match action {
        Action::Show(view) => show(model, view),
        Action::Back => back(model),
        Action::Detach => model.leaving = Some(Outcome::Detached),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Redraw => return vec![Effect::Redraw],
        Action::Mouse => {
            model.settings.mouse = !model.settings.mouse;
            let taken = if model.settings.mouse {
                "this console has the mouse (shift-drag selects)"
            } else {
                "the terminal has the mouse"
            };
            model.tell(taken);
            return vec![Effect::Mouse(model.settings.mouse)];
        }
        Action::Theme => next_theme(model),
        Action::Power(verb) => {
            let nodes = model.chosen_nodes();
            return power::ask(model, verb, nodes);
        }
        Action::Shell => return shell(model),
        _ => return in_view(model, action),
    }
    Vec::new()
}

/// Does an action of any scope, in the view where it counts.
pub fn anywhere(model: &mut Model, entry: &Entry) -> Vec<Effect> {
    if !model.scopes().contains(&entry.scope)
        && let Some((view, side)) = entry.scope.place()
    {
        show(model, view);
        model.side = side;
    }
    act(model, entry.action)
}

fn show(model: &mut Model, view: View) {
    if model.view != view {
        model.view = view;
        model.side = false;
        model.consoles.typing = false;
    }
}

/// One step back: each drops one thing, until there is nothing to drop.
fn back(model: &mut Model) {
    if model.view == View::Consoles {
        if let Some(pane) = model
            .consoles
            .pane_mut()
            .filter(|pane| pane.emulator.is_copying() || pane.emulator.scrolled().0 > 0)
        {
            pane.emulator.set_copying(false);
        } else if let Some(tab) = model.consoles.tab_mut() {
            tab.zoom = false;
            tab.broadcast = false;
        }
        return;
    }
    if model.view == View::Topology {
        let map = &mut model.map;
        if map.link.take().is_none() {
            map.filter.clear();
            map.ends.clear();
            map.find_way();
        }
        return;
    }
    if model.view == View::Namespaces && model.side {
        if model.log.filter.is_empty() && model.log.needle.is_empty() {
            model.side = false;
        } else {
            model.log.filter.clear();
            model.log.invert = false;
            model.log.needle.clear();
            model.log.refresh();
        }
        return;
    }
    let Some(rows) = model.rows_mut() else { return };
    if rows.filter.is_empty() && rows.marked.is_empty() {
        model.side = false;
    } else {
        rows.filter.clear();
        rows.invert = false;
        rows.marked.clear();
    }
}

fn next_theme(model: &mut Model) {
    let names = ThemeName::ALL;
    let at = names
        .iter()
        .position(|name| *name == model.settings.theme_name)
        .unwrap_or(0);
    let next = names[(at + 1) % names.len()];
    model.settings.theme_name = next;
    model.settings.theme = Theme::named(next);
    model.tell(format!("theme: {}", next.word()));
}

/// A shell: inside the namespace, or by ssh on the node.
fn shell(model: &mut Model) -> Vec<Effect> {
    let node = model.chosen_nodes().into_iter().next();
    let source = match (model.chosen_netns(), node) {
        (Some(netns), _) => Source::Shell(netns),
        (None, Some(node)) => Source::Ssh(node),
        (None, None) => return Vec::new(),
    };
    console::open(model, &source)
}

fn in_view(model: &mut Model, action: Action) -> Vec<Effect> {
    match model.view {
        View::Consoles => in_consoles(model, action),
        View::Topology => in_topology(model, action),
        View::Namespaces if model.side => in_log(model, action),
        _ => in_list(model, action),
    }
}

fn in_list(model: &mut Model, action: Action) -> Vec<Effect> {
    let is_events = model.view == View::Events && !model.side;
    let last = model.rows().map_or(0, |rows| rows.visible.len().saturating_sub(1));
    let cursor = model.rows().map_or(0, |rows| rows.cursor);
    let page = model.rows().map_or(1, crate::model::rows::Rows::page);
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
            if matches!(model.view, View::Namespaces | View::Events) {
                model.side = !model.side;
            }
        }
        Action::Follow if is_events => model.follow_events = !model.follow_events,
        Action::Level if is_events => {
            use placemat2_engine::store::Level;
            model.level = match model.level {
                Level::Info => Level::Warn,
                Level::Warn => Level::Error,
                Level::Error => Level::Info,
            };
        }
        Action::Open => return open_row(model),
        Action::Locate => locate(model),
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
        View::Nodes => crate::view::nodes::COLUMNS.len(),
        _ => crate::view::networks::COLUMNS.len(),
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
        View::Nodes => match model.nodes.key().map(str::to_owned) {
            Some(node) => console::open(model, &Source::Console(node)),
            None => Vec::new(),
        },
        View::Networks => {
            locate(model);
            Vec::new()
        }
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
                .map(|event| event.object.clone());
            if let Some(object) = object {
                go_to(model, &object);
            }
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Shows an object in its view.
fn go_to(model: &mut Model, object: &str) {
    let (kind, name) = object.split_once('/').unwrap_or((object, ""));
    let (view, rows) = match kind {
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

fn in_topology(model: &mut Model, action: Action) -> Vec<Effect> {
    let direction = match action {
        Action::Up => Some(Direction::Up),
        Action::Down => Some(Direction::Down),
        Action::Left => Some(Direction::Left),
        Action::Right => Some(Direction::Right),
        _ => None,
    };
    let map = &mut model.map;
    if let Some(direction) = direction {
        let next = map
            .vertex()
            .and_then(|from| topology::walk(&map.picture.graph, &map.picture.layout, from, direction));
        if let Some(next) = next {
            map.select(next);
        }
        return Vec::new();
    }
    match action {
        Action::Top => map.select(0),
        Action::Bottom => map.select(map.picture.graph.vertices.len().saturating_sub(1)),
        Action::PanLeft => map.pan(-STEP, 0),
        Action::PanRight => map.pan(STEP, 0),
        Action::PanUp => map.pan(0, -4),
        Action::PanDown => map.pan(0, 4),
        Action::Centre => map.centre(),
        Action::NextLink | Action::NextFocus => map.turn_link(true),
        Action::PreviousLink | Action::PreviousFocus => map.turn_link(false),
        Action::Mark => {
            map.toggle_end();
            if map.ends.len() == 1 {
                model.tell("one end of a path is marked: go to the other and press space");
            } else if map.ends.len() == 2 && map.way.is_empty() {
                model.complain("there is no path between the two");
            }
        }
        Action::Fold if map.toggle_fold(&model.mirror.topology) => {}
        Action::Fold => model.complain("the selected box is in no rack"),
        Action::FoldAll => map.toggle_fold_all(&model.mirror.topology),
        Action::Filter => prompt::begin(model, Purpose::Filter),
        Action::NextMatch | Action::PreviousMatch if map.find(action == Action::NextMatch, false) => {}
        Action::NextMatch | Action::PreviousMatch => model.complain("nothing is looked for: / begins to"),
        Action::Open => return open_box(model),
        _ => {}
    }
    Vec::new()
}

/// Enter on a box.
fn open_box(model: &mut Model) -> Vec<Effect> {
    let Some(id) = model.map.selected.clone() else {
        return Vec::new();
    };
    match id.split_once('/') {
        Some(("node", name)) => console::open(model, &Source::Console(name.to_owned())),
        Some(("namespace", name)) => {
            let netns = model.mirror.state.namespaces.iter().find(|netns| netns.name == name);
            let row = match netns.and_then(|netns| netns.apps.first()) {
                Some(app) => format!("{name}/{}", app.name),
                None => name.to_owned(),
            };
            go_to(model, &format!("namespace/{name}"));
            model.folded.remove(name);
            model.namespaces.select(&row);
            Vec::new()
        }
        Some(("rack", _)) => {
            model.map.toggle_fold(&model.mirror.topology);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn in_log(model: &mut Model, action: Action) -> Vec<Effect> {
    let log = &mut model.log;
    let page = isize::try_from(log.page()).unwrap_or(isize::MAX);
    match action {
        Action::Up => log.scroll(-1),
        Action::Down => log.scroll(1),
        Action::PageUp => log.scroll(-page),
        Action::PageDown => log.scroll(page),
        Action::Top => {
            log.follow = false;
            log.top = 0;
        }
        Action::Bottom => log.follow = true,
        Action::Left => log.left = log.left.saturating_sub(8),
        Action::Right => log.left = (log.left + 8).min(4096),
        Action::Follow => {
            log.top = log.first();
            log.follow = !log.follow;
        }
        Action::Wrap => log.wrap = !log.wrap,
        Action::Stamps => log.stamps = !log.stamps,
        Action::Search => prompt::begin(model, Purpose::Search),
        Action::Filter => prompt::begin(model, Purpose::Filter),
        Action::Invert => {
            if log.filter.is_empty() {
                model.tell("there is no filter to invert: & begins one");
            } else {
                log.invert = !log.invert;
                log.refresh();
            }
        }
        Action::NextMatch | Action::PreviousMatch if log.find(action == Action::NextMatch) => {}
        Action::NextMatch | Action::PreviousMatch => model.complain("nothing was found"),
        Action::Save => prompt::begin(model, Purpose::Save),
        Action::Edit => return vec![Effect::Edit(log.text())],
        Action::NextFocus | Action::PreviousFocus => model.side = false,
        _ => {}
    }
    Vec::new()
}

fn in_consoles(model: &mut Model, action: Action) -> Vec<Effect> {
    if model.is_copying() {
        return in_scrollback(model, action);
    }
    match action {
        Action::Type => {
            let Some(id) = model.consoles.focused() else {
                return Vec::new();
            };
            model.consoles.typing = true;
            if let Some(pane) = model.consoles.pane_mut() {
                pane.emulator.set_copying(false);
            }
            return console::connect(model, id);
        }
        Action::Copy => {
            if let Some(pane) = model.consoles.pane_mut() {
                pane.emulator.set_copying(true);
            }
        }
        Action::NextTab => model.consoles.turn(true),
        Action::PreviousTab => model.consoles.turn(false),
        Action::NextFocus => model.consoles.cycle(true),
        Action::PreviousFocus => model.consoles.cycle(false),
        Action::Zoom => {
            if let Some(tab) = model.consoles.tab_mut() {
                tab.zoom = !tab.zoom;
            }
        }
        Action::Broadcast => {
            if let Some(tab) = model.consoles.tab_mut() {
                tab.broadcast = !tab.broadcast;
            }
        }
        Action::SplitRight => choose_split(model, true),
        Action::SplitDown => choose_split(model, false),
        Action::Close => return model.consoles.close().map(Effect::Close).into_iter().collect(),
        Action::Reconnect => {
            if let Some(id) = model.consoles.focused() {
                return console::connect(model, id);
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Asks what to show in the other half of a pane.
fn choose_split(model: &mut Model, beside: bool) {
    let open: Vec<Source> = model.consoles.panes.values().map(|pane| pane.source.clone()).collect();
    let state = &model.mirror.state;
    let nodes = state.nodes.iter().map(|node| Source::Console(node.name.clone()));
    let shells = state.namespaces.iter().map(|netns| Source::Shell(netns.name.clone()));
    let shells = shells.filter(|_| model.settings.local && !model.settings.readonly);
    let choices = nodes.chain(shells).filter(|source| !open.contains(source));
    let choices: Vec<_> = choices
        .map(|source| (source.title(), Chosen::Split(source, beside)))
        .collect();
    if choices.is_empty() {
        model.complain("every console is open");
        return;
    }
    model.popups.push(Popup::Choose {
        title: "What beside it?".into(),
        choices,
        input: Input::default(),
        cursor: 0,
    });
}

fn in_scrollback(model: &mut Model, action: Action) -> Vec<Effect> {
    let Some(pane) = model.consoles.pane_mut() else {
        return Vec::new();
    };
    let motion = match action {
        Action::Up => Some(Motion::Up),
        Action::Down => Some(Motion::Down),
        Action::Left => Some(Motion::Left),
        Action::Right => Some(Motion::Right),
        Action::PageUp => Some(Motion::PageUp),
        Action::PageDown => Some(Motion::PageDown),
        Action::Top => Some(Motion::Top),
        Action::Bottom => Some(Motion::Bottom),
        _ => None,
    };
    if let Some(motion) = motion {
        pane.emulator.go(motion);
        return Vec::new();
    }
    match action {
        Action::Select => pane.emulator.select(false),
        Action::SelectLines => pane.emulator.select(true),
        Action::Yank => {
            let text = pane.emulator.selected();
            pane.emulator.set_copying(false);
            let count = text.chars().count();
            model.tell(format!(
                "{count} characters are in the clipboard, if the terminal allows that (OSC 52)"
            ));
            return vec![Effect::Clipboard(text)];
        }
        Action::Search => prompt::begin(model, Purpose::Search),
        Action::NextMatch | Action::PreviousMatch => {
            let needle = pane.needle.clone();
            if needle.is_empty() || !pane.emulator.find(&needle, action == Action::NextMatch) {
                model.complain("nothing was found");
            }
        }
        Action::Save => prompt::begin(model, Purpose::Save),
        Action::Edit => return vec![Effect::Edit(pane.emulator.all_text())],
        _ => {}
    }
    Vec::new()
}
