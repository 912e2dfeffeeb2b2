//! Boxes and what joins them: the API's graph with racks folded, networks as what joins, and a tier for each box.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use placemat2_engine::api::{Topology, VertexKind};

use super::rack::Rack;

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The machine the lab runs on.
    Host,
    /// A network namespace.
    Namespace,
    /// A virtual machine.
    Node,
    /// A folded rack.
    Rack,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vertex {
    /// As the API has it; `rack/NAME` for a rack.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// What it stands for.
    pub kind: Kind,
    /// Ids of what is in it: itself, or what is in the rack.
    pub members: Vec<String>,
    /// How far from the outside it is drawn.
    pub tier: usize,
}

/// One box on a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Index of the box.
    pub vertex: usize,
    /// Ids of its links to the network: several for a folded rack.
    pub links: Vec<String>,
}

/// A network with at least two boxes on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// `network/NAME`.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The boxes on it.
    pub ends: Vec<End>,
    /// Whether it stands for many networks of two ends, one between each upper and each lower box.
    pub mesh: bool,
}

/// Boxes and networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    /// The boxes; within a tier in the order of the lab files.
    pub vertices: Vec<Vertex>,
    /// What joins them.
    pub nets: Vec<Net>,
    /// How many tiers there are.
    pub tiers: usize,
}

impl Graph {
    /// The graph of a lab with these racks folded.
    pub fn new(topology: &Topology, folded: &[&Rack]) -> Self {
        let mut graph = Self::default();
        let mut of: BTreeMap<&str, usize> = BTreeMap::new();
        for vertex in &topology.vertices {
            let kind = match vertex.kind {
                VertexKind::Network => continue,
                // A host that nothing is linked to is no part of the picture.
                VertexKind::Host if !topology.edges.iter().any(|edge| edge.from == vertex.id) => continue,
                VertexKind::Host => Kind::Host,
                VertexKind::Namespace => Kind::Namespace,
                VertexKind::Node => Kind::Node,
            };
            let rack = folded
                .iter()
                .find(|rack| rack.members().any(|member| member == vertex.id));
            let (id, name, kind) = match rack {
                Some(rack) => (rack.id(), rack.name.clone(), Kind::Rack),
                None => (vertex.id.clone(), vertex.name.clone(), kind),
            };
            let known = rack.and_then(|_| graph.vertices.iter().position(|known| known.id == id));
            let index = known.unwrap_or_else(|| {
                graph.vertices.push(Vertex {
                    id,
                    name,
                    kind,
                    members: Vec::new(),
                    tier: 0,
                });
                graph.vertices.len() - 1
            });
            if let Some(known) = graph.vertices.get_mut(index) {
                known.members.push(vertex.id.clone());
            }
            of.insert(&vertex.id, index);
        }
        for network in topology
            .vertices
            .iter()
            .filter(|vertex| vertex.kind == VertexKind::Network)
        {
            let mut ends: Vec<End> = Vec::new();
            for edge in topology.edges.iter().filter(|edge| edge.to == network.id) {
                let Some(vertex) = of.get(edge.from.as_str()).copied() else {
                    continue;
                };
                match ends.iter_mut().find(|end| end.vertex == vertex) {
                    Some(end) => end.links.push(edge.id.clone()),
                    None => ends.push(End {
                        vertex,
                        links: vec![edge.id.clone()],
                    }),
                }
            }
            if ends.len() > 1 {
                graph.nets.push(Net {
                    id: network.id.clone(),
                    name: network.name.clone(),
                    ends,
                    mesh: false,
                });
            }
        }
        graph.assign_tiers();
        graph
    }

    /// The box that stands for an object of the API, perhaps with others.
    pub fn find(&self, id: &str) -> Option<usize> {
        self.vertices
            .iter()
            .position(|vertex| vertex.id == id || vertex.members.iter().any(|member| member == id))
    }

    /// The boxes next to one, each with the network and the end that leads there.
    pub fn neighbours(&self, vertex: usize) -> impl Iterator<Item = (usize, &Net, usize)> {
        let on = move |net: &&Net| net.ends.iter().any(|end| end.vertex == vertex);
        self.nets.iter().filter(on).flat_map(move |net| {
            self.opposite(net, vertex)
                .map(move |(index, end)| (end.vertex, net, index))
        })
    }

