//! From what a machine shall boot, other than its usual order.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a machine shall boot from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BootTarget {
    /// The network.
    Pxe,
    /// The first disk.
    Disk,
    /// The CD drive.
    Cd,
    /// A URL, over HTTP by UEFI.
    UefiHttp,
    /// The firmware's setup.
    Setup,
    /// A floppy disk or what stands for it.
    Floppy,
    /// The first disk in safe mode.
    SafeMode,
    /// The diagnostic partition.
    Diagnostic,
}

impl BootTarget {
    /// Whether it takes a power-on, so that a reset is a power cycle: UEFI is told of it by its variables.
    pub fn takes_power_on(self) -> bool {
        matches!(self, Self::Setup | Self::UefiHttp)
    }
}

/// For how long an override holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Persistence {
    /// For the next boot.
    Once,
    /// Until it is changed.
    Continuous,
}

/// The kind of boot that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BootFirmware {
    /// As a PC's BIOS does.
    #[default]
    Legacy,
    /// As UEFI does.
    Uefi,
}

/// From what a machine shall boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct BootOverride {
    /// Where from.
    pub target: BootTarget,
    /// For how long.
    pub persistence: Persistence,
    /// By which kind of firmware.
    pub firmware: BootFirmware,
}
