//! Where lines run. Between two tiers is a channel of tracks; each line leaves a box at its bottom, follows one track, and
//! enters another box from above. No line runs through a box: what passes a tier has a place of its own there.
//!
//! Ports below boxes are in even columns, ports above boxes in odd ones, so two lines never share a vertical run. Lines of
//! two ends that leave the same box share a track, and networks of more ends are one line with a port for each.

use super::{
    graph::Graph,
    order::{Ordered, Slot},
    place,
};

/// Rows of a box.
pub const BOX_ROWS: u16 = 3;
/// Columns at the left of a box's lower border that are kept for the word for its state.
const WORD_COLUMNS: u16 = 10;

/// A box in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Index of what it stands for.
    pub vertex: usize,
    /// First column.
    pub x: u16,
    /// First row.
    pub y: u16,
    /// Columns.
    pub width: u16,
}

impl Placed {
    /// Its middle column.
    pub fn centre(&self) -> u16 {
        self.x.saturating_add(self.width / 2)
    }
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Index of the network it belongs to.
    pub net: usize,
    /// Index of the end it leads to alone; `None`: all ends share it.
    pub end: Option<usize>,
    /// Its corners.
    pub points: Vec<(u16, u16)>,
}

/// The shared part of a network with more than two ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bus {
    /// Index of the network.
    pub net: usize,
    /// Its row.
    pub y: u16,
    /// In which column each end joins it.
    pub joins: Vec<(usize, u16)>,
    /// In which column it comes from the line above that is shared, too, and in which it goes on to the one below.
    pub trunk: (Option<u16>, Option<u16>),
    /// Where its name has room, if anywhere.
    pub label: Option<u16>,
}

/// A whole picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The boxes, in the order of the graph's.
    pub boxes: Vec<Placed>,
    /// The lines.
    pub pieces: Vec<Piece>,
    /// What several ends share.
    pub buses: Vec<Bus>,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

/// Lines that share a track.
struct Group {
    tier: usize,
    /// Slots above with the end (if it is alone there) and, once known, the column.
    uppers: Vec<Port>,
    lowers: Vec<Port>,
    /// The network, if this is the shared part of one.
    bus: Option<usize>,
    track: u16,
}

#[derive(Clone, Copy)]
struct Port {
    slot: usize,
    net: usize,
    end: Option<usize>,
    x: u16,
}

impl Group {
    fn span(&self) -> (u16, u16) {
        let columns = || self.uppers.iter().chain(&self.lowers).map(|port| port.x);
        (columns().min().unwrap_or(0), columns().max().unwrap_or(0))
    }
}

impl Layout {
    /// Lays a graph out.
    pub fn new(graph: &Graph) -> Self {
        let ordered = Ordered::new(graph);
        let mut groups = groups(graph, &ordered);
        let mut ports = vec![(0, 0); graph.vertices.len()];
        for group in &groups {
            // A port below serves all lines of the group, a port above one.
            for port in &group.uppers {
                ports
                    .get_mut(port.slot)
                    .into_iter()
                    .for_each(|count: &mut (usize, usize)| count.1 += 1);
            }
            for port in &group.lowers {
                ports.get_mut(port.slot).into_iter().for_each(|count| count.0 += 1);
            }
        }
        let columns = place::columns(graph, &ordered, &ports);
        choose_ports(&mut groups, &ordered, &columns);
        let tracks: Vec<u16> = (0..graph.tiers).map(|tier| choose_tracks(&mut groups, tier)).collect();
        let mut rows = Vec::new();
        let mut y = 0u16;
        for tracks in &tracks {
            rows.push(y);
            y = y.saturating_add(BOX_ROWS).saturating_add(*tracks);
        }
        let mut layout = Self::default();
        for (index, vertex) in graph.vertices.iter().enumerate() {
            let (x, width) = columns[index];
            let y = rows[vertex.tier];
            layout.boxes.push(Placed {
                vertex: index,
                x,
                y,
                width,
            });
            layout.width = layout.width.max(x.saturating_add(width));
            layout.height = layout.height.max(y.saturating_add(BOX_ROWS));
        }
        for group in &groups {
            layout.add_group(group, &groups, rows[group.tier].saturating_add(BOX_ROWS - 1));
        }
        layout.add_passes(graph, &ordered, &groups, &rows);
        let used = layout
            .pieces
            .iter()
            .flat_map(|piece| &piece.points)
            .map(|(x, _)| x.saturating_add(1))
            .max();
        layout.width = layout.width.max(used.unwrap_or(0));
        layout
    }

