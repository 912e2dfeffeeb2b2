//! The order of boxes in each tier: long lines get a place in every tier they pass, and crossings are reduced.

use super::graph::Graph;

/// What has a place in a tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// A box.
    Vertex(usize),
    /// Where the line to an end of a network passes.
    Pass {
        /// Index of the network.
        net: usize,
        /// Index of the end it leads to; `None`: all that are further down share it.
        end: Option<usize>,
    },
}

/// Tiers in order from left to right, and what is joined between each and the next.
#[derive(Clone, Debug, Default)]
pub struct Ordered {
    /// The slots of each tier.
    pub tiers: Vec<Vec<Slot>>,
    /// Pairs of slots (by index in [`Self::slots`]) of neighbouring tiers, the upper one first.
    pub joints: Vec<(usize, usize)>,
    /// All slots.
    pub slots: Vec<Slot>,
    /// The tier of each.
    pub tier_of: Vec<usize>,
    rows: Vec<Vec<usize>>,
}

/// How often the order is improved, down and up.
const SWEEPS: usize = 12;

impl Ordered {
    /// Orders the boxes of a graph.
    pub fn new(graph: &Graph) -> Self {
        let mut ordered = Self {
            slots: (0..graph.vertices.len()).map(Slot::Vertex).collect(),
            tier_of: graph.vertices.iter().map(|vertex| vertex.tier).collect(),
            ..Self::default()
        };
        for (index, net) in graph.nets.iter().enumerate() {
            let tier = |end: usize| graph.vertices[net.ends[end].vertex].tier;
            let top = (0..net.ends.len()).map(tier).min().unwrap_or(0);
            let uppers: Vec<usize> = net
                .ends
                .iter()
                .map(|end| end.vertex)
                .filter(|vertex| graph.vertices[*vertex].tier == top)
                .collect();
            if net.mesh {
                ordered.add_mesh(graph, index, uppers);
                continue;
            }
            for end in 0..net.ends.len() {
                if tier(end) == top {
                    continue;
                }
                let mut above = uppers.clone();
                for passed in top + 1..tier(end) {
                    ordered.slots.push(Slot::Pass {
                        net: index,
                        end: Some(end),
                    });
                    ordered.tier_of.push(passed);
                    let slot = ordered.slots.len() - 1;
                    ordered.joints.extend(above.iter().map(|upper| (*upper, slot)));
                    above = vec![slot];
                }
                ordered
                    .joints
                    .extend(above.iter().map(|upper| (*upper, net.ends[end].vertex)));
            }
        }
        ordered.rows = vec![Vec::new(); graph.tiers];
        for (slot, tier) in ordered.tier_of.iter().enumerate() {
            ordered.rows[*tier].push(slot);
        }
        ordered.improve();
        ordered.tiers = ordered
            .rows
            .iter()
            .map(|row| row.iter().map(|slot| ordered.slots[*slot]).collect())
            .collect();
        ordered
    }

    /// A mesh has one line down, and joints in each tier that it has boxes in.
    fn add_mesh(&mut self, graph: &Graph, index: usize, mut above: Vec<usize>) {
        let boxes = || graph.nets[index].ends.iter().map(|end| end.vertex);
        let tier = |vertex: usize| graph.vertices[vertex].tier;
        let (top, bottom) = (
            boxes().map(tier).min().unwrap_or(0),
            boxes().map(tier).max().unwrap_or(0),
        );
        for passed in top + 1..=bottom {
            let mut lower: Vec<usize> = boxes().filter(|vertex| tier(*vertex) == passed).collect();
            if passed < bottom {
                self.slots.push(Slot::Pass { net: index, end: None });
                self.tier_of.push(passed);
                lower.push(self.slots.len() - 1);
            }
            let pairs = above
                .iter()
                .flat_map(|upper| lower.iter().map(move |lower| (*upper, *lower)));
            self.joints.extend(pairs);
            above = vec![self.slots.len() - 1];
        }
    }

    /// The slots of each tier, by index, from left to right.
    pub fn rows(&self) -> &[Vec<usize>] {
        &self.rows
    }

