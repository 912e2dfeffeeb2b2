//! The topology: boxes and lines in a window of the picture, and what is to be told of the selected box and link.

use std::fmt::Write as _;

use placemat2_engine::{
    node::PowerState,
    store::{NamespaceState, NodeState},
};
use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
    style::Style,
};

use super::{networks, nodes, panel};
use crate::{
    glyph::{Mood, State, clean},
    model::Model,
    theme::Look,
    topology::{Canvas, Kind, Mark, Piece, Placed, Vertex},
};

/// Draws the view.
pub fn draw(model: &Model, main: Rect, side: Rect, buffer: &mut Buffer) {
    picture(model, main, buffer);
    if !side.is_empty() {
        about(model, side, buffer);
    }
}

fn picture(model: &Model, area: Rect, buffer: &mut Buffer) {
    let map = &model.map;
    let theme = &model.settings.theme;
    let mut title = "Topology".to_owned();
    if !map.filter.is_empty() {
        let found = (0..map.picture.graph.vertices.len())
            .filter(|vertex| map.matches(*vertex))
            .count();
        let _ = write!(title, ", {found} with {:?}", map.filter);
    }
    let layout = &map.picture.layout;
    let inside = panel::panel(model, area, &title, true, buffer).intersection(*buffer.area());
    if inside.is_empty() {
        return;
    }
    if map.picture.graph.vertices.is_empty() {
        let hint = if model.mirror.known {
            "There is nothing in this lab."
        } else {
            "Waiting for the lab…"
        };
        panel::text(buffer, inside, hint, theme.muted);
        return;
    }
    let (pan_x, pan_y) = map.pan;
    let (right, down) = map.shift();
    let window = Rect {
        x: inside.x.saturating_add(right),
        y: inside.y.saturating_add(down),
        width: inside.width.saturating_sub(right),
        height: inside.height.saturating_sub(down),
    };
    let mut canvas = Canvas::new(pan_x, pan_y, window.width, window.height);
    let selected = map.vertex();
    canvas.draw(
        &map.picture,
        |piece| line_mark(model, piece),
        |vertex| match () {
            () if selected == Some(vertex) => Mark::Selected,
            () if is_end(model, vertex) || map.matches(vertex) => Mark::Path,
            () => Mark::Plain,
        },
    );
    spans(model, &mut canvas);
    for (row, y) in canvas.rows(model.settings.ascii).zip(window.y..window.bottom()) {
        for ((c, mark), x) in row.zip(window.x..window.right()) {
            if c != ' '
                && let Some(cell) = buffer.cell_mut(Position::new(x, y))
            {
                cell.set_char(c).set_style(look_of(mark, model));
            }
        }
    }
    for placed in &layout.boxes {
        label(model, placed, window, buffer);
    }
    more(model, inside, buffer);
}

fn look_of(mark: Mark, model: &Model) -> Style {
    let theme = &model.settings.theme;
    match mark {
        Mark::Plain => theme.link,
        Mark::Down => theme.bad,
        Mark::Path => theme.path,
        Mark::Selected => theme.focus,
    }
    .into()
}

fn is_end(model: &Model, vertex: usize) -> bool {
    model.map.ends.iter().any(|id| model.map.marked(id) == Some(vertex))
}

/// How a part of a line is marked: as the selected link, as part of the way, as down.
fn line_mark(model: &Model, piece: &Piece) -> Mark {
    let map = &model.map;
    let net = &map.picture.graph.nets[piece.net];
    let pair = net.ends.len() == 2;
    if let Some((selected, end)) = map.link.and_then(|link| map.links().get(link).copied())
        && selected == piece.net
        && (pair || piece.end == Some(end))
    {
        return Mark::Selected;
    }
    let on_way = |(way, enter, leave): &(usize, usize, usize)| {
        *way == piece.net && (pair || piece.end == Some(*enter) || piece.end == Some(*leave))
    };
    // What leads from one line of a mesh to the next.
    let trunk = |(way, enter, leave): &(usize, usize, usize)| {
        let rows: Vec<u16> = piece.points.iter().map(|(_, y)| *y).collect();
        let upright = rows.first() != rows.last() && piece.end.is_none() && !pair;
        *way == piece.net && upright && rows.iter().all(|row| passes(model, *way, *row, *enter, *leave))
    };
    if map.way.iter().any(|step| on_way(step) || trunk(step)) {
        return Mark::Path;
    }
    let ends = net
        .ends
        .iter()
        .enumerate()
        .filter(|(index, _)| pair || piece.end == Some(*index));
    let mut links = ends.flat_map(|(_, end)| &end.links);
    let is_down = |link: &String| model.mirror.rates.get(link).is_some_and(|rate| !rate.up);
    if links.any(is_down) { Mark::Down } else { Mark::Plain }
}

