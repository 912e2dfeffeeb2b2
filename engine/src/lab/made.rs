//! What a lab is made of so far: filled by the bring-up, emptied by the taking down.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Settings, bmc::Bmcs, control::LabControl};
use crate::{
    app::{App, LogFiles},
    fabric::Fabric,
    forward::Forwards,
    host::{LabDir, Nat, Recorder},
    keeper::Keeper,
    node::{Claims, NodeHandle},
    plan::Plan,
    shell::Shells,
    store::Store,
};

/// What a lab is made of so far.
pub struct Made {
    pub plan: Arc<Plan>,
    pub store: Store,
    pub settings: Settings,
    pub keeper: OnceLock<Keeper>,
    /// Cancelled when nobody is to be looked at any more.
    pub probing: CancellationToken,
    /// Cancelled when the API shall close.
    pub serving: CancellationToken,
    /// The API's server, and who looks for addresses and readiness.
    pub tasks: TaskTracker,
    /// Ports of the host that lead into namespaces.
    pub forwards: Forwards,
    /// Management controllers of nodes.
    pub bmcs: Bmcs,
    /// Shells in namespaces.
    pub shells: Shells,
    dir: LabDir,
    parts: Mutex<Parts>,
}

/// The parts that come one by one.
#[derive(Default)]
pub struct Parts {
    pub fabric: Option<Arc<Fabric>>,
    pub nat: Option<Nat>,
    pub apps: BTreeMap<(String, String), App>,
    pub nodes: BTreeMap<String, NodeHandle>,
    /// On the files of the nodes: given up when no process uses them any more.
    pub claims: Claims,
    pub logs: Option<LogFiles>,
}

impl Made {
    pub fn new(plan: Arc<Plan>, store: Store, dir: LabDir, settings: Settings) -> Self {
        let namespaces = plan.namespaces.iter().map(|namespace| namespace.name.as_str());
        let forwards = Forwards::new(store.clone(), namespaces);
        Self {
            plan,
            store,
            settings,
            keeper: OnceLock::new(),
            probing: CancellationToken::new(),
            serving: CancellationToken::new(),
            tasks: TaskTracker::new(),
            forwards,
            bmcs: Bmcs::default(),
            shells: Shells::default(),
            dir,
            parts: Mutex::default(),
        }
    }

    /// The lab's directory.
    pub fn dir_path(&self) -> &Path {
        self.dir.path()
    }

    /// To write down what is about to be made on the host.
    pub fn recorder(&self) -> &Recorder {
        self.dir.recorder()
    }

    /// The parts, for a moment: this holds a lock.
    pub fn parts(&self) -> MutexGuard<'_, Parts> {
        // A panic while the lock was held left at worst a part out, and that part goes with its process or namespace.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fabric, once it is there.
    pub fn fabric(&self) -> Option<Arc<Fabric>> {
        self.parts().fabric.clone()
    }

    /// The API's way into the lab.
    pub fn control(self: &Arc<Self>) -> Arc<LabControl> {
        Arc::new(LabControl::new(self))
    }

    /// Gives up everything, for the taking down.
    pub fn into_dir(self) -> LabDir {
        self.dir
    }
}
