//! How much a node's QEMU uses of its host, by what the kernel tells of the process.

use std::{
    fs,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use nix::unistd::{SysconfVar, sysconf};
use tokio::task::block_in_place;

/// How long a measured share of the processors is told without another look.
const FRESH: Duration = Duration::from_secs(1);

/// What a node uses of its host, as shares of what it has.
pub struct Usage {
    cpus: u32,
    memory: u64,
    process: Mutex<Process>,
}

/// A node's QEMU.
#[derive(Default)]
struct Process {
    pid: Option<u32>,
    measured: Option<Measured>,
}

/// What was measured of processors.
#[derive(Clone, Copy)]
struct Measured {
    at: Instant,
    /// How many seconds of processor time it had had.
    busy: f64,
    /// The share since the time before.
    share: Option<f64>,
}

impl Usage {
    /// Of a node with so many processors and bytes of memory, which is off.
    pub fn new(cpus: u32, memory: u64) -> Self {
        Self {
            cpus,
            memory,
            process: Mutex::default(),
        }
    }

    /// Takes note of which process its QEMU is.
    pub fn follow(&self, pid: Option<u32>) {
        let mut process = self.process();
        if process.pid != pid {
            *process = Process { pid, measured: None };
        }
    }

    /// The share of its processors that it kept busy. Several who ask within a moment are told the same: over so short a time
    /// there is nothing to measure.
    pub fn processors(&self) -> Option<f64> {
        let (pid, before) = {
            let process = self.process();
            (process.pid?, process.measured)
        };
        if let Some(Measured {
            at, share: Some(share), ..
        }) = before
            && at.elapsed() < FRESH
        {
            return Some(share);
        }
        let (at, busy) = (Instant::now(), busy_seconds(pid)?);
        let share = before.and_then(|before| {
            let passed = at.saturating_duration_since(before.at).as_secs_f64() * f64::from(self.cpus);
            (passed > 0.0).then(|| ((busy - before.busy) / passed).clamp(0.0, 1.0))
        });
        let mut process = self.process();
        if process.pid == Some(pid) {
            process.measured = Some(Measured { at, busy, share });
        }
        share
    }

    /// The share of its memory that the host has given it.
    pub fn memory(&self) -> Option<f64> {
        let pid = self.process().pid?;
        // The kernel looks at each page, which takes a moment for a large guest.
        let bytes = block_in_place(|| given_bytes(pid, self.memory))?;
        Some(share(bytes, self.memory))
    }

    /// The node's QEMU. Not to be held while something is read of it: whoever tells of the node's state waits, and the lab with
    /// them.
    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[allow(clippy::cast_precision_loss, reason = "a share need not be exact")]
fn share(part: u64, whole: u64) -> f64 {
    (part as f64 / whole.max(1) as f64).clamp(0.0, 1.0)
}

/// How long a process has kept processors busy, in seconds.
fn busy_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold anything, parentheses too.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || times.next()?.parse::<f64>().ok();
    let busy = ticks()? + ticks()?;
    let per_second = i32::try_from(sysconf(SysconfVar::CLK_TCK).ok()??).ok()?;
    Some(busy / f64::from(per_second))
}

/// How much of its guest's memory a QEMU has. The process has more: what it has translated of the guest's code, for one, is as
/// large as a small guest.
fn given_bytes(pid: u32, memory: u64) -> Option<u64> {
    given(&fs::read_to_string(format!("/proc/{pid}/smaps")).ok()?, memory)
}

/// The same, by the mappings of the process (proc_pid_smaps(5)); `memory` is what its guest has in all. QEMU keeps memory of the guest, and nothing else, from its
/// children (`MADV_DONTFORK`, the flag `dc`); what has the size that the guest's memory has in all is that, the rest ROMs and video memory.
fn given(smaps: &str, memory: u64) -> Option<u64> {
    let (mut size, mut resident, mut blocks) = (0, 0, Vec::new());
    for line in smaps.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let bytes = || Some(value.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10);
        match name {
            "Size" => size = bytes()?,
            "Rss" => resident = bytes()?,
            // The last line of a mapping.
            "VmFlags" if value.split_ascii_whitespace().any(|flag| flag == "dc") => blocks.push((size, resident)),
            _ => {}
        }
    }
    blocks.sort_unstable_by_key(|(size, _)| std::cmp::Reverse(*size));
    let (mut found, mut given) = (0, 0);
    for (size, resident) in blocks {
        if found == memory {
            break;
        }
        found += size;
        given += resident;
    }
    (found == memory).then_some(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_uses_can_be_measured() {
        let pid = std::process::id();
        assert!(busy_seconds(pid).unwrap() >= 0.0);
        assert_eq!(busy_seconds(u32::MAX), None);
        // This is no QEMU.
        assert_eq!(given_bytes(pid, 256 << 20), None);
    }

    /// Keeps a processor busy for so many ticks of the kernel's clock.
    fn work(seconds: f64) {
        let until = busy_seconds(std::process::id()).unwrap() + seconds;
        while busy_seconds(std::process::id()).unwrap() < until {}
    }

    #[test]
    fn who_asks_at_once_again_is_told_the_same() {
        // So many that no share is that of all.
        let usage = Usage::new(1000, 1 << 30);
        assert_eq!(usage.processors(), None);
        usage.follow(Some(std::process::id()));
        assert_eq!(usage.processors(), None);
        work(0.02);
        let share = usage.processors().unwrap();
        assert!(share > 0.0);
        // Measured now, it would be another one, unless so much time has passed that it may be.
        let begun = Instant::now();
        work(0.1);
        let again = usage.processors().unwrap();
        assert!(again.to_bits() == share.to_bits() || begun.elapsed() >= FRESH);
    }

    /// A mapping as the kernel tells it, of that size and with so much of it there, in KiB.
    fn mapping(size: u64, resident: u64, flags: &str) -> String {
        format!(
            "7f31dbe00000-7f31ebe00000 rw-p 00000000 00:00 0 \nSize: {size:15} kB\nRss: {resident:15} kB\n\
             VmFlags: rd wr mr mw me {flags} \n"
        )
    }

    #[test]
    fn of_a_qemu_only_the_guest_s_memory_counts() {
        let others = [mapping(1_048_572, 61_440, "sd"), mapping(16_384, 800, "dc ac hg")].concat();
        let one = others.clone() + &mapping(262_144, 161_792, "dc ac hg mg");
        assert_eq!(given(&one, 256 << 20), Some(161_792 << 10));
        let two = mapping(131_072, 1000, "dc") + &others + &mapping(131_072, 24, "dc");
        assert_eq!(given(&two, 256 << 20), Some(1024 << 10));
        assert_eq!(given(&one, 512 << 20), None);
        assert_eq!(given(&others, 256 << 20), None);
        assert_eq!(given("", 256 << 20), None);
    }
}
