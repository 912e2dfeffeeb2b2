//! A node for which decisions may come before it is there, as its image is still on its way.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::{
    bmc::MachineError,
    lab::made::Made,
    node::{BootFrom, Medium, NodeHandle},
    plan::RestorePolicy,
};

/// What was decided for a node that is not there yet.
#[derive(Default)]
pub struct Early {
    pub boot: Option<BootFrom>,
    pub clear_tpm: bool,
    pub medium: Option<Medium>,
    pub restore: Option<RestorePolicy>,
}

impl Early {
    /// Tells the node, of which nothing was asked yet. Does not block.
    fn tell(&mut self, node: &NodeHandle) {
        let Self {
            boot,
            clear_tpm,
            medium,
            restore,
        } = std::mem::take(self);
        if boot.is_some() {
            node.boot_from(boot);
        }
        if clear_tpm {
            node.clear_tpm(true);
        }
        if let Some(medium) = medium {
            node.begin_with(medium);
        }
        if let Some(policy) = restore {
            node.begin_with_policy(policy);
        }
    }
}

/// The node, and what waits for it until it is there.
#[derive(Clone)]
pub struct Awaited {
    /// The lab so far.
    pub made: Weak<Made>,
    node: String,
    early: Arc<Mutex<Early>>,
}

impl Awaited {
    pub fn new(made: Weak<Made>, node: &str) -> Self {
        Self {
            made,
            node: node.to_owned(),
            early: Arc::default(),
        }
    }

    /// The node, if it is there.
    pub fn handle(&self) -> Result<NodeHandle, MachineError> {
        let made = self.made.upgrade();
        let handle = made.and_then(|made| made.parts().nodes.get(&self.node).cloned());
        handle.ok_or_else(|| MachineError::Conflict(format!("Node {:?} is not there yet.", self.node)))
    }

    /// The node, which knows of all that was decided before. If it is not there yet, `decide` has its way with what waits
    /// for it instead.
    pub fn handle_or(&self, decide: impl FnOnce(&mut Early)) -> Option<NodeHandle> {
        // Held meanwhile, so that the node does not arrive in between.
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(handle) = self.handle() {
            early.tell(&handle);
            Some(handle)
        } else {
            decide(&mut early);
            None
        }
    }
}
