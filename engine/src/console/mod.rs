//! Serial consoles: one hub per node takes what the guest writes, keeps it and hands it to any number of readers.
//!
//! A hub outlives power cycles. It knows of a stream socket to the serial port, not of QEMU or power.

mod client;
mod hub;
mod log;
mod ring;
mod socket;

pub use hub::{Chunk, Console, ConsoleError, Reader, Since};
pub(crate) use socket::bind_private;
