//! What the suites with guests of Linux share.

use std::{fs, path::Path};

use super::{Machine, PMCTL2, json};

/// Seconds a guest has for its boot: some 30 when two emulated ones share a CPU, more when others need that CPU, too.
pub const BOOT: u64 = 420;
/// Seconds for what takes none on a machine that is not busy.
pub const SOON: u64 = 60;

/// A file of the guest image: `guest.qcow2`, or what is in it, `vmlinuz` and `initrd`.
pub fn guest(name: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/guest").join(name);
    fs::read(&file).unwrap_or_else(|error| {
        let file = file.display();
        panic!("{file}: {error}: run `make guest` before this test, as `make test` does")
    })
}

/// Runs `pmctl2` in the machine, which must succeed; what it prints.
pub fn pmctl2(machine: &Machine, arguments: &str) -> String {
    machine.sh(&format!("{PMCTL2} {arguments}"))
}

/// A node as the API tells of it.
pub fn node(machine: &Machine, lab: &str, node: &str) -> serde_json::Value {
    json(machine, lab, &format!("/nodes/{node}"))
}
