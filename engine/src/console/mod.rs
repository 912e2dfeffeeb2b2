//! Serial consoles: one hub per node takes what the guest writes, keeps it and hands it to any number of readers.
//!
//! A hub outlives power cycles. It knows of a stream socket to the serial port, not of QEMU or power.

mod client;
mod history;
mod hub;
mod index;
mod log;
mod matcher;
mod reader;
mod ring;
mod socket;
mod stamper;
mod terminal;

pub use client::{Access, Connection};
pub use history::{History, Lines};
pub use hub::{Console, ConsoleError};
pub use matcher::{Found, Matcher, without_end};
pub use reader::{Chunk, Reader, Since};
pub(crate) use socket::{bind_private, check_place};
pub(crate) use terminal::{Terminal, link_path};
