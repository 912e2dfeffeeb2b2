//! IPMI 2.0 over UDP: the face of a BMC that ipmitool, freeipmi and Ironic speak to.
//!
//! From the outside in: `rmcp` and `packet` are frames, `crypto` and `handshake` make sessions, `session` keeps them,
//! `message` is a command, `command` carries it out, `sol` is the serial console over LAN, and `server` ties all to a
//! socket. What a packet says is looked at only after its integrity code was found right.

mod command;
mod completion;
mod crypto;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod handshake;
mod message;
mod packet;
mod privilege;
mod rmcp;
mod sensors;
mod server;
mod session;
mod settings;
mod sol;
#[cfg(test)]
mod tests;
mod window;

pub use server::{PORT, serve};
