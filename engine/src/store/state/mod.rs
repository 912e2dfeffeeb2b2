//! The state of a lab as its readers see it. These types are the API's answers, too.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Readiness;
use crate::{
    bmc::{BootOverride, Role, Session},
    forward::{Counters, Traffic, Wanted},
    node::PowerState,
    plan::{Accel, Mtu, MtuSource, NetworkKind, Shape},
    spec::model::Protocol,
};

/// Everything the API can tell of a lab. Lists keep the order of the lab files.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// The lab as a whole.
    pub lab: LabState,
    /// L2 segments.
    pub networks: Vec<NetworkState>,
    /// Namespaces with their apps.
    pub namespaces: Vec<NamespaceState>,
    /// Disk images that some node uses.
    pub images: Vec<ImageState>,
    /// Virtual machines.
    pub nodes: Vec<NodeState>,
    /// BMCs that nodes have, or should have.
    pub bmcs: Vec<BmcState>,
    /// Ports of the host that lead into namespaces, in the order of their numbers.
    pub forwards: Vec<ForwardState>,
}

impl Default for State {
    fn default() -> Self {
        let lab = LabState {
            name: String::new(),
            phase: LabPhase::Starting,
            mtu: Mtu {
                value: None,
                source: MtuSource::Default,
            },
            version: env!("CARGO_PKG_VERSION").into(),
            qemu_version: None,
            kernel: String::new(),
            accel: None,
            pid: std::process::id(),
            started_at: Timestamp::now(),
            error: None,
            files: Vec::new(),
            steps: Vec::new(),
        };
        Self {
            lab,
            networks: Vec::new(),
            namespaces: Vec::new(),
            images: Vec::new(),
            nodes: Vec::new(),
            bmcs: Vec::new(),
            forwards: Vec::new(),
        }
    }
}

impl State {
    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&NodeState> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The namespace of that name.
    pub fn namespace(&self, name: &str) -> Option<&NamespaceState> {
        self.namespaces.iter().find(|namespace| namespace.name == name)
    }

    /// The app of that name in that namespace.
    pub fn app(&self, namespace: &str, app: &str) -> Option<&AppState> {
        let namespace = self.namespace(namespace)?;
        namespace.apps.iter().find(|candidate| candidate.name == app)
    }

    /// The node of that name.
    pub fn node_mut(&mut self, name: &str) -> Option<&mut NodeState> {
        self.nodes.iter_mut().find(|node| node.name == name)
    }

    /// The BMC of the node of that name.
    pub fn bmc_mut(&mut self, node: &str) -> Option<&mut BmcState> {
        self.bmcs.iter_mut().find(|bmc| bmc.node == node)
    }

    /// The image of that name.
    pub fn image_mut(&mut self, name: &str) -> Option<&mut ImageState> {
        self.images.iter_mut().find(|image| image.name == name)
    }

    /// The namespace of that name.
    pub fn namespace_mut(&mut self, name: &str) -> Option<&mut NamespaceState> {
        self.namespaces.iter_mut().find(|namespace| namespace.name == name)
    }

    /// The network of that name.
    pub fn network_mut(&mut self, name: &str) -> Option<&mut NetworkState> {
        self.networks.iter_mut().find(|network| network.name == name)
    }

    /// The app of that name in that namespace.
    pub fn app_mut(&mut self, namespace: &str, app: &str) -> Option<&mut AppState> {
        self.namespace_mut(namespace)?
            .apps
            .iter_mut()
            .find(|candidate| candidate.name == app)
    }
}

/// The lab as a whole.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LabState {
    /// Its name.
    pub name: String,
    /// How far it is.
    pub phase: LabPhase,
    /// MTU of its links.
    pub mtu: Mtu,
    /// Version of placemat2.
    pub version: String,
    /// Version of QEMU, if one was found.
    pub qemu_version: Option<String>,
    /// Release of the host's kernel.
    pub kernel: String,
    /// What runs the nodes' code; `None` if there is no node.
    pub accel: Option<Accel>,
    /// Process id of the engine.
    pub pid: u32,
    /// When the engine started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Why it did not come up or could not go on.
    pub error: Option<String>,
    /// The lab files.
    pub files: Vec<String>,
    /// What the bring-up did, in the order it began.
    pub steps: Vec<Step>,
}

