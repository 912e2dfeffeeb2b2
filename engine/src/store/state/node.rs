//! Virtual machines.

use std::{collections::BTreeMap, net::IpAddr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    console,
    node::PowerState,
    plan::{self, RestorePolicy},
    store::Readiness,
};

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
    /// Whether it went off without anybody having asked for it: its guest panicked, its QEMU died or could not be started.
    #[serde(default)]
    pub failed: bool,
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

impl NodeState {
    /// A node of that plan that was never on, and of which nothing else is known.
    pub fn of(node: &plan::Node) -> Self {
        let mut ready = Readiness::of(&node.ready);
        if !node.power_on {
            ready.stay_off();
        }
        let nics = node.nics.iter();
        Self {
            name: node.name.clone(),
            taps: nics.clone().map(|nic| (nic.network.clone(), nic.tap.clone())).collect(),
            volumes: node.volumes.iter().map(|volume| volume.name.clone()).collect(),
            cpu: node.cpus,
            memory: node.memory.clone().unwrap_or_default(),
            uefi: node.nvram.is_some(),
            tpm: node.tpm.is_some(),
            smbios: Smbios {
                manufacturer: node.manufacturer.clone().unwrap_or_default(),
                product: node.product.clone().unwrap_or_default(),
                serial: node.serial.clone(),
            },
            power_status: PowerState::Off,
            socket_path: node.console_socket.display().to_string(),
            pty_path: console::link_path(&node.console_socket).display().to_string(),
            power_reason: (!node.power_on).then(|| stays_off_since(node).to_owned()),
            failed: false,
            pid: None,
            started_at: None,
            boots: 0,
            last_boot: None,
            nics: nics
                .map(|nic| NicState {
                    network: nic.network.clone(),
                    tap: nic.tap.clone(),
                    mac: nic.mac.to_string(),
                })
                .collect(),
            bmc_address: None,
            addresses: vec![],
            ready,
        }
    }
}

/// Why a node is not powered on with its lab.
fn stays_off_since(node: &plan::Node) -> &'static str {
    match node.restore.policy {
        None => "its lab file has `power: off`",
        Some(RestorePolicy::Previous) => "it was off when its lab ended, and its restore policy is `previous`",
        Some(_) => "its restore policy is `always-off`",
    }
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
