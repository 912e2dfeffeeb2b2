//! What a node boots from, where that is not left to its firmware.

use std::{fmt, str::FromStr};

use super::{Node, VolumeSource};

/// What a node boots from first at one power-on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootSource {
    /// Its NICs, in order.
    Network,
    /// Its disks, in order.
    Disk,
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
            _ => Err(UnknownBootSource),
        }
    }
}

impl fmt::Display for BootSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "network",
            Self::Disk => "disk",
        })
    }
}

/// QEMU's id of a NIC.
pub(super) fn nic_id(index: usize) -> String {
    format!("nic{index}")
}

/// QEMU's id of the disk that is a node's volume of that index.
pub(super) fn disk_id(index: usize) -> String {
    format!("volume{index}")
}

impl Node {
    /// The arguments, behind all others, that have its firmware try `first` first and then the rest.
    ///
    /// The order is told by each device's `bootindex`, which BIOS and UEFI both obey; `-boot order` is for BIOS alone.
    pub fn boot_args(&self, first: BootSource) -> Vec<String> {
        let nics = (0..self.nics.len()).map(nic_id);
        let disks = self.volumes.iter().enumerate();
        let disks = disks
            .filter(|(_, volume)| !matches!(volume.source, VolumeSource::Directory { .. }))
            .map(|(index, _)| disk_id(index));
        let order: Vec<String> = match first {
            BootSource::Network => nics.chain(disks).collect(),
            BootSource::Disk => disks.chain(nics).collect(),
        };
        let set = |(place, id): (usize, &String)| ["-set".to_owned(), format!("device.{id}.bootindex={place}")];
        (1..).zip(&order).flat_map(set).collect()
    }
}
