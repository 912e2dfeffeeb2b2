//! Network namespaces and their apps.

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Ready;
use crate::store::Readiness;

/// A network namespace.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NamespaceState {
    /// Its name under `/run/netns`.
    pub name: String,
    /// Whether it is usable.
    pub state: Ready,
    /// What it waits for, or why it could not be made.
    #[serde(default)]
    pub reason: Option<String>,
    /// Its interfaces, `eth0` first.
    pub interfaces: Vec<InterfaceState>,
    /// Its apps.
    pub apps: Vec<AppState>,
}

/// An interface of a namespace.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct InterfaceState {
    /// `ethN`.
    pub name: String,
    /// The network it is attached to.
    pub network: String,
    /// Its MAC.
    pub mac: String,
    /// Its addresses with prefix lengths, in the order of the lab file.
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<IpNet>,
}

/// An app in a namespace.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AppState {
    /// Its name.
    pub name: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// What it is doing.
    pub phase: AppPhase,
    /// Process id as the host sees it, while it runs.
    pub pid: Option<u32>,
    /// When it was last started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// Exit code of its last run, if it ended by itself.
    pub exit_code: Option<i32>,
    /// Number of the signal that ended its last run.
    pub signal: Option<i32>,
    /// How often it was started again.
    pub restarts: u32,
    /// Why it could not be started.
    pub error: Option<String>,
    /// Whether it does what it is for.
    #[serde(default)]
    pub ready: Readiness,
}

/// What an app is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AppPhase {
    /// Its namespace is not ready.
    #[default]
    Waiting,
    /// Being started, or waiting to be started again.
    Starting,
    /// Its process runs.
    Running,
    /// Its process ended and is not started again.
    Exited,
}
