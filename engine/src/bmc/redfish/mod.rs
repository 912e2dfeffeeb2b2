//! The Redfish face of a BMC: HTTP and JSON as DSP0266 has them, by DMTF's schemas.
//!
//! Resources are plain functions of what the BMC knows, a file for each family of them (`resources`), under one table of
//! routes. What all have in common (who may, queries, ETags, mistakes of a request) is done in one place, `exchange.rs`.
//! Nothing here knows how a machine is made, and no resource tells of hardware that is not there.

mod caller;
mod certificate;
mod certificates;
mod changes;
mod delivery;
mod disks;
mod events;
mod exchange;
mod face;
mod filter;
mod logins;
mod message;
mod query;
mod registry;
mod reply;
mod resources;
mod route;
mod schema;
mod serve;
mod tasks;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tls;

pub use caller::Origin;
pub use certificate::{Certificate, CertificateError};
pub use face::Redfish;
pub use serve::serve;
pub use tls::{Authority, TlsError};

/// The port of Redfish over HTTPS.
pub const PORT: u16 = 443;