    /// The lines of a group; `above` is the lower border of the tier above.
    fn add_group(&mut self, group: &Group, all: &[Group], above: u16) {
        let track = above.saturating_add(1).saturating_add(group.track);
        let channel = all
            .iter()
            .filter(|other| other.tier == group.tier)
            .map(|other| other.track + 1)
            .max()
            .unwrap_or(1);
        let below = above.saturating_add(1).saturating_add(channel);
        if let Some(net) = group.bus {
            for port in &group.uppers {
                self.piece(port.net, port.end, vec![(port.x, above), (port.x, track)]);
            }
            for port in &group.lowers {
                self.piece(port.net, port.end, vec![(port.x, track), (port.x, below)]);
            }
            let (from, to) = group.span();
            self.piece(net, None, vec![(from, track), (to, track)]);
            let ports = group.uppers.iter().chain(&group.lowers);
            let trunk = |ports: &[Port]| ports.iter().find(|port| port.end.is_none()).map(|port| port.x);
            self.buses.push(Bus {
                net,
                y: track,
                trunk: (trunk(&group.uppers), trunk(&group.lowers)),
                joins: ports.filter_map(|port| Some((port.end?, port.x))).collect(),
                label: room(group, all),
            });
            return;
        }
        let Some(upper) = group.uppers.first() else { return };
        for port in &group.lowers {
            let points = vec![(upper.x, above), (upper.x, track), (port.x, track), (port.x, below)];
            self.piece(port.net, port.end, points);
        }
    }

    /// Where lines pass a tier they change from the column they come in to the one they leave in.
    fn add_passes(&mut self, graph: &Graph, ordered: &Ordered, groups: &[Group], rows: &[u16]) {
        for (index, slot) in ordered.slots.iter().enumerate() {
            let Slot::Pass { net, end } = *slot else { continue };
            let port = |ports: &[Port]| ports.iter().find(|port| port.slot == index).map(|port| port.x);
            let from = groups.iter().find_map(|group| port(&group.lowers));
            let to = groups.iter().find_map(|group| port(&group.uppers));
            if let (Some(from), Some(to)) = (from, to) {
                let top = rows[ordered.tier_of[index]];
                let points = vec![(from, top), (from, top + 1), (to, top + 1), (to, top + BOX_ROWS - 1)];
                let alone = graph.nets[net].ends.len() > 2;
                self.piece(net, end.filter(|_| alone), points);
            }
        }
    }

    fn piece(&mut self, net: usize, end: Option<usize>, mut points: Vec<(u16, u16)>) {
        points.dedup();
        self.pieces.push(Piece { net, end, points });
    }
}

/// What shares a track: lines of two ends from one box, the ends of one network, or what has passed a tier.
fn groups(graph: &Graph, ordered: &Ordered) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut trunks: Vec<Option<usize>> = vec![None; graph.vertices.len()];
    let port = |slot, net, end| Port { slot, net, end, x: 0 };
    let new = |tier, uppers, lowers, bus| Group {
        tier,
        uppers,
        lowers,
        bus,
        track: 0,
    };
    let pass_of = |net: usize, end: Option<usize>, tier: usize| {
        let wanted = Slot::Pass { net, end };
        (0..ordered.slots.len()).find(|slot| ordered.slots[*slot] == wanted && ordered.tier_of[*slot] == tier)
    };
    for (index, net) in graph.nets.iter().enumerate() {
        let tier = |end: usize| graph.vertices[net.ends[end].vertex].tier;
        let top = (0..net.ends.len()).map(tier).min().unwrap_or(0);
        let plain = net.ends.len() == 2;
        let told = |end: usize| (!plain).then_some(end);
        if net.mesh {
            // One shared line for each tier of boxes, and a line down from each to the next.
            let bottom = (0..net.ends.len()).map(tier).max().unwrap_or(top);
            let boxes = |wanted: usize| {
                let ends = net.ends.iter().enumerate().filter(move |(end, _)| tier(*end) == wanted);
                ends.map(|(end, of)| port(of.vertex, index, Some(end)))
            };
            let mut uppers: Vec<Port> = boxes(top).collect();
            for below in top + 1..=bottom {
                let trunk = pass_of(index, None, below).map(|slot| port(slot, index, None));
                let lowers = boxes(below).chain(trunk).collect();
                groups.push(new(below - 1, std::mem::take(&mut uppers), lowers, Some(index)));
                uppers.extend(trunk);
            }
            continue;
        }
        let mut uppers = Vec::new();
        let mut lowers = Vec::new();
        for (end, of) in net.ends.iter().enumerate() {
            if tier(end) == top {
                uppers.push(port(of.vertex, index, Some(end)));
                continue;
            }
            // The way down: to the box, or to where the line passes the next tier, and from there on.
            let mut passes: Vec<usize> = (top + 1..tier(end))
                .filter_map(|tier| pass_of(index, Some(end), tier))
                .collect();
            passes.push(of.vertex);
            lowers.push(port(passes[0], index, Some(end)));
            for pair in passes.windows(2) {
                let (from, to) = (port(pair[0], index, told(end)), port(pair[1], index, told(end)));
                groups.push(new(ordered.tier_of[pair[0]], vec![from], vec![to], None));
            }
        }
        if plain && uppers.len() == 1 {
            let upper = uppers[0];
            let at = *trunks[upper.slot].get_or_insert_with(|| {
                groups.push(new(top, vec![upper], Vec::new(), None));
                groups.len() - 1
            });
            groups[at]
                .lowers
                .extend(lowers.into_iter().map(|lower| Port { end: None, ..lower }));
        } else {
            groups.push(new(top, uppers, lowers, Some(index)));
        }
    }
    groups
}