/// How far a lab is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LabPhase {
    /// Being brought up.
    Starting,
    /// Everything is there.
    Running,
    /// Being taken down.
    Stopping,
    /// It did not come up or could not go on; what was made is being taken down.
    Failed,
}

/// One step of the bring-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// `fabric`, `outside`, `namespaces`, `images` or `nodes`.
    pub name: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// How long it took; `None` while it runs.
    pub seconds: Option<f64>,
}

/// Whether a thing is there yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Ready {
    /// Not begun.
    #[default]
    Waiting,
    /// Being made.
    Starting,
    /// Usable.
    Ready,
    /// It could not be made.
    Failed,
}

/// An L2 segment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NetworkState {
    /// Its name.
    pub name: String,
    /// How it is exposed.
    #[serde(rename = "type")]
    pub kind: NetworkKind,
    /// Address of the host's interface.
    #[schema(value_type = Option<String>)]
    pub address: Option<IpNet>,
    /// Whether its packets to the outside are masqueraded.
    pub nat: bool,
    /// What it is made of.
    pub shape: Shape,
    /// MTU of its links in bytes.
    pub mtu: u32,
    /// Ids of its links: `link/NAMESPACE/ethN`, `link/NODE/N`, `link/host/NETWORK`.
    pub links: Vec<String>,
    /// Whether it is there.
    pub state: Ready,
}

/// A network namespace.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NamespaceState {
    /// Its name under `/run/netns`.
    pub name: String,
    /// Whether it is usable.
    pub state: Ready,
    /// What it waits for, or why it could not be made.
    #[serde(default)]
    pub reason: Option<String>,
    /// Its interfaces, `eth0` first.
    pub interfaces: Vec<InterfaceState>,
    /// Its apps.
    pub apps: Vec<AppState>,
}

/// An interface of a namespace.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InterfaceState {
    /// `ethN`.
    pub name: String,
    /// The network it is attached to.
    pub network: String,
    /// Its MAC.
    pub mac: String,
    /// Its addresses with prefix lengths, in the order of the lab file.
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<IpNet>,
}

/// An app in a namespace.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AppState {
    /// Its name.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// What it is doing.
    pub phase: AppPhase,
    /// Process id as the host sees it, while it runs.
    pub pid: Option<u32>,
    /// When it was last started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// Exit code of its last run, if it ended by itself.
    pub exit_code: Option<i32>,
    /// Number of the signal that ended its last run.
    pub signal: Option<i32>,
    /// How often it was started again.
    pub restarts: u32,
    /// Why it could not be started.
    pub error: Option<String>,
    /// Whether it does what it is for.
    #[serde(default)]
    pub ready: Readiness,
}

/// What an app is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AppPhase {
    /// Its namespace is not ready.
    #[default]
    Waiting,
    /// Being started, or waiting to be started again.
    Starting,
    /// Its process runs.
    Running,
    /// Its process ended and is not started again.
    Exited,
}

/// A disk image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImageState {
    /// Its name.
    pub name: String,
    /// Where it is fetched from; `None`: it is a file of this host.
    pub url: Option<String>,
    /// The file of this host, or that in the cache.
    pub file: String,
    /// How far it is.
    pub phase: ImagePhase,
    /// Bytes that have been downloaded; 0 if there was nothing to download.
    pub done: u64,
    /// Bytes that the download has in all, if its server tells.
    pub total: Option<u64>,
    /// Why it can't be had.
    pub error: Option<String>,
}

/// How far an image is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ImagePhase {
    /// Not begun, or another lab is downloading it.
    #[default]
    Waiting,
    /// Being fetched.
    Downloading,
    /// Being compared with its sum.
    Checking,
    /// Being decompressed into the cache.
    Unpacking,
    /// Usable.
    Ready,
    /// It can't be had.
    Failed,
}

