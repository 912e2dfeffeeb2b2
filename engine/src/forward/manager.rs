//! All forwards of a lab: declared in its files or added while it runs, deleted, and gone with it.

use std::{
    collections::BTreeMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Counters, ForwardError, listener::Listener, sockets::Sockets, tcp, udp};
use crate::{
    fabric::Netns,
    plan,
    spec::model::{Destination, Protocol},
    store::{ForwardState, Level, Store},
};

/// A forward as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The host's port.
    pub port: u16,
    /// What it carries.
    pub protocol: Protocol,
    /// The host's address to listen on; `None`: all of them.
    pub address: Option<IpAddr>,
    /// The namespace it leads into.
    pub netns: String,
    /// Where it leads, as that namespace sees it.
    pub to: Destination,
}

/// The forwards of a lab. Cheap to clone.
#[derive(Clone)]
pub struct Forwards {
    store: Store,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    namespaces: BTreeMap<String, Namespace>,
    forwards: BTreeMap<(u16, Protocol), Entry>,
    closed: bool,
}

/// What is known of a namespace.
#[derive(Default)]
struct Namespace {
    netns: Option<Arc<Netns>>,
    sockets: Option<Arc<Sockets>>,
}

struct Entry {
    wanted: Wanted,
    counters: Arc<Counters>,
    cancel: CancellationToken,
    work: Work,
}

enum Work {
    /// Connections wait in the backlog until the namespace is there.
    Waiting(Listener),
    Running(JoinHandle<()>),
}

/// Where a forward leads, as those who carry it need it.
pub(super) struct Route {
    pub to: Destination,
    pub sockets: Arc<Sockets>,
    pub counters: Arc<Counters>,
    store: Store,
    id: String,
}

impl Route {
    /// Counts a failure; the first since it last worked is an event.
    pub(super) fn failed(&self, reason: &str) {
        if self.counters.failed(reason) {
            self.store.event(Level::Warn, &self.id, "forward", reason);
        }
    }

    /// As [`Route::failed`], for what the kernel tells of a socket that was made.
    pub(super) fn unreached(&self, error: io::Error) {
        self.failed(&ForwardError::connect(self.sockets.name(), &self.to, error).to_string());
    }
}

