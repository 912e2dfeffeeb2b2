//! What must be so before anything is made, beyond what the plan could tell.

use std::fs::OpenOptions;

use super::LabError;
use crate::{host::check_privileges, plan::Plan};

/// Checks that this process may do what a lab needs.
pub fn check(plan: &Plan) -> Result<(), LabError> {
    check_privileges()?;
    if !plan.nodes.is_empty() {
        let tun = OpenOptions::new().read(true).write(true).open("/dev/net/tun");
        if plan.nodes.iter().any(|node| !node.nics.is_empty()) {
            tun.map_err(LabError::Tun)?;
        }
    }
    Ok(())
}
