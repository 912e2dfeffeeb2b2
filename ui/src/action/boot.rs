//! From what a node boots next, as its BMC is told.

/// From what a node boots next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Boot {
    /// The network.
    Pxe,
    /// The first disk.
    Disk,
    /// The CD drive.
    Cd,
    /// The setup of its firmware.
    Setup,
    /// What it always boots from.
    Usual,
}

impl Boot {
    /// Every one, in the order of the menu.
    pub const ALL: [Self; 5] = [Self::Pxe, Self::Disk, Self::Cd, Self::Setup, Self::Usual];

    /// As `BootSourceOverrideTarget` of Redfish's schema ComputerSystem names it.
    pub fn target(self) -> &'static str {
        match self {
            Self::Pxe => "Pxe",
            Self::Disk => "Hdd",
            Self::Cd => "Cd",
            Self::Setup => "BiosSetup",
            Self::Usual => "None",
        }
    }

    /// For how long it holds, as `BootSourceOverrideEnabled` says it.
    pub fn enabled(self) -> &'static str {
        match self {
            Self::Pxe | Self::Disk | Self::Cd | Self::Setup => "Once",
            Self::Usual => "Disabled",
        }
    }

    /// What it does, for the menu.
    pub fn does(self) -> &'static str {
        match self {
            Self::Pxe => "next boot from the network",
            Self::Disk => "next boot from disk",
            Self::Cd => "next boot from CD",
            Self::Setup => "next boot into the setup",
            Self::Usual => "boot in the usual order",
        }
    }

    /// Its key in the menu.
    pub fn key(self) -> char {
        match self {
            Self::Pxe => '1',
            Self::Disk => '2',
            Self::Cd => '3',
            Self::Setup => '4',
            Self::Usual => '0',
        }
    }
}