impl Forwards {
    /// No forwards yet, for a lab with these namespaces.
    pub fn new<'a>(store: Store, namespaces: impl Iterator<Item = &'a str>) -> Self {
        let inner = Inner {
            namespaces: namespaces.map(|name| (name.to_owned(), Namespace::default())).collect(),
            ..Inner::default()
        };
        Self {
            store,
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// Takes the ports of all forwards that a plan declares; they lead somewhere once their namespaces are ready.
    pub fn declare(&self, plan: &plan::Plan) -> Result<(), ForwardError> {
        for namespace in &plan.namespaces {
            for forward in &namespace.forwards {
                self.open(Wanted {
                    port: forward.port,
                    protocol: forward.protocol,
                    address: forward.address,
                    netns: namespace.name.clone(),
                    to: forward.to.clone(),
                })?;
            }
        }
        Ok(())
    }

    /// Takes note that a namespace is usable, and starts the forwards that wait for it.
    pub fn ready(&self, netns: &Arc<Netns>) -> Result<(), ForwardError> {
        let mut inner = self.lock();
        let namespace = inner.namespaces.entry(netns.name().to_owned()).or_default();
        namespace.netns = Some(Arc::clone(netns));
        let waiting: Vec<_> = inner
            .forwards
            .iter()
            .filter(|(_, entry)| entry.wanted.netns == netns.name())
            .map(|(key, _)| *key)
            .collect();
        for key in waiting {
            self.start(&mut inner, key)?;
        }
        Ok(())
    }

    /// Adds a forward to a running lab.
    pub fn add(&self, wanted: Wanted) -> Result<(), ForwardError> {
        // Only into a namespace that is there: whoever adds one will use it at once.
        self.sockets(&wanted.netns)?;
        let key = (wanted.port, wanted.protocol);
        let message = format!("{} is forwarded to {}:{}.", described(key), wanted.netns, wanted.to);
        self.open(wanted)?;
        self.start(&mut self.lock(), key)?;
        self.store.event(Level::Info, &id(key), "forward", &message);
        Ok(())
    }

    /// Ends a forward and its connections. Its port is free when this returns.
    pub async fn delete(&self, port: u16, protocol: Protocol) -> Result<(), ForwardError> {
        let key = (port, protocol);
        let entry = self.lock().forwards.remove(&key);
        let entry = entry.ok_or(ForwardError::NotFound { port, protocol })?;
        entry.end().await;
        let message = format!("{} is not forwarded any more.", described(key));
        self.store.record(Level::Info, &id(key), "forward", &message, |state| {
            state
                .forwards
                .retain(|forward| (forward.local_port, forward.protocol) != key);
        });
        Ok(())
    }

    /// Returns what makes sockets inside a namespace.
    pub fn sockets(&self, netns: &str) -> Result<Arc<Sockets>, ForwardError> {
        self.lock().sockets(netns)
    }

    /// Ends all forwards, and lets go of the namespaces. None can be added any more.
    pub async fn close(&self) {
        let forwards = {
            let mut inner = self.lock();
            inner.closed = true;
            inner.namespaces.clear();
            std::mem::take(&mut inner.forwards)
        };
        futures::future::join_all(forwards.into_values().map(Entry::end)).await;
        self.store.update(|state| state.forwards.clear());
    }

    /// Takes the port.
    fn open(&self, wanted: Wanted) -> Result<(), ForwardError> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(ForwardError::Closed);
        }
        let key = (wanted.port, wanted.protocol);
        if let Some(taken) = inner.forwards.get(&key) {
            return Err(ForwardError::Exists {
                port: wanted.port,
                protocol: wanted.protocol,
                to: format!("{}:{}", taken.wanted.netns, taken.wanted.to),
            });
        }
        let listener = Listener::open(wanted.address, wanted.port, wanted.protocol)?;
        let counters = Arc::new(Counters::default());
        let state = ForwardState::new(&wanted, Arc::clone(&counters));
        let entry = Entry {
            wanted,
            counters,
            cancel: CancellationToken::new(),
            work: Work::Waiting(listener),
        };
        inner.forwards.insert(key, entry);
        self.store.update(|all| {
            all.forwards.push(state);
            all.forwards
                .sort_by_key(|forward| (forward.local_port, forward.protocol));
        });
        Ok(())
    }

    /// Lets a forward lead somewhere, unless it does already.
    fn start(&self, inner: &mut Inner, key: (u16, Protocol)) -> Result<(), ForwardError> {
        let Some(mut entry) = inner.forwards.remove(&key) else {
            return Ok(());
        };
        if let Work::Waiting(listener) = entry.work {
            let route = Arc::new(Route {
                to: entry.wanted.to.clone(),
                sockets: inner.sockets(&entry.wanted.netns)?,
                counters: Arc::clone(&entry.counters),
                store: self.store.clone(),
                id: id(key),
            });
            let cancel = entry.cancel.clone();
            entry.work = Work::Running(match listener {
                Listener::Tcp(listener) => tokio::spawn(tcp::serve(listener, route, cancel)),
                Listener::Udp(listener) => tokio::spawn(udp::serve(listener, route, cancel)),
            });
        }
        inner.forwards.insert(key, entry);
        Ok(())
    }

    /// A panic while the lock was held left at worst one forward out.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn sockets(&mut self, name: &str) -> Result<Arc<Sockets>, ForwardError> {
        if self.closed {
            return Err(ForwardError::Closed);
        }
        let namespace = self
            .namespaces
            .get_mut(name)
            .ok_or_else(|| ForwardError::NoNamespace(name.to_owned()))?;
        if let Some(sockets) = &namespace.sockets {
            return Ok(Arc::clone(sockets));
        }
        let netns = namespace.netns.as_ref();
        let netns = netns.ok_or_else(|| ForwardError::NotReady(name.to_owned()))?;
        let sockets = Arc::new(Sockets::new(Arc::clone(netns))?);
        namespace.sockets = Some(Arc::clone(&sockets));
        Ok(sockets)
    }
}

impl Entry {
    async fn end(self) {
        self.cancel.cancel();
        if let Work::Running(task) = self.work {
            // One that panicked has ended, too.
            let _ = task.await;
        }
    }
}

fn id((port, protocol): (u16, Protocol)) -> String {
    format!("forward/{protocol}/{port}")
}

fn described((port, protocol): (u16, Protocol)) -> String {
    format!("The host's port {port}/{protocol}")
}
