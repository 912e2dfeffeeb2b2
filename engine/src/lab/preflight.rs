//! What must be so before anything is made, beyond what the plan could tell.

use std::fs::{self, OpenOptions};

use super::LabError;
use crate::{
    console::{self, ConsoleError},
    node::NodeError,
    plan::Plan,
};

/// CAP_NET_ADMIN and CAP_SYS_ADMIN as bits of `CapEff` (capabilities(7)).
const NEEDED: [(u32, &str); 2] = [(12, "CAP_NET_ADMIN"), (21, "CAP_SYS_ADMIN")];

/// Checks that this process may do what a lab needs, and that there is room for its consoles.
pub fn check(plan: &Plan) -> Result<(), LabError> {
    privileged()?;
    if !plan.nodes.is_empty() {
        consoles(plan)?;
        let tun = OpenOptions::new().read(true).write(true).open("/dev/net/tun");
        if plan.nodes.iter().any(|node| !node.nics.is_empty()) {
            tun.map_err(LabError::Tun)?;
        }
    }
    Ok(())
}

/// Makes the directory of the consoles' sockets, which stays as those of disks do, and checks that each has its place there.
fn consoles(plan: &Plan) -> Result<(), LabError> {
    let directory = &plan.paths.run_dir;
    fs::create_dir_all(directory).map_err(|source| LabError::RunDir {
        path: directory.clone(),
        source,
    })?;
    for node in &plan.nodes {
        console::check_place(&node.console_socket).map_err(|source| NodeError::Console {
            node: node.name.clone(),
            source: ConsoleError::Socket {
                path: node.console_socket.clone(),
                source,
            },
        })?;
    }
    Ok(())
}

/// Checks that this process may change the host's network and make namespaces.
pub fn privileged() -> Result<(), LabError> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective
        .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
        .unwrap_or(0);
    let missing = NEEDED.iter().find(|(bit, _)| effective & (1 << bit) == 0);
    missing.map_or(Ok(()), |(_, name)| Err(LabError::NotRoot(name)))
}
