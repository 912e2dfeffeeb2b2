//! A scripted machine, for tests of what a BMC does.

// Fuzz targets use it, too, and there clippy sees no tests.
#![allow(clippy::unwrap_used)]

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    Bmc, BootOverride, Identity, Image, Machine, MachineError, Nic, Power, Role, Share, User, Verb, Volume, Work,
};
use crate::{console::Console, node::PowerState, plan::RestorePolicy};

/// Bytes of this process that are in memory.
pub(crate) fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// A machine that does at once what it is told and remembers it.
pub(crate) struct Scripted {
    power: watch::Sender<Power>,
    pub(crate) acts: Arc<Mutex<Vec<Verb>>>,
    /// Held, it does nothing yet of what it is told, and then all in order.
    pub(crate) turn: Arc<tokio::sync::Mutex<()>>,
    /// It fails to do what it is told.
    pub(crate) refuses: Arc<AtomicBool>,
    /// How busy it is.
    pub(crate) busy: Mutex<f64>,
    pub(crate) boots: Mutex<Vec<Option<BootOverride>>>,
    pub(crate) console: Mutex<Option<Console>>,
    /// Whether its TPM is to begin anew.
    pub(crate) clears_tpm: Mutex<bool>,
    /// What becomes of its power.
    pub(crate) restore: Mutex<RestorePolicy>,
    /// What is in its CD drive. A URL with `nowhere` in it can't be had, and one with `slow` takes for ever.
    pub(crate) medium: Arc<Mutex<Option<String>>>,
}

impl Scripted {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            power: watch::Sender::new(Power::off()),
            acts: Arc::default(),
            turn: Arc::default(),
            refuses: Arc::default(),
            busy: Mutex::new(0.25),
            boots: Mutex::default(),
            console: Mutex::default(),
            clears_tpm: Mutex::default(),
            restore: Mutex::new(RestorePolicy::AlwaysOff),
            medium: Arc::default(),
        })
    }

    /// Its guest reboots.
    pub(crate) fn reboot(&self) {
        self.power.send_modify(|power| {
            power.boots += 1;
            power.by_guest = true;
        });
    }

    /// What it was told so far, which is forgotten.
    pub(crate) fn acts(&self) -> Vec<Verb> {
        std::mem::take(&mut self.acts.lock().unwrap())
    }
}

impl Machine for Scripted {
    fn power(&self) -> watch::Receiver<Power> {
        self.power.subscribe()
    }

    fn act(&self, verb: Verb) -> Work<Result<(), MachineError>> {
        let (power, acts) = (self.power.clone(), Arc::clone(&self.acts));
        let (turn, refuses) = (Arc::clone(&self.turn), Arc::clone(&self.refuses));
        Box::pin(async move {
            let _turn = turn.lock().await;
            if refuses.load(Ordering::Relaxed) {
                return Err(MachineError::Failed("It does not.".into()));
            }
            acts.lock().unwrap().push(verb);
            power.send_if_modified(|power| {
                let off = Power {
                    state: PowerState::Off,
                    reason: Some("it was told so".into()),
                    boots: power.boots,
                    by_guest: false,
                    on_since: None,
                };
                let on = Power {
                    state: PowerState::On,
                    reason: None,
                    boots: power.boots + 1,
                    by_guest: false,
                    on_since: power.on_since.or_else(|| Some(Timestamp::now())),
                };
                let next = match verb {
                    Verb::On if power.is_on() => power.clone(),
                    Verb::Push if !power.is_on() => on,
                    Verb::On | Verb::Reset => on,
                    Verb::Cycle => Power {
                        on_since: Some(Timestamp::now()),
                        ..on
                    },
                    Verb::Off | Verb::Shutdown | Verb::Push => off,
                    Verb::Nmi => power.clone(),
                };
                std::mem::replace(power, next) != *power
            });
            Ok(())
        })
    }

    fn set_boot(&self, boot: Option<BootOverride>, _: Option<&str>) -> Result<(), MachineError> {
        self.boots.lock().unwrap().push(boot);
        Ok(())
    }

    fn restore_policy(&self) -> RestorePolicy {
        *self.restore.lock().unwrap()
    }

    fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), MachineError> {
        if self.refuses.load(Ordering::Relaxed) {
            return Err(MachineError::Failed("It does not.".into()));
        }
        *self.restore.lock().unwrap() = policy;
        Ok(())
    }

    fn clear_tpm(&self, clear: bool) -> Result<(), MachineError> {
        *self.clears_tpm.lock().unwrap() = clear;
        Ok(())
    }

    fn insert(&self, image: Image) -> Work<Result<(), MachineError>> {
        let medium = Arc::clone(&self.medium);
        Box::pin(async move {
            if image.url.contains("slow") {
                std::future::pending::<()>().await;
            }
            if image.url.contains("nowhere") {
                return Err(MachineError::Unavailable("nobody is there".into()));
            }
            *medium.lock().unwrap() = Some(image.url);
            Ok(())
        })
    }

    fn eject(&self) -> Work<Result<(), MachineError>> {
        let (medium, turn) = (Arc::clone(&self.medium), Arc::clone(&self.turn));
        Box::pin(async move {
            let _turn = turn.lock().await;
            *medium.lock().unwrap() = None;
            Ok(())
        })
    }

    fn console(&self) -> Option<Console> {
        self.console.lock().unwrap().clone()
    }

    fn send_break(&self) -> Work<Result<(), MachineError>> {
        let console = self.console();
        Box::pin(async move {
            // The guest of a test sees it as a byte: a break is a zero that lasts too long.
            if let Some(console) = console {
                drop(console.send(Bytes::from_static(&[0])).await);
            }
            Ok(())
        })
    }

    fn mtu(&self) -> u32 {
        1460
    }

    fn usage(&self, of: Share) -> Option<f64> {
        let share = match of {
            Share::Processors => *self.busy.lock().unwrap(),
            Share::Memory => 0.5,
        };
        self.power.borrow().is_on().then_some(share)
    }
}

pub(crate) fn identity() -> Identity {
    Identity {
        node: "boot-0".into(),
        manufacturer: "Cybozu".into(),
        product: "Boot server".into(),
        serial: "00000001".into(),
        uuid: 0x0011_2233_4455_5677_8899_aabb_ccdd_eeff_u128.to_be_bytes(),
        cpus: 2,
        memory: 2 << 30,
        uefi: false,
        tpm: false,
        cd: true,
        nics: vec![Nic {
            network: "node".into(),
            mac: [2, 0, 0, 0, 0, 1],
        }],
        volumes: vec![],
    }
}

/// A machine with all there can be, and disks that are not made yet.
pub(crate) fn furnished(uefi: bool) -> Identity {
    let volume = |name: &str| Volume {
        name: name.into(),
        path: "/nonexistent".into(),
    };
    Identity {
        uefi,
        tpm: uefi,
        volumes: vec![volume("root"), volume("data")],
        ..identity()
    }
}

/// A BMC with the accounts `cybozu` and `reader`, both with their name as password.
pub(crate) fn bmc(machine: &Arc<Scripted>) -> Arc<Bmc> {
    bmc_of(machine, identity())
}

/// Such a BMC of another machine.
pub(crate) fn bmc_of(machine: &Arc<Scripted>, identity: Identity) -> Arc<Bmc> {
    let user = |name: &str, role| User {
        name: name.into(),
        password: name.into(),
        role,
    };
    let users = [user("cybozu", Role::Administrator), user("reader", Role::ReadOnly)];
    Bmc::new(identity, &users, machine.clone())
}
