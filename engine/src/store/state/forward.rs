//! Ports of the host that lead into namespaces.

use std::{net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    forward::{Counters, Traffic, Wanted},
    spec::model::Protocol,
};

/// A port of the host that leads to a host and port as a namespace sees them.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ForwardState {
    /// The host's port.
    pub local_port: u16,
    /// The namespace.
    pub netns: String,
    /// The namespace, by the key that placemat v2 wrote.
    pub pod: String,
    /// The host it leads to.
    pub remote_host: String,
    /// The port it leads to.
    pub remote_port: u16,
    /// What it carries.
    pub protocol: Protocol,
    /// The host's address it listens on; `null`: all of them.
    #[schema(value_type = Option<String>)]
    pub address: Option<IpAddr>,
    /// What went through it.
    #[serde(flatten)]
    #[schema(value_type = Traffic)]
    pub counters: Arc<Counters>,
}

impl ForwardState {
    /// The state of a forward as it was asked for.
    pub fn new(wanted: &Wanted, counters: Arc<Counters>) -> Self {
        Self {
            local_port: wanted.port,
            netns: wanted.netns.clone(),
            pod: wanted.netns.clone(),
            remote_host: wanted.to.host().to_owned(),
            remote_port: wanted.to.port(),
            protocol: wanted.protocol,
            address: wanted.address,
            counters,
        }
    }
}