/// The part of a shared line that the way follows: between two ends, or from one to where it goes on, and from there.
fn spans(model: &Model, canvas: &mut Canvas) {
    let map = &model.map;
    for (net, enter, leave) in &map.way {
        for bus in map.picture.layout.buses.iter().filter(|bus| bus.net == *net) {
            let column = |wanted: usize| bus.joins.iter().find(|(end, _)| *end == wanted).map(|(_, x)| *x);
            let (from, to) = match (column(*enter), column(*leave)) {
                (Some(from), Some(to)) => (Some(from), Some(to)),
                (Some(at), None) | (None, Some(at)) => {
                    // Of a mesh, the upper end is on the first of its lines.
                    (
                        Some(at),
                        if bus.trunk.0.is_some() {
                            bus.trunk.0
                        } else {
                            bus.trunk.1
                        },
                    )
                }
                (None, None) if passes(model, *net, bus.y, *enter, *leave) => bus.trunk,
                (None, None) => (None, None),
            };
            if let (Some(from), Some(to)) = (from, to) {
                canvas.span(from, to, bus.y, Mark::Path);
            }
        }
    }
}

/// Whether that row is between the two lines of a mesh that these ends are on.
fn passes(model: &Model, net: usize, row: u16, enter: usize, leave: usize) -> bool {
    let buses = model.map.picture.layout.buses.iter().filter(|bus| bus.net == net);
    let mut rows: Vec<u16> = buses
        .filter(|bus| bus.joins.iter().any(|(end, _)| [enter, leave].contains(end)))
        .map(|bus| bus.y)
        .collect();
    rows.sort_unstable();
    matches!(rows[..], [first, .., last] if (first..=last).contains(&row))
}

/// What a box says: glyph and name, and the word for its state in its lower border.
fn label(model: &Model, placed: &Placed, window: Rect, buffer: &mut Buffer) {
    let theme = &model.settings.theme;
    let vertex = &model.map.picture.graph.vertices[placed.vertex];
    let (glyph, word, look) = state(model, vertex);
    let (pan_x, pan_y) = model.map.pan;
    let mut write = |x: u16, y: u16, room: u16, text: &str, look: Look| {
        let Some(row) = y.checked_sub(pan_y).filter(|row| *row < window.height) else {
            return;
        };
        // What is left of the window is cut off the text.
        let hidden = pan_x.saturating_sub(x);
        let text: String = text.chars().take(room.into()).skip(hidden.into()).collect();
        let column = x.saturating_sub(pan_x);
        if column < window.width {
            panel::text(
                buffer,
                Rect::new(window.x + column, window.y + row, window.width - column, 1),
                &text,
                look,
            );
        }
    };
    let room = placed.width.saturating_sub(4);
    let selected = model.map.vertex() == Some(placed.vertex);
    let name_look = match () {
        () if selected => theme.focus,
        () if is_end(model, placed.vertex) || model.map.matches(placed.vertex) => theme.path,
        () => theme.text,
    };
    let indent = if glyph.is_empty() { 0 } else { 2 };
    write(
        placed.x + 2 + indent,
        placed.y + 1,
        room.saturating_sub(indent),
        &clean(&vertex.name),
        name_look,
    );
    write(placed.x + 2, placed.y + 1, 1, glyph, look);
    write(placed.x + 1, placed.y + 2, placed.width.saturating_sub(2), &word, look);
}

/// Glyph, word and look of a box.
fn state(model: &Model, vertex: &Vertex) -> (&'static str, String, Look) {
    let theme = &model.settings.theme;
    let told = |state: State| {
        let state = model.mirror.told(state);
        (
            state.mood.glyph(model.settings.ascii),
            state.word.to_owned(),
            state.mood.look(theme),
        )
    };
    match vertex.kind {
        Kind::Host => ("", String::new(), theme.text),
        Kind::Namespace => match namespace(model, &vertex.id) {
            Some(netns) => told(netns.into()),
            None => ("", String::new(), theme.text),
        },
        Kind::Node => match node(model, &vertex.id) {
            Some(node) => told(node.into()),
            None => ("", String::new(), theme.text),
        },
        Kind::Rack => {
            let nodes: Vec<&NodeState> = vertex.members.iter().filter_map(|id| node(model, id)).collect();
            let moods: Vec<Mood> = nodes.iter().map(|node| State::from(*node).mood).collect();
            let on = nodes.iter().filter(|node| node.power_status == PowerState::On).count();
            let good = moods.iter().filter(|mood| **mood == Mood::Good).count();
            let mood = [Mood::Bad, Mood::Busy, Mood::Off]
                .into_iter()
                .find(|mood| moods.contains(mood));
            let word = if on == nodes.len() && good < on {
                format!("{good}/{on} ready")
            } else {
                format!("{on}/{} on", nodes.len())
            };
            let state = State {
                mood: mood.unwrap_or(Mood::Good),
                word: "",
            };
            let (glyph, _, look) = told(state);
            (glyph, word, look)
        }
    }
}

fn namespace<'a>(model: &'a Model, id: &str) -> Option<&'a NamespaceState> {
    let name = id.strip_prefix("namespace/")?;
    model.mirror.state.namespaces.iter().find(|netns| netns.name == name)
}

