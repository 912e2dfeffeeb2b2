//! Labs on real parts, through the programs as users run them: what comes up is usable, what goes down leaves nothing.
//!
//! Every test has a machine of its own and depends on no other.

#![cfg(test)]

mod crash;
mod faults;
mod mtu;
mod node;
mod scene;
mod side_by_side;
mod signals;
mod small;
mod storage;
#[path = "../support/mod.rs"]
mod support;
