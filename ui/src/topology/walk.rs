//! Going from box to box, and the way between two.

use std::collections::VecDeque;

use super::{graph::Graph, route::Layout};

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they say what they are")]
pub enum Direction {
    Up,
    Down,
    Left,
    Right,
}

/// The box next to one. Up and down follow links where there are any, to the nearest box.
pub fn walk(graph: &Graph, layout: &Layout, from: usize, direction: Direction) -> Option<usize> {
    let at = layout.boxes.get(from)?;
    let tier = graph.vertices.get(from)?.tier;
    let tier_of = |vertex: usize| graph.vertices.get(vertex).map_or(0, |vertex| vertex.tier);
    let distance = |vertex: &usize| {
        layout
            .boxes
            .get(*vertex)
            .map_or(u16::MAX, |other| other.centre().abs_diff(at.centre()))
    };
    let all = || 0..graph.vertices.len();
    match direction {
        Direction::Left => all()
            .filter(|other| tier_of(*other) == tier && layout.boxes[*other].x < at.x)
            .min_by_key(distance),
        Direction::Right => all()
            .filter(|other| tier_of(*other) == tier && layout.boxes[*other].x > at.x)
            .min_by_key(distance),
        Direction::Up => {
            // The racks of a mesh stand in rows.
            let row = graph
                .nets
                .iter()
                .filter(|net| net.mesh && net.ends.iter().any(|end| end.vertex == from));
            let row = row.flat_map(|net| net.ends.iter().map(|end| end.vertex));
            if let Some(above) = row.filter(|other| tier_of(*other) + 1 == tier).min_by_key(distance) {
                return Some(above);
            }
            let linked = graph
                .neighbours(from)
                .map(|(other, _, _)| other)
                .filter(|other| tier_of(*other) < tier);
            // The nearest tier first: what passes a tier is further away than it looks.
            let linked = linked.min_by_key(|other| (tier - tier_of(*other), distance(other)));
            linked.or_else(|| all().filter(|other| tier_of(*other) + 1 == tier).min_by_key(distance))
        }
        Direction::Down => {
            let linked = graph
                .neighbours(from)
                .map(|(other, _, _)| other)
                .filter(|other| tier_of(*other) > tier);
            let linked = linked.min_by_key(|other| (tier_of(*other) - tier, distance(other)));
            linked.or_else(|| all().filter(|other| tier_of(*other) == tier + 1).min_by_key(distance))
        }
    }
}

/// A step on the way: a network, by which end it is entered, and by which it is left.
pub type Step = (usize, usize, usize);

/// The shortest way between two boxes.
pub fn path(graph: &Graph, from: usize, to: usize) -> Option<Vec<Step>> {
    let mut came: Vec<Option<(usize, Step)>> = vec![None; graph.vertices.len()];
    let mut queue = VecDeque::from([from]);
    while let Some(vertex) = queue.pop_front() {
        if vertex == to {
            let mut steps = Vec::new();
            let mut at = to;
            while let Some((before, step)) = came[at].filter(|_| at != from) {
                steps.push(step);
                at = before;
            }
            steps.reverse();
            return Some(steps);
        }
        for (index, net) in graph.nets.iter().enumerate() {
            let Some(enter) = net.ends.iter().position(|end| end.vertex == vertex) else {
                continue;
            };
            for (leave, end) in graph.opposite(net, vertex) {
                if end.vertex != from && came[end.vertex].is_none() {
                    came[end.vertex] = Some((vertex, (index, enter, leave)));
                    queue.push_back(end.vertex);
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::testing;

    #[test]
    fn up_and_down_follow_links() {
        let graph = Graph::new(&testing::demo(), &[]);
        let layout = Layout::new(&graph);
        let mut at = graph.find("node/r0-s1").unwrap();
        let mut names = Vec::new();
        while let Some(next) = walk(&graph, &layout, at, Direction::Up) {
            names.push(graph.vertices[next].name.clone());
            at = next;
        }
        assert_eq!(names.last().map(String::as_str), Some("host"));
        assert_eq!(names.len(), 4, "{names:?}");
        assert!(walk(&graph, &layout, at, Direction::Down).is_some());
    }

    #[test]
    fn the_shortest_way() {
        let graph = Graph::new(&testing::demo(), &[]);
        let [a, b] = ["node/r0-s1", "node/r1-s1"].map(|id| graph.find(id).unwrap());
        let steps = path(&graph, a, b).unwrap();
        let nets: Vec<&str> = steps.iter().map(|(net, _, _)| graph.nets[*net].name.as_str()).collect();
        assert_eq!(nets, ["r0-node1", "s1-r0-1", "s1-r1-1", "r1-node1"]);
        assert_eq!(path(&graph, a, a), Some(vec![]));
    }
}
