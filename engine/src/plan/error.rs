//! Why a plan can't be made: whole sentences that name the object and the remedy.

use std::path::PathBuf;

use ipnet::IpNet;
use thiserror::Error;

use crate::spec::model::Place;

/// Why a plan can't be made.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PlanError {
    /// The lab's name can't be a file name.
    #[error("The lab can't be named `{name}`: {reason}. Give it another name with `--name`.")]
    LabName {
        /// The name.
        name: String,
        /// What is wrong with it, as a clause.
        reason: &'static str,
    },
    /// The lab is up.
    #[error(
        "A lab named `{name}` is running on this host. Take it down first, or give this one another name with `--name`."
    )]
    LabRuns {
        /// The name.
        name: String,
    },
    /// A path that QEMU's command line can't carry.
    #[error(
        "The {what} `{}` is not valid UTF-8, so it can't be passed on to QEMU. Choose another directory.",
        path.display()
    )]
    NotUtf8 {
        /// What the path is.
        what: &'static str,
        /// The path.
        path: PathBuf,
    },
    /// A unix socket's path does not fit into the kernel's address structure.
    #[error(
        "The {what} would be `{}`, which is {length} bytes long, but a unix socket's path is limited to {limit}. {remedy}",
        path.display()
    )]
    SocketPath {
        /// The node whose socket it is.
        place: Option<Place>,
        /// What the socket is.
        what: String,
        /// Its path.
        path: PathBuf,
        /// Bytes in the path.
        length: usize,
        /// Bytes a path may have.
        limit: usize,
        /// What to shorten.
        remedy: &'static str,
    },
    /// The host's interface of a network has the name of an existing link.
    #[error(
        "Network `{network}` needs an interface of that name on the host, but {}.",
        match lab {
            Some(lab) => format!("that of the running lab `{lab}` has it already. Rename the network, or stop that lab"),
            None => format!(
                "the host has a link `{network}` already. Rename the network, or remove that link if it is a left-over"
            ),
        }
    )]
    LinkExists {
        /// The network.
        place: Place,
        /// Its name.
        network: String,
        /// The running lab whose link it is.
        lab: Option<String>,
    },
    /// The prefix of a network is in use on the host.
    #[error(
        "Network `{network}` has the address {address}, whose prefix overlaps {other} of the host's link `{link}`{}.",
        match lab {
            Some(lab) => format!(", which belongs to the running lab `{lab}`. Choose another prefix, or stop that lab"),
            None => ". Choose another prefix, or remove that address from the host".to_owned(),
        }
    )]
    PrefixInUse {
        /// The network.
        place: Place,
        /// Its name.
        network: String,
        /// Address of the host's interface.
        address: IpNet,
        /// The host's link.
        link: String,
        /// The prefix of that link.
        other: IpNet,
        /// The running lab whose link it is.
        lab: Option<String>,
    },
    /// A namespace's name is taken.
    #[error(
        "Network namespace `{namespace}` can't be made: `{}` {}.",
        path.display(),
        match lab {
            Some(lab) => format!("belongs to the running lab `{lab}`. Rename the namespace, or stop that lab"),
            None => format!(
                "exists already. Rename the namespace, or delete the other one (`ip netns delete {namespace}`)"
            ),
        }
    )]
    NamespaceExists {
        /// The namespace.
        place: Place,
        /// Its name.
        namespace: String,
        /// Where its name would appear.
        path: PathBuf,
        /// The running lab that has it.
        lab: Option<String>,
    },
    /// A namespace has the name that the fabric appears under.
    #[error(
        "Network namespace `{namespace}` has the name under which the lab's own fabric appears. Rename the namespace."
    )]
    FabricName {
        /// The namespace.
        place: Place,
        /// Its name.
        namespace: String,
    },
    /// Two links would have the same id.
    #[error("`{name}` makes two links with the same id, `{id}`. Rename it.")]
    SameId {
        /// The later object.
        place: Place,
        /// Its name.
        name: String,
        /// The id.
        id: String,
    },
    /// A reference that leads nowhere.
    #[error(
        "`{user}` refers to the {kind} `{name}`, which does not exist. Add it to the lab files or correct the name."
    )]
    Dangling {
        /// The resource with the reference.
        place: Place,
        /// Its name.
        user: String,
        /// What was referred to: `network`, `image`, ...
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// Nodes need QEMU.
    #[error(
        "Node `{node}` needs QEMU, but `qemu-system-x86_64` is not in PATH. Install it (package `qemu-system-x86` on \
         Debian and Ubuntu)."
    )]
    NoQemu {
        /// The first node.
        place: Place,
        /// Its name.
        node: String,
    },
    /// KVM was asked for and does not work.
    #[error(
        "KVM was asked for by `--accel kvm` and does not work: {reason}. Make it usable, or run with `--accel auto`."
    )]
    NoKvm {
        /// Why it does not work, as a clause.
        reason: String,
    },
    /// NICs need taps.
    #[error(
        "Node `{node}` has network interfaces, but this host has no `/dev/net/tun`. Load the kernel module `tun`, or \
         pass the device on to this container."
    )]
    NoTun {
        /// The first node with interfaces.
        place: Place,
        /// Its name.
        node: String,
    },
    /// UEFI nodes need firmware.
    #[error(
        "Node `{node}` boots by UEFI, but no OVMF firmware was found. Install it (package `ovmf` on Debian and Ubuntu)."
    )]
    NoFirmware {
        /// The first UEFI node.
        place: Place,
        /// Its name.
        node: String,
    },
    /// An existing UEFI variable store fits no firmware.
    #[error(
        "The UEFI variables of node `{node}`, `{}`, are {size} bytes long and fit none of the OVMF firmware found. \
         Remove the file, and a new one is made.",
        path.display()
    )]
    NvramSize {
        /// The node.
        place: Place,
        /// Its name.
        node: String,
        /// The store.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
    /// QEMU is to run as nobody.
    #[error("There is no user `{user}` on this host, as which QEMU is to run. Check --qemu-user.")]
    NoQemuUser {
        /// What was chosen.
        user: String,
    },
    /// TPMs need an emulator.
    #[error("Node `{node}` has a TPM, but `swtpm` is not in PATH. Install it (package `swtpm` on Debian and Ubuntu).")]
    NoSwtpm {
        /// The first node with a TPM.
        place: Place,
        /// Its name.
        node: String,
    },
    /// virtio-fs needs a server.
    #[error(
        "Node `{node}` has a volume with `driver: virtiofs`, but `virtiofsd` is not installed. Install it (on Debian 12 \
         and Ubuntu 22.04 it is in `qemu-system-common`, later in `virtiofsd`), or leave the driver out for 9p."
    )]
    NoVirtiofsd {
        /// The first node with such a volume.
        place: Place,
        /// Its name.
        node: String,
    },
    /// More devices than PCI slots.
    #[error(
        "Node `{node}` has {count} network interfaces and volumes, but QEMU's machine has PCI slots for {limit}. \
         Remove some of them."
    )]
    TooManyDevices {
        /// The node.
        place: Place,
        /// Its name.
        node: String,
        /// NICs and volumes.
        count: usize,
        /// Slots for them.
        limit: usize,
    },
    /// The memory can't be divided.
    #[error(
        "The memory of node `{node}`, `{memory}`, can't be divided among {numa_nodes} NUMA nodes. Write it as a number \
         with M or G, at least 1M for each."
    )]
    NumaMemory {
        /// The node.
        place: Place,
        /// Its name.
        node: String,
        /// Its memory as written.
        memory: String,
        /// NUMA nodes asked for.
        numa_nodes: u32,
    },
    /// QEMU reads no compressed backing files.
    #[error(
        "Volume `{volume}` of node `{node}` is a copy-on-write overlay on image `{image}`, whose file is compressed, and \
         QEMU can't read that. Decompress the file, or leave `copy-on-write` out."
    )]
    OverlayOnCompressed {
        /// The volume.
        place: Place,
        /// The node's name.
        node: String,
        /// The volume's name.
        volume: String,
        /// The image's name.
        image: String,
    },
    /// One URL, two compressions.
    #[error(
        "Images `{image}` and `{other}` have the same URL but not the same `compression`. Correct one of them: a \
         download is kept once, decompressed."
    )]
    ImageConflict {
        /// The later image.
        place: Place,
        /// Its name.
        image: String,
        /// The earlier image.
        other: String,
    },
}

impl PlanError {
    /// Returns where in the lab files the object was written; `None` if it isn't from a file.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::LabName { .. }
            | Self::LabRuns { .. }
            | Self::NotUtf8 { .. }
            | Self::NoKvm { .. }
            | Self::NoQemuUser { .. } => None,
            Self::SocketPath { place, .. } => place.as_ref(),
            Self::LinkExists { place, .. }
            | Self::PrefixInUse { place, .. }
            | Self::NamespaceExists { place, .. }
            | Self::FabricName { place, .. }
            | Self::SameId { place, .. }
            | Self::Dangling { place, .. }
            | Self::NoQemu { place, .. }
            | Self::NoTun { place, .. }
            | Self::NoFirmware { place, .. }
            | Self::NvramSize { place, .. }
            | Self::NoSwtpm { place, .. }
            | Self::NoVirtiofsd { place, .. }
            | Self::TooManyDevices { place, .. }
            | Self::NumaMemory { place, .. }
            | Self::OverlayOnCompressed { place, .. }
            | Self::ImageConflict { place, .. } => Some(place),
        }
    }
}
