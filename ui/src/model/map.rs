//! The topology on the screen: the picture, what is selected in it, and which part of it is seen.

use std::collections::BTreeSet;

use placemat2_engine::api::Topology;

use super::window::{round, turned};
use crate::topology::{self, Graph, Kind, Picture, Placed, Rack, Step};

/// With more nodes than this, racks begin folded.
const UNFOLDED: usize = 24;

/// The topology on the screen.
#[derive(Clone, Debug, Default)]
pub struct Map {
    /// Ids of vertices and edges the picture was made for.
    shape: (Vec<String>, Vec<String>),
    /// The racks.
    pub racks: Vec<Rack>,
    /// Ids of the folded ones.
    pub folded: BTreeSet<String>,
    /// The picture.
    pub picture: Picture,
    /// Id of the selected box.
    pub selected: Option<String>,
    /// Which of the selected box's links is selected.
    pub link: Option<usize>,
    /// Ids of the marked ends of a way, at most two.
    pub ends: Vec<String>,
    /// The way between them.
    pub way: Vec<Step>,
    /// What names must have in them to be highlighted.
    pub filter: String,
    /// First column and row of the picture on the screen.
    pub pan: (u16, u16),
    /// Columns and rows of it that the screen has room for.
    pub window: (u16, u16),
}

impl Map {
    /// Takes the lab's graph. Only if something came or went the picture is made anew.
    pub fn set_topology(&mut self, topology: &Topology) {
        let vertices: Vec<String> = topology.vertices.iter().map(|vertex| vertex.id.clone()).collect();
        let edges: Vec<String> = topology.edges.iter().map(|edge| edge.id.clone()).collect();
        let shape = (vertices, edges);
        if shape == self.shape {
            return;
        }
        let nodes = shape.0.iter().filter(|id| id.starts_with("node/")).count();
        let first = self.shape.0.len() <= 1;
        self.shape = shape;
        self.racks = topology::racks(topology);
        if first && nodes > UNFOLDED {
            self.folded = self.racks.iter().map(Rack::id).collect();
        }
        self.redraw(topology);
    }

    /// Makes the picture anew.
    pub fn redraw(&mut self, topology: &Topology) {
        let folded: Vec<&Rack> = self
            .racks
            .iter()
            .filter(|rack| self.folded.contains(&rack.id()))
            .collect();
        self.picture = Picture::new(Graph::new(topology, &folded).meshed());
        let graph = &self.picture.graph;
        let selected = self.selected.as_deref().and_then(|id| graph.find(id)).unwrap_or(0);
        self.selected = graph.vertices.get(selected).map(|vertex| vertex.id.clone());
        self.link = None;
        self.find_way();
        self.show_selected();
    }

    /// The selected box.
    pub fn vertex(&self) -> Option<usize> {
        self.picture.graph.find(self.selected.as_deref()?)
    }

    /// Selects a box and brings it into sight.
    pub fn select(&mut self, vertex: usize) {
        if let Some(found) = self.picture.graph.vertices.get(vertex) {
            self.selected = Some(found.id.clone());
            self.link = None;
            self.show_selected();
        }
    }

    /// Tells how much of the picture the screen has room for.
    pub fn set_window(&mut self, window: (u16, u16)) {
        if self.window != window {
            self.window = window;
            self.show_selected();
        }
    }

    /// Moves the picture by as little as brings the selected box into sight.
    pub fn show_selected(&mut self) {
        let Some(placed) = self.vertex().and_then(|vertex| self.picture.layout.boxes.get(vertex)) else {
            return;
        };
        let (width, height) = self.window;
        // One box further is seen, too, where there is room.
        let (margin_x, margin_y) = ((width / 8).min(16), (height / 8).min(3));
        let right = placed.x.saturating_add(placed.width).saturating_add(margin_x);
        let bottom = placed.y.saturating_add(3).saturating_add(margin_y);
        let pan = |at: u16, first: u16, end: u16, room: u16| at.clamp(end.saturating_sub(room).min(first), first);
        self.pan.0 = pan(self.pan.0, placed.x.saturating_sub(margin_x), right, width);
        self.pan.1 = pan(self.pan.1, placed.y.saturating_sub(margin_y), bottom, height);
        self.clamp();
    }

