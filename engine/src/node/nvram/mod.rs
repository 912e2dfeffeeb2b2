//! The variables of UEFI: what a node's firmware remembers, in a file that is QEMU's while it runs and ours before.
//!
//! Two things are told by it that can't be told otherwise: to enter the firmware's setup, and to boot from a URL.

mod boot;
mod load_option;
mod store;

pub use boot::{Wish, prepare};
