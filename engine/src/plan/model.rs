//! What will exist when the lab is up: names, addresses, paths, file descriptors and QEMU arguments.
//!
//! A plan holds no handles and no state; it can be printed, compared and kept. Each object has an `id` that stays the
//! same for as long as the object means the same to the user, so that two plans can be subtracted.

use std::{collections::BTreeMap, fmt, net::IpAddr, path::PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::QemuUser;
use crate::bmc::User;
use crate::spec::model::{
    Cache, Compression, Dependency, Destination, DiskFormat, Protocol, Ready, RestartPolicy, TlsFiles,
};

/// Everything a lab consists of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// The lab's name.
    pub lab: String,
    /// Where things are kept.
    pub paths: Paths,
    /// MTU of every link.
    pub mtu: Mtu,
    /// What runs the nodes' code; `None` if there is no node.
    pub accel: Option<Accel>,
    /// L2 segments, in the order of the files.
    pub networks: Vec<Network>,
    /// Network namespaces, in the order of the files.
    pub namespaces: Vec<Namespace>,
    /// Images that some volume uses.
    pub images: Vec<Image>,
    /// Virtual machines, in the order of the files.
    pub nodes: Vec<Node>,
    /// BMCs that are there from the start, in the order of their nodes.
    pub bmcs: Vec<Bmc>,
    /// Prefixes to masquerade, host bits cleared; empty: no NAT table is made.
    pub nat: Vec<IpNet>,
    /// Sysctls of the host that must be on (`net/ipv4/ip_forward`, ...), as paths under `/proc/sys`.
    pub sysctls: Vec<String>,
    /// What the user should know before the lab starts, in whole sentences: no KVM, no vhost-net, ...
    pub notes: Vec<String>,
}

/// What runs the guests' code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// Hardware virtualization.
    Kvm,
    /// QEMU's emulation.
    Tcg,
}

/// Directories and sockets of a lab, all absolute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paths {
    /// Relative paths of the lab files start here; apps and init scripts run here.
    pub base_dir: PathBuf,
    /// `/run/placemat2/LAB`: lock, record and API socket; 0700.
    pub lab_dir: PathBuf,
    /// The API's unix socket.
    pub api_socket: PathBuf,
    /// `--run-dir`: the serial consoles' sockets.
    pub run_dir: PathBuf,
    /// `--data-dir`: volumes and NVRAM.
    pub data_dir: PathBuf,
    /// `--cache-dir`: downloaded images.
    pub cache_dir: PathBuf,
    /// `--log-dir` with the lab's name: `NAMESPACE/APP.log`, `NODE.console.log`.
    pub log_dir: PathBuf,
    /// `/run/netns`, where namespaces appear by name.
    pub netns_dir: PathBuf,
}

impl Paths {
    /// The certificate by which clients can check those of BMCs.
    pub fn ca_certificate(&self) -> PathBuf {
        self.lab_dir.join("ca.pem")
    }

    /// Where virtual media are: files that may be inserted, and for as long as they are in a drive, without a name, those
    /// that were fetched.
    pub fn media_dir(&self) -> PathBuf {
        self.data_dir.join("media")
    }
}

/// The MTU of a lab's links and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mtu {
    /// In bytes; `None` leaves the kernel's default of 1500.
    pub value: Option<u32>,
    /// Where it came from.
    pub source: MtuSource,
}

impl Mtu {
    /// The MTU links will have in the end.
    pub fn effective(&self) -> u32 {
        self.value.unwrap_or(1500)
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.effective())?;
        match &self.source {
            MtuSource::Option => f.write_str("as given"),
            MtuSource::Probe { host } => write!(f, "probed towards {host}"),
            MtuSource::Route { destination, link } => write!(f, "of the route to {destination} by {link}"),
            MtuSource::Links { link } => write!(f, "of {link}, there is no route to the Internet"),
            MtuSource::Default => f.write_str("the kernel's default"),
        }?;
        f.write_str(")")
    }
}

/// Where an MTU came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum MtuSource {
    /// `--mtu`.
    Option,
    /// `--mtu-probe`: the largest packet that reached this host undivided.
    Probe {
        /// The host that was probed.
        host: String,
    },
    /// The route towards the Internet: its own metric, or the smallest MTU among its links.
    Route {
        /// The address looked up.
        destination: String,
        /// The link with the smallest MTU.
        link: String,
    },
    /// No route: the smallest among the physical links that are up.
    Links {
        /// That link.
        link: String,
    },
    /// Nothing known: the kernel's default.
    Default,
}

