//! Meshes: where every box of one tier has a line to every box of another, and these are many, one line for all of them says more.

use std::collections::{BTreeMap, BTreeSet};

use super::graph::{End, Graph, Kind, Net};

/// Up to so many lines each is drawn.
const LINES: usize = 24;
/// Racks that stand beside each other at least, and the rows they are to take at most.
const ROW: (usize, usize) = (6, 3);

impl Graph {
    /// Draws the lines of each mesh as one, and racks on it in several rows.
    #[must_use]
    pub fn meshed(mut self) -> Self {
        // Boxes with the same boxes above them are of one mesh.
        let mut above: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for net in &self.nets {
            if let Some((upper, lower)) = self.upper_and_lower(net) {
                above.entry(lower).or_default().insert(upper);
            }
        }
        let mut meshes: BTreeMap<(BTreeSet<usize>, usize), Vec<usize>> = BTreeMap::new();
        for (lower, uppers) in above {
            let same_tier = uppers
                .iter()
                .map(|upper| self.vertices[*upper].tier)
                .collect::<BTreeSet<_>>();
            if same_tier.len() == 1 {
                let tier = self.vertices[lower].tier;
                meshes.entry((uppers, tier)).or_default().push(lower);
            }
        }
        for ((uppers, _), lowers) in meshes {
            if uppers.len() > 1 && lowers.len() > 1 && uppers.len() * lowers.len() > LINES {
                self.mesh(&uppers, &lowers);
                self.wrap(uppers.len(), &lowers);
            }
        }
        self
    }

    /// The boxes of a network of two ends, if one is above the other.
    fn upper_and_lower(&self, net: &Net) -> Option<(usize, usize)> {
        let [one, other] = &net.ends[..] else { return None };
        let (one, other) = (one.vertex, other.vertex);
        match self.vertices[one].tier.cmp(&self.vertices[other].tier) {
            std::cmp::Ordering::Less => Some((one, other)),
            std::cmp::Ordering::Greater => Some((other, one)),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// Puts one network in the place of all between these boxes.
    fn mesh(&mut self, uppers: &BTreeSet<usize>, lowers: &[usize]) {
        let nets = std::mem::take(&mut self.nets);
        let (inside, outside) = nets.into_iter().partition(|net| {
            let pair = self.upper_and_lower(net);
            pair.is_some_and(|(upper, lower)| uppers.contains(&upper) && lowers.contains(&lower))
        });
        self.nets = outside;
        let mut links: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for end in inside.iter().flat_map(|net: &Net| &net.ends) {
            links.entry(end.vertex).or_default().extend(end.links.iter().cloned());
        }
        let ids: Vec<&str> = inside.iter().map(|net| net.id.as_str()).collect();
        let boxes = uppers.iter().chain(lowers).copied();
        self.nets.push(Net {
            id: ids.join(" "),
            name: format!("{} networks", inside.len()),
            ends: boxes
                .map(|vertex| End {
                    vertex,
                    links: links.remove(&vertex).unwrap_or_default(),
                })
                .collect(),
            mesh: true,
        });
    }

    /// Gives the racks of a mesh several rows, as wide as what is above them; what has boxes below it has the last one.
    fn wrap(&mut self, above: usize, lowers: &[usize]) {
        let joins = |vertex: usize| {
            let on = |net: &&Net| net.ends.iter().any(|end| end.vertex == vertex);
            self.nets.iter().filter(on).count()
        };
        let is_leaf = |vertex: &usize| self.vertices[*vertex].kind == Kind::Rack && joins(*vertex) == 1;
        let (leaves, others): (Vec<usize>, Vec<usize>) = lowers.iter().partition(|vertex| is_leaf(vertex));
        let row = leaves.len().div_ceil(ROW.1).max(ROW.0).max(above);
        let rows = leaves.len().div_ceil(row).max(1);
        let Some(first) = lowers.first().map(|vertex| self.vertices[*vertex].tier) else {
            return;
        };
        for vertex in self.vertices.iter_mut().filter(|vertex| vertex.tier > first) {
            vertex.tier += rows - 1;
        }
        for (place, vertex) in leaves.into_iter().enumerate() {
            self.vertices[vertex].tier = first + place / row;
        }
        for vertex in others {
            self.vertices[vertex].tier = first + rows - 1;
        }
        self.tiers += rows - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{Layout, path, racks, testing};

    fn folded(spines: usize, count: usize) -> Graph {
        let topology = testing::data_centre(spines, count, 4);
        let racks = racks(&topology);
        Graph::new(&topology, &racks.iter().collect::<Vec<_>>()).meshed()
    }

    #[test]
    fn a_small_mesh_is_drawn_line_by_line() {
        let graph = Graph::new(&testing::demo(), &[]);
        assert_eq!(graph.clone().meshed(), graph);
    }

    #[test]
    fn the_racks_of_a_big_lab_are_on_one_line_in_rows() {
        let graph = folded(8, 20);
        let mesh = graph.nets.iter().find(|net| net.mesh).unwrap();
        assert_eq!((mesh.name.as_str(), mesh.ends.len()), ("320 networks", 28));
        let links: usize = mesh.ends.iter().map(|end| end.links.len()).sum();
        assert_eq!(links, 640);
        let tiers: Vec<usize> = ["r0", "r7", "r8", "r19"]
            .iter()
            .map(|name| graph.vertices.iter().find(|vertex| vertex.name == *name).unwrap().tier)
            .collect();
        assert_eq!(tiers, [3, 3, 4, 5]);
        let layout = Layout::new(&graph);
        assert!(
            layout.width < 190 && layout.height < 25,
            "{}x{}",
            layout.width,
            layout.height
        );
    }

    #[test]
    fn the_way_between_two_racks_leads_over_what_joins_them() {
        let graph = folded(8, 20);
        let at = |name: &str| graph.find(&format!("rack/{name}")).unwrap();
        let way = path(&graph, at("r0"), at("r19")).unwrap();
        assert_eq!(way.len(), 2);
    }
}
