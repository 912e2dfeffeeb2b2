//! What the user wrote, typed: the outcome of reading lab files without an error.
//!
//! Every resource carries the [`Place`] it was written at, so that what is found later (a name that clashes with a
//! link of this host, say) can still point into the file.

use std::{
    collections::BTreeMap,
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use ipnet::IpNet;
use serde::Serialize;

use crate::bmc::User;

pub use super::{
    destination::{Destination, DestinationError, Protocol},
    startup::{Dependency, NoObject, Object, Probe, Ready, Security, Until, Where},
};

/// A position in a lab file; lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, as it was named on the command line.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// All resources of the lab files given, in the order they were written. References between them are known to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spec {
    /// The directory of the first file (absolute); every relative path of the spec has been joined to it already.
    pub base_dir: PathBuf,
    /// The stem of the first file: the lab's name unless `--name` gives another.
    pub default_name: String,
    /// L2 segments.
    pub networks: Vec<Network>,
    /// Network namespaces.
    pub namespaces: Vec<Namespace>,
    /// Disk images.
    pub images: Vec<Image>,
    /// Directories for volumes.
    pub device_classes: Vec<DeviceClass>,
    /// Virtual machines.
    pub nodes: Vec<Node>,
}

/// `kind: Network`: one L2 segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Unique among networks; usable as an interface name.
    pub name: String,
    /// Where the resource was written.
    pub place: Place,
    /// How it is exposed.
    pub kind: NetworkKind,
}

/// How a network is exposed to the host.
#[derive(Clone, Debug, PartialEq)]
pub enum NetworkKind {
    /// Not at all.
    Internal,
    /// By an interface of the host named after the network, with this address (host bits kept).
    External {
        /// Address and prefix length of the host's interface.
        address: IpNet,
        /// Whether packets to the outside are masqueraded.
        nat: bool,
    },
    /// As `External`; virtual BMCs get their addresses here.
    Bmc {
        /// Address and prefix length of the host's interface.
        address: IpNet,
    },
}

/// `kind: NetworkNamespace` (or `NetworkStack`).
#[derive(Clone, Debug, PartialEq)]
pub struct Namespace {
    /// Unique among namespaces; `ip netns exec NAME` finds it.
    pub name: String,
    /// Where the resource was written.
    pub place: Place,
    /// `eth0`, `eth1`, ... in this order; at least one.
    pub interfaces: Vec<NamespaceInterface>,
    /// Run one after another before the apps.
    pub init_scripts: Vec<InitScript>,
    /// Run side by side until the lab goes down.
    pub apps: Vec<App>,
    /// Ports of the host that lead into it.
    pub forwards: Vec<Forward>,
    /// What its init scripts and apps wait for.
    pub depends_on: Vec<Dependency>,
}

/// A port of the host that leads to a host and port as a namespace sees them.
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    /// Where it was written.
    pub place: Place,
    /// The host's port; unique among the forwards of its protocol.
    pub port: u16,
    /// What it carries.
    pub protocol: Protocol,
    /// The host's address to listen on; all of them if none was given.
    pub address: Option<IpAddr>,
    /// Where it leads.
    pub to: Destination,
}

/// One interface of a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct NamespaceInterface {
    /// Where it was written.
    pub place: Place,
    /// Name of a network of the spec.
    pub network: String,
    /// Addresses with prefix lengths, host bits kept.
    pub addresses: Vec<IpNet>,
}

/// An executable to run once inside a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct InitScript {
    /// Where it was written.
    pub place: Place,
    /// Absolute path; it existed when the spec was read.
    pub path: PathBuf,
}

/// A long-running program inside a namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct App {
    /// Unique within its namespace; usable as a file name.
    pub name: String,
    /// Where it was written.
    pub place: Place,
    /// Program and arguments (`command` followed by `args`); never empty.
    pub command: Vec<String>,
    /// Whether it is started again after it ended.
    pub restart: RestartPolicy,
    /// Variables added to the engine's own environment.
    pub env: BTreeMap<String, String>,
    /// Working directory, absolute; `base_dir` if none was given.
    pub workdir: PathBuf,
    /// When it counts as ready; once it was started if none.
    pub ready: Vec<Ready>,
    /// What it waits for.
    pub depends_on: Vec<Dependency>,
}

/// When an app that ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Never: as in placemat v2.
    #[default]
    Never,
    /// After a non-zero exit code or a signal.
    OnFailure,
    /// Whatever the reason.
    Always,
}

/// `kind: Image`.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Unique among images.
    pub name: String,
    /// Where the resource was written.
    pub place: Place,
    /// Where its bytes come from.
    pub source: ImageSource,
    /// How the source is compressed.
    pub compression: Option<Compression>,
    /// SHA-256 of the source as it is fetched or found (compressed, if it is), 64 lower-case hex digits.
    pub sha256: Option<String>,
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageSource {
    /// An http or https URL, kept in the cache directory once fetched.
    Url(String),
    /// A local file, absolute.
    File(PathBuf),
}

/// Compression of an image's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// bzip2.
    Bzip2,
    /// xz (LZMA2).
    Xz,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// Returns it as lab files have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }
}

/// `kind: DeviceClass`: where volumes that name it are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceClass {
    /// Unique among device classes.
    pub name: String,
    /// Where the resource was written.
    pub place: Place,
    /// Absolute directory.
    pub path: PathBuf,
}

