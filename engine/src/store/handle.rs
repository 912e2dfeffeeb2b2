//! The handle on the state: read, changed, waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{
    State,
    event::{Event, EventLog, Level},
};

/// Shared handle on a lab's state. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Mutex<Inner>,
    version: watch::Sender<u64>,
}

struct Inner {
    state: State,
    events: EventLog,
}

impl Store {
    /// A store holding `state`, without events.
    pub fn new(state: State) -> Self {
        let inner = Mutex::new(Inner {
            state,
            events: EventLog::default(),
        });
        Self {
            shared: Arc::new(Shared {
                inner,
                version: watch::Sender::new(0),
            }),
        }
    }

    /// Changes the state and wakes whoever waits for a change. For changes that deserve no event.
    pub fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        self.change(|inner| change(&mut inner.state))
    }

    /// Changes the state and records the event that tells of it, as one step for every reader.
    pub fn record<T>(
        &self,
        level: Level,
        object: &str,
        kind: &str,
        message: &str,
        change: impl FnOnce(&mut State) -> T,
    ) -> T {
        let result = self.change(|inner| {
            inner.events.push(level, object, kind, message);
            change(&mut inner.state)
        });
        match level {
            Level::Info => tracing::info!(object, kind, "{message}"),
            Level::Warn => tracing::warn!(object, kind, "{message}"),
            Level::Error => tracing::error!(object, kind, "{message}"),
        }
        result
    }

    /// Raises the version while the lock is held: whoever sees the new version sees the change, and the other way round.
    fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        let result = change(&mut inner);
        self.shared.version.send_modify(|version| *version += 1);
        result
    }

    /// Records an event that changes no state.
    pub fn event(&self, level: Level, object: &str, kind: &str, message: &str) {
        self.record(level, object, kind, message, |_| ());
    }

    /// Reads the state. `read` must be short: it holds the store's lock.
    pub fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.lock().state)
    }

    /// The events with an id above `after`, oldest first; those that fell out of the bounded log are gone.
    pub fn events_after(&self, after: u64) -> Vec<Arc<Event>> {
        self.some_events_after(after, usize::MAX)
    }

    /// The oldest `max` of those events.
    pub fn some_events_after(&self, after: u64, max: usize) -> Vec<Arc<Event>> {
        self.lock().events.after(after, max)
    }

    /// The id of the last event, 0 if there was none.
    pub fn last_event_id(&self) -> u64 {
        self.lock().events.last_id()
    }

    /// A counter that grows with every change; `changed()` on it waits without polling.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    /// The present value of the counter behind [`Store::watch`].
    pub fn version(&self) -> u64 {
        *self.shared.version.borrow()
    }

    /// A panic while the lock was held left at worst a half-made change of one field; the lab must go on.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        Store::new(State::default())
    }

    #[test]
    fn events_are_numbered_and_resumable() {
        let store = store();
        for n in 0..3 {
            store.event(Level::Info, "lab", "test", &format!("number {n}"));
        }
        let all = store.events_after(0);
        assert_eq!(all.iter().map(|event| event.id).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(store.events_after(2).len(), 1);
        assert!(store.events_after(99).is_empty());
    }

    #[tokio::test]
    async fn a_change_wakes_the_watcher() {
        let store = store();
        let mut watch = store.watch();
        store.update(|state| state.lab.name = "dc".into());
        watch.changed().await.unwrap();
        assert_eq!(store.read(|state| state.lab.name.clone()), "dc");
    }
}
