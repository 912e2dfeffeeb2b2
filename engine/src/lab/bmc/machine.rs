//! A node as its BMC sees it.

use std::{
    fs,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use nix::unistd::{SysconfVar, sysconf};
use tokio::{sync::watch, task::block_in_place};

use super::media;
use crate::{
    bmc::{
        BootOverride, BootTarget, Identity, Image, Machine, MachineError, Nic, Persistence, Power, Share, Verb, Volume,
        Work,
    },
    console::Console,
    lab::made::Made,
    node::{Action, BootFrom, BootGoal, Grace, Medium, NodeError, NodeHandle},
    plan::{self, BootSource, Mtu, RestorePolicy},
    store::{BootCause, NodeState},
};

/// How long a measured share of the processors is told without another look.
const FRESH: Duration = Duration::from_secs(1);

/// What a node is.
pub fn identity(node: &plan::Node) -> Identity {
    Identity {
        node: node.name.clone(),
        manufacturer: node.manufacturer.clone().unwrap_or_default(),
        product: node.product.clone().unwrap_or_default(),
        serial: node.serial.clone(),
        uuid: plan::node_uuid(&node.name),
        cpus: node.cpus,
        memory: plan::node_memory(node.memory.as_deref()).unwrap_or_default(),
        uefi: node.nvram.is_some(),
        tpm: node.tpm.is_some(),
        cd: node.cd.is_some(),
        nics: node
            .nics
            .iter()
            .map(|nic| Nic {
                network: nic.network.clone(),
                mac: nic.mac.0,
            })
            .collect(),
        volumes: node
            .disks()
            .map(|volume| Volume {
                name: volume.name.clone(),
                path: volume.path.clone(),
            })
            .collect(),
    }
}

/// A node's QEMU, as far as its use of the host goes.
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

/// What was decided for a node that is not there yet, as its image is still on its way.
#[derive(Default)]
struct Early {
    boot: Option<BootFrom>,
    clear_tpm: bool,
    medium: Option<Medium>,
    restore: Option<RestorePolicy>,
}

impl Early {
    /// Tells the node, of which nothing was asked yet. Does not block.
    fn tell(&mut self, node: &NodeHandle) {
        let Self {
            boot,
            clear_tpm,
            medium,
            restore,
        } = std::mem::take(self);
        if boot.is_some() {
            node.boot_from(boot);
        }
        if clear_tpm {
            node.clear_tpm(true);
        }
        if let Some(medium) = medium {
            node.begin_with(medium);
        }
        if let Some(policy) = restore {
            node.begin_with_policy(policy);
        }
    }
}

/// The node, and what waits for it until it is there.
#[derive(Clone)]
struct Awaited {
    made: Weak<Made>,
    node: String,
    early: Arc<Mutex<Early>>,
}

impl Awaited {
    fn handle(&self) -> Result<NodeHandle, MachineError> {
        let made = self.made.upgrade();
        let handle = made.and_then(|made| made.parts().nodes.get(&self.node).cloned());
        handle.ok_or_else(|| MachineError::Conflict(format!("Node {:?} is not there yet.", self.node)))
    }

    /// The node, which knows of all that was decided before. If it is not there yet, `decide` has its way with what waits
    /// for it instead.
    fn handle_or(&self, decide: impl FnOnce(&mut Early)) -> Option<NodeHandle> {
        // Held meanwhile, so that the node does not arrive in between.
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(handle) = self.handle() {
            early.tell(&handle);
            Some(handle)
        } else {
            decide(&mut early);
            None
        }
    }
}

/// A node of a running lab.
pub struct NodeMachine {
    node: Awaited,
    cpus: u32,
    memory: u64,
    planned_policy: RestorePolicy,
    power: watch::Sender<Power>,
    process: Mutex<Process>,
}

impl NodeMachine {
    pub fn new(made: Weak<Made>, identity: &Identity, planned_policy: RestorePolicy) -> Arc<Self> {
        Arc::new(Self {
            node: Awaited {
                made,
                node: identity.node.clone(),
                early: Arc::default(),
            },
            cpus: identity.cpus,
            memory: identity.memory,
            planned_policy,
            power: watch::Sender::new(Power::off()),
            process: Mutex::default(),
        })
    }

    /// Takes note of the node's state.
    pub fn follow(&self, node: &NodeState) {
        self.power.send_if_modified(|power| {
            let next = Power {
                state: node.power_status,
                reason: node.power_reason.clone(),
                boots: node.boots,
                by_guest: node.last_boot == Some(BootCause::ResetByGuest),
                on_since: node.started_at,
            };
            std::mem::replace(power, next) != *power
        });
        let mut process = self.process();
        if process.pid != node.pid {
            *process = Process {
                pid: node.pid,
                measured: None,
            };
        }
    }

    /// The node's QEMU. Not to be held while something is read of it: whoever tells of the node's state waits, and the lab with
    /// them.
    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The share of its processors that it kept busy. Several who ask within a moment are told the same: over so short a time
    /// there is nothing to measure.
    fn processors(&self) -> Option<f64> {
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

    /// Takes note that the node has been made: it is told what was decided before.
    pub fn arrived(&self) {
        drop(self.node.handle_or(|_| ()));
    }
}

impl Machine for NodeMachine {
    fn power(&self) -> watch::Receiver<Power> {
        self.power.subscribe()
    }

    fn act(&self, verb: Verb) -> Work<Result<(), MachineError>> {
        let action = match verb {
            Verb::On => Action::Start,
            Verb::Off => Action::Stop,
            Verb::Shutdown => Action::Shutdown(Grace::default()),
            Verb::Reset => Action::Reset,
            Verb::Cycle => Action::Cycle,
            Verb::Nmi => Action::Nmi,
            Verb::Push => Action::Push,
        };
        let handle = self.node.handle();
        Box::pin(async move { Ok(handle?.act(action).await?) })
    }

    fn set_boot(&self, boot: Option<BootOverride>, url: Option<&str>) -> Result<(), MachineError> {
        let from = boot.and_then(|boot| {
            Some(BootFrom {
                goal: goal(boot.target, url)?,
                once: boot.persistence == Persistence::Once,
            })
        });
        if let Some(node) = self.node.handle_or(|early| early.boot.clone_from(&from)) {
            node.boot_from(from);
        }
        Ok(())
    }

    fn restore_policy(&self) -> RestorePolicy {
        let mut early = None;
        match self.node.handle_or(|decided| early = decided.restore) {
            Some(handle) => handle.restore_policy(),
            None => early.unwrap_or(self.planned_policy),
        }
    }

    fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), MachineError> {
        match self.node.handle_or(|early| early.restore = Some(policy)) {
            Some(handle) => Ok(block_in_place(|| handle.set_restore_policy(policy))?),
            None => Ok(()),
        }
    }

    fn clear_tpm(&self, clear: bool) -> Result<(), MachineError> {
        if let Some(node) = self.node.handle_or(|early| early.clear_tpm = clear) {
            node.clear_tpm(clear);
        }
        Ok(())
    }

    fn insert(&self, image: Image) -> Work<Result<(), MachineError>> {
        let node = self.node.clone();
        Box::pin(async move {
            let plan = node.made.upgrade().map(|made| Arc::clone(&made.plan));
            let plan = plan.ok_or_else(|| MachineError::Conflict("The lab is being taken down.".into()))?;
            let medium = media::fetch(&plan, image).await?;
            match node.handle_or(|early| early.medium = Some(medium.clone())) {
                Some(handle) => Ok(handle.insert(medium).await?),
                None => Ok(()),
            }
        })
    }

    fn eject(&self) -> Work<Result<(), MachineError>> {
        let handle = self.node.handle_or(|early| early.medium = None);
        Box::pin(async move {
            match handle {
                Some(handle) => Ok(handle.eject().await?),
                None => Ok(()),
            }
        })
    }

    fn console(&self) -> Option<Console> {
        Some(self.node.handle().ok()?.console().clone())
    }

    fn send_break(&self) -> Work<Result<(), MachineError>> {
        let handle = self.node.handle();
        Box::pin(async move { Ok(handle?.send_break().await?) })
    }

    fn mtu(&self) -> u32 {
        let made = self.node.made.upgrade();
        // Of a lab that is being taken down nobody knows better.
        made.map_or(Mtu::DEFAULT, |made| made.store.read(|state| state.lab.mtu.effective()))
    }

    fn usage(&self, of: Share) -> Option<f64> {
        match of {
            Share::Processors => self.processors(),
            Share::Memory => {
                let pid = self.process().pid?;
                // The kernel looks at each page, which takes a moment for a large guest.
                let bytes = block_in_place(|| given_bytes(pid, self.memory))?;
                Some(share(bytes, self.memory))
            }
        }
    }
}

impl From<NodeError> for MachineError {
    fn from(error: NodeError) -> Self {
        let message = error.to_string();
        match error {
            NodeError::Off { .. } | NodeError::ShuttingDown { .. } | NodeError::DriveFull { .. } => {
                Self::Conflict(message)
            }
            _ => Self::Failed(message),
        }
    }
}

/// What stands for a target in a node; `None`: it can't be told to boot from there, which its identity says.
fn goal(target: BootTarget, url: Option<&str>) -> Option<BootGoal> {
    match target {
        BootTarget::Pxe => Some(BootGoal::Device(BootSource::Network)),
        BootTarget::Disk => Some(BootGoal::Device(BootSource::Disk)),
        BootTarget::Cd => Some(BootGoal::Device(BootSource::Cd)),
        BootTarget::Setup => Some(BootGoal::Setup),
        BootTarget::UefiHttp => Some(BootGoal::Url(url?.to_owned())),
        BootTarget::Floppy | BootTarget::SafeMode | BootTarget::Diagnostic => None,
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

/// The same, by the mappings of the process (proc_pid_smaps(5)). QEMU keeps memory of the guest, and nothing else, from its
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

    fn machine(policy: RestorePolicy) -> Arc<NodeMachine> {
        let identity = Identity {
            // So many that no share is that of all.
            cpus: 1000,
            ..crate::bmc::testing::identity()
        };
        NodeMachine::new(Weak::new(), &identity, policy)
    }

    /// Keeps a processor busy for so many ticks of the kernel's clock.
    fn work(seconds: f64) {
        let until = busy_seconds(std::process::id()).unwrap() + seconds;
        while busy_seconds(std::process::id()).unwrap() < until {}
    }

    #[test]
    fn who_asks_at_once_again_is_told_the_same() {
        let machine = machine(RestorePolicy::AlwaysOff);
        assert_eq!(machine.usage(Share::Processors), None);
        machine.process().pid = Some(std::process::id());
        assert_eq!(machine.usage(Share::Processors), None);
        work(0.02);
        let share = machine.usage(Share::Processors).unwrap();
        assert!(share > 0.0);
        // Measured now, it would be another one, unless so much time has passed that it may be.
        let begun = Instant::now();
        work(0.1);
        let again = machine.usage(Share::Processors).unwrap();
        assert!(again.to_bits() == share.to_bits() || begun.elapsed() >= FRESH);
    }

    #[test]
    fn a_policy_is_told_and_kept_before_the_node_is_there() {
        let machine = machine(RestorePolicy::AlwaysOn);
        assert_eq!(machine.restore_policy(), RestorePolicy::AlwaysOn);
        machine.set_restore_policy(RestorePolicy::Previous).unwrap();
        assert_eq!(machine.restore_policy(), RestorePolicy::Previous);
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
