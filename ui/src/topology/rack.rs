//! Racks: nodes that share networks, and the namespaces that serve only them.

use std::collections::{BTreeMap, BTreeSet};

use placemat2_engine::api::{Topology, VertexKind};

/// Nodes that share networks, with the namespaces that serve only them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rack {
    /// What its members' names have in common.
    pub name: String,
    /// Ids of its nodes.
    pub nodes: Vec<String>,
    /// Ids of its namespaces.
    pub namespaces: Vec<String>,
}

impl Rack {
    /// Its id, beside those of the API.
    pub fn id(&self) -> String {
        format!("rack/{}", self.name)
    }

    /// Ids of all that is in it.
    pub fn members(&self) -> impl Iterator<Item = &str> {
        self.namespaces.iter().chain(&self.nodes).map(String::as_str)
    }
}

/// Finds the racks of a lab: sets of nodes that are connected through networks the host is not on.
pub fn racks(topology: &Topology) -> Vec<Rack> {
    let kind: BTreeMap<&str, VertexKind> = topology
        .vertices
        .iter()
        .map(|vertex| (vertex.id.as_str(), vertex.kind))
        .collect();
    let is = |id: &str, wanted| kind.get(id) == Some(&wanted);
    let outside: BTreeSet<&str> = topology
        .edges
        .iter()
        .filter(|edge| is(&edge.from, VertexKind::Host))
        .map(|edge| edge.to.as_str())
        .collect();
    let inside = || topology.edges.iter().filter(|edge| !outside.contains(edge.to.as_str()));

    let mut networks_of: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for edge in inside() {
        networks_of.entry(&edge.from).or_default().push(&edge.to);
    }
    // Networks of one node are of one rack: each set is told by the first of its networks.
    let mut rack_of: BTreeMap<&str, &str> = BTreeMap::new();
    let nodes = || {
        topology
            .vertices
            .iter()
            .filter(|vertex| vertex.kind == VertexKind::Node)
    };
    for node in nodes() {
        let networks = networks_of.get(node.id.as_str()).map_or(&[][..], Vec::as_slice);
        let Some(first) = networks.first() else { continue };
        let target = *rack_of.entry(first).or_insert(first);
        for network in networks {
            let old = *rack_of.entry(network).or_insert(target);
            if old != target {
                rack_of
                    .values_mut()
                    .filter(|rack| **rack == old)
                    .for_each(|rack| *rack = target);
            }
        }
    }

    let mut racks: Vec<(&str, Rack)> = Vec::new();
    for node in nodes() {
        let networks = networks_of.get(node.id.as_str()).and_then(|networks| networks.first());
        let Some(key) = networks.and_then(|network| rack_of.get(network)) else {
            continue;
        };
        match racks.iter_mut().find(|(other, _)| other == key) {
            Some((_, rack)) => rack.nodes.push(node.id.clone()),
            None => racks.push((
                key,
                Rack {
                    name: String::new(),
                    nodes: vec![node.id.clone()],
                    namespaces: Vec::new(),
                },
            )),
        }
    }
    // With one rack only, what serves it is the rest of the lab.
    if racks.len() > 1 {
        for namespace in topology
            .vertices
            .iter()
            .filter(|vertex| vertex.kind == VertexKind::Namespace)
        {
            let networks = networks_of.get(namespace.id.as_str()).map_or(&[][..], Vec::as_slice);
            let mut served: Vec<&str> = networks
                .iter()
                .filter_map(|network| rack_of.get(network))
                .copied()
                .collect();
            served.dedup();
            if let [only] = served[..]
                && let Some((_, rack)) = racks.iter_mut().find(|(key, _)| *key == only)
            {
                rack.namespaces.push(namespace.id.clone());
            }
        }
    }
    name(&mut racks);
    racks.into_iter().map(|(_, rack)| rack).collect()
}

fn name(racks: &mut [(&str, Rack)]) {
    let mut taken = BTreeSet::new();
    for (network, rack) in racks {
        let names: Vec<&str> = rack
            .nodes
            .iter()
            .map(|id| id.strip_prefix("node/").unwrap_or(id))
            .collect();
        let mut name = common(&names);
        if name.is_empty() || taken.contains(name) {
            name = network.strip_prefix("network/").unwrap_or(network);
        }
        taken.insert(name.to_owned());
        rack.name = name.to_owned();
    }
}

/// What names have in common, up to the last separator within it.
fn common<'a>(names: &[&'a str]) -> &'a str {
    let Some((first, others)) = names.split_first() else {
        return "";
    };
    let mut length = first.len();
    for other in others {
        let same = first
            .char_indices()
            .zip(other.chars())
            .find(|((_, a), b)| a != b)
            .map_or(first.len().min(other.len()), |((at, _), _)| at);
        length = length.min(same);
    }
    let prefix = first.get(..length).unwrap_or_default();
    let separators = ['-', '_', '.', '/'];
    match prefix.rfind(separators) {
        Some(at) if !others.is_empty() => prefix.get(..at).unwrap_or_default(),
        _ => prefix.trim_end_matches(separators),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::testing;

    #[test]
    fn racks_of_the_demo() {
        let racks = racks(&testing::demo());
        let names: Vec<&str> = racks.iter().map(|rack| rack.name.as_str()).collect();
        assert_eq!(names, ["r0", "r1"]);
        let members: Vec<&str> = racks[0].members().collect();
        assert_eq!(
            members,
            ["namespace/r0-tor1", "namespace/r0-tor2", "node/r0-s1", "node/r0-s2"]
        );
    }

    #[test]
    fn names_have_this_in_common() {
        assert_eq!(common(&["r0-s1", "r0-s2"]), "r0");
        assert_eq!(common(&["boot-0"]), "boot-0");
        assert_eq!(common(&["a", "b"]), "");
    }
}