    /// Moves the picture.
    pub fn pan(&mut self, columns: i16, rows: i16) {
        self.pan.0 = self.pan.0.saturating_add_signed(columns);
        self.pan.1 = self.pan.1.saturating_add_signed(rows);
        self.clamp();
    }

    /// Brings the selected box to the middle.
    pub fn centre(&mut self) {
        if let Some(placed) = self.vertex().and_then(|vertex| self.picture.layout.boxes.get(vertex)) {
            self.pan.0 = placed.centre().saturating_sub(self.window.0 / 2);
            self.pan.1 = placed.y.saturating_sub(self.window.1 / 2);
            self.clamp();
        }
    }

    /// How far from the window's corner the picture begins: in each direction in which it is smaller than its window, it stands
    /// in the middle.
    pub fn shift(&self) -> (u16, u16) {
        let layout = &self.picture.layout;
        (
            self.window.0.saturating_sub(layout.width) / 2,
            self.window.1.saturating_sub(layout.height) / 2,
        )
    }

    /// The box that is drawn at that place of the window.
    pub fn vertex_at(&self, x: u16, y: u16) -> Option<usize> {
        let shift = self.shift();
        let x = x.checked_sub(shift.0)? + self.pan.0;
        let y = y.checked_sub(shift.1)? + self.pan.1;
        let hit = |placed: &&Placed| {
            (placed.x..placed.x + placed.width).contains(&x) && (placed.y..placed.y + 3).contains(&y)
        };
        Some(self.picture.layout.boxes.iter().find(hit)?.vertex)
    }

    fn clamp(&mut self) {
        let layout = &self.picture.layout;
        self.pan.0 = self.pan.0.min(layout.width.saturating_sub(self.window.0));
        self.pan.1 = self.pan.1.min(layout.height.saturating_sub(self.window.1));
    }

    /// Folds the rack of the selected box into one, or unfolds it. False if it is in none.
    pub fn toggle_fold(&mut self, topology: &Topology) -> bool {
        let Some(id) = self.selected.clone() else { return false };
        let in_rack = |rack: &&Rack| rack.id() == id || rack.members().any(|member| member == id);
        let Some(rack) = self.racks.iter().find(in_rack) else {
            return false;
        };
        let rack_id = rack.id();
        if self.folded.remove(&rack_id) {
            self.selected = rack.members().next().map(str::to_owned);
        } else {
            self.folded.insert(rack_id);
        }
        self.redraw(topology);
        true
    }

    /// Folds all racks, or unfolds them if all are folded.
    pub fn toggle_fold_all(&mut self, topology: &Topology) {
        let all: BTreeSet<String> = self.racks.iter().map(Rack::id).collect();
        self.folded = if self.folded == all { BTreeSet::new() } else { all };
        self.redraw(topology);
    }

    /// Marks the selected box as an end of a way; a third mark begins anew, and marking an end again takes the mark away.
    pub fn toggle_end(&mut self) {
        let Some(id) = self.selected.clone() else { return };
        if let Some(place) = self.ends.iter().position(|end| *end == id) {
            self.ends.remove(place);
        } else {
            if self.ends.len() == 2 {
                self.ends.clear();
            }
            self.ends.push(id);
        }
        self.find_way();
    }

    /// Finds the way between the marked ends anew.
    pub fn find_way(&mut self) {
        let graph = &self.picture.graph;
        self.way = match &self.ends[..] {
            [one, other] => match (self.marked(one), self.marked(other)) {
                (Some(one), Some(other)) => topology::path(graph, one, other).unwrap_or_default(),
                _ => Vec::new(),
            },
            _ => Vec::new(),
        };
    }

