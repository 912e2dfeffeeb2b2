//! What this host is and has, and what of it a lab changes for a while.
//!
//! Everything a lab changes outside its private fabric namespace, and that the kernel does not take back by itself when the
//! engine dies, is written to the lab's [`record`] before it is changed. Whoever finds the lab dead (its keeper, the next
//! start, `placemat2 cleanup`) undoes what the record lists: just that, and only as far as it still is what the lab made.
//!
//! This module knows nothing of nodes, apps or the inside of a lab.

pub mod address;
mod claims;
mod device;
pub mod enter;
pub mod facts;
pub mod firewall;
mod firmware;
pub mod installed;
mod keeper_lock;
mod kvm;
pub mod labdir;
pub mod limits;
mod link;
mod lock;
pub mod mtu;
pub mod nat;
pub mod netem;
mod privileges;
pub mod proc_sys;
mod program;
pub mod publish;
pub mod record;
mod stray_link;
mod stray_process;
pub mod sysctl;
mod undo;
mod user;
pub mod whose;

pub use firewall::FirewallError;
pub use keeper_lock::KeeperLock;
pub use labdir::{Cleanup, LabDir, LabDirError, LabEntry, cleanup};
pub use nat::{Nat, NatError};
pub use privileges::{MissingCapability, check_privileges};
pub use program::ProgramError;
pub use publish::{PublishError, publish_netns};
pub use record::{RecordError, Recorder, Report};
pub use sysctl::SysctlError;
pub use undo::{Undo, UndoError};

#[cfg(test)]
mod tests;