/// A MAC address.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|byte| write!(f, ":{byte:02x}"))
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// An L2 segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Network {
    /// `network/NAME`.
    pub id: String,
    /// Its name; also the name of the host's interface, if it has one.
    pub name: String,
    /// How it is exposed.
    pub kind: NetworkKind,
    /// Address of the host's interface.
    pub address: Option<IpNet>,
    /// Whether its packets to the outside are masqueraded.
    pub nat: bool,
    /// What it is made of.
    pub shape: Shape,
    /// Its attachments: host first, then namespaces, then nodes, each in the order of the files.
    pub links: Vec<Link>,
}

/// `internal`, `external` or `bmc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum NetworkKind {
    /// Only within the lab.
    Internal,
    /// The host has an interface.
    External,
    /// The host has an interface, virtual BMCs get addresses.
    Bmc,
}

/// What a network is made of: as little as its ends allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// A bridge in the fabric, named after the network; each link has a port on it.
    Bridge,
    /// One veth pair straight between two links, neither of them a node's.
    Veth,
    /// One link (not a node's) whose veth peer ends in the fabric, up and alone.
    Stub,
    /// No link at all: nothing is made.
    Nothing,
}

/// One attachment of the host, a namespace or a node to a network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Link {
    /// `link/host/NETWORK`, `link/NAMESPACE/ethN` or `link/NODE/N`.
    pub id: String,
    /// What is attached.
    pub end: End,
    /// The port in the fabric (veth peer or tap), unique there and at most 15 bytes. `None` where the shape is `Veth`.
    pub port: Option<String>,
}

/// What a link attaches.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum End {
    /// The host: an interface named after the network.
    Host {
        /// MAC of the interface.
        mac: Mac,
        /// Its address.
        address: IpNet,
    },
    /// A namespace.
    Namespace {
        /// The namespace's name.
        namespace: String,
        /// `ethN`.
        interface: String,
        /// MAC of the interface.
        mac: Mac,
        /// Its addresses.
        addresses: Vec<IpNet>,
    },
    /// A node; the port is a tap.
    Node {
        /// The node's name.
        node: String,
        /// Index among the node's interfaces, from 0.
        nic: usize,
        /// MAC as the guest sees it.
        mac: Mac,
        /// Queues of the tap, at least 1.
        queues: u32,
    },
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Namespace {
    /// `namespace/NAME`.
    pub id: String,
    /// Its name under `/run/netns`.
    pub name: String,
    /// Executables to run in order, absolute.
    pub init_scripts: Vec<PathBuf>,
    /// Programs that run until the lab goes down.
    pub apps: Vec<App>,
    /// Ports of the host that lead into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forwards: Vec<Forward>,
    /// What its init scripts and apps wait for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
}

/// A port of the host that leads to a host and port as a namespace sees them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forward {
    /// `forward/PROTOCOL/PORT`.
    pub id: String,
    /// The host's port.
    pub port: u16,
    /// What it carries.
    pub protocol: Protocol,
    /// The host's address to listen on; `None`: all of them, IPv4 and IPv6.
    pub address: Option<IpAddr>,
    /// Where it leads.
    pub to: Destination,
}

/// A program in a namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct App {
    /// `app/NAMESPACE/NAME`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Program and arguments; never empty.
    pub command: Vec<String>,
    /// Whether it is started again after it ended.
    pub restart: RestartPolicy,
    /// Variables added to the engine's environment.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub workdir: PathBuf,
    /// Where its output is kept.
    pub log: PathBuf,
    /// When it counts as ready; once it was started if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
}

/// An image that must be there before the volumes that use it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Image {
    /// `image/NAME`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What to fetch, unless `file` is the user's own file.
    pub url: Option<String>,
    /// The source on disk: the user's file, or the cache's file (decompressed) for a URL.
    pub file: PathBuf,
    /// How the source is compressed: the user's file when it is read, a download before it is stored.
    pub compression: Option<Compression>,
    /// SHA-256 of the source before it is decompressed, in lower-case hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A virtual machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// `node/NAME`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is powered on with the lab.
    pub power_on: bool,
    /// NICs in order.
    pub nics: Vec<Nic>,
    /// Disks and shares in order.
    pub volumes: Vec<Volume>,
    /// The QEMU command.
    pub qemu: Qemu,
    /// Socket of the serial console for users, mode 0600.
    pub console_socket: PathBuf,
    /// Where the console's bytes are kept.
    pub console_log: PathBuf,
    /// CPUs at start.
    pub cpus: u32,
    /// As QEMU's `-m`.
    pub memory: Option<String>,
    /// UEFI variable store and what it is first copied from.
    pub nvram: Option<Nvram>,
    /// State directory and control socket of the node's TPM.
    pub tpm: Option<Tpm>,
    /// The CD drive of a node whose lab file gives it a BMC.
    pub cd: Option<CdDrive>,
    /// SMBIOS type 1 manufacturer.
    pub manufacturer: Option<String>,
    /// SMBIOS type 1 product.
    pub product: Option<String>,
    /// SMBIOS type 1 serial.
    pub serial: String,
    /// When it counts as ready; once it is on if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// What its power-on waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
}