fn node<'a>(model: &'a Model, id: &str) -> Option<&'a NodeState> {
    model.mirror.node(id.strip_prefix("node/")?)
}

/// Signs at the edges of the window behind which there is more.
fn more(model: &Model, inside: Rect, buffer: &mut Buffer) {
    let (layout, (pan_x, pan_y)) = (&model.map.picture.layout, model.map.pan);
    let ascii = model.settings.ascii;
    let mut sign = |shown: bool, x: u16, y: u16, unicode: &str, plain: &str| {
        if shown {
            let sign = if ascii { plain } else { unicode };
            panel::text(buffer, Rect::new(x, y, 1, 1), sign, model.settings.theme.key);
        }
    };
    let (middle_x, middle_y) = (inside.x + inside.width / 2, inside.y + inside.height / 2);
    sign(pan_x > 0, inside.x, middle_y, "◂", "<");
    sign(
        layout.width > pan_x.saturating_add(inside.width),
        inside.right().saturating_sub(1),
        middle_y,
        "▸",
        ">",
    );
    sign(pan_y > 0, middle_x, inside.y, "▴", "^");
    sign(
        layout.height > pan_y.saturating_add(inside.height),
        middle_x,
        inside.bottom().saturating_sub(1),
        "▾",
        "v",
    );
}

/// What is to be told of the selected box and link.
fn about(model: &Model, area: Rect, buffer: &mut Buffer) {
    let theme = &model.settings.theme;
    let map = &model.map;
    let Some(vertex) = map.vertex().and_then(|vertex| map.picture.graph.vertices.get(vertex)) else {
        panel::panel(model, area, "nothing selected", false, buffer);
        return;
    };
    let inside = panel::panel(model, area, &clean(&vertex.name), false, buffer);
    let mut lines: Vec<panel::Line> = Vec::new();
    if let [one, .., other] = &map.ends[..] {
        let name = |id: &str| clean(id.split_once('/').map_or(id, |(_, name)| name));
        let hops = map.way.len();
        lines.push(vec![(
            format!("{} to {}: {hops} links", name(one), name(other)),
            theme.path,
        )]);
    }
    for (index, (net, end)) in map.links().into_iter().enumerate() {
        let net = &map.picture.graph.nets[net];
        let selected = map.link == Some(index);
        let (sign, look) = match (selected, model.settings.ascii) {
            (true, false) => ("▸ ", theme.focus),
            (true, true) => ("> ", theme.focus),
            (false, _) => ("  ", theme.text),
        };
        let others = map.picture.graph.opposite(net, net.ends[end].vertex);
        let others: Vec<&str> = others
            .map(|(_, other)| map.picture.graph.vertices[other.vertex].name.as_str())
            .collect();
        // Of a mesh, as many as are this box's.
        let name = if net.mesh {
            format!("{} networks", net.ends[end].links.len())
        } else {
            clean(&net.name)
        };
        let to = if others.len() > 2 {
            format!("{} others", others.len())
        } else {
            clean(&others.join(", "))
        };
        lines.push(vec![
            (format!("{sign}{name}"), look),
            (format!(" to {to}"), theme.muted),
        ]);
        if selected {
            for link in &net.ends[end].links {
                let mut parts = vec![("    ".to_owned(), theme.text)];
                let edge = model.mirror.topology.edges.iter().find(|edge| edge.id == *link);
                if let Some(edge) = edge {
                    let interface = edge.interface.as_deref().unwrap_or_default();
                    parts.push((
                        format!("{} {} ", clean(interface), clean(&edge.addresses.join(" "))),
                        theme.text,
                    ));
                }
                lines.push(parts);
                if let Some(rate) = model.mirror.rates.get(link) {
                    lines.push(vec![("    ".to_owned(), theme.text), networks::traffic(rate, model)]);
                }
            }
        }
    }
    lines.push(Vec::new());
    match vertex.kind {
        Kind::Node => lines.extend(
            node(model, &vertex.id)
                .map(|node| nodes::details(node, model))
                .unwrap_or_default(),
        ),
        Kind::Namespace => {
            for app in namespace(model, &vertex.id)
                .map(|netns| &netns.apps[..])
                .unwrap_or_default()
            {
                let state = model.mirror.told(app);
                lines.push(vec![
                    (format!("{:<14}", clean(&app.name)), theme.text),
                    (state.text(model.settings.ascii), state.mood.look(theme)),
                ]);
            }
        }
        Kind::Rack => {
            for member in &vertex.members {
                let name = clean(member.split_once('/').map_or(member, |(_, name)| name));
                let state = node(model, member).map(State::from);
                let state = state.or_else(|| namespace(model, member).map(State::from));
                if let Some(state) = state.map(|state| model.mirror.told(state)) {
                    lines.push(vec![
                        (format!("{name:<16}"), theme.text),
                        (state.text(model.settings.ascii), state.mood.look(theme)),
                    ]);
                }
            }
        }
        Kind::Host => lines.push(vec![("the machine this lab runs on".into(), theme.muted)]),
    }
    panel::paragraphs(buffer, inside, &lines);
}
