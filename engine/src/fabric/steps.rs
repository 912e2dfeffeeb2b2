//! What is asked of the kernel once links exist, as requests: pure functions of a layout.

use ipnet::IpNet;

use super::{
    layout::{Layout, TapPort},
    netlink::{Place, Request},
};

/// Index of `lo` in every namespace.
const LOOPBACK: u32 = 1;

/// The smallest MTU of a link that IPv6 works on (RFC 8200, section 5); below, the kernel takes the link's IPv6 away.
const IPV6_MIN_MTU: u32 = 1280;

impl<'p> Layout<'p> {
    /// Returns the names of the lab's namespaces.
    pub fn names(&self) -> Vec<&'p str> {
        self.namespaces.keys().copied().collect()
    }

    /// Returns what makes the taps ports of their bridges.
    pub fn attach_taps(&self) -> Vec<Request<'p>> {
        let mtu = self.requested_mtu;
        let attach = |tap: &TapPort<'p>| Request::Attach {
            index: tap.index,
            name: tap.name,
            master: tap.master,
            mtu,
        };
        self.taps.iter().map(attach).collect()
    }

    /// Returns what brings a namespace's interfaces up, `lo` first, and gives them the addresses that the MTU allows.
    pub fn configure(&self, namespace: &str) -> Vec<Request<'p>> {
        let mut requests = vec![Request::Up {
            index: LOOPBACK,
            name: "lo",
        }];
        for (&index, interface) in self.namespaces.get(namespace).into_iter().flatten() {
            requests.push(Request::Up {
                index,
                name: interface.name,
            });
            requests.extend(addresses(index, interface.name, interface.addresses, self.mtu));
        }
        requests
    }

    /// Returns the ports in the fabric that are veth ends, by index and name.
    fn veth_ports(&self) -> impl Iterator<Item = (u32, &'p str)> {
        let pairs = self.host_ends.iter().map(|end| &end.pair).chain(&self.pairs);
        pairs.filter_map(|pair| match pair {
            Request::Veth { main, .. } if main.place == Place::Here => Some((main.index?, main.name)),
            _ => None,
        })
    }

    /// Returns the names of the ports in the fabric that were up before their peers.
    pub fn first_ports(&self) -> impl Iterator<Item = &'p str> {
        self.veth_ports().map(|(_, name)| name)
    }

    /// Returns the names of a namespace's interfaces that were up before their peers.
    pub fn first_ends(&self, namespace: &str) -> Vec<&'p str> {
        let interfaces = self
            .namespaces
            .get(namespace)
            .into_iter()
            .flat_map(|interfaces| interfaces.values());
        interfaces
            .filter(|interface| interface.first)
            .map(|interface| interface.name)
            .collect()
    }

    /// Returns what gives every link in the fabric another MTU.
    pub fn retune_fabric(&self, mtu: u32) -> Vec<Request<'p>> {
        let bridges = self.bridges.iter().filter_map(|request| match request {
            Request::Bridge { index, name, .. } => Some((*index, *name)),
            _ => None,
        });
        let taps = self.taps.iter().map(|tap| (tap.index, tap.name));
        let links = bridges.chain(self.veth_ports()).chain(taps);
        links.map(|(index, name)| Request::Mtu { index, name, mtu }).collect()
    }

    /// Returns what gives every interface of a namespace another MTU, and the IPv6 addresses back that a smaller one
    /// took.
    pub fn retune(&self, namespace: &str, before: u32, mtu: u32) -> Vec<Request<'p>> {
        let mut requests = Vec::new();
        for (&index, interface) in self.namespaces.get(namespace).into_iter().flatten() {
            requests.push(Request::Mtu {
                index,
                name: interface.name,
                mtu,
            });
            requests.extend(addresses_back(index, interface.name, interface.addresses, before, mtu));
        }
        requests
    }
}

/// Returns what gives a link its addresses: IPv6 ones only where the MTU allows IPv6 at all.
pub fn addresses<'p>(index: u32, name: &'p str, addresses: &'p [IpNet], mtu: u32) -> impl Iterator<Item = Request<'p>> {
    addresses
        .iter()
        .filter(move |address| address.addr().is_ipv4() || mtu >= IPV6_MIN_MTU)
        .map(move |&address| Request::Address { index, name, address })
}

/// Returns what gives a link the IPv6 addresses back that the kernel took away when the MTU was too small.
pub fn addresses_back<'p>(
    index: u32,
    name: &'p str,
    addresses: &'p [IpNet],
    before: u32,
    mtu: u32,
) -> impl Iterator<Item = Request<'p>> {
    addresses
        .iter()
        .filter(move |address| address.addr().is_ipv6() && before < IPV6_MIN_MTU && mtu >= IPV6_MIN_MTU)
        .map(move |&address| Request::Address { index, name, address })
}
