//! A picture as text, SVG, and in the languages of Graphviz and Mermaid.

use std::fmt::Write as _;

use placemat2_engine::api::{Topology, VertexKind};

use super::{
    canvas::{Canvas, Mark, Picture},
    graph::{Graph, Kind},
    route::BOX_ROWS,
};
use crate::glyph::{Mood, clean};

/// The mood that a state's word tells.
fn mood(state: &str) -> Mood {
    match state {
        "On" | "ready" => Mood::Good,
        "PoweringOn" | "PoweringOff" | "starting" => Mood::Busy,
        "failed" => Mood::Bad,
        _ => Mood::Off,
    }
}

/// The state of a box: that of the object, or how many of a rack's nodes are on.
fn state(topology: &Topology, members: &[String], kind: Kind) -> (String, Option<Mood>) {
    let of = |id: &String| topology.vertices.iter().find(|vertex| vertex.id == *id);
    if kind == Kind::Rack {
        let nodes = || {
            members
                .iter()
                .filter_map(of)
                .filter(|vertex| vertex.kind == VertexKind::Node)
        };
        let on = nodes().filter(|vertex| vertex.state.as_deref() == Some("On")).count();
        return (format!("{on}/{} on", nodes().count()), None);
    }
    match members.first().and_then(of).and_then(|vertex| vertex.state.as_deref()) {
        Some(state) => (state.to_lowercase(), Some(mood(state))),
        None => (String::new(), None),
    }
}

