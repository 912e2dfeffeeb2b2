//! The BMCs of a lab: those that lab files declare, and those that guests announce.
//!
//! A BMC is served whole or not at all.

mod awaited;
mod bmcs;
mod machine;
mod media;
mod place;
mod redfish;
pub mod state;
mod usage;

pub use bmcs::Bmcs;
