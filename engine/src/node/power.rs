//! Power of a node: its states and what can be asked of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Power of a node. `Off` means that no QEMU process exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum PowerState {
    /// QEMU runs.
    On,
    /// QEMU is being started.
    PoweringOn,
    /// No QEMU process.
    Off,
    /// QEMU is being ended.
    PoweringOff,
}

/// What can be asked of a node's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Power on.
    Start,
    /// Power off at once.
    Stop,
    /// Reset if on, power on if off.
    Restart,
}
