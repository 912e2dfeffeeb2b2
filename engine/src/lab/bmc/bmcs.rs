//! The task that follows the store and serves a BMC wherever there is an address, and the handle on what it serves.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{
    net::UdpSocket,
    time::{Instant, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    machine::{self, NodeMachine},
    place, redfish, state,
};
use crate::{
    blocking,
    bmc::{Bmc, Place, User, ipmi, redfish::Redfish},
    host::address,
    lab::made::Made,
    plan::{self, Plan},
    store::{BmcOrigin, BmcState, Level, Ready, State, Store},
};

/// How long after a BMC could not be served that is tried again, in case whoever has its address or port has gone: nothing
/// tells of that.
const RETRY: Duration = Duration::from_secs(10);

/// The kind of the events told here.
const KIND: &str = "bmc";

/// The BMCs of a lab. Cheap to clone.
#[derive(Clone, Default)]
pub struct Bmcs {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    running: Mutex<BTreeMap<String, Running>>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

struct Running {
    bmc: Arc<Bmc>,
    redfish: Arc<Redfish>,
    machine: Arc<NodeMachine>,
}

impl Bmcs {
    /// Serves BMCs from now on; the host's interfaces must be there.
    pub fn start(&self, made: &Arc<Made>) {
        let server = Server {
            bmcs: self.clone(),
            made: Arc::downgrade(made),
            plan: Arc::clone(&made.plan),
            store: made.store.clone(),
            users: made.settings.bmc_users.clone(),
            certification: redfish::Certification::new(made.settings.bmc_certificate.clone()),
        };
        let closing = self.shared.closing.clone();
        self.shared.tasks.spawn(async move {
            tokio::select! {
                () = server.follow() => {}
                () = closing.cancelled() => {}
            }
        });
    }

    /// The Redfish face of a node's BMC, if the node has one that is served.
    pub fn redfish(&self, node: &str) -> Option<Arc<Redfish>> {
        Some(Arc::clone(&self.running().get(node)?.redfish))
    }

    /// Tells a node that has just been made, and was not powered on yet, what its BMC was told before.
    pub fn arrived(&self, node: &str) {
        if let Some(Running { machine, .. }) = self.running().get(node) {
            machine.arrived();
        }
    }

    /// Ends all. Their addresses go with the links that have them.
    pub async fn close(&self) {
        self.shared.closing.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        let running = std::mem::take(&mut *self.running());
        for Running { bmc, redfish, .. } in running.into_values() {
            redfish.close().await;
            bmc.close().await;
        }
    }

