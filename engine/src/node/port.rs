//! The virtio port named `placemat`, on which a guest announces the address of its BMC: the first line counts.

use std::{net::IpAddr, sync::Arc};

use tokio::net::UnixStream;

use super::lines::Lines;
use crate::{
    plan,
    store::{Level, Store},
};

/// No address is longer than this, in bytes.
const LINE_LENGTH: usize = 128;

/// Reads the port until QEMU closes it, so that a guest that goes on writing is never held up.
pub(super) async fn listen(port: UnixStream, plan: Arc<plan::Node>, store: Store) {
    let mut lines = Lines::new(port, LINE_LENGTH);
    let (mut first, mut told) = (None, false);
    while let Some(line) = lines.next().await {
        let text = line.bytes.trim_ascii();
        if text.is_empty() || first.as_deref() == Some(text) {
            continue;
        }
        if first.is_some() {
            // Told once a boot: a guest may write as much as it likes.
            if !std::mem::replace(&mut told, true) {
                let shown = String::from_utf8_lossy(text);
                let message = format!(
                    "The guest wrote to its placemat port more than one line, of which the first counts: {}",
                    shown.escape_debug()
                );
                store.event(Level::Warn, &plan.id, "bmc", &message);
            }
            continue;
        }
        first = Some(text.to_vec());
        let address = std::str::from_utf8(text).ok().filter(|_| !line.cut);
        match address.and_then(|address| address.parse().ok()) {
            Some(address) if is_unicast(address) => announce(address, &plan, &store),
            _ => {
                let shown = String::from_utf8_lossy(text);
                let message = format!(
                    "The guest wrote to its placemat port what is no address: {}",
                    shown.escape_debug()
                );
                store.event(Level::Warn, &plan.id, "bmc", &message);
            }
        }
    }
}

/// Whether an address can be one machine's.
fn is_unicast(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_loopback() || address.is_multicast() || broadcast)
}

/// A guest announces itself at each boot. The first address counts, or that of the lab file; another one is told.
fn announce(address: IpAddr, plan: &plan::Node, store: &Store) {
    let known = store.read(|state| {
        let node = state.node(&plan.name);
        node.and_then(|node| node.bmc_address.clone())
    });
    match known {
        Some(known) if known == address.to_string() => return,
        Some(known) => {
            let message = format!("The guest announced its BMC at {address}; it stays at {known}.");
            return store.event(Level::Warn, &plan.id, "bmc", &message);
        }
        None => {}
    }
    let message = format!("The guest announced its BMC at {address}.");
    store.record(Level::Info, &plan.id, "bmc", &message, |state| {
        if let Some(node) = state.node_mut(&plan.name) {
            node.bmc_address = Some(address.to_string());
        }
    });
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::{
        plan::{
            Options, build,
            testing::{Lab, facts},
        },
        store::{NodeState, State},
    };

    fn plan() -> Arc<plan::Node> {
        let spec = Lab::new("x").node("boot-0", &[]).spec();
        let plan = build(&spec, &Options::default(), &facts()).unwrap();
        Arc::new(plan.nodes.into_iter().next().unwrap())
    }

    fn store() -> Store {
        Store::new(State {
            nodes: vec![NodeState::of(&plan())],
            ..State::default()
        })
    }

    /// A boot in which the guest writes that.
    async fn boot(store: &Store, bytes: &[u8]) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let listening = tokio::spawn(listen(ours, plan(), store.clone()));
        theirs.write_all(bytes).await.unwrap();
        drop(theirs);
        listening.await.unwrap();
    }

    fn address(store: &Store) -> Option<String> {
        store.read(|state| state.nodes[0].bmc_address.clone())
    }

    #[tokio::test]
    async fn the_first_line_of_a_boot_counts() {
        let store = store();
        boot(&store, b"\n 10.72.17.4 \r\n10.72.17.5\n").await;
        assert_eq!(address(&store).unwrap(), "10.72.17.4");
        // The second line was told.
        assert_eq!(store.events_after(0).len(), 2);
        boot(&store, b"10.72.17.4\n10.72.17.4\n").await;
        assert_eq!(store.events_after(0).len(), 2);
        boot(&store, b"fd00::4").await;
        assert_eq!(address(&store).unwrap(), "10.72.17.4");
        assert_eq!(store.events_after(0).len(), 3);
    }

    #[tokio::test]
    async fn what_is_no_address_is_told_and_dropped() {
        for bytes in [
            b"\x1b[2J\n".to_vec(),
            b"\xff\xfe\n".to_vec(),
            b"two words\n".to_vec(),
            b"bmc.example.com\n".to_vec(),
            b"0.0.0.0\n".to_vec(),
            b"224.0.0.1\n".to_vec(),
            vec![b'1'; 1 << 20],
        ] {
            let store = store();
            boot(&store, &bytes).await;
            assert_eq!(address(&store), None);
            let events = store.events_after(0);
            assert_eq!(events.len(), 1);
            assert!(events[0].message.len() < 1000 && !events[0].message.contains('\x1b'));
        }
    }
}