    /// The ends of a network that one of its boxes is joined with by it.
    pub fn opposite<'a>(&'a self, net: &'a Net, vertex: usize) -> impl Iterator<Item = (usize, &'a End)> {
        let top = net.ends.iter().map(|end| self.vertices[end.vertex].tier).min();
        let is_upper = move |vertex: usize| Some(self.vertices[vertex].tier) == top;
        let joined = move |end: &End| !net.mesh || is_upper(end.vertex) != is_upper(vertex);
        let others = net.ends.iter().enumerate();
        others.filter(move |(_, end)| end.vertex != vertex && joined(end))
    }

    /// The outside is on top, nodes are at the bottom, routers between them by their distance from the outside.
    fn assign_tiers(&mut self) {
        let count = self.vertices.len();
        let mut adjacent = vec![BTreeSet::new(); count];
        for net in &self.nets {
            for one in &net.ends {
                adjacent[one.vertex].extend(
                    net.ends
                        .iter()
                        .map(|other| other.vertex)
                        .filter(|other| *other != one.vertex),
                );
            }
        }
        let routes = |vertex: usize| self.vertices[vertex].kind != Kind::Node;
        let mut tier: Vec<Option<usize>> = vec![None; count];
        let spread = |from: &[usize], at: usize, tier: &mut Vec<Option<usize>>| {
            let mut queue: VecDeque<usize> = from.iter().copied().collect();
            for top in from {
                tier[*top] = Some(at);
            }
            while let Some(vertex) = queue.pop_front() {
                for next in adjacent[vertex].iter().copied().filter(|next| routes(*next)) {
                    if tier[next].is_none() {
                        tier[next] = tier[vertex].map(|above| above + 1);
                        queue.push_back(next);
                    }
                }
            }
        };
        let host = self.vertices.iter().position(|vertex| vertex.kind == Kind::Host);
        if let Some(host) = host {
            spread(&[host], 0, &mut tier);
        }
        // Parts of the lab without a way out hang from what is farthest from their nodes. As far, or linked with the same, is as high:
        // the spines of a fabric are side by side.
        let distance = self.distance_from_nodes(&adjacent);
        while let Some(top) = (0..count)
            .filter(|vertex| routes(*vertex) && tier[*vertex].is_none())
            .max_by_key(|vertex| (distance[*vertex], usize::MAX - vertex))
        {
            let as_high = |vertex: &usize| {
                let as_far = distance[*vertex] > 0 && distance[*vertex] == distance[top];
                as_far || adjacent[*vertex] == adjacent[top]
            };
            let untold = (0..count).filter(|vertex| routes(*vertex) && tier[*vertex].is_none());
            let tops: Vec<usize> = untold.filter(as_high).collect();
            spread(&tops, usize::from(host.is_some()), &mut tier);
        }
        let bottom = tier.iter().flatten().max().map_or(0, |deepest| deepest + 1);
        for (vertex, tier) in self.vertices.iter_mut().zip(tier) {
            vertex.tier = tier.unwrap_or(bottom);
        }
        self.tiers = self.vertices.iter().map(|vertex| vertex.tier + 1).max().unwrap_or(0);
    }

    fn distance_from_nodes(&self, adjacent: &[BTreeSet<usize>]) -> Vec<usize> {
        let mut distance = vec![0; self.vertices.len()];
        let ends = |vertex: &usize| matches!(self.vertices[*vertex].kind, Kind::Node | Kind::Rack);
        let mut queue: VecDeque<usize> = (0..self.vertices.len()).filter(ends).collect();
        let mut seen: BTreeSet<usize> = queue.iter().copied().collect();
        while let Some(vertex) = queue.pop_front() {
            for next in &adjacent[vertex] {
                if seen.insert(*next) {
                    distance[*next] = distance[vertex] + 1;
                    queue.push_back(*next);
                }
            }
        }
        distance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{racks, testing};

    fn tier(graph: &Graph, name: &str) -> usize {
        graph.vertices.iter().find(|vertex| vertex.name == name).unwrap().tier
    }

    #[test]
    fn tiers_of_the_demo() {
        let graph = Graph::new(&testing::demo(), &[]);
        let tiers = ["host", "core", "spine1", "r0-tor1", "r0-s1"].map(|name| tier(&graph, name));
        assert_eq!(tiers, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn spines_without_a_way_out_are_above_their_leaves() {
        let linked = |name: &str, networks: &[&str]| {
            (
                name.to_owned(),
                networks.iter().map(|network| (*network).to_owned()).collect::<Vec<_>>(),
            )
        };
        let fabric = [
            linked("spine1", &["s1-l1", "s1-l2"]),
            linked("spine2", &["s2-l1", "s2-l2"]),
            linked("leaf1", &["s1-l1", "s2-l1", "rack1"]),
            linked("leaf2", &["s1-l2", "s2-l2", "rack2"]),
        ];
        let servers = [linked("server1", &["rack1"]), linked("server2", &["rack2"])];
        for nodes in [&servers[..], &[]] {
            let graph = Graph::new(&testing::topology(&[], &fabric, nodes), &[]);
            let tiers = ["spine1", "spine2", "leaf1", "leaf2"].map(|name| tier(&graph, name));
            assert_eq!(tiers, [0, 0, 1, 1]);
        }
    }

    #[test]
    fn a_folded_rack_is_one_box() {
        let topology = testing::demo();
        let racks = racks(&topology);
        let graph = Graph::new(&topology, &[&racks[1]]);
        assert_eq!(tier(&graph, "r1"), 3);
        assert!(graph.nets.iter().all(|net| net.ends.len() > 1));
        assert_eq!(graph.find("node/r1-s2"), graph.find("rack/r1"));
        assert_eq!(tier(&graph, "r0-s1"), 4);
    }
}
