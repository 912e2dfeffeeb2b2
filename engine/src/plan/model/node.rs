//! Virtual machines.

use std::{net::IpAddr, path::PathBuf};

use serde::Serialize;

use super::{Mac, Volume};
use crate::{
    bmc::User,
    plan::{PowerRestore, QemuUser},
    spec::model::{Dependency, Ready, TlsFiles},
};

/// A virtual machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// `node/NAME`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it is powered on with the lab.
    pub power_on: bool,
    /// What decides that, other than its lab file.
    pub restore: PowerRestore,
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
    /// When it counts as ready; once it is on if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ready: Vec<Ready>,
    /// What its power-on waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
}

impl Node {
    /// Its volumes that are disks, in order.
    pub fn disks(&self) -> impl Iterator<Item = &Volume> {
        self.volumes.iter().filter(|volume| volume.is_disk())
    }
}

/// A CD drive for virtual media, empty unless a BMC says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CdDrive {
    /// The number under which QEMU gets the medium that is in it at power-on.
    pub fd: i32,
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
    /// Descriptor of the serial console's stream socket.
    pub serial_fd: i32,
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
