//! The addresses of nodes, as their state shows them.

use std::{
    collections::{HashMap, hash_map::Entry},
    fs,
    io::Read as _,
    net::Ipv4Addr,
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::made::Made;
use crate::{
    address::{self, Lease, Sniffer},
    blocking,
    fabric::Fabric,
    plan::{self, Mac, VolumeSource},
    store::{AddressSource, Level, NodeAddress, Store},
};

/// A network-config is a few hundred bytes; of a larger file no more than this is read.
const LONGEST_SEED: u64 = 2 * 1024 * 1024;

/// How long a change of a NIC's address stands until the next one is noted: a guest can send acknowledgements without end, and
/// each change is an event.
const STANDS: Duration = Duration::from_secs(1);

/// Returns the static addresses of a node's seeds. A file that can't be read gives none: making the seed tells why.
pub fn of_seeds(node: &plan::Node) -> Vec<NodeAddress> {
    let configs = node.volumes.iter().filter_map(|volume| match &volume.source {
        VolumeSource::Seed(seed) => read(seed.network_config.as_ref()?),
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
pub async fn watch(made: &Arc<Made>, fabric: &Arc<Fabric>) {
    if made.plan.nodes.iter().all(|node| node.nics.is_empty()) {
        return;
    }
    let store = made.store.clone();
    let serving: CancellationToken = made.serving.clone();
    let fabric = Arc::clone(fabric);
    // It waits for a thread inside the fabric.
    let sniffer = blocking::run(move || Sniffer::new(fabric.fabric_netns())).await;
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

/// A NIC that was given an address.
struct Given {
    node: String,
    nic: usize,
    /// When the next change may be noted.
    free: Instant,
    /// The latest address, if nobody has looked at it yet.
    latest: Option<Ipv4Addr>,
}

/// The leases of the plan's NICs, each looked at in its time. Nobody can make it grow.
struct Leases<'s> {
    store: &'s Store,
    nics: HashMap<Mac, Given>,
}

impl<'s> Leases<'s> {
    fn new(store: &'s Store) -> Self {
        let nics = HashMap::new();
        Self { store, nics }
    }

    fn take(&mut self, lease: Lease) {
        match self.nics.entry(lease.mac) {
            Entry::Occupied(mut given) => given.get_mut().latest = Some(lease.address),
            Entry::Vacant(unknown) => {
                if let Some((node, nic)) = owner(self.store, lease.mac) {
                    unknown.insert(Given {
                        node,
                        nic,
                        free: Instant::now(),
                        latest: Some(lease.address),
                    });
                }
            }
        }
    }

    /// When there is something to note, if there is.
    fn due(&self) -> Option<Instant> {
        let waiting = self.nics.values().filter(|nic| nic.latest.is_some());
        waiting.map(|nic| nic.free).min()
    }

    /// Notes what may be noted now.
    fn note(&mut self) {
        let now = Instant::now();
        for given in self.nics.values_mut().filter(|given| given.free <= now) {
            if let Some(address) = given.latest.take()
                && note(self.store, &given.node, given.nic, address)
            {
                given.free = now + STANDS;
            }
        }
    }
}

async fn follow(mut sniffer: Sniffer, store: &Store) -> address::SniffError {
    let mut leases = Leases::new(store);
    loop {
        let due = leases.due();
        tokio::select! {
            lease = sniffer.next() => match lease {
                Ok(lease) => leases.take(lease),
                Err(error) => return error,
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
        leases.note();
    }
}

/// Notes an address that a NIC was given, unless it had it already; returns whether it changed anything.
fn note(store: &Store, node: &str, nic: usize, address: Ipv4Addr) -> bool {
    let given = NodeAddress {
        address: address.into(),
        source: AddressSource::Dhcp,
        nic: Some(nic),
    };
    if store.read(|state| state.node(node).is_none_or(|node| node.addresses.contains(&given))) {
        return false;
    }
    let message = format!("Node {node} got the address {address} by DHCP.");
    let id = format!("node/{node}");
    store.record(Level::Info, &id, "address", &message, |state| {
        if let Some(node) = state.node_mut(node) {
            node.addresses
                .retain(|known| known.source != AddressSource::Dhcp || known.nic != Some(nic));
            node.addresses.push(given);
            node.addresses
                .sort_by_key(|known| (known.source == AddressSource::Dhcp, known.address.is_ipv6(), known.nic));
        }
    });
    true
}

/// Returns the node that has a NIC of that MAC, and the NIC's index.
fn owner(store: &Store, mac: Mac) -> Option<(String, usize)> {
    let mac = mac.to_string();
    store.read(|state| {
        state.nodes.iter().find_map(|node| {
            let nic = node.nics.iter().position(|own| own.mac == mac)?;
            Some((node.name.clone(), nic))
        })
    })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::{
        lab::{About, initial},
        plan::{
            Options, build,
            testing::{Lab, facts},
        },
    };

    #[tokio::test(start_paused = true)]
    async fn a_guest_that_changes_its_address_without_end_is_noted_once_a_second() {
        let spec = Lab::new("x").internal("inner").node("boot", &["inner"]).spec();
        let plan = build(&spec, &Options::default(), &facts()).unwrap();
        let mac = plan.nodes[0].nics[0].mac;
        let about = About {
            files: vec![],
            qemu_version: None,
            kernel: String::new(),
        };
        let store = Store::new(initial::state(&plan, &about));
        let mut leases = Leases::new(&store);
        // Ten a second for ten seconds.
        for sent in 1..=100 {
            let address = Ipv4Addr::new(10, 1, 0, sent);
            leases.take(Lease { mac, address });
            leases.note();
            tokio::time::advance(Duration::from_millis(100)).await;
        }
        tokio::time::advance(STANDS).await;
        leases.note();
        assert_eq!(leases.due(), None);
        let events = store.events_after(0);
        assert_eq!(events.len(), 11, "{events:?}");
        let known = store.read(|state| state.nodes[0].addresses.clone());
        assert_eq!(known.len(), 1);
        assert_eq!(known[0].address, IpAddr::from([10, 1, 0, 100]));
    }
}