/// Gives each port a column: those below boxes even ones, those above boxes odd ones, in the order that crosses least.
fn choose_ports(groups: &mut [Group], ordered: &Ordered, columns: &[(u16, u16)]) {
    let middle = |slot: usize| i32::from(columns[slot].0) * 2 + i32::from(columns[slot].1);
    let mean = |ports: &[Port]| {
        let count = i32::try_from(ports.len().max(1)).unwrap_or(1);
        ports.iter().map(|port| middle(port.slot)).sum::<i32>() / count
    };
    for (slot, (x, width)) in columns.iter().copied().enumerate() {
        let is_box = matches!(ordered.slots[slot], Slot::Vertex(_));
        let end = x.saturating_add(width).saturating_sub(1);

        let mut below: Vec<(i32, usize, usize)> = Vec::new();
        let mut above: Vec<(i32, usize, usize)> = Vec::new();
        for (group, of) in groups.iter().enumerate() {
            let targets = if of.lowers.is_empty() {
                mean(&of.uppers)
            } else {
                mean(&of.lowers)
            };
            let uppers = of.uppers.iter().enumerate().filter(|(_, port)| port.slot == slot);
            below.extend(uppers.map(|(index, _)| (targets, group, index)));
            let lowers = of.lowers.iter().enumerate().filter(|(_, port)| port.slot == slot);
            above.extend(lowers.map(|(index, _)| (mean(&of.uppers), group, index)));
        }
        below.sort_unstable();
        above.sort_unstable();
        let first = if is_box { x.saturating_add(WORD_COLUMNS) } else { x };
        for ((_, group, index), column) in below.iter().zip(spread(first, end, 0, below.len())) {
            groups[*group].uppers[*index].x = column;
        }
        let first = if is_box { x.saturating_add(1) } else { x };
        for ((_, group, index), column) in above.iter().zip(spread(first, end, 1, above.len())) {
            groups[*group].lowers[*index].x = column;
        }
    }
    // A line from one box to one right below it needs no bend.
    for group in groups {
        if let ([upper], [lower]) = (&group.uppers[..], &mut group.lowers[..]) {
            let (x, width) = columns[lower.slot];
            let is_box = matches!(ordered.slots[lower.slot], Slot::Vertex(_));
            if is_box && upper.x > x && upper.x < x.saturating_add(width).saturating_sub(1) {
                lower.x = upper.x;
            }
        }
    }
}

/// So many columns of this parity between two, as near the middle as they fit, two apart.
fn spread(first: u16, end: u16, parity: u16, count: usize) -> impl Iterator<Item = u16> {
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    let room = end.saturating_sub(first);
    let used = count.saturating_mul(2).saturating_sub(1);
    let mut start = first.saturating_add(room.saturating_sub(used) / 2);
    if start % 2 != parity {
        start = start.saturating_add(1);
    }
    (0..count).map(move |index| start.saturating_add(index.saturating_mul(2)))
}

