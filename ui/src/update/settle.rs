//! What must hold after every message: lists match the lab, panes have the sizes of their areas, what is followed is what
//! is looked at.

use std::cmp::Ordering;

use crate::{
    action::View,
    areas::{Room, areas, consoles, inner, list_rows},
    emulator::Size,
    glyph::clean,
    model::{
        Model, TreeRow,
        rows::{Rows, natural},
    },
    msg::Effect,
    view::{bmc, networks, nodes, table::Column},
};

/// Brings all parts of the model together.
pub fn settle(model: &mut Model, effects: &mut Vec<Effect>) {
    model.map.set_topology(&model.mirror.topology);
    let areas = areas(model);
    let page = |area| usize::from(list_rows(area).height);
    let (main, side) = (page(areas.main), page(areas.side));

    refresh_nodes(model);
    refresh_networks(model);
    refresh_bmcs(model);
    refresh_namespaces(model);
    refresh_events(model);
    refresh_commands(model);
    match model.view {
        View::Nodes => model.nodes.set_page(main),
        View::Networks => model.networks.set_page(main),
        View::Namespaces => {
            model.namespaces.set_page(main);
            model.log.window.set_page(usize::from(inner(areas.side).height));
        }
        View::Events => {
            model.events.set_page(main);
            model.commands.set_page(side);
        }
        View::Topology => {
            let window = inner(areas.main);
            model.map.set_window((window.width, window.height));
        }
        View::Bmc => {
            model.bmcs.rows.set_page(main);
            model.bmcs.explorer.set_page(main);
        }
        // Only where they are on the screen: what a guest draws is not to change with what else is looked at.
        View::Consoles if areas.room > Room::TooSmall => fit_panes(model, areas.main, effects),
        View::Consoles => {}
    }
    follow(model, effects);
}

/// Gives every pane on the screen the size of its area.
fn fit_panes(model: &mut Model, main: ratatui::layout::Rect, effects: &mut Vec<Effect>) {
    for (id, area) in consoles(model, main) {
        let area = inner(area);
        if let Some(pane) = model.consoles.panes.get_mut(&id)
            && area.width >= 2
            && area.height >= 1
        {
            let size = Size::new(area.width, area.height);
            if pane.emulator.size() != size {
                pane.emulator.resize(size);
                effects.push(Effect::Resize(id, size));
            }
        }
    }
}

/// Follows the log and the BMC that are on the screen, and reads the counters of links while they are.
fn follow(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.view == View::Namespaces {
        let wanted = model.chosen_app_id();
        if wanted != model.log.of {
            model.log.open(wanted.clone());
            effects.push(Effect::Log(wanted));
        }
    }
    let looked_at = model.chosen_bmc().filter(|node| model.refused_bmc(node).is_none());
    let looked_at = looked_at.map(str::to_owned);
    if looked_at != model.bmcs.followed {
        model.bmcs.followed.clone_from(&looked_at);
        model.bmcs.survey = None;
        model.bmcs.failure = None;
        model.bmcs.wanted = None;
        effects.push(Effect::Survey(looked_at));
    }
    let watches = matches!(model.view, View::Topology | View::Networks);
    if watches != model.watches_links {
        model.watches_links = watches;
        effects.push(Effect::Links(watches));
    }
}

fn refresh_nodes(model: &mut Model) {
    let mut rows = std::mem::take(&mut model.nodes);
    refresh(
        &mut rows,
        &nodes::COLUMNS,
        &model.mirror.state.nodes,
        |node| &node.name,
        model,
    );
    model.nodes = rows;
}

fn refresh_networks(model: &mut Model) {
    let mut rows = std::mem::take(&mut model.networks);
    let list = &model.mirror.state.networks;
    refresh(&mut rows, &networks::COLUMNS, list, |network| &network.name, model);
    model.networks = rows;
}

fn refresh_bmcs(model: &mut Model) {
    let mut rows = std::mem::take(&mut model.bmcs.rows);
    refresh(
        &mut rows,
        &bmc::COLUMNS,
        &model.mirror.state.nodes,
        |node| &node.name,
        model,
    );
    model.bmcs.rows = rows;
}

/// Chooses and sorts the rows of a table anew: by what its columns show.
fn refresh<T>(rows: &mut Rows, columns: &[Column<T>], list: &[T], name: fn(&T) -> &str, model: &Model) {
    rows.refresh(
        list.len(),
        |index| name(&list[index]).to_owned(),
        |index| {
            let cells = columns
                .iter()
                .map(|column| (column.cell)(&list[index], model).text + " ");
            cells.collect()
        },
        |column, one, other| compare(columns, column, &list[one], &list[other], model),
    );
}

/// Compares two objects by what a column shows of them.
fn compare<T>(columns: &[Column<T>], column: usize, one: &T, other: &T, model: &Model) -> Ordering {
    let cell = |object| {
        columns
            .get(column)
            .map_or_else(String::new, |column| (column.cell)(object, model).text)
    };
    natural(&cell(one), &cell(other))
}

fn refresh_namespaces(model: &mut Model) {
    let mut rows = std::mem::take(&mut model.namespaces);
    let list = &model.mirror.state.namespaces;
    let mut tree = Vec::new();
    for (netns, state) in list.iter().enumerate() {
        tree.push(TreeRow { netns, app: None });
        // What is looked for is shown, folded or not.
        if !model.folded.contains(&state.name) || !rows.filter.is_empty() {
            tree.extend((0..state.apps.len()).map(|app| TreeRow { netns, app: Some(app) }));
        }
    }
    let name = |index: usize| {
        let TreeRow { netns, app } = tree[index];
        let netns = &list[netns];
        match app.and_then(|app| netns.apps.get(app)) {
            Some(app) => format!("{}/{}", netns.name, app.name),
            None => netns.name.clone(),
        }
    };
    rows.refresh(tree.len(), name, name, |_, _, _| Ordering::Equal);
    model.namespaces = rows;
    model.tree = tree;
}

fn refresh_events(model: &mut Model) {
    let mut rows = std::mem::take(&mut model.events);
    let list = &model.mirror.events;
    let shown: Vec<usize> = (0..list.len())
        .filter(|index| list[*index].level >= model.level)
        .collect();
    rows.refresh(
        shown.len(),
        |index| list[shown[index]].id.to_string(),
        |index| {
            let event = &list[shown[index]];
            clean(&format!("{} {} {}", event.object, event.kind, event.message))
        },
        |_, _, _| Ordering::Equal,
    );
    rows.visible.iter_mut().for_each(|index| *index = shown[*index]);
    if model.follow_events {
        rows.follow(|index| list[index].id.to_string());
    }
    model.events = rows;
}

fn refresh_commands(model: &mut Model) {
    let mut rows = std::mem::take(&mut model.commands);
    let list = &model.history;
    let follows = rows.cursor + 1 >= rows.visible.len();
    rows.refresh(
        list.len(),
        |index| index.to_string(),
        |index| list[index].text.clone(),
        |_, _, _| Ordering::Equal,
    );
    if follows {
        rows.follow(|index| index.to_string());
    }
    model.commands = rows;
}