    /// Each slot's neighbours in the tier above and in the tier below.
    pub fn neighbours(&self) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
        let (mut above, mut below) = (vec![Vec::new(); self.slots.len()], vec![Vec::new(); self.slots.len()]);
        for (upper, lower) in &self.joints {
            below[*upper].push(*lower);
            above[*lower].push(*upper);
        }
        (above, below)
    }

    fn improve(&mut self) {
        let (above, below) = self.neighbours();
        let mut best = self.rows.clone();
        let mut fewest = self.crossings(&self.rows);
        for sweep in 0..SWEEPS {
            if fewest == 0 {
                break;
            }
            let count = self.rows.len();
            let downwards = sweep % 2 == 0;
            for step in 1..count {
                let (row, fixed, neighbours) = if downwards {
                    (step, step - 1, &above)
                } else {
                    (count - 1 - step, count - step, &below)
                };
                let place = places(&self.rows[fixed], self.slots.len());
                sort_by_barycentre(&mut self.rows[row], &place, neighbours);
            }
            let crossings = self.crossings(&self.rows);
            if crossings < fewest {
                fewest = crossings;
                best.clone_from(&self.rows);
            }
        }
        self.rows = best;
    }

    /// How many pairs of joints cross.
    pub fn crossings(&self, rows: &[Vec<usize>]) -> usize {
        let place = rows.iter().fold(vec![0; self.slots.len()], |mut place, row| {
            row.iter().enumerate().for_each(|(at, slot)| place[*slot] = at);
            place
        });
        let mut crossings = 0;
        for tier in 0..rows.len() {
            let of_tier = self.joints.iter().filter(|(upper, _)| self.tier_of[*upper] == tier);
            let mut ends: Vec<(usize, usize)> = of_tier.map(|(upper, lower)| (place[*upper], place[*lower])).collect();
            ends.sort_unstable();
            // Each end counts those before it that are further to the right, in a tree of sums.
            let width = rows.get(tier + 1).map_or(0, Vec::len);
            let mut sums = vec![0usize; width + 1];
            for (seen, (_, lower)) in ends.iter().enumerate() {
                let mut before = 0;
                let mut at = lower + 1;
                while at > 0 {
                    before += sums[at];
                    at &= at - 1;
                }
                crossings += seen - before;
                let mut at = lower + 1;
                while at <= width {
                    sums[at] += 1;
                    at += at & at.wrapping_neg();
                }
            }
        }
        crossings
    }
}

fn places(row: &[usize], count: usize) -> Vec<f64> {
    let mut place = vec![0.0; count];
    let mut at = 0.0;
    for slot in row {
        place[*slot] = at;
        at += 1.0;
    }
    place
}

/// Sorts by the mean place of the neighbours. What has none, and what has the same mean, keeps its order.
fn sort_by_barycentre(row: &mut [usize], place: &[f64], neighbours: &[Vec<usize>]) {
    let mut last = 0.0;
    let mut keyed: Vec<(f64, usize)> = Vec::with_capacity(row.len());
    for slot in row.iter().copied() {
        let of_slot = &neighbours[slot];
        if !of_slot.is_empty() {
            #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 neighbours")]
            let count = of_slot.len() as f64;
            last = of_slot.iter().map(|other| place[*other]).sum::<f64>() / count;
        }
        keyed.push((last, slot));
    }
    keyed.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    row.iter_mut().zip(keyed).for_each(|(target, (_, slot))| *target = slot);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::testing;

    #[test]
    fn a_tangle_is_combed() {
        let linked = |name: &str, networks: &[&str]| {
            (
                name.to_owned(),
                networks.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
            )
        };
        let namespaces = [
            linked("a", &["up", "1"]),
            linked("b", &["up", "2"]),
            linked("c", &["up", "3"]),
            linked("z", &["3"]),
            linked("y", &["2"]),
            linked("x", &["1"]),
        ];
        let graph = Graph::new(&testing::topology(&["up"], &namespaces, &[]), &[]);
        let ordered = Ordered::new(&graph);
        assert_eq!(ordered.crossings(ordered.rows()), 0);
    }

    #[test]
    fn a_line_that_passes_a_tier_has_a_place_there() {
        let graph = Graph::new(&testing::demo(), &[]);
        let ordered = Ordered::new(&graph);
        for (upper, lower) in &ordered.joints {
            assert_eq!(ordered.tier_of[*upper] + 1, ordered.tier_of[*lower]);
        }
    }
}
