//! The machine a BMC belongs to, as the BMC sees it.

use std::{fmt, future::Future, pin::Pin};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{boot::BootOverride, media::Image};
use crate::{console::Console, node::PowerState, plan::RestorePolicy};

/// Work that goes on when whoever asked for it keeps polling it.
pub type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What can be done to a machine's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Power on; done if it is on.
    On,
    /// Power off at once; done if it is off.
    Off,
    /// Have the guest shut down.
    Shutdown,
    /// Reset what is on.
    Reset,
    /// Off and on again.
    Cycle,
    /// A non-maskable interrupt.
    Nmi,
    /// Push the power button for a moment: what is off is powered on, what is on leaves it to the guest what that means.
    Push,
}

impl Verb {
    /// Whether it means something to a machine that is off.
    pub fn suits_off(self) -> bool {
        match self {
            Self::On | Self::Off | Self::Push => true,
            Self::Shutdown | Self::Reset | Self::Cycle | Self::Nmi => false,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "power on",
            Self::Off => "power off",
            Self::Shutdown => "shut down",
            Self::Reset => "reset",
            Self::Cycle => "power cycle",
            Self::Nmi => "interrupt",
            Self::Push => "push the power button of",
        })
    }
}

/// A machine's power at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Power {
    /// On, off or between.
    pub state: PowerState,
    /// Why it is so, a part of a sentence.
    pub reason: Option<String>,
    /// How often its firmware has begun, by power-on or reset.
    pub boots: u64,
    /// Whether it was the guest that had it begin last.
    pub by_guest: bool,
    /// When it was last powered on, while it is on.
    pub on_since: Option<Timestamp>,
}

impl Power {
    /// The power of a machine that never was on.
    pub fn off() -> Self {
        Self {
            state: PowerState::Off,
            reason: None,
            boots: 0,
            by_guest: false,
            on_since: None,
        }
    }

    /// Whether the machine has power, be it on its way up or down.
    pub fn is_on(&self) -> bool {
        self.state != PowerState::Off
    }
}

/// What a machine uses of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Its processors: how busy it kept them since that was last measured.
    Processors,
    /// Its memory: how much of it the host has given.
    Memory,
}

/// Why a machine did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// Its power stands against it.
    #[error("{0}")]
    Conflict(String),
    /// The machine can't do that.
    #[error("The machine can't {0}.")]
    Unsupported(Verb),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
    /// What it was to be given can't be had.
    #[error("{0}")]
    Unavailable(String),
}

/// A BMC's way to its machine.
pub trait Machine: Send + Sync + 'static {
    /// Its power, and each change of it.
    fn power(&self) -> watch::Receiver<Power>;

    /// Acts on its power; the future returns when that is done. What was polled first is done first.
    fn act(&self, verb: Verb) -> Work<Result<(), MachineError>>;

    /// Decides from what it boots from the next power-on or reset on, and from which URL if it is that; the machine itself
    /// forgets what was for once.
    fn set_boot(&self, boot: Option<BootOverride>, url: Option<&str>) -> Result<(), MachineError>;

    /// What becomes of its power when that comes back, which is when its lab comes up.
    fn restore_policy(&self) -> RestorePolicy;

    /// Decides that, for good.
    fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), MachineError>;

    /// Has its TPM begin anew at the next power-on, or not after all.
    fn clear_tpm(&self, clear: bool) -> Result<(), MachineError>;

    /// Fetches an image and puts it into its CD drive, which is empty. May be given up; then it has to be told to eject.
    fn insert(&self, image: Image) -> Work<Result<(), MachineError>>;

    /// Takes out what is in its CD drive, if anything.
    fn eject(&self) -> Work<Result<(), MachineError>>;

    /// Its serial console, once there is one.
    fn console(&self) -> Option<Console>;

    /// Sends a break on its serial line; the future returns once the line has had it.
    fn send_break(&self) -> Work<Result<(), MachineError>>;

    /// The MTU that its NICs are told at power-on.
    fn mtu(&self) -> u32;

    /// How much it uses, from 0 to 1; `None` while it is off, or if it can't be measured. Must not block.
    fn usage(&self, of: Share) -> Option<f64>;
}
