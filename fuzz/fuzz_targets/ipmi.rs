//! RMCP and IPMI packets of whoever can reach a BMC, and commands of those who have signed in.

#![no_main]

use std::cell::LazyCell;

use libfuzzer_sys::fuzz_target;
use placemat2_engine::bmc::fuzzing::Target;

thread_local! {
    static TARGET: LazyCell<Target> = LazyCell::new(Target::new);
}

fuzz_target!(|input: &[u8]| TARGET.with(|target| target.ipmi(input)));
