//! Networks.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Ready;
use crate::plan::{NetworkKind, Shape};

/// An L2 segment.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct NetworkState {
    /// Its name.
    pub name: String,
    /// How it is exposed.
    #[serde(rename = "type")]
    pub kind: NetworkKind,
    /// Address of the host's interface.
    #[schema(value_type = Option<String>)]
    pub address: Option<IpNet>,
    /// Whether its packets to the outside are masqueraded.
    pub nat: bool,
    /// What it is made of.
    pub shape: Shape,
    /// MTU of its links in bytes.
    pub mtu: u32,
    /// Ids of its links: `link/NAMESPACE/ethN`, `link/NODE/N`, `link/host/NETWORK`.
    pub links: Vec<String>,
    /// Whether it is there.
    pub state: Ready,
}
