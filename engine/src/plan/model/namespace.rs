//! Network namespaces, their apps and forwards.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use serde::Serialize;

use crate::spec::model::{Dependency, Destination, Protocol, Ready, RestartPolicy};

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Namespace {
    /// `namespace/NAME`.
    pub id: String,
    /// Its name under `/run/netns`.
    pub name: String,
    /// Executables to run in order, absolute.
    pub init_scripts: Vec<PathBuf>,
    /// Programs that run until the lab goes down.
    pub apps: Vec<App>,
    /// Ports of the host that lead into it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub forwards: Vec<Forward>,
    /// What its init scripts and apps wait for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
}

/// A port of the host that leads to a host and port as a namespace sees them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forward {
    /// `forward/PROTOCOL/PORT`.
    pub id: String,
    /// The host's port.
    pub port: u16,
    /// What it carries.
    pub protocol: Protocol,
    /// The host's address to listen on; `None`: all of them, IPv4 and IPv6.
    pub address: Option<IpAddr>,
    /// Where it leads.
    pub to: Destination,
}

/// A program in a namespace.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct App {
    /// `app/NAMESPACE/NAME`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Program and arguments; never empty.
    pub command: Vec<String>,
    /// Whether it is started again after it ended.
    pub restart: RestartPolicy,
    /// Variables added to the engine's environment.
    pub env: BTreeMap<String, String>,
    /// Working directory.
    pub workdir: PathBuf,
    /// Where its output is kept.
    pub log: PathBuf,
    /// When it counts as ready; once it was started if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ready: Vec<Ready>,
    /// What it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Dependency>,
}
