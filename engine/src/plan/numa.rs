//! CPUs and memory of a node, and their even division among NUMA nodes.

use crate::spec::{model::Smp, size::memory_bytes};

/// QEMU's default for the `pc` machine.
pub(super) const DEFAULT_MEMORY: &str = "128M";
const MIB: u64 = 1 << 20;
/// QEMU rounds its memory up to this (`ram_size`).
const MEMORY_STEP: u64 = 8 << 10;

/// Returns the CPUs a node starts with.
pub(crate) fn cpus(smp: &Smp) -> u32 {
    smp.cpus.unwrap_or_else(|| all_cpus(smp))
}

/// Returns the CPUs a node can have, those that can be plugged in included.
fn all_cpus(smp: &Smp) -> u32 {
    smp.maxcpus.or(smp.cpus).unwrap_or_else(|| {
        [smp.sockets, smp.dies, smp.cores, smp.threads]
            .into_iter()
            .flatten()
            .fold(1, u32::saturating_mul)
    })
}

/// One NUMA node.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// First and last CPU; `None` if there are more NUMA nodes than CPUs.
    pub(super) cpus: Option<(u32, u32)>,
    /// Bytes of memory.
    pub(super) memory: u64,
}

/// Returns the bytes of memory that QEMU gives a node. `None` if that is not a size.
pub(crate) fn total(memory: Option<&str>) -> Option<u64> {
    memory_bytes(memory.unwrap_or(DEFAULT_MEMORY))?.checked_next_multiple_of(MEMORY_STEP)
}

/// Divides CPUs and memory evenly among NUMA nodes; what memory is left over goes to the last. Returns `None` if the
/// memory is not a size or there is not 1 MiB for each.
pub(super) fn divide(smp: &Smp, memory: Option<&str>, nodes: u32) -> Option<Vec<Cell>> {
    let total = total(memory)?;
    let share = total / MIB / u64::from(nodes) * MIB;
    if share == 0 {
        return None;
    }
    let first = |node: u32| {
        let cpu = u64::from(all_cpus(smp)) * u64::from(node) / u64::from(nodes);
        u32::try_from(cpu).unwrap_or(u32::MAX)
    };
    let cells = (0..nodes).map(|node| Cell {
        cpus: (first(node) < first(node + 1)).then(|| (first(node), first(node + 1) - 1)),
        memory: if node + 1 < nodes {
            share
        } else {
            total - share * u64::from(nodes - 1)
        },
    });
    Some(cells.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpus_and_memory_are_divided_evenly_and_entirely() {
        let smp = Smp {
            cpus: Some(5),
            ..Smp::default()
        };
        let cells = divide(&smp, Some("1000M"), 3).unwrap();
        assert_eq!(
            cells.iter().map(|cell| cell.cpus).collect::<Vec<_>>(),
            [Some((0, 0)), Some((1, 2)), Some((3, 4))]
        );
        assert_eq!(
            cells.iter().map(|cell| cell.memory / MIB).collect::<Vec<_>>(),
            [333, 333, 334]
        );
    }

    #[test]
    fn numa_nodes_may_outnumber_cpus_but_not_megabytes() {
        let smp = Smp {
            cpus: Some(1),
            ..Smp::default()
        };
        let cells = divide(&smp, None, 2).unwrap();
        assert_eq!(
            cells.iter().map(|cell| cell.cpus).collect::<Vec<_>>(),
            [None, Some((0, 0))]
        );
        assert_eq!(cells.iter().map(|cell| cell.memory).sum::<u64>(), 128 << 20);
        assert_eq!(divide(&smp, Some("1M"), 2), None);
    }

    #[test]
    fn cpus_follow_from_the_topology() {
        let smp = Smp {
            sockets: Some(2),
            cores: Some(3),
            threads: Some(2),
            ..Smp::default()
        };
        assert_eq!(cpus(&smp), 12);
        assert_eq!(
            cpus(&Smp {
                cpus: Some(2),
                maxcpus: Some(4),
                ..Smp::default()
            }),
            2
        );
        assert_eq!(
            cpus(&Smp {
                maxcpus: Some(4),
                ..Smp::default()
            }),
            4
        );
        assert_eq!(cpus(&Smp::default()), 1);
    }
}
