//! From trees to typed resources: each kind's keys, and what must hold within one resource.
//!
//! What takes knowing all resources (whether a name exists, whether it is taken) is noted in the context for `check`.

mod bmc;
mod depends;
mod document;
mod forward;
mod image;
pub mod lab;
mod name;
mod namespace;
mod network;
mod nic;
mod node;
mod ready;
mod seed;
mod volume;

use document::removed;
pub use document::{Resources, document};
use name::take_name;
