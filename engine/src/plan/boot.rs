//! What a node boots from, where that is not left to its firmware.

use std::{fmt, str::FromStr};

use super::Node;

/// What a node boots from first at one power-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootSource {
    /// Its NICs, in order.
    Network,
    /// Its disks, in order.
    Disk,
    /// Its CD drive.
    Cd,
}

/// That a word names no such source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBootSource;

impl FromStr for BootSource {
    type Err = UnknownBootSource;

    fn from_str(word: &str) -> Result<Self, UnknownBootSource> {
        match word {
            "network" => Ok(Self::Network),
            "disk" => Ok(Self::Disk),
            "cd" => Ok(Self::Cd),
            _ => Err(UnknownBootSource),
        }
    }
}

impl fmt::Display for BootSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "network",
            Self::Disk => "disk",
            Self::Cd => "CD",
        })
    }
}

/// QEMU's id of the CD drive.
pub const CD_ID: &str = "cd";

/// QEMU's id of a NIC.
pub(super) fn nic_id(index: usize) -> String {
    format!("nic{index}")
}

/// QEMU's id of the disk that is a node's volume of that index.
pub(super) fn disk_id(index: usize) -> String {
    format!("volume{index}")
}

impl Node {
    /// QEMU's ids of all devices that a boot could come from, in the order in which the firmware is to try them; none where
    /// the order is left to it.
    ///
    /// BIOS would try a CD before the disks, of its own accord, and so install a machine again and again: once there is a
    /// medium, the order is told even if nothing is asked for. UEFI keeps what it was told in its store of variables: what is
    /// told once (`told`), or may be by a BMC in this lab or was in one before, is told from then on.
    pub fn boot_order(&self, first: Option<BootSource>, medium: bool, told: bool) -> Vec<String> {
        let remembers = self.nvram.is_some() && (told || self.cd.is_some());
        let cd = self.cd.as_ref().filter(|_| medium).map(|_| CD_ID.to_owned());
        let nics = (0..self.nics.len()).map(nic_id);
        let disks = self.volumes.iter().enumerate();
        let disks = disks
            .filter(|(_, volume)| volume.is_disk())
            .map(|(index, _)| disk_id(index));
        match first {
            None if cd.is_none() && !remembers => vec![],
            None | Some(BootSource::Disk) => disks.chain(cd).chain(nics).collect(),
            Some(BootSource::Network) => nics.chain(disks).chain(cd).collect(),
            Some(BootSource::Cd) => cd.into_iter().chain(disks).chain(nics).collect(),
        }
    }

    /// The arguments, behind all others, that tell the firmware of that order.
    ///
    /// The order is told by each device's `bootindex`, which BIOS and UEFI both obey; `-boot order` is for BIOS alone.
    pub fn boot_args(order: &[String]) -> Vec<String> {
        let set = |(place, id): (usize, &String)| ["-set".to_owned(), format!("device.{id}.bootindex={place}")];
        (1..).zip(order).flat_map(set).collect()
    }
}
