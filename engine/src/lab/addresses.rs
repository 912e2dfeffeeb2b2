//! The addresses of nodes, as their state shows them.

use std::{collections::HashMap, fs, io::Read as _, net::IpAddr, path::Path, sync::Arc, time::Duration};

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
    /// When the next change may be noted.
    free: Instant,
    /// The latest address, if nobody has looked at it yet.
    latest: Option<Lease>,
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
        if owner(self.store, lease.mac).is_some() {
            let free = Instant::now();
            let given = self.nics.entry(lease.mac).or_insert(Given { free, latest: None });
            given.latest = Some(lease);
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
        for nic in self.nics.values_mut().filter(|nic| nic.free <= now) {
            if nic.latest.take().is_some_and(|lease| note(self.store, lease)) {
                nic.free = now + STANDS;
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

/// Notes a lease, unless it renews one; returns whether it changed anything.
fn note(store: &Store, lease: Lease) -> bool {
    let owner = owner(store, lease.mac).filter(|(node, nic)| !knows(store, node, *nic, lease));
    let Some((name, nic)) = owner else { return false };
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

fn knows(store: &Store, name: &str, nic: usize, lease: Lease) -> bool {
    store.read(|state| {
        let known = state.node(name).into_iter().flat_map(|node| &node.addresses);
        known.into_iter().any(|known| {
            known.address == IpAddr::from(lease.address)
                && known.source == AddressSource::Dhcp
                && known.nic == Some(nic)
        })
    })
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

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
