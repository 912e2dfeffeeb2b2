//! The lab as a whole.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::plan::{Accel, Mtu, MtuSource};

/// The lab as a whole.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LabState {
    /// Its name.
    pub name: String,
    /// How far it is.
    pub phase: LabPhase,
    /// MTU of its links.
    pub mtu: Mtu,
    /// Version of placemat2.
    pub version: String,
    /// Version of QEMU, if one was found.
    pub qemu_version: Option<String>,
    /// Release of the host's kernel.
    pub kernel: String,
    /// What runs the nodes' code; `None` if there is no node.
    pub accel: Option<Accel>,
    /// Process id of the engine.
    pub pid: u32,
    /// When the engine started.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Why it did not come up or could not go on.
    pub error: Option<String>,
    /// The lab files.
    pub files: Vec<String>,
    /// What the bring-up did, in the order it began.
    pub steps: Vec<Step>,
}

impl Default for LabState {
    fn default() -> Self {
        Self {
            name: String::new(),
            phase: LabPhase::Starting,
            mtu: Mtu {
                value: None,
                source: MtuSource::Default,
            },
            version: env!("CARGO_PKG_VERSION").into(),
            qemu_version: None,
            kernel: String::new(),
            accel: None,
            pid: std::process::id(),
            started_at: Timestamp::now(),
            error: None,
            files: Vec::new(),
            steps: Vec::new(),
        }
    }
}

/// How far a lab is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LabPhase {
    /// Being brought up.
    Starting,
    /// Everything is there.
    Running,
    /// Being taken down.
    Stopping,
    /// It did not come up or could not go on; what was made is being taken down.
    Failed,
}

/// One step of the bring-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// `fabric`, `outside`, `namespaces`, `images` or `nodes`.
    pub name: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// How long it took; `None` while it runs.
    pub seconds: Option<f64>,
    /// Whether it ended before it had done all that it is for.
    #[serde(default)]
    pub failed: bool,
}
