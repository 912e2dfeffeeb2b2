//! What will exist when the lab is up: names, addresses, paths, file descriptors and QEMU arguments.
//!
//! A plan holds no handles and no state; it can be printed, compared and kept. Each object has an `id` that stays the
//! same for as long as the object means the same to the user, so that two plans can be subtracted.

mod disk;
mod mtu;
mod namespace;
mod network;
mod node;

use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use disk::{Image, Seed, Virtiofs, Volume, VolumeSource};
pub use mtu::{Mtu, MtuSource};
pub use namespace::{App, Forward, Namespace};
pub use network::{End, Link, Mac, Network, NetworkKind, Shape};
pub use node::{Bmc, CdDrive, Nic, Node, Nvram, Qemu, Tpm};

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