/// Gives each group of a channel the first track that is free where it runs; how many there are.
fn choose_tracks(groups: &mut [Group], tier: usize) -> u16 {
    let mut of_tier: Vec<&mut Group> = groups.iter_mut().filter(|group| group.tier == tier).collect();
    of_tier.sort_by_key(|group| group.span());
    let mut ends: Vec<u16> = Vec::new();
    for group in of_tier {
        let (from, to) = group.span();
        if from == to && group.bus.is_none() {
            group.track = 0;
            continue;
        }
        let free = ends.iter().position(|end| *end < from);
        let track = free.unwrap_or(ends.len());
        match ends.get_mut(track) {
            Some(end) => *end = to,
            None => ends.push(to),
        }
        group.track = u16::try_from(track).unwrap_or(u16::MAX);
    }
    let is_used = groups.iter().any(|group| group.tier == tier);
    u16::try_from(ends.len()).unwrap_or(u16::MAX).max(u16::from(is_used))
}

/// Where in the longest stretch of a shared line that nothing else touches a name could begin: the stretch's first column.
fn room(group: &Group, all: &[Group]) -> Option<u16> {
    let (from, to) = group.span();
    let in_channel = all.iter().filter(|other| other.tier == group.tier);
    let mut columns: Vec<u16> = in_channel
        .flat_map(|other| other.uppers.iter().chain(&other.lowers))
        .map(|port| port.x)
        .filter(|x| (from..=to).contains(x))
        .collect();
    columns.sort_unstable();
    let longest = columns
        .windows(2)
        .max_by_key(|pair| (pair[1] - pair[0], u16::MAX - pair[0]))?;
    Some(longest[0].saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{racks, testing};

    fn inside(placed: &Placed, (x, y): (u16, u16)) -> bool {
        x > placed.x && x < placed.x + placed.width - 1 && y > placed.y && y < placed.y + BOX_ROWS - 1
    }

    /// Every cell of a piece.
    fn cells(piece: &Piece) -> Vec<(u16, u16)> {
        let pairs = piece.points.windows(2);
        let run = |pair: &[(u16, u16)]| {
            let ((a, b), (c, d)) = (pair[0], pair[1]);
            assert!(a == c || b == d, "a line runs across: {pair:?}");
            (a.min(c)..=a.max(c))
                .flat_map(|x| (b.min(d)..=b.max(d)).map(move |y| (x, y)))
                .collect::<Vec<_>>()
        };
        pairs.flat_map(run).collect()
    }

    fn check(graph: &Graph) {
        let layout = Layout::new(graph);
        for (index, one) in layout.boxes.iter().enumerate() {
            for other in &layout.boxes[index + 1..] {
                let apart = one.y != other.y || one.x + one.width < other.x || other.x + other.width < one.x;
                assert!(apart, "{one:?} {other:?}");
            }
        }
        for piece in &layout.pieces {
            for cell in cells(piece) {
                assert!(
                    !layout.boxes.iter().any(|placed| inside(placed, cell)),
                    "{piece:?} runs through a box"
                );
                assert!(cell.0 < layout.width && cell.1 < layout.height);
            }
        }
        assert_eq!(layout, Layout::new(graph), "not the same each time");
    }

    #[test]
    fn no_line_runs_through_a_box() {
        check(&Graph::new(&testing::demo(), &[]));
        let big = testing::data_centre(8, 20, 4);
        let racks = racks(&big);
        for folded in [0, racks.len() - 1, racks.len()] {
            let graph = Graph::new(&big, &racks.iter().take(folded).collect::<Vec<_>>());
            check(&graph);
            check(&graph.meshed());
        }
        check(&Graph::default());
    }

    #[test]
    fn no_two_lines_share_a_vertical_run() {
        let graph = Graph::new(&testing::data_centre(4, 3, 3), &[]);
        let layout = Layout::new(&graph);
        for piece in &layout.pieces {
            let Some([(x, y), (last, end)]) = piece.points.last_chunk::<2>() else {
                continue;
            };
            if x == last && y < end {
                let sharing = layout
                    .pieces
                    .iter()
                    .filter(|other| other.points.last() == Some(&(*last, *end)));
                assert_eq!(sharing.count(), 1, "{piece:?}");
            }
        }
    }

    #[test]
    fn the_demo_fits_the_screen_it_is_shown_on() {
        let layout = Layout::new(&Graph::new(&testing::demo(), &[]));
        assert!(
            layout.width <= 84 && layout.height <= 25,
            "{}x{}",
            layout.width,
            layout.height
        );
    }
}