/// `kind: Node`: a virtual machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique among nodes; usable as a file name.
    pub name: String,
    /// Where the resource was written.
    pub place: Place,
    /// NICs in the order the guest sees them.
    pub interfaces: Vec<NodeInterface>,
    /// Disks and shares in the order the guest sees them.
    pub volumes: Vec<Volume>,
    /// Absolute path of a file for fw_cfg `opt/com.coreos/config`.
    pub ignition: Option<PathBuf>,
    /// Processors.
    pub smp: Smp,
    /// As QEMU's `-m` (checked to be a size); QEMU's own default if none.
    pub memory: Option<String>,
    /// That many symmetric NUMA nodes (`numa.nodes`).
    pub numa_nodes: Option<u32>,
    /// Queues of each NIC (`network-device-queue`), at least 1.
    pub queues: u32,
    /// What the firmware tells of the hardware.
    pub smbios: Smbios,
    /// UEFI instead of BIOS.
    pub uefi: bool,
    /// A TPM 2.0.
    pub tpm: bool,
    /// Its BMC, if it is to be there from the start.
    pub bmc: Option<Bmc>,
    /// The machine QEMU emulates.
    pub machine: MachineType,
    /// Whether it is powered on with the lab (`power`).
    pub power_on: bool,
    /// Arguments for QEMU behind all others, as written.
    pub extra_args: Vec<String>,
    /// When it counts as ready; once it is on if none.
    pub ready: Vec<Ready>,
    /// What its power-on waits for.
    pub depends_on: Vec<Dependency>,
}

/// The BMC of a node, where the lab file says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Bmc {
    /// Where its address was written.
    pub place: Place,
    /// Its address, in a network of type `bmc`.
    pub address: IpAddr,
    /// Who may sign in; empty: whoever may everywhere.
    pub users: Vec<User>,
    /// Its own certificate.
    pub tls: Option<TlsFiles>,
}

/// Files with a certificate and its key, in PEM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TlsFiles {
    /// The certificate, and behind it those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The machine QEMU emulates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MachineType {
    /// i440FX, with PCI.
    #[default]
    Pc,
    /// ICH9, with PCI Express.
    Q35,
}

/// One NIC of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeInterface {
    /// Where it was written.
    pub place: Place,
    /// Name of a network of the spec.
    pub network: String,
    /// Its MAC, unicast and unlike all others that are written; one of its own is made up if none.
    pub mac: Option<[u8; 6]>,
}

/// Processors of a node, as QEMU's `-smp`; `cpu: N` is `cpus: N` alone. Absent keys are not passed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Smp {
    /// CPUs present at start.
    pub cpus: Option<u32>,
    /// Cores in a die.
    pub cores: Option<u32>,
    /// Threads in a core.
    pub threads: Option<u32>,
    /// Dies in a socket.
    pub dies: Option<u32>,
    /// Sockets.
    pub sockets: Option<u32>,
    /// CPUs with those that can be plugged in.
    pub maxcpus: Option<u32>,
}

/// Entries of SMBIOS type 1. Without a serial the plan gives the hex SHA-1 of the node's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Smbios {
    /// Manufacturer.
    pub manufacturer: Option<String>,
    /// Product name.
    pub product: Option<String>,
    /// Serial number.
    pub serial: Option<String>,
}

/// A disk or share of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Volume {
    /// Unique within the node; usable as a file name.
    pub name: String,
    /// Where it was written.
    pub place: Place,
    /// What it is.
    pub kind: VolumeKind,
    /// QEMU's cache mode.
    pub cache: Cache,
    /// Name of the device class whose directory holds it.
    pub device_class: Option<String>,
}

/// What a volume is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum VolumeKind {
    /// A disk made from an image.
    Image {
        /// Name of an image of the spec.
        image: String,
        /// A qcow2 overlay on the image instead of a full copy.
        copy_on_write: bool,
    },
    /// A NoCloud seed.
    LocalDs {
        /// Absolute path of the user-data file.
        user_data: PathBuf,
        /// Absolute path of the network-config file.
        network_config: Option<PathBuf>,
        /// Absolute path of the meta-data file.
        meta_data: Option<PathBuf>,
    },
    /// An empty disk.
    Raw {
        /// As `qemu-img create` takes it (checked to be a size).
        size: String,
        /// File format.
        format: DiskFormat,
    },
    /// A directory of the host; the mount tag is the volume's name.
    HostPath {
        /// Absolute path; made if missing.
        path: PathBuf,
        /// Whether the guest may write.
        writable: bool,
        /// How the guest reaches it.
        driver: ShareDriver,
    },
}

/// How a guest reaches a directory of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ShareDriver {
    /// 9p over virtio, served by QEMU itself.
    #[default]
    #[serde(rename = "9p")]
    NineP,
    /// virtio-fs, served by a virtiofsd of its own.
    Virtiofs,
}

/// Format of a disk file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskFormat {
    /// QEMU copy-on-write, version 2.
    #[default]
    Qcow2,
    /// Plain bytes.
    Raw,
}

/// QEMU's cache modes (`-drive cache=`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cache {
    /// The host's page cache is bypassed.
    #[default]
    None,
    /// Writes are done when they are in the host's page cache.
    Writeback,
    /// Writes are done when they are on the disk.
    Writethrough,
    /// `none`, and each write is flushed.
    Directsync,
    /// `writeback`, flushes ignored.
    Unsafe,
}

impl NetworkKind {
    /// The address of the host's interface, if there is one.
    pub fn address(&self) -> Option<IpNet> {
        match self {
            Self::Internal => None,
            Self::External { address, .. } | Self::Bmc { address } => Some(*address),
        }
    }

    /// Whether an address lies in the prefix of the host's interface.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.address().is_some_and(|net| net.contains(&address))
    }
}
