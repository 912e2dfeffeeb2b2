//! What a plan needs to know of this host. Plain data: gathered by `host`, made up by tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
};

use ipnet::IpNet;
use serde::Serialize;

use super::{KeptPower, Mtu};

/// What a plan needs to know of this host.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Whether KVM can get a guest to run, or why not, as a clause: "`/dev/kvm` can't be opened: ...".
    pub kvm: Result<(), String>,
    /// Whether `/dev/vhost-net` is there.
    pub vhost_net: bool,
    /// Whether `/dev/net/tun` is there.
    pub tun: bool,
    /// QEMU, if it is installed.
    pub qemu: Option<QemuProgram>,
    /// The user that QEMU is to run as, if there is such a user.
    pub qemu_user: Option<QemuUser>,
    /// `swtpm`, if it is installed.
    pub swtpm: Option<PathBuf>,
    /// `virtiofsd`, if it is installed.
    pub virtiofsd: Option<PathBuf>,
    /// UEFI firmware, best first.
    pub firmware: Vec<Firmware>,
    /// UEFI variable stores of the lab's nodes that exist already, with their sizes in bytes.
    pub nvram: BTreeMap<PathBuf, u64>,
    /// What is kept of the power of the lab's nodes, by the file that it is kept in.
    pub power: BTreeMap<PathBuf, KeptPower>,
    /// Directories of disk files whose file system refuses direct I/O (`O_DIRECT`).
    pub buffered_only: BTreeSet<PathBuf>,
    /// MTU for the lab's links.
    pub mtu: Mtu,
    /// Names of the host's links, alternative names included.
    pub links: BTreeSet<String>,
    /// Prefixes of the host's interfaces (host bits kept), each with its link.
    pub prefixes: Vec<(String, IpNet)>,
    /// Names in use under `/run/netns`.
    pub namespaces: BTreeSet<String>,
    /// The running labs that links of the host belong to, as far as that is known.
    pub labs_of_links: BTreeMap<String, String>,
    /// The running labs that namespaces belong to, as far as that is known.
    pub labs_of_namespaces: BTreeMap<String, String>,
}

/// An installed QEMU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QemuProgram {
    /// `qemu-system-x86_64`, absolute.
    pub program: PathBuf,
    /// Its version, if it told one.
    pub version: Option<QemuVersion>,
    /// Whether it can give up system calls that it does not need (`-sandbox`).
    pub sandbox: bool,
}

/// A user of this host that QEMU can run as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct QemuUser {
    /// Its name.
    pub name: String,
    /// Its id.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// All its groups.
    pub groups: Vec<u32>,
}

/// A version of QEMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QemuVersion {
    /// 7 in 7.2.22.
    pub major: u32,
    /// 2 in 7.2.22.
    pub minor: u32,
    /// 22 in 7.2.22.
    pub micro: u32,
}

impl QemuVersion {
    /// The oldest version that the planned command lines are spelled for.
    pub const OLDEST: Self = Self {
        major: 5,
        minor: 2,
        micro: 0,
    };
    /// The oldest version that can let a guest go on whose kernel panicked (`-action panic=none`); others end.
    pub const PANIC_ACTION: Self = Self {
        major: 6,
        minor: 0,
        micro: 0,
    };
}

impl fmt::Display for QemuVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

/// A UEFI firmware for QEMU (OVMF): the code and the variable store that goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firmware {
    /// The code, read only.
    pub code: PathBuf,
    /// What a node's variable store is first copied from.
    pub vars: PathBuf,
    /// Size of `vars` in bytes; a store of another size does not fit the code.
    pub vars_size: u64,
}
