//! A lab's links and namespaces while they exist.

use std::{
    collections::HashMap,
    mem,
    os::fd::AsFd,
    sync::{Arc, Mutex, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::{
    build,
    counters::LinkCounters,
    error::FabricError,
    layout::Layout,
    netlink::{Namespaces, Request, Socket},
    netns::{self, Netns},
    steps,
    tap::Tap,
};
use crate::{blocking, plan::Plan};

/// The L2 world of a running lab. Dropped without [`Fabric::down`] it goes down all the same, on the calling thread.
#[derive(Debug)]
pub struct Fabric {
    world: Arc<World>,
}

impl Fabric {
    /// Makes the links and namespaces of a plan, each with its addresses, as seen from the calling thread's network
    /// namespace.
    ///
    /// On an error, or once `cancel` is set, what was made goes away again. A future that is dropped does not stop the
    /// work; `cancel` does.
    pub async fn up(plan: Arc<Plan>, cancel: CancellationToken) -> Result<Self, FabricError> {
        let world = blocking::run(move || build::build(plan, &cancel)).await?;
        Ok(Self { world: Arc::new(world) })
    }

    /// Returns a namespace of the lab.
    pub fn namespace(&self, name: &str) -> Option<&Arc<Netns>> {
        self.world.namespaces.get(name)
    }

    /// Returns the tap of a node's NIC, counted from 0.
    pub fn tap(&self, node: &str, nic: usize) -> Option<Arc<Tap>> {
        self.world.taps.get(node)?.get(&nic).cloned()
    }

    /// Returns the namespace that bridges, taps and ports are in.
    pub fn fabric_netns(&self) -> &Arc<Netns> {
        &self.world.fabric
    }

    /// Gives every link of the lab another MTU, in bytes. Links that somebody has deleted are passed over.
    pub async fn set_mtu(&self, mtu: u32) -> Result<(), FabricError> {
        let world = Arc::clone(&self.world);
        blocking::run(move || world.set_mtu(mtu)).await
    }

    /// Reads the counters of all links from the kernel.
    pub async fn counters(&self) -> Result<Vec<LinkCounters>, FabricError> {
        let world = Arc::clone(&self.world);
        blocking::run(move || world.counters()).await
    }

    /// Deletes the host's links and lets go of everything else; what others still hold stays (descriptors of namespaces
    /// and taps, processes). Namespaces are taken apart by the kernel after this returns.
    pub async fn down(self) -> Result<(), FabricError> {
        blocking::run(move || {
            let deleted = self
                .world
                .host_ends
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .delete();
            drop(self);
            deleted
        })
        .await
    }
}

/// What a fabric holds. The fields are dropped in this order: the host's links first, then what the kernel takes apart
/// in its own time.
#[derive(Debug)]
pub struct World {
    host_ends: Mutex<HostEnds>,
    taps: HashMap<String, HashMap<usize, Arc<Tap>>>,
    pub(super) namespaces: HashMap<String, Arc<Netns>>,
    pub(super) fabric: Arc<Netns>,
    pub(super) host: Arc<Netns>,
    /// MTU of all links; also keeps changes of it one after another.
    mtu: Mutex<u32>,
    pub(super) plan: Arc<Plan>,
}

impl World {
    /// Takes hold of what was made for a plan.
    pub(super) fn new(
        plan: Arc<Plan>,
        host_ends: HostEnds,
        taps: HashMap<String, HashMap<usize, Arc<Tap>>>,
        namespaces: HashMap<String, Arc<Netns>>,
        fabric: Arc<Netns>,
        host: Arc<Netns>,
    ) -> Self {
        Self {
            host_ends: Mutex::new(host_ends),
            taps,
            namespaces,
            fabric,
            host,
            mtu: Mutex::new(plan.mtu.effective()),
            plan,
        }
    }

    /// Goes on after an error, so that as many links as possible agree, and returns the first one.
    fn set_mtu(&self, mtu: u32) -> Result<(), FabricError> {
        let layout = Layout::of(&self.plan)?;
        let mut current = self.mtu.lock().unwrap_or_else(PoisonError::into_inner);
        let before = mem::replace(&mut *current, mtu);
        let nowhere = Namespaces::host_only(self.host.as_fd());
        let never = CancellationToken::new();
        let send = |netns: &Netns, requests: &[Request]| {
            netns.enter()?;
            Socket::open()?.run(requests, &nowhere, &never)?;
            Ok(())
        };
        let fabric = netns::parallel(1, &never, |_| send(&self.fabric, &layout.retune_fabric(mtu)));
        let names = layout.names();
        let namespaces = netns::parallel(names.len(), &never, |i| {
            let Some(netns) = names.get(i).and_then(|name| self.namespaces.get(*name)) else {
                return Ok(());
            };
            send(netns, &layout.retune(netns.name(), before, mtu))
        });
        let host = netns::parallel(1, &never, |_| {
            let ends = self.host_ends.lock().unwrap_or_else(PoisonError::into_inner);
            let mut requests = Vec::new();
            for end in &layout.host_ends {
                let Some(&(_, index)) = ends.links.iter().find(|(name, _)| name == end.name) else {
                    continue;
                };
                requests.push(Request::Mtu {
                    index,
                    name: end.name,
                    mtu,
                });
                let address = std::slice::from_ref(&end.address);
                requests.extend(steps::addresses_back(index, end.name, address, before, mtu));
            }
            send(&self.host, &requests)
        });
        fabric.and(namespaces).and(host).map(drop)
    }
}

/// The host's ends of networks that were made, by name and index. They are deleted when this is dropped.
#[derive(Debug)]
pub struct HostEnds {
    host: Arc<Netns>,
    links: Vec<(String, u32)>,
}

impl HostEnds {
    /// Returns an empty list for the engine's own namespace.
    pub(super) fn new(host: Arc<Netns>) -> Self {
        Self {
            host,
            links: Vec::new(),
        }
    }

    /// Notes a link that was made.
    pub(super) fn add(&mut self, name: &str, index: u32) {
        self.links.push((name.to_owned(), index));
    }

    /// Deletes the links in one batch.
    fn delete(&mut self) -> Result<(), FabricError> {
        let links = mem::take(&mut self.links);
        if links.is_empty() {
            return Ok(());
        }
        let requests: Vec<_> = links
            .iter()
            .map(|(name, index)| Request::Delete { index: *index, name })
            .collect();
        self.host.run(|| {
            let nowhere = Namespaces::host_only(self.host.as_fd());
            Socket::open()?.run(&requests, &nowhere, &CancellationToken::new())?;
            Ok(())
        })?
    }
}

impl Drop for HostEnds {
    fn drop(&mut self) {
        if let Err(error) = self.delete() {
            tracing::warn!("cannot remove the lab's links from the host: {error}");
        }
    }
}
