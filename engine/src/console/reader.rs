//! Following a console: each reader at its own pace, from the ring that the hub fills.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::ring::Ring;

/// A screenful, as terminals usually are.
const LINES: usize = 24;
const BYTES: usize = 4096;

/// Where a reader begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Since {
    /// With the oldest byte that is kept.
    Start,
    /// With the last screenful: so that one sees where the machine is.
    #[default]
    Screen,
    /// With the next byte the guest writes.
    Now,
}

/// What a reader gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// What the guest wrote; never empty.
    pub bytes: Bytes,
    /// How many bytes before these were lost because the reader was too slow.
    pub lost: u64,
}

/// What the hub, its readers and its log share.
pub(super) struct Shared {
    pub ring: Mutex<Ring>,
    /// The ring's end.
    pub end: watch::Sender<u64>,
    /// Where the present run of the machine begins.
    pub begin: AtomicU64,
    /// Nothing more will come.
    pub closed: CancellationToken,
}

impl Shared {
    /// A run of the machine begins here.
    pub fn begin(&self) {
        self.begin.store(self.ring().end(), Ordering::Relaxed);
    }

    /// A panic while the lock was held can't have left the ring half changed.
    pub fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Follows a console at its own pace. One that is slower than the guest loses the oldest bytes.
pub struct Reader {
    shared: Arc<Shared>,
    end: watch::Receiver<u64>,
    position: u64,
}

impl Reader {
    /// A reader that begins where `since` says.
    pub(super) fn new(shared: Arc<Shared>, since: Since) -> Self {
        Self::at(shared, |ring, _| match since {
            Since::Start => ring.start(),
            Since::Screen => ring.tail(LINES, BYTES),
            Since::Now => ring.end(),
        })
    }

    /// A reader that begins with what the machine wrote since it was last switched on or reset.
    pub(super) fn of_this_run(shared: Arc<Shared>) -> Self {
        Self::at(shared, |ring, begin| begin.max(ring.start()))
    }

    fn at(shared: Arc<Shared>, position: impl FnOnce(&Ring, u64) -> u64) -> Self {
        let ring = shared.ring();
        let position = position(&ring, shared.begin.load(Ordering::Relaxed));
        drop(ring);
        Self {
            end: shared.end.subscribe(),
            shared,
            position,
        }
    }

    /// What the guest wrote since the last call, waiting for some; `None` when the console was closed. Cancel safe.
    pub async fn next(&mut self) -> Option<Chunk> {
        if !self.ready().await {
            return None;
        }
        let before = self.position;
        let mut bytes = BytesMut::new();
        self.take(|old, new| {
            bytes.reserve(old.len() + new.len());
            bytes.extend_from_slice(old);
            bytes.extend_from_slice(new);
            bytes.len()
        });
        let lost = self.position - before - bytes.len() as u64;
        let bytes = bytes.freeze();
        Some(Chunk { bytes, lost })
    }

    /// Waits until there is something to read; false when the console was closed and all was read. Cancel safe.
    pub(super) async fn ready(&mut self) -> bool {
        loop {
            let closed = self.shared.closed.is_cancelled();
            if *self.end.borrow_and_update() > self.position {
                return true;
            }
            if closed {
                return false;
            }
            tokio::select! {
                changed = self.end.changed() => if changed.is_err() { return false },
                () = self.shared.closed.cancelled() => {}
            }
        }
    }

    /// Hands over what is there, in two pieces, without copying it; `take` returns how many bytes it took. It must not
    /// block.
    pub(super) fn take(&mut self, take: impl FnOnce(&[u8], &[u8]) -> usize) {
        let ring = self.shared.ring();
        self.position = self.position.max(ring.start());
        let (old, new) = ring.since(self.position);
        self.position += take(old, new) as u64;
    }

    /// How many bytes there are to read already.
    pub(super) fn behind(&self) -> u64 {
        self.shared.ring().end() - self.position
    }

    /// How many bytes of the console have been read or lost.
    pub(super) fn position(&self) -> u64 {
        self.position
    }
}
