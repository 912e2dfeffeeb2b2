//! What must be so before anything is made, beyond what the plan could tell.

use std::fs::{self, OpenOptions};

use super::LabError;
use crate::{
    console::{self, ConsoleError},
    host::check_privileges,
    node::NodeError,
    plan::Plan,
};

/// Checks that this process may do what a lab needs, and that there is room for its consoles.
pub fn check(plan: &Plan) -> Result<(), LabError> {
    check_privileges()?;
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
