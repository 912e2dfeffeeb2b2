//! HTTP requests to a BMC's Redfish service, from the path to the body.

#![no_main]

use std::cell::LazyCell;

use libfuzzer_sys::fuzz_target;
use nix::{
    sched::{CloneFlags, unshare},
    unistd::geteuid,
};
use placemat2_engine::bmc::fuzzing::Target;

thread_local! {
    static TARGET: LazyCell<Target> = LazyCell::new(Target::new);
}

fuzz_target!(
    init: {
        // Requests may subscribe anybody to events: nobody is to be reached.
        let user = if geteuid().is_root() { CloneFlags::empty() } else { CloneFlags::CLONE_NEWUSER };
        unshare(CloneFlags::CLONE_NEWNET | user).expect("a network namespace of its own");
    },
    |input: &[u8]| TARGET.with(|target| target.redfish(input))
);
