//! What the end-to-end suites share.

// Not every suite uses all of it.
#![allow(dead_code, unused_imports)]

pub mod guests;
mod host_state;
mod machine;

pub use host_state::HostState;
pub use machine::{Engine, Machine, PLACEMAT2, PMCTL2, get, json};
