//! From a spec and facts about this host to everything that will exist: a pure function.
//!
//! Nothing here opens a file, asks the kernel or needs root; the same input gives the same plan. What the kernel is
//! asked stands in [`Facts`]; `host` gathers them.

mod boot;
mod build;
mod disk;
mod error;
mod facts;
mod host_clash;
mod identity;
mod lab;
mod model;
mod node;
mod numa;
mod options;
mod qemu;
mod render;
mod restore;
mod wiring;

#[cfg(test)]
mod real_qemu;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use boot::{BootSource, CD_ID, UnknownBootSource};
pub use build::build;
pub use disk::{disk_dirs, image_cache};
pub use error::PlanError;
pub use facts::{Facts, Firmware, QemuProgram, QemuUser, QemuVersion};
pub use host_clash::clashes;
pub use identity::{uuid_bytes as node_uuid, uuid_text};
pub use lab::{LABS_DIR, api_socket, check_lab_name, fabric_name, lab_name, lab_of_fabric};
pub use model::{
    Accel, App, Bmc, CdDrive, End, Forward, Image, Link, Mac, Mtu, MtuSource, Namespace, Network, NetworkKind, Nic,
    Node, Nvram, Paths, Plan, Qemu, Seed, Shape, Tpm, Virtiofs, Volume, VolumeSource,
};
pub use node::nvram_file;
pub(crate) use numa::{cpus as node_cpus, total as node_memory};
pub use options::{AccelChoice, Options};
pub use qemu::{MEDIUM_NODE, SERIAL_ID, medium_args};
pub use render::render_text;
pub use restore::{KeptPower, PowerRestore, RestorePolicy, power_file};
