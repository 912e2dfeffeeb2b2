//! Where the address of a BMC belongs.

use std::net::IpAddr;

use crate::{
    bmc::Place,
    plan::{End, NetworkKind, Plan},
};

/// Returns the network a BMC's address lies in and how it is reached there; or why it can't be had.
pub fn find(plan: &Plan, address: IpAddr) -> Result<(String, Place), String> {
    let networks = plan.networks.iter().filter(|network| network.kind == NetworkKind::Bmc);
    let mut held = networks.filter(|network| network.address.is_some_and(|net| net.contains(&address)));
    let Some(network) = held.next() else {
        return Err(format!("the address {address} is in no network of type bmc"));
    };
    let mut mac = None;
    for link in &network.links {
        let used = match &link.end {
            End::Host {
                mac: own,
                address: host,
            } => {
                mac = Some(own.0);
                host.addr() == address
            }
            End::Namespace { addresses, .. } => addresses.iter().any(|net| net.addr() == address),
            End::Node { .. } => false,
        };
        if used {
            return Err(format!(
                "the address {address} is another one's on the network {:?}",
                network.name
            ));
        }
    }
    let prefix = network.address.map_or(0, |net| net.prefix_len());
    let mac = mac.ok_or_else(|| format!("the host has no interface in the network {:?}", network.name))?;
    Ok((network.name.clone(), Place { address, prefix, mac }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::{
            Options, build,
            testing::{Lab, facts, place},
        },
        spec::model::{Network, NetworkKind},
    };

    #[test]
    fn an_address_belongs_to_one_network_and_nobody_else() {
        let spec = Lab::new("x")
            .external("ext", "10.0.0.1/24", false)
            .with(|spec| {
                spec.networks.push(Network {
                    name: "bmc".into(),
                    place: place(0),
                    kind: NetworkKind::Bmc {
                        address: "10.0.1.1/24".parse().unwrap(),
                    },
                });
            })
            .namespace("ops", &["bmc=10.0.1.2/24"])
            .spec();
        let plan = build(&spec, &Options::default(), &facts()).unwrap();
        let find = |address: &str| find(&plan, address.parse().unwrap());
        let (network, place) = find("10.0.1.11").unwrap();
        assert_eq!((network.as_str(), place.prefix), ("bmc", 24));
        for address in ["10.0.0.11", "10.0.2.1", "10.0.1.1", "10.0.1.2", "fd00::1"] {
            assert!(find(address).is_err(), "{address}");
        }
    }
}
