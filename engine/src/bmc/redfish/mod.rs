//! The Redfish face of a BMC: HTTP and JSON as DSP0266 has them, by DMTF's schemas.
//!
//! Resources are plain functions of what the BMC knows, a file for each family of them (`resources`), under one table of
//! routes. What all have in common (who may, queries, ETags, mistakes of a request) is done in one place, `exchange.rs`.
//! Nothing here knows how a machine is made, and no resource tells of hardware that is not there.

mod caller;
mod certificate;
mod certificates;
mod changes;
mod delivery;
mod disks;
mod events;
mod exchange;
mod filter;
mod message;
mod query;
mod registry;
mod reply;
mod resources;
mod route;
mod schema;
mod serve;
mod sessions;
mod tasks;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tls;

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use caller::Origin;
pub use certificate::{Certificate, CertificateError};
pub use serve::serve;
pub use tls::{Authority, TlsError};

use super::{Bmc, Place};
use certificates::Certificates;
use disks::Disks;
use events::Events;
use sessions::Logins;
use tasks::Tasks;

/// The port of Redfish over HTTPS.
pub const PORT: u16 = 443;

/// The Redfish face of a BMC.
pub struct Redfish {
    bmc: Arc<Bmc>,
    place: Place,
    certificates: Certificates,
    sessions: Logins,
    tasks: Tasks,
    events: Events,
    disks: Disks,
    closing: CancellationToken,
    work: TaskTracker,
}

impl Redfish {
    /// A face of that BMC with that certificate, until it is closed. Needs a tokio runtime.
    pub fn new(bmc: Arc<Bmc>, place: Place, certificate: Arc<Certificate>) -> Arc<Self> {
        let redfish = Arc::new(Self {
            disks: Disks::new(bmc.identity()),
            bmc,
            place,
            certificates: Certificates::new(certificate),
            sessions: Logins::default(),
            tasks: Tasks::default(),
            events: Events::default(),
            closing: CancellationToken::new(),
            work: TaskTracker::new(),
        });
        let bmc = &redfish.bmc;
        redfish.spawn(events::follow(Arc::downgrade(&redfish), bmc.watch()));
        redfish
    }

    /// The BMC.
    pub fn bmc(&self) -> &Arc<Bmc> {
        &self.bmc
    }

    /// Ends sessions, subscriptions, and whatever goes on by itself.
    pub async fn close(&self) {
        self.closing.cancel();
        self.sessions.end_all();
        self.events.end_all();
        self.work.close();
        self.work.wait().await;
    }

    fn place(&self) -> Place {
        self.place
    }

    fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    fn sessions(&self) -> &Logins {
        &self.sessions
    }

    fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    fn events(&self) -> &Events {
        &self.events
    }

    fn disks(&self) -> &Disks {
        &self.disks
    }

    /// Has something done that ends with this face at the latest.
    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        self.work.spawn(async move {
            tokio::select! {
                () = work => {}
                () = closing.cancelled() => {}
            }
        });
    }
}
