//! The addresses of nodes, as their state shows them.

use std::{fs, io::Read as _, net::IpAddr, path::Path, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::made::Made;
use crate::{
    address::{self, Lease, Sniffer},
    fabric::Fabric,
    plan::{self, VolumeSource},
    store::{AddressSource, Level, NodeAddress, State, Store},
};

/// A network-config is a few hundred bytes; of a larger file no more than this is read.
const LONGEST_SEED: u64 = 2 * 1024 * 1024;

/// Returns the static addresses of a node's seeds. A file that can't be read gives none: making the seed tells why.
pub fn of_seeds(node: &plan::Node) -> Vec<NodeAddress> {
    let configs = node.volumes.iter().filter_map(|volume| match &volume.source {
        VolumeSource::Seed {
            network_config: Some(path),
            ..
        } => read(path),
        _ => None,
    });
    let seeds = configs.flat_map(|config| address::addresses(&config));
    let mut addresses: Vec<_> = seeds
        .map(|seed| NodeAddress {
            address: seed.address,
            source: AddressSource::Seed,
            nic: seed
                .mac
                .and_then(|mac| node.nics.iter().position(|nic| nic.mac.to_string() == mac)),
        })
        .collect();
    // Whoever takes the first one will most likely reach it.
    addresses.sort_by_key(|known| known.address.is_ipv6());
    addresses
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = fs::File::open(path).ok()?;
    file.take(LONGEST_SEED).read_to_string(&mut text).ok()?;
    Some(text)
}

/// Notes the addresses that DHCP servers give to nodes, until the lab is taken down.
pub fn watch(made: &Arc<Made>, fabric: &Fabric) {
    if made.plan.nodes.iter().all(|node| node.nics.is_empty()) {
        return;
    }
    let store = made.store.clone();
    let serving: CancellationToken = made.serving.clone();
    let sniffer = Sniffer::new(fabric.fabric_netns());
    made.tasks.spawn(async move {
        let error = match sniffer {
            Ok(sniffer) => tokio::select! {
                error = follow(sniffer, &store) => error,
                () = serving.cancelled() => return,
            },
            Err(error) => error,
        };
        store.event(Level::Warn, "lab", "address", &error.to_string());
    });
}

async fn follow(mut sniffer: Sniffer, store: &Store) -> address::SniffError {
    loop {
        match sniffer.next().await {
            Ok(lease) => note(store, lease),
            Err(error) => return error,
        }
    }
}

/// Notes a lease, unless it renews one.
fn note(store: &Store, lease: Lease) {
    let mac = lease.mac.to_string();
    let owner = store.read(|state| owner(state, &mac).filter(|(node, nic)| !knows(state, node, *nic, lease)));
    let Some((name, nic)) = owner else { return };
    let message = format!("Node {name} got the address {} by DHCP.", lease.address);
    let id = format!("node/{name}");
    store.record(Level::Info, &id, "address", &message, |state| {
        if let Some(node) = state.node_mut(&name) {
            node.addresses
                .retain(|known| known.source != AddressSource::Dhcp || known.nic != Some(nic));
            node.addresses.push(NodeAddress {
                address: lease.address.into(),
                source: AddressSource::Dhcp,
                nic: Some(nic),
            });
            node.addresses
                .sort_by_key(|known| (known.source == AddressSource::Dhcp, known.address.is_ipv6(), known.nic));
        }
    });
}

/// Returns the node that has a NIC of that MAC, and the NIC's index.
fn owner(state: &State, mac: &str) -> Option<(String, usize)> {
    state.nodes.iter().find_map(|node| {
        let nic = node.nics.iter().position(|own| own.mac == mac)?;
        Some((node.name.clone(), nic))
    })
}

fn knows(state: &State, name: &str, nic: usize, lease: Lease) -> bool {
    let node = state.node(name);
    node.is_some_and(|node| {
        node.addresses.iter().any(|known| {
            known.address == IpAddr::from(lease.address)
                && known.source == AddressSource::Dhcp
                && known.nic == Some(nic)
        })
    })
}
