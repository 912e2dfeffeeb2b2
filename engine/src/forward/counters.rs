//! What went through a forward so far: counted as it goes, read whenever somebody asks.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// Counters of one forward. Reading them takes no part in the store's versions: they change with every packet.
#[derive(Debug, Default)]
pub struct Counters {
    connections: AtomicU64,
    active: AtomicU64,
    failed: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    last_error: Mutex<Option<String>>,
}

/// What went through a forward so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Traffic {
    /// Connections taken; for UDP, clients.
    pub connections: u64,
    /// Those that are there now.
    pub active: u64,
    /// Those that did not reach the destination.
    pub failed: u64,
    /// Bytes carried towards the destination.
    pub bytes_in: u64,
    /// Bytes carried back.
    pub bytes_out: u64,
    /// Why the last connection that failed did, unless one has reached the destination since.
    pub last_error: Option<String>,
}

impl Counters {
    /// Returns all of them.
    pub fn traffic(&self) -> Traffic {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic {
            connections: read(&self.connections),
            active: read(&self.active),
            failed: read(&self.failed),
            bytes_in: read(&self.bytes_in),
            bytes_out: read(&self.bytes_out),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Counts a connection (or a UDP client) for as long as the guard lives.
    pub(super) fn connection(&self) -> Active<'_> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.active.fetch_add(1, Ordering::Relaxed);
        Active(self)
    }

    /// Counts a connection that did not reach its destination, and keeps why. Returns whether the reason is news.
    pub(super) fn failed(&self, reason: &str) -> bool {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        let news = last.is_none();
        *last = Some(reason.to_owned());
        news
    }

    /// Notes that the destination was reached: an earlier error is history.
    pub(super) fn reached(&self) {
        self.last_error.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Bytes towards the destination.
    pub(super) fn bytes_in(&self) -> &AtomicU64 {
        &self.bytes_in
    }

    /// Bytes from the destination.
    pub(super) fn bytes_out(&self) -> &AtomicU64 {
        &self.bytes_out
    }
}

/// A connection that is counted as active.
pub(super) struct Active<'a>(&'a Counters);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.traffic().serialize(serializer)
    }
}

/// Counters as a client of the API sees them: as they were when it asked.
impl<'de> Deserialize<'de> for Counters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let told = Traffic::deserialize(deserializer)?;
        Ok(Self {
            connections: told.connections.into(),
            active: told.active.into(),
            failed: told.failed.into(),
            bytes_in: told.bytes_in.into(),
            bytes_out: told.bytes_out.into(),
            last_error: Mutex::new(told.last_error),
        })
    }
}
