//! Virtual BMCs: what a server's management controller is and knows, and the faces it is reached by.
//!
//! A [`Bmc`] is the one truth behind all faces: accounts, sessions, boot override, event log, watchdog. A face (`ipmi`)
//! speaks a protocol and holds nothing that another face should see. The machine is reached through the trait
//! [`Machine`]: nothing here knows of QMP, netlink, or the HTTP of the lab's API.

mod accounts;
mod boot;
mod chassis;
mod controller;
mod errand;
#[cfg(fuzzing)]
pub mod fuzzing;
mod identity;
pub mod ipmi;
mod log;
mod machine;
mod media;
mod place;
pub mod redfish;
mod secret;
mod sessions;
#[cfg(any(test, fuzzing))]
#[cfg_attr(fuzzing, allow(dead_code, reason = "what only tests look at"))]
pub(crate) mod testing;
mod watchdog;

pub use accounts::{Account, AccountError, Accounts, LONGEST_NAME, LONGEST_PASSWORD, Role, User};
pub use boot::{BootFirmware, BootOverride, BootTarget, Persistence};
pub use chassis::{Cause, Chassis, Identify};
pub use controller::{Begun, Bmc};
pub use errand::{ERRAND, ERRAND_VALUE, is_reserved};
pub use identity::{Identity, Nic, Volume};
pub use log::{Entry, Log, LogInfo, Occurrence, Severity};
pub use machine::{Machine, MachineError, Power, Share, Verb, Work};
pub use media::{Drive, Image};
pub use place::Place;
pub use secret::Secret;
pub use sessions::{Face, Session, SessionGuard, Sessions};
pub use watchdog::{Expiry, Watchdog, WatchdogSettings, WatchdogState};
