//! Virtual machines: their volumes, their QEMU process, their power and their serial console.

mod power;

pub use power::{Action, PowerState};