/// The picture as text, one line a row.
pub fn text(topology: &Topology, picture: &Picture, ascii: bool) -> String {
    let layout = &picture.layout;
    let mut canvas = Canvas::new(0, 0, layout.width, layout.height);
    canvas.draw(picture, |_| Mark::Plain, |_| Mark::Plain);
    for placed in &layout.boxes {
        let vertex = &picture.graph.vertices[placed.vertex];
        let (word, mood) = state(topology, &vertex.members, vertex.kind);
        let glyph = mood.map(|mood| format!("{} ", mood.glyph(ascii))).unwrap_or_default();
        let room = usize::from(placed.width.saturating_sub(4));
        let name: String = format!("{glyph}{}", clean(&vertex.name)).chars().take(room).collect();
        canvas.text(placed.x + 2, placed.y + 1, &name);
        let word: String = word.chars().take(8).collect();
        canvas.text(placed.x + 1, placed.y + BOX_ROWS - 1, &word);
    }
    let mut text = String::new();
    for row in canvas.rows(ascii) {
        let row: String = row.map(|(c, _)| c).collect();
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Width and height of a character in the SVG.
const CELL: (u32, u32) = (9, 18);

/// The picture as SVG.
pub fn svg(topology: &Topology, picture: &Picture) -> String {
    let layout = &picture.layout;
    let x = |column: u16| u32::from(column) * CELL.0 + CELL.0 / 2;
    let y = |row: u16| u32::from(row) * CELL.1 + CELL.1 / 2;
    let (width, height) = (x(layout.width) + CELL.0, y(layout.height) + CELL.1);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"monospace\" font-size=\"14\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    // Writing to a string cannot fail, here and below.
    for piece in &layout.pieces {
        let points: Vec<String> = piece
            .points
            .iter()
            .map(|(column, row)| format!("{},{}", x(*column), y(*row)))
            .collect();
        let name = escaped(&picture.graph.nets[piece.net].name);
        let points = points.join(" ");
        let _ = writeln!(
            svg,
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"#888\"><title>{name}</title></polyline>"
        );
    }
    for placed in &layout.boxes {
        let vertex = &picture.graph.vertices[placed.vertex];
        let (word, mood) = state(topology, &vertex.members, vertex.kind);
        let colour = match mood {
            Some(Mood::Good) => "#2a7",
            Some(Mood::Busy) => "#c80",
            Some(Mood::Bad) => "#c22",
            Some(Mood::Off | Mood::Unknown) | None => "#555",
        };
        let (left, top) = (x(placed.x), y(placed.y));
        let (width, height) = (u32::from(placed.width - 1) * CELL.0, u32::from(BOX_ROWS - 1) * CELL.1);
        let (middle, line) = (left + width / 2, top + height / 2 - 2);
        let name = escaped(&vertex.name);
        let _ = writeln!(
            svg,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"3\" fill=\"white\" stroke=\"{colour}\" \
             stroke-width=\"2\"/>\n<text x=\"{middle}\" y=\"{line}\" text-anchor=\"middle\">{name}</text>\n<text x=\"{middle}\" \
             y=\"{}\" text-anchor=\"middle\" font-size=\"11\" fill=\"{colour}\">{}</text>",
            line + 14,
            escaped(&word)
        );
    }
    for bus in &layout.buses {
        if let Some(start) = bus.label {
            let name = escaped(&picture.graph.nets[bus.net].name);
            let (left, line) = (x(start + 1), y(bus.y) - 3);
            let _ = writeln!(
                svg,
                "<text x=\"{left}\" y=\"{line}\" font-size=\"11\" fill=\"#555\">{name}</text>"
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    let text = clean(text).replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

/// The graph in the language of Graphviz, with the same tiers.
pub fn dot(graph: &Graph) -> String {
    let quoted = |text: &str| format!("\"{}\"", clean(text).replace('\\', "\\\\").replace('"', "\\\""));
    let mut dot = String::from("graph lab {\n  node [shape=box];\n");
    for tier in 0..graph.tiers {
        let members = graph.vertices.iter().filter(|vertex| vertex.tier == tier);
        let members: Vec<String> = members
            .map(|vertex| format!("{} [label={}];", quoted(&vertex.id), quoted(&vertex.name)))
            .collect();
        let _ = writeln!(dot, "  {{ rank=same; {} }}", members.join(" "));
    }
    for net in &graph.nets {
        let ends: Vec<String> = net
            .ends
            .iter()
            .map(|end| quoted(&graph.vertices[end.vertex].id))
            .collect();
        if let [one, other] = &ends[..] {
            let _ = writeln!(dot, "  {one} -- {other} [label={}];", quoted(&net.name));
            continue;
        }
        let _ = writeln!(
            dot,
            "  {} [shape=plaintext, label={}];",
            quoted(&net.id),
            quoted(&net.name)
        );
        for end in ends {
            let _ = writeln!(dot, "  {end} -- {};", quoted(&net.id));
        }
    }
    dot.push_str("}\n");
    dot
}

/// The graph in the language of Mermaid.
pub fn mermaid(graph: &Graph) -> String {
    let label = |text: &str| clean(text).replace('"', "#quot;");
    let mut mermaid = String::from("flowchart TB\n");
    for (index, vertex) in graph.vertices.iter().enumerate() {
        let _ = writeln!(mermaid, "  v{index}[\"{}\"]", label(&vertex.name));
    }
    for (index, net) in graph.nets.iter().enumerate() {
        let mut ends: Vec<usize> = net.ends.iter().map(|end| end.vertex).collect();
        ends.sort_by_key(|vertex| graph.vertices[*vertex].tier);
        if let [one, other] = ends[..] {
            let _ = writeln!(mermaid, "  v{one} ---|\"{}\"| v{other}", label(&net.name));
            continue;
        }
        let _ = writeln!(mermaid, "  n{index}([\"{}\"])", label(&net.name));
        let top = ends.first().map_or(0, |vertex| graph.vertices[*vertex].tier);
        for vertex in ends {
            if graph.vertices[vertex].tier == top {
                let _ = writeln!(mermaid, "  v{vertex} --- n{index}");
            } else {
                let _ = writeln!(mermaid, "  n{index} --- v{vertex}");
            }
        }
    }
    mermaid
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{racks, testing};

    #[test]
    fn the_demo_as_text() {
        let topology = testing::demo();
        let picture = Picture::new(Graph::new(&topology, &[]));
        insta::assert_snapshot!("demo", text(&topology, &picture, false));
        insta::assert_snapshot!("demo_ascii", text(&topology, &picture, true));
    }

    #[test]
    fn a_folded_data_centre_as_text() {
        let topology = testing::data_centre(4, 6, 20);
        let racks = racks(&topology);
        let picture = Picture::new(Graph::new(&topology, &racks.iter().collect::<Vec<_>>()));
        insta::assert_snapshot!("folded", text(&topology, &picture, false));
    }

    #[test]
    fn the_demo_for_other_programs() {
        let topology = testing::demo();
        let picture = Picture::new(Graph::new(&topology, &[]));
        insta::assert_snapshot!("demo_dot", dot(&picture.graph));
        insta::assert_snapshot!("demo_mermaid", mermaid(&picture.graph));
        let svg = svg(&topology, &picture);
        assert_eq!(svg.matches("<rect").count(), picture.layout.boxes.len() + 1);
    }
}
