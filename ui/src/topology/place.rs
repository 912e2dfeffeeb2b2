//! Where the boxes of each tier stand from left to right.

use super::{
    graph::{Graph, Kind},
    order::{Ordered, Slot},
};

/// Columns between neighbours of a tier.
const GAP: f64 = 2.0;
/// Columns of a line that passes a tier.
const PASS: u16 = 3;
/// The longest word for a state; boxes have room for it, so that they keep their size when the state changes.
const WORD: usize = 8;
/// The longest name that is shown in full.
const NAME: usize = 24;
/// How often boxes are moved towards their neighbours, down and up.
const SWEEPS: usize = 8;

/// Returns the columns of each slot: where it begins and how many it has.
pub fn columns(graph: &Graph, ordered: &Ordered, ports: &[(usize, usize)]) -> Vec<(u16, u16)> {
    let widths: Vec<u16> = ordered
        .slots
        .iter()
        .map(|slot| match slot {
            Slot::Pass { .. } => PASS,
            Slot::Vertex(vertex) => width(graph, *vertex, ports[*vertex]),
        })
        .collect();
    let (mut above, below) = ordered.neighbours();
    // The lower rows of a mesh stand below what it comes from, not below the line that leads to them.
    for slot in ordered.rows().iter().flatten() {
        if let [trunk] = above[*slot][..]
            && matches!(ordered.slots[trunk], Slot::Pass { end: None, .. })
        {
            let from = above[trunk].clone();
            above[*slot] = from;
        }
    }
    let rows = ordered.rows();
    let half = |slot: usize| f64::from(widths[slot]) / 2.0;
    let mut centre = vec![0.0; ordered.slots.len()];
    for row in rows {
        let mut x = 0.0;
        for slot in row.iter().copied() {
            centre[slot] = x + half(slot);
            x += f64::from(widths[slot]) + GAP;
        }
        // All tiers begin with the same middle.
        for slot in row {
            centre[*slot] -= x / 2.0;
        }
    }
    for sweep in 0..SWEEPS {
        let downwards = sweep % 2 == 0;
        let order: Vec<usize> = if downwards {
            (0..rows.len()).collect()
        } else {
            (0..rows.len()).rev().collect()
        };
        for tier in order {
            let row = &rows[tier];
            let wanted: Vec<f64> = row
                .iter()
                .map(|slot| {
                    let neighbours = match (downwards, above[*slot].is_empty(), below[*slot].is_empty()) {
                        (true, false, _) | (false, false, true) => &above[*slot],
                        (false, _, false) | (true, true, false) => &below[*slot],
                        (_, true, true) => return centre[*slot],
                    };
                    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^52 neighbours")]
                    let count = neighbours.len() as f64;
                    neighbours.iter().map(|other| centre[*other]).sum::<f64>() / count
                })
                .collect();
            let apart: Vec<f64> = row.windows(2).map(|pair| half(pair[0]) + GAP + half(pair[1])).collect();
            for (slot, x) in row.iter().zip(nearest(&wanted, &apart)) {
                centre[*slot] = x;
            }
        }
    }
    let left = |slot: usize| centre[slot] - half(slot);
    let first = (0..centre.len()).map(left).fold(f64::INFINITY, f64::min);
    let mut columns: Vec<(u16, u16)> = (0..centre.len())
        .map(|slot| (whole(left(slot) - first), widths[slot]))
        .collect();
    // Rounding must not let neighbours touch.
    for row in rows {
        for pair in row.windows(2) {
            let end = columns[pair[0]].0.saturating_add(columns[pair[0]].1).saturating_add(1);
            columns[pair[1]].0 = columns[pair[1]].0.max(end);
        }
    }
    columns
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn whole(x: f64) -> u16 {
    x.round().clamp(0.0, f64::from(u16::MAX)) as u16
}

/// The width of a box: room for its text, and for its ports (below, right of the word for its state).
fn width(graph: &Graph, vertex: usize, (top, bottom): (usize, usize)) -> u16 {
    let vertex = &graph.vertices[vertex];
    let text = match vertex.kind {
        // How many of its nodes are on may be longer than its name.
        Kind::Rack => (NAME.min(vertex.name.chars().count()) + 2).max(2 * vertex.members.len().to_string().len() + 2),
        _ => NAME.min(vertex.name.chars().count()) + 2,
    };
    let needed = (text + 4).max(2 * top + 4).max(WORD + 3 + 2 * bottom + 2);
    u16::try_from(needed).unwrap_or(u16::MAX / 4)
}

/// The places nearest to the wanted ones (by the sum of squares) that are far enough apart.
fn nearest(wanted: &[f64], apart: &[f64]) -> Vec<f64> {
    let mut offset = vec![0.0; wanted.len()];
    for at in 1..wanted.len() {
        offset[at] = offset[at - 1] + apart[at - 1];
    }
    // Neighbours that would be too near become one block, which stands at the mean of what its members want.
    let mut blocks: Vec<(f64, f64)> = Vec::new();
    let mut sizes: Vec<usize> = Vec::new();
    for (wanted, offset) in wanted.iter().zip(&offset) {
        let mut block = (wanted - offset, 1.0);
        let mut size = 1;
        while let Some((mean, weight)) = blocks.last().copied().filter(|(mean, _)| *mean >= block.0) {
            block = (
                (mean * weight + block.0 * block.1) / (weight + block.1),
                weight + block.1,
            );
            size += sizes.pop().unwrap_or(0);
            blocks.pop();
        }
        blocks.push(block);
        sizes.push(size);
    }
    let means = blocks
        .iter()
        .zip(sizes)
        .flat_map(|((mean, _), size)| std::iter::repeat_n(*mean, size));
    means.zip(offset).map(|(mean, offset)| mean + offset).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_nearest_places_are_far_enough_apart(wanted in prop::collection::vec(-100.0..100.0f64, 1..20)) {
            let apart = vec![3.0; wanted.len() - 1];
            let places = nearest(&wanted, &apart);
            prop_assert_eq!(places.len(), wanted.len());
            for pair in places.windows(2) {
                prop_assert!(pair[1] - pair[0] >= 3.0 - 1e-6, "{:?}", places);
            }
        }
    }

    #[test]
    fn what_fits_stays_where_it_wants_to_be() {
        assert_eq!(nearest(&[0.0, 10.0], &[5.0]), [0.0, 10.0]);
        assert_eq!(nearest(&[0.0, 0.0], &[4.0]), [-2.0, 2.0]);
    }
}
