//! Whether there is room: memory, processors, disk.

use std::{fs, num::NonZero, path::Path, thread};

use nix::sys::statvfs::statvfs;

use super::{Finding, Host};

/// Below that much a disk is called full, in bytes, if nobody says what it is to hold.
const LITTLE: u64 = 1 << 30;

/// Where the limit of a container's memory is, in cgroups of version 2 and of version 1.
const CGROUP_LIMITS: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// Memory that is available, against what the nodes have.
pub(super) fn memory(host: &Host<'_>) -> Option<Finding> {
    const CHECK: &str = "memory";
    let available = available_memory()?;
    let found = format!("{} available", mebibytes(available));
    let Some(demand) = host.demand.as_ref().filter(|demand| demand.nodes) else {
        return Some(Finding::ok(CHECK, found));
    };
    let found = format!("{found}, the nodes that are on have {}", mebibytes(demand.memory));
    Some(if demand.memory <= available {
        Finding::ok(CHECK, found)
    } else {
        let mend = "give nodes less (`memory`), leave some off (`power: off`), or run the lab on a larger machine";
        Finding::warning(CHECK, found, mend)
    })
}

/// Processors, against what the nodes have.
pub(super) fn cpus(host: &Host<'_>) -> Finding {
    const CHECK: &str = "cpus";
    // It knows of the limits of containers, too.
    let available = thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let Some(demand) = host.demand.as_ref().filter(|demand| demand.nodes) else {
        return Finding::ok(CHECK, available.to_string());
    };
    let found = format!("{available}, the nodes that are on have {}", demand.cpus);
    if demand.cpus <= available {
        Finding::ok(CHECK, found)
    } else {
        Finding::warning(
            CHECK,
            format!("{found}: they share, and boot more slowly"),
            "nothing, if they are mostly idle; else give nodes fewer (`cpu`)",
        )
    }
}

/// Room for the nodes' disks.
pub(super) fn disk(host: &Host<'_>) -> Option<Finding> {
    const CHECK: &str = "disk";
    let directory = &host.options.data_dir;
    // Made when it is needed.
    let existing = directory.ancestors().find(|ancestor| ancestor.is_dir())?;
    let stat = match statvfs(existing) {
        Ok(stat) => stat,
        Err(errno) => {
            let found = format!("{} can't be looked at: {errno}", existing.display());
            return Some(Finding::warning(CHECK, found, "name another directory with --data-dir"));
        }
    };
    let free = stat.blocks_available().saturating_mul(stat.fragment_size());
    let found = format!("{} free for {}", mebibytes(free), directory.display());
    let (found, wanted) = match host.demand.as_ref().map_or(0, |demand| demand.disk) {
        0 => (found, LITTLE),
        disk => (
            format!("{found}, the nodes' disks may grow to {}", mebibytes(disk)),
            disk,
        ),
    };
    Some(if wanted <= free {
        Finding::ok(CHECK, found)
    } else {
        Finding::warning(
            CHECK,
            found,
            "make room there, or name another directory with --data-dir",
        )
    })
}

/// What a process can have without others being paged out, or the limit of this container if that is lower.
fn available_memory() -> Option<u64> {
    let host = in_meminfo(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let limits = CGROUP_LIMITS.map(|file| fs::read_to_string(Path::new(file)).ok()?.trim().parse::<u64>().ok());
    Some(limits.into_iter().flatten().fold(host, u64::min))
}

/// `MemAvailable` of a `/proc/meminfo` (proc(5)), in bytes.
fn in_meminfo(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes << 10)
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_memory_is_in_meminfo() {
        let text = "MemTotal:       24683096 kB\nMemFree:        14676992 kB\nMemAvailable:   23793664 kB\n";
        assert_eq!(in_meminfo(text), Some(23_793_664 << 10));
        assert_eq!(in_meminfo("MemTotal: 1 kB\n"), None);
        assert!(available_memory().is_some_and(|bytes| bytes > 0));
    }
}
