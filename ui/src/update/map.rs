//! What actions do in the topology.

use super::{console, list, prompt};
use crate::{
    action::Action,
    model::{Model, consoles::Source, popup::Purpose},
    msg::Effect,
    topology::{self, Direction},
};

/// Columns that the picture moves by.
const STEP: i16 = 8;

/// Does an action in the topology.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
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
            list::go_to(model, &format!("namespace/{name}"), "");
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
