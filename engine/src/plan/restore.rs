//! What becomes of a node's power when its lab comes up again, as of a server's when its mains return (IPMI 2.0,
//! section 28.8; Redfish's `PowerRestorePolicy`).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Node;

/// What becomes of a node's power when its lab comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestorePolicy {
    /// It stays off.
    AlwaysOff,
    /// It is as it was when the lab ended.
    Previous,
    /// It is powered on.
    AlwaysOn,
}

/// What is kept of a node from one run of its lab to the next, once somebody has set a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptPower {
    /// What was set.
    pub policy: RestorePolicy,
    /// Whether it was on, until its lab or something from outside ended it.
    pub was_on: bool,
}

/// Where a node's power is kept, and the policy that was set, if one was. Without one, its lab file decides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PowerRestore {
    /// The file.
    pub file: PathBuf,
    /// What holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<RestorePolicy>,
}

impl KeptPower {
    /// Whether the node is powered on with its lab.
    pub fn powers_on(self) -> bool {
        match self.policy {
            RestorePolicy::AlwaysOff => false,
            RestorePolicy::Previous => self.was_on,
            RestorePolicy::AlwaysOn => true,
        }
    }
}

impl Node {
    /// What becomes of the node's power: by what was set in an earlier run, else by its lab file.
    pub fn restore_policy(&self) -> RestorePolicy {
        let by_lab_file = if self.power_on {
            RestorePolicy::AlwaysOn
        } else {
            RestorePolicy::AlwaysOff
        };
        self.restore.policy.unwrap_or(by_lab_file)
    }
}

/// Where the power of a node is kept.
pub fn power_file(data_dir: &Path, node: &str) -> PathBuf {
    data_dir.join("power").join(format!("{node}.json"))
}
