//! The face: what it has of its own beside the BMC, and its end.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    certificate::Certificate,
    certificates::Certificates,
    disks::Disks,
    events::{self, Events},
    logins::Logins,
    tasks::Tasks,
};
use crate::bmc::{Bmc, Place};

/// The Redfish face of a BMC.
pub struct Redfish {
    bmc: Arc<Bmc>,
    place: Place,
    certificates: Certificates,
    logins: Logins,
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
            logins: Logins::default(),
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
        self.logins.end_all();
        self.events.end_all();
        self.work.close();
        self.work.wait().await;
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    pub(super) fn logins(&self) -> &Logins {
        &self.logins
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    pub(super) fn disks(&self) -> &Disks {
        &self.disks
    }

    /// Has something done that ends with this face at the latest.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        self.work.spawn(async move {
            tokio::select! {
                () = work => {}
                () = closing.cancelled() => {}
            }
        });
    }
}
