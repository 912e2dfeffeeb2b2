//! What went over each link of a lab, read from the kernel when asked.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::{
    error::FabricError,
    live::World,
    netlink::{Socket, Traffic},
    netns::{self, Netns},
};
use crate::plan::End;

/// A link's counters as its end sees them: what the host, namespace or guest has received and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkCounters {
    /// The link: `link/host/NETWORK`, `link/NAMESPACE/ethN` or `link/NODE/N`.
    pub id: String,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Packets received.
    pub rx_packets: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Whether it can carry anything: switched on and, for a node, powered on.
    pub up: bool,
}

impl LinkCounters {
    fn of_end(id: &str, traffic: &Traffic) -> Self {
        Self {
            id: id.to_owned(),
            rx_bytes: traffic.rx_bytes,
            tx_bytes: traffic.tx_bytes,
            rx_packets: traffic.rx_packets,
            tx_packets: traffic.tx_packets,
            up: traffic.up,
        }
    }

    /// What a port sends, the end behind it receives.
    fn of_port(id: &str, traffic: &Traffic) -> Self {
        Self {
            id: id.to_owned(),
            rx_bytes: traffic.tx_bytes,
            tx_bytes: traffic.rx_bytes,
            rx_packets: traffic.tx_packets,
            tx_packets: traffic.rx_packets,
            up: traffic.up,
        }
    }
}

type Dump = HashMap<String, Traffic>;

impl World {
    /// Reads the counters of all links, in the order of the plan: one dump for each namespace. Links that somebody has
    /// deleted are left out.
    pub(super) fn counters(&self) -> Result<Vec<LinkCounters>, FabricError> {
        let mut places: Vec<&Netns> = vec![&self.host, &self.fabric];
        places.extend(self.namespaces.values().map(|netns| &**netns));
        let dumps = netns::parallel(places.len(), &CancellationToken::new(), |i| match places.get(i) {
            Some(netns) => {
                netns.enter()?;
                Ok(Socket::open()?.traffic()?)
            }
            None => Ok(Dump::new()),
        })?;
        let mut dumps = dumps.into_iter();
        let (host, fabric) = (dumps.next().unwrap_or_default(), dumps.next().unwrap_or_default());
        let inside: HashMap<&str, Dump> = self.namespaces.keys().map(String::as_str).zip(dumps).collect();
        let links = self.plan.networks.iter().flat_map(|network| {
            let counted = network.links.iter().map(|link| match &link.end {
                End::Host { .. } => Some(LinkCounters::of_end(&link.id, host.get(&network.name)?)),
                End::Namespace {
                    namespace, interface, ..
                } => {
                    let inside = inside.get(namespace.as_str())?;
                    Some(LinkCounters::of_end(&link.id, inside.get(interface)?))
                }
                End::Node { .. } => Some(LinkCounters::of_port(&link.id, fabric.get(link.port.as_ref()?)?)),
            });
            counted.collect::<Vec<_>>()
        });
        Ok(links.flatten().collect())
    }
}
