//! The MTU of the route towards the Internet, as the kernel's tables tell it. Nothing is sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures::{StreamExt as _, TryStreamExt as _};
use netlink_packet_route::{
    link::{LinkAttribute, LinkFlags, LinkMessage},
    route::{RouteAttribute, RouteFlags, RouteMessage, RouteMetric},
};
use rtnetlink::{Handle, RouteMessageBuilder};

use super::MtuError;
use crate::plan::{Mtu, MtuSource};

/// Anycast addresses of the Internet at large (RFC 8155), IPv4 before IPv6.
const DESTINATIONS: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 10)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 1, 0, 0, 0, 0, 0, 2)),
];

/// A reader of this host's routing tables.
pub(super) struct Routes {
    handle: Handle,
}

/// What matters of a link.
struct Link {
    index: u32,
    name: String,
    mtu: u32,
    /// Up, no loopback and no software device.
    physical_up: bool,
}

impl Routes {
    /// Opens a netlink socket in the calling thread's namespace; needs a tokio runtime.
    pub(super) fn connect() -> Result<Self, MtuError> {
        let (connection, handle, _) = rtnetlink::new_connection().map_err(MtuError::Socket)?;
        tokio::spawn(connection);
        Ok(Self { handle })
    }

    pub(super) fn with_handle(handle: Handle) -> Self {
        Self { handle }
    }

    /// Returns the MTU of the route to the first destination that has one, else that of the physical links.
    pub(super) async fn mtu(&self) -> Result<Mtu, MtuError> {
        let links = self.links().await?;
        for destination in DESTINATIONS {
            if let Some(route) = self.route_to(destination).await
                && let Some((mtu, link)) = route_mtu(&route, &links)
            {
                let source = MtuSource::Route {
                    destination: destination.to_string(),
                    link,
                };
                return Ok(Mtu {
                    value: Some(mtu),
                    source,
                });
            }
        }
        let smallest = links.iter().filter(|link| link.physical_up).min_by_key(|link| link.mtu);
        Ok(smallest.map_or(
            Mtu {
                value: None,
                source: MtuSource::Default,
            },
            |link| Mtu {
                value: Some(link.mtu),
                source: MtuSource::Links {
                    link: link.name.clone(),
                },
            },
        ))
    }

    async fn links(&self) -> Result<Vec<Link>, MtuError> {
        let messages = self.handle.link().get().execute();
        Ok(messages
            .try_filter_map(|message| async move { Ok(Link::from_message(&message)) })
            .try_collect()
            .await?)
    }

    /// The route's entry in the table (RTM_F_FIB_MATCH), with all its next hops and its own metrics; a path MTU the
    /// kernel once learned from a neighbour is not among them. Any error means that there is no route.
    async fn route_to(&self, destination: IpAddr) -> Option<RouteMessage> {
        let mut request = match destination {
            IpAddr::V4(address) => RouteMessageBuilder::<Ipv4Addr>::new()
                .destination_prefix(address, 32)
                .build(),
            IpAddr::V6(address) => RouteMessageBuilder::<Ipv6Addr>::new()
                .destination_prefix(address, 128)
                .build(),
        };
        request.header.flags |= RouteFlags::FibMatch;
        let answers = self.handle.route().get(request).execute();
        let answer = std::pin::pin!(answers).next().await;
        answer?.ok()
    }
}

impl Link {
    fn from_message(message: &LinkMessage) -> Option<Self> {
        let (mut name, mut mtu, mut software) = (None, None, false);
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(value) => name = Some(value.clone()),
                LinkAttribute::Mtu(value) => mtu = Some(*value),
                LinkAttribute::LinkInfo(_) => software = true,
                _ => {}
            }
        }
        let flags = message.header.flags;
        let physical_up = !software && flags.contains(LinkFlags::Up) && !flags.contains(LinkFlags::Loopback);
        Some(Self {
            index: message.header.index,
            name: name?,
            mtu: mtu?,
            physical_up,
        })
    }
}

/// The smallest MTU among the route's links, no larger than the route's own `mtu` metric; with the link's name.
fn route_mtu(route: &RouteMessage, links: &[Link]) -> Option<(u32, String)> {
    let (mut indices, mut metric) = (Vec::new(), None);
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Oif(index) => indices.push(*index),
            RouteAttribute::MultiPath(hops) => indices.extend(hops.iter().map(|hop| hop.interface_index)),
            RouteAttribute::Metrics(metrics) => {
                metric = metrics.iter().find_map(|metric| match metric {
                    RouteMetric::Mtu(value) if *value > 0 => Some(*value),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    let narrowest = links
        .iter()
        .filter(|link| indices.contains(&link.index))
        .min_by_key(|link| link.mtu)?;
    Some((
        metric.map_or(narrowest.mtu, |metric| metric.min(narrowest.mtu)),
        narrowest.name.clone(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::mtu::testing::private_netns;

    fn mtu(setup: &str) -> Option<Mtu> {
        private_netns(setup, || async { Routes::connect().unwrap().mtu().await.unwrap() })
    }

    const UPLINK: &str =
        "ip link add up0 type veth peer name far0 && ip link set up0 mtu 1460 up && ip link set far0 up
        ip addr add 203.0.113.2/24 dev up0 && ip -6 addr add 2001:db8::2/64 dev up0 nodad";

    #[test]
    fn nothing_known_leaves_the_kernels_default() {
        let Some(mtu) = mtu("true") else { return };
        assert_eq!(
            mtu,
            Mtu {
                value: None,
                source: MtuSource::Default
            }
        );
    }

    #[test]
    fn the_link_of_the_default_route_counts() {
        let Some(mtu) = mtu(&format!("{UPLINK}; ip route add default via 203.0.113.1")) else {
            return;
        };
        let source = MtuSource::Route {
            destination: "192.0.0.10".into(),
            link: "up0".into(),
        };
        assert_eq!(
            mtu,
            Mtu {
                value: Some(1460),
                source
            }
        );
    }

    #[test]
    fn the_routes_own_metric_counts() {
        let Some(mtu) = mtu(&format!("{UPLINK}; ip route add default via 203.0.113.1 mtu 1380")) else {
            return;
        };
        assert_eq!(mtu.value, Some(1380));
    }

    #[test]
    fn the_narrowest_of_several_next_hops_counts() {
        let setup = format!(
            "{UPLINK}; ip link add up1 type veth peer name far1; ip link set up1 mtu 1400 up; ip link set far1 up
             ip addr add 198.51.100.2/24 dev up1
             ip route add default nexthop via 203.0.113.1 nexthop via 198.51.100.1"
        );
        let Some(mtu) = mtu(&setup) else { return };
        assert_eq!(mtu.value, Some(1400));
    }

    #[test]
    fn ipv6_is_asked_where_ipv4_has_no_route() {
        let Some(mtu) = mtu(&format!("{UPLINK}; ip -6 route add default via 2001:db8::1")) else {
            return;
        };
        let source = MtuSource::Route {
            destination: "2001:1::2".into(),
            link: "up0".into(),
        };
        assert_eq!(
            mtu,
            Mtu {
                value: Some(1460),
                source
            }
        );
    }
}