    /// A panic while the lock was held can't have left an entry half made.
    fn running(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.shared.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a BMC is not served.
#[derive(Debug, thiserror::Error)]
enum Unserved {
    /// The plan stands against it.
    #[error("{0}")]
    ForGood(String),
    /// This host does, as it is now.
    #[error("{0}")]
    ForNow(String),
}

/// Makes BMCs and tells them what happens.
struct Server {
    bmcs: Bmcs,
    made: Weak<Made>,
    plan: Arc<Plan>,
    store: Store,
    users: Vec<User>,
    certification: redfish::Certification,
}

impl Server {
    async fn follow(self) {
        let mut changes = self.store.watch();
        let mut failing = vec![];
        let mut again = Instant::now();
        loop {
            changes.mark_unchanged();
            let mut wanted = self.wanted();
            if again <= Instant::now() {
                wanted.append(&mut failing);
                again = Instant::now() + RETRY;
            }
            for (node, address) in wanted {
                if let Err(Unserved::ForNow(_)) = self.make(node, address).await {
                    failing.push((node, address));
                }
            }
            self.store.read(|state| {
                for (name, Running { machine, .. }) in &*self.bmcs.running() {
                    if let Some(node) = state.node(name) {
                        machine.follow(node);
                    }
                }
            });
            tokio::select! {
                more = changes.changed() => if more.is_err() { return },
                () = sleep_until(again), if !failing.is_empty() => {}
            }
        }
    }

    /// The nodes whose BMC has an address and was not tried to be made yet.
    fn wanted(&self) -> Vec<(&plan::Node, IpAddr)> {
        self.store.read(|state| {
            let tried = |name: &str| state.bmc(name).is_some_and(|bmc| bmc.state != Ready::Waiting);
            let nodes = self.plan.nodes.iter().zip(&state.nodes);
            let wanted = nodes.filter(|(node, _)| !tried(&node.name));
            wanted
                .filter_map(|(node, state)| Some((node, state.bmc_address.as_deref()?.parse().ok()?)))
                .collect()
        })
    }

    /// Serves a node's BMC, or tells why that can't be, once for each reason.
    async fn make(&self, node: &plan::Node, address: IpAddr) -> Result<(), Unserved> {
        let declared = self.plan.bmcs.iter().find(|bmc| bmc.node == node.name);
        self.store.update(|state| {
            if state.bmc_mut(&node.name).is_none() {
                let announced = plan::Bmc {
                    id: format!("bmc/{}", node.name),
                    node: node.name.clone(),
                    address,
                    users: vec![],
                    tls: None,
                };
                state.bmcs.push(BmcState {
                    origin: BmcOrigin::Announced,
                    ..state::declared(&announced)
                });
            }
            if let Some(bmc) = state.bmc_mut(&node.name).filter(|bmc| bmc.state == Ready::Waiting) {
                bmc.state = Ready::Starting;
            }
        });
        match self.open(node, address, declared).await {
            Ok(network) => {
                let message = format!("The BMC is served at {address}.");
                self.store.record(Level::Info, &node.id, KIND, &message, |state| {
                    if let Some(bmc) = state.bmc_mut(&node.name) {
                        (bmc.state, bmc.network, bmc.error) = (Ready::Ready, Some(network), None);
                    }
                });
                Ok(())
            }
            Err(unserved) => {
                let error = unserved.to_string();
                let known = |state: &State| {
                    let bmc = state.bmc(&node.name);
                    bmc.is_some_and(|bmc| bmc.error.as_ref() == Some(&error))
                };
                if !self.store.read(known) {
                    let message = format!("There is no BMC: {error}.");
                    self.store.record(Level::Warn, &node.id, KIND, &message, |state| {
                        if let Some(bmc) = state.bmc_mut(&node.name) {
                            (bmc.state, bmc.error) = (Ready::Failed, Some(error.clone()));
                        }
                    });
                }
                Err(unserved)
            }
        }
    }

    /// Gives the host the address, binds it and serves; or leaves nothing behind and says why.
    async fn open(&self, node: &plan::Node, address: IpAddr, declared: Option<&plan::Bmc>) -> Result<String, Unserved> {
        let (network, place) = place::find(&self.plan, address).map_err(Unserved::ForGood)?;
        let files = declared.and_then(|bmc| bmc.tls.as_ref());
        let certificate = self
            .certification
            .certificate(&self.plan, &node.name, address, files)
            .await
            .map_err(Unserved::ForNow)?;
        let link = network.clone();
        let added = blocking::run(move || address::add(&link, address)).await;
        added.map_err(|error| Unserved::ForNow(error.to_string()))?;
        let (socket, door) = match bind(address).await {
            Ok(bound) => bound,
            Err(error) => {
                let link = network.clone();
                let removed = blocking::run(move || address::remove(&link, address)).await;
                if let Err(error) = removed {
                    tracing::warn!("{error}");
                }
                return Err(Unserved::ForNow(error));
            }
        };
        let identity = machine::identity(node);
        let machine = NodeMachine::new(self.made.clone(), &identity, node.restore_policy());
        if let Some(state) = self.store.read(|state| state.node(&node.name).cloned()) {
            machine.follow(&state);
        }
        let users = declared.map(|bmc| &bmc.users).filter(|users| !users.is_empty());
        let bmc = Bmc::new(identity, users.unwrap_or(&self.users), machine.clone());
        let redfish = Redfish::new(Arc::clone(&bmc), place, certificate);
        let running = Running {
            bmc: Arc::clone(&bmc),
            redfish: Arc::clone(&redfish),
            machine,
        };
        // Known before it is served, so that a node that arrives is told what it was told.
        self.bmcs.running().insert(node.name.clone(), running);
        self.serve(&bmc, socket, place);
        self.bmcs
            .shared
            .tasks
            .spawn(door.serve(&redfish, &self.bmcs.shared.closing));
        self.tell_changes(&bmc);
        Ok(network)
    }

    fn serve(&self, bmc: &Arc<Bmc>, socket: UdpSocket, place: Place) {
        let (store, node) = (self.store.clone(), bmc.identity().node.clone());
        let server = ipmi::serve(Arc::clone(bmc), socket, place, self.bmcs.shared.closing.clone());
        self.bmcs.shared.tasks.spawn(async move {
            if let Err(error) = server.await {
                let error = format!("its socket failed: {error}");
                let message = format!("The BMC is not served any more: {error}.");
                store.record(Level::Error, &format!("node/{node}"), KIND, &message, |state| {
                    if let Some(bmc) = state.bmc_mut(&node) {
                        (bmc.state, bmc.error) = (Ready::Failed, Some(error));
                    }
                });
            }
        });
    }

    /// Keeps the lab's state up to what the BMC knows.
    fn tell_changes(&self, bmc: &Arc<Bmc>) {
        let (store, bmc, closing) = (self.store.clone(), Arc::clone(bmc), self.bmcs.shared.closing.clone());
        self.bmcs.shared.tasks.spawn(async move {
            let mut changes = bmc.watch();
            loop {
                changes.mark_unchanged();
                let node = &bmc.identity().node;
                let known = store.read(|state| state.bmc(node).cloned());
                if known.is_some_and(|mut known| state::refresh(&mut known, &bmc)) {
                    store.update(|state| state.bmc_mut(node).is_some_and(|known| state::refresh(known, &bmc)));
                }
                tokio::select! {
                    more = changes.changed() => if more.is_err() { return },
                    () = closing.cancelled() => return,
                }
            }
        });
    }
}

/// Binds all that a BMC is reached by.
async fn bind(address: IpAddr) -> Result<(UdpSocket, redfish::Door), String> {
    let bound = UdpSocket::bind(SocketAddr::new(address, ipmi::PORT)).await;
    let socket = bound.map_err(|error| format!("UDP port {} of {address} can't be bound: {error}", ipmi::PORT))?;
    Ok((socket, redfish::Door::bind(address).await?))
}