    /// The box of a marked end. Of a rack that was marked and unfolded since, its first part is meant.
    pub fn marked(&self, end: &str) -> Option<usize> {
        let graph = &self.picture.graph;
        let rack = || self.racks.iter().find(|rack| rack.id() == end);
        graph.find(end).or_else(|| graph.find(rack()?.members().next()?))
    }

    /// The links of the selected box: the network of each, by index, and the end that is the box.
    pub fn links(&self) -> Vec<(usize, usize)> {
        let Some(vertex) = self.vertex() else { return Vec::new() };
        let nets = self.picture.graph.nets.iter().enumerate();
        nets.filter_map(|(index, net)| Some((index, net.ends.iter().position(|end| end.vertex == vertex)?)))
            .collect()
    }

    /// Selects the next link of the selected box, or the one before.
    pub fn turn_link(&mut self, forwards: bool) {
        let count = self.links().len();
        self.link = match self.link {
            _ if count == 0 => None,
            None => Some(if forwards { 0 } else { count - 1 }),
            Some(at) => Some(turned(at, count, forwards)),
        };
    }

    /// Whether a box is one that is looked for.
    pub fn matches(&self, vertex: usize) -> bool {
        let needle = self.filter.to_lowercase();
        let found = self.picture.graph.vertices.get(vertex);
        !needle.is_empty()
            && found.is_some_and(|vertex| {
                vertex.name.to_lowercase().contains(&needle)
                    || vertex
                        .members
                        .iter()
                        .any(|member| name(member).to_lowercase().contains(&needle))
            })
    }

    /// Goes to the next box that is looked for, or the one before. False if there is none.
    pub fn find(&mut self, forwards: bool, from_here: bool) -> bool {
        let count = self.picture.graph.vertices.len();
        let at = self.vertex().unwrap_or(0);
        let here = from_here.then_some(at).into_iter();
        match here
            .chain(round(at, count, forwards))
            .find(|vertex| self.matches(*vertex))
        {
            Some(vertex) => {
                self.select(vertex);
                true
            }
            None => false,
        }
    }

    /// Whether the selected box is a node.
    pub fn selects_node(&self) -> bool {
        self.selected.as_deref().is_some_and(|id| id.starts_with("node/"))
    }

    /// The names of the nodes in the selected box.
    pub fn selected_nodes(&self) -> Vec<String> {
        let Some(vertex) = self.vertex().and_then(|vertex| self.picture.graph.vertices.get(vertex)) else {
            return Vec::new();
        };
        if !matches!(vertex.kind, Kind::Node | Kind::Rack) {
            return Vec::new();
        }
        vertex
            .members
            .iter()
            .filter_map(|id| id.strip_prefix("node/"))
            .map(str::to_owned)
            .collect()
    }
}

fn name(id: &str) -> &str {
    id.split_once('/').map_or(id, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::testing;

    #[test]
    fn big_labs_begin_folded_and_what_is_selected_stays_so() {
        let topology = testing::data_centre(2, 4, 10);
        let mut map = Map::default();
        map.set_window((80, 20));
        map.set_topology(&topology);
        assert_eq!(map.folded.len(), 4);
        map.filter = "r2-s7".into();
        assert!(map.find(true, true));
        assert_eq!(map.selected.as_deref(), Some("rack/r2"));
        assert_eq!(map.selected_nodes().len(), 10);
        assert!(map.toggle_fold(&topology));
        assert!(map.find(true, true));
        assert_eq!(map.selected.as_deref(), Some("node/r2-s7"));
        let placed = map.picture.layout.boxes[map.vertex().unwrap()];
        assert!(placed.x >= map.pan.0 && placed.x + placed.width <= map.pan.0 + 80);
    }

    #[test]
    fn the_way_between_two_boxes() {
        let mut map = Map::default();
        map.set_topology(&testing::demo());
        for id in ["node/r0-s1", "namespace/core"] {
            map.selected = Some(id.into());
            map.toggle_end();
        }
        assert_eq!(map.way.len(), 3);
        map.toggle_end();
        assert!(map.way.is_empty());
    }
}