/// A virtual machine: the node status of placemat v2 and, below, what v2 did not tell.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NodeState {
    /// Its name.
    pub name: String,
    /// Tap by network, the last one of a network that has several.
    pub taps: BTreeMap<String, String>,
    /// Names of its volumes in order.
    pub volumes: Vec<String>,
    /// CPUs.
    pub cpu: u32,
    /// Memory as written in the lab file.
    pub memory: String,
    /// UEFI instead of BIOS.
    pub uefi: bool,
    /// A TPM 2.0 is there.
    pub tpm: bool,
    /// SMBIOS type 1.
    pub smbios: Smbios,
    /// Power.
    pub power_status: PowerState,
    /// Unix socket of the serial console.
    pub socket_path: String,
    /// Pseudo terminal of the serial console.
    pub pty_path: String,
    /// Why the power is as it is: `guest shut down`, `QEMU was killed by signal 9`.
    pub power_reason: Option<String>,
    /// Process id of QEMU.
    pub pid: Option<u32>,
    /// When QEMU was last started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// How often its firmware has begun since the lab started, by power-on or reset.
    pub boots: u64,
    /// What had it begin last.
    pub last_boot: Option<BootCause>,
    /// Its NICs in the order the guest sees them.
    pub nics: Vec<NicState>,
    /// The address of its BMC: that of the lab file, or what the guest wrote as its first line to the `placemat` port.
    pub bmc_address: Option<String>,
    /// Its known addresses, those it is reached by first.
    pub addresses: Vec<NodeAddress>,
    /// Whether it does what it is for.
    #[serde(default)]
    pub ready: Readiness,
}

/// What had a node's firmware begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BootCause {
    /// QEMU was started.
    PowerOn,
    /// Somebody had it reset.
    Reset,
    /// The guest reset itself.
    ResetByGuest,
}

/// An address of a node, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeAddress {
    /// The address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Who told of it.
    pub source: AddressSource,
    /// Index of the NIC that has it, if that is known.
    pub nic: Option<usize>,
}

/// Who told of a node's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AddressSource {
    /// The network-config of its cloud-init seed.
    Seed,
    /// A DHCP server that was seen to give it to the node.
    Dhcp,
}

/// A port of the host that leads to a host and port as a namespace sees them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ForwardState {
    /// The host's port.
    pub local_port: u16,
    /// The namespace.
    pub netns: String,
    /// The namespace, by the key that placemat v2 wrote.
    pub pod: String,
    /// The host it leads to.
    pub remote_host: String,
    /// The port it leads to.
    pub remote_port: u16,
    /// What it carries.
    pub protocol: Protocol,
    /// The host's address it listens on; `null`: all of them.
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// What went through it.
    #[serde(flatten)]
    #[schema(value_type = Traffic)]
    pub counters: Arc<Counters>,
}

impl ForwardState {
    /// The state of a forward as it was asked for.
    pub fn new(wanted: &Wanted, counters: Arc<Counters>) -> Self {
        Self {
            local_port: wanted.port,
            netns: wanted.netns.clone(),
            pod: wanted.netns.clone(),
            remote_host: wanted.to.host().to_owned(),
            remote_port: wanted.to.port(),
            protocol: wanted.protocol,
            address: wanted.address,
            counters,
        }
    }
}

/// A BMC: of a node whose lab file gives it an address, or whose guest announced one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BmcState {
    /// The node.
    pub node: String,
    /// Its address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Who gave it that.
    pub origin: BmcOrigin,
    /// The network its address is in.
    pub network: Option<String>,
    /// Whether it is served.
    pub state: Ready,
    /// Why it is not.
    pub error: Option<String>,
    /// From what its machine boots next, if not in its usual order.
    pub boot_override: Option<BootOverride>,
    /// Who is signed in.
    pub sessions: Vec<Session>,
    /// Who may sign in.
    pub users: Vec<BmcUserState>,
}

/// Who gave a BMC its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BmcOrigin {
    /// The lab file.
    Declared,
    /// The guest.
    Announced,
}

/// Somebody who may sign in to a BMC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BmcUserState {
    /// Number of the account.
    pub id: u8,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Option<Role>,
    /// Whether it may sign in.
    pub enabled: bool,
}

/// A NIC of a node.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NicState {
    /// The network it is attached to.
    pub network: String,
    /// The tap in the fabric.
    pub tap: String,
    /// MAC as the guest sees it.
    pub mac: String,
}

/// SMBIOS type 1 of a node.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct Smbios {
    /// Manufacturer.
    pub manufacturer: String,
    /// Product name.
    pub product: String,
    /// Serial number.
    pub serial: String,
}
