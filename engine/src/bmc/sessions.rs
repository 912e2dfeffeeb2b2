//! Who is signed in, whatever the face.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use super::Role;

/// The protocol a session speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Face {
    /// IPMI over LAN.
    Ipmi,
    /// Redfish.
    Redfish,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// The protocol.
    pub face: Face,
    /// Name of the account.
    pub user: String,
    /// The most the session may do.
    pub role: Role,
    /// The client's address.
    #[schema(value_type = String)]
    pub remote: IpAddr,
    /// When it signed in.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// The sessions of a BMC. Faces bound their own; this only lists them.
#[derive(Clone, Debug)]
pub struct Sessions {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    sessions: Mutex<(u64, BTreeMap<u64, Session>)>,
    changes: watch::Sender<u64>,
}

impl Shared {
    /// A panic while the lock was held can't have left the map half changed.
    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, Session>)> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lists a session until it is dropped.
#[derive(Debug)]
pub struct SessionGuard {
    shared: Arc<Shared>,
    id: u64,
}

impl Sessions {
    pub(super) fn new(changes: watch::Sender<u64>) -> Self {
        Self {
            shared: Arc::new(Shared {
                sessions: Mutex::default(),
                changes,
            }),
        }
    }

    /// Lists a session for as long as the guard lives.
    pub fn add(&self, session: Session) -> SessionGuard {
        let id = {
            let (last, sessions) = &mut *self.shared.lock();
            *last += 1;
            sessions.insert(*last, session);
            *last
        };
        self.shared.changes.send_modify(|version| *version += 1);
        let shared = Arc::clone(&self.shared);
        SessionGuard { shared, id }
    }

    /// All sessions, oldest first.
    pub fn list(&self) -> Vec<Session> {
        self.shared.lock().1.values().cloned().collect()
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        self.shared.lock().1.remove(&self.id);
        self.shared.changes.send_modify(|version| *version += 1);
    }
}