/// A CD drive for virtual media, empty unless a BMC says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CdDrive {
    /// The number under which QEMU gets the medium that is in it at power-on.
    pub fd: i32,
}

/// A BMC that a lab file gives an address.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bmc {
    /// `bmc/NODE`.
    pub id: String,
    /// The node.
    pub node: String,
    /// Its address; it lies in a network of kind `bmc`.
    pub address: IpAddr,
    /// Who may sign in; empty: whoever may everywhere. Plans are shown around, passwords are not.
    #[serde(skip)]
    pub users: Vec<User>,
    /// Its own certificate, if the lab file names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsFiles>,
}

/// A NIC of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Nic {
    /// Name of the network.
    pub network: String,
    /// The tap in the fabric.
    pub tap: String,
    /// MAC as the guest sees it.
    pub mac: Mac,
    /// Descriptor numbers of the tap's queues in QEMU; as many as queues.
    pub fds: Vec<i32>,
    /// Descriptor numbers of `/dev/vhost-net`, as many as queues; empty: no vhost.
    pub vhost_fds: Vec<i32>,
}

/// A disk or share of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// How its file is made if it does not exist.
    pub source: VolumeSource,
    /// The file or directory QEMU gets.
    pub path: PathBuf,
    /// QEMU's cache mode.
    pub cache: Cache,
}

/// How a volume's file comes to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum VolumeSource {
    /// A full copy of an image, always as qcow2.
    Copy {
        /// Name of the image.
        image: String,
    },
    /// A qcow2 overlay on an image.
    Overlay {
        /// Name of the image.
        image: String,
    },
    /// A NoCloud seed.
    Seed {
        /// The user-data file.
        user_data: PathBuf,
        /// The network-config file.
        network_config: Option<PathBuf>,
        /// The user's meta-data file, to which what is missing in it is added.
        #[serde(skip_serializing_if = "Option::is_none")]
        meta_data: Option<PathBuf>,
        /// The `instance-id` of the meta-data.
        instance_id: String,
        /// The `local-hostname` of the meta-data.
        hostname: String,
    },
    /// An empty disk.
    Blank {
        /// As `qemu-img create` takes it.
        size: String,
        /// File format.
        format: DiskFormat,
    },
    /// A directory of the host; made if missing.
    Directory {
        /// Whether the guest may write.
        writable: bool,
        /// What serves it over virtio-fs; `None`: QEMU itself, over 9p.
        #[serde(skip_serializing_if = "Option::is_none")]
        virtiofs: Option<Virtiofs>,
    },
}

/// The server of a directory that is shared over virtio-fs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Virtiofs {
    /// `virtiofsd`, absolute.
    pub program: PathBuf,
    /// Its socket, in the lab directory, until QEMU is connected.
    pub socket: PathBuf,
    /// Descriptor of the connection to it in QEMU.
    pub fd: i32,
}

/// A QEMU command. Descriptors are handed over at the numbers given here and in [`Nic`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Qemu {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Who it runs as; the engine's user if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<QemuUser>,
    /// Descriptor of the QMP monitor's stream socket.
    pub qmp_fd: i32,
    /// Descriptor of the serial console's stream socket; `None` with `--graphic`.
    pub serial_fd: Option<i32>,
    /// Descriptor of the stream socket behind the `placemat` virtio port.
    pub port_fd: i32,
}

/// The UEFI variable store of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Nvram {
    /// Copied to `path` if that does not exist.
    pub template: PathBuf,
    /// The node's own.
    pub path: PathBuf,
}

/// The TPM emulator of a node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tpm {
    /// `swtpm`, absolute.
    pub program: PathBuf,
    /// Where its state is kept.
    pub state_dir: PathBuf,
    /// Its control socket, in the lab directory, until QEMU is connected.
    pub socket: PathBuf,
    /// Descriptor of the connection to it in QEMU.
    pub fd: i32,
}
