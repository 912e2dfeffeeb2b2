//! What a machine is: what is written on its type plate and found inside.

use std::path::PathBuf;

use super::BootTarget;
use crate::plan::uuid_text;

/// The type plate and parts of a machine. They don't change while the lab runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Name of the node.
    pub node: String,
    /// As in SMBIOS type 1; empty if the lab file gives none.
    pub manufacturer: String,
    /// As in SMBIOS type 1; empty if the lab file gives none.
    pub product: String,
    /// As in SMBIOS type 1.
    pub serial: String,
    /// As in SMBIOS type 1, in the order of RFC 9562.
    pub uuid: [u8; 16],
    /// Processors at start.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory: u64,
    /// UEFI instead of BIOS.
    pub uefi: bool,
    /// It has a TPM 2.0.
    pub tpm: bool,
    /// It has a CD drive for virtual media.
    pub cd: bool,
    /// NICs in the order the guest sees them.
    pub nics: Vec<Nic>,
    /// Disks in the order the guest sees them; directories that are shared with it are none.
    pub volumes: Vec<Volume>,
}

/// A NIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nic {
    /// The network it is attached to.
    pub network: String,
    /// Its MAC.
    pub mac: [u8; 6],
}

/// A disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// The file that holds it.
    pub path: PathBuf,
}

impl Identity {
    /// Whether it can be told to boot from there. SeaBIOS has no setup, and boots from no URL.
    pub fn boots_from(&self, target: BootTarget) -> bool {
        match target {
            BootTarget::Pxe => !self.nics.is_empty(),
            BootTarget::Disk => !self.volumes.is_empty(),
            BootTarget::Cd => self.cd,
            BootTarget::Setup => self.uefi,
            BootTarget::UefiHttp => self.uefi && !self.nics.is_empty(),
            BootTarget::Floppy | BootTarget::SafeMode | BootTarget::Diagnostic => false,
        }
    }

    /// The UUID as text.
    pub fn uuid_text(&self) -> String {
        uuid_text(self.uuid)
    }
}
