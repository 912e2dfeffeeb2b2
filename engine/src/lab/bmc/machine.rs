//! A node as its BMC sees it.

use std::sync::{Arc, Weak};

use tokio::{sync::watch, task::block_in_place};

use super::{awaited::Awaited, media, usage::Usage};
use crate::{
    bmc::{
        BootOverride, BootTarget, Identity, Image, Machine, MachineError, Nic, Persistence, Power, Share, Verb, Volume,
        Work,
    },
    console::Console,
    lab::made::Made,
    node::{Action, BootFrom, BootGoal, Grace, NodeError},
    plan::{self, BootSource, Mtu, RestorePolicy},
    store::{BootCause, NodeState},
};

/// What a node is.
pub fn identity(node: &plan::Node) -> Identity {
    Identity {
        node: node.name.clone(),
        manufacturer: node.manufacturer.clone().unwrap_or_default(),
        product: node.product.clone().unwrap_or_default(),
        serial: node.serial.clone(),
        uuid: plan::node_uuid(&node.name),
        cpus: node.cpus,
        memory: plan::node_memory(node.memory.as_deref()).unwrap_or_default(),
        uefi: node.nvram.is_some(),
        tpm: node.tpm.is_some(),
        cd: node.cd.is_some(),
        nics: node
            .nics
            .iter()
            .map(|nic| Nic {
                network: nic.network.clone(),
                mac: nic.mac.0,
            })
            .collect(),
        volumes: node
            .disks()
            .map(|volume| Volume {
                name: volume.name.clone(),
                path: volume.path.clone(),
            })
            .collect(),
    }
}

/// A node of a running lab.
pub struct NodeMachine {
    node: Awaited,
    planned_policy: RestorePolicy,
    power: watch::Sender<Power>,
    usage: Usage,
}

impl NodeMachine {
    pub fn new(made: Weak<Made>, identity: &Identity, planned_policy: RestorePolicy) -> Arc<Self> {
        Arc::new(Self {
            node: Awaited::new(made, &identity.node),
            planned_policy,
            power: watch::Sender::new(Power::off()),
            usage: Usage::new(identity.cpus, identity.memory),
        })
    }

    /// Takes note of the node's state.
    pub fn follow(&self, node: &NodeState) {
        self.power.send_if_modified(|power| {
            let next = Power {
                state: node.power_status,
                reason: node.power_reason.clone(),
                boots: node.boots,
                by_guest: node.last_boot == Some(BootCause::ResetByGuest),
                on_since: node.started_at,
            };
            std::mem::replace(power, next) != *power
        });
        self.usage.follow(node.pid);
    }

    /// Takes note that the node has been made: it is told what was decided before.
    pub fn arrived(&self) {
        drop(self.node.handle_or(|_| ()));
    }
}

impl Machine for NodeMachine {
    fn power(&self) -> watch::Receiver<Power> {
        self.power.subscribe()
    }

    fn act(&self, verb: Verb) -> Work<Result<(), MachineError>> {
        let action = match verb {
            Verb::On => Action::Start,
            Verb::Off => Action::Stop,
            Verb::Shutdown => Action::Shutdown(Grace::default()),
            Verb::Reset => Action::Reset,
            Verb::Cycle => Action::Cycle,
            Verb::Nmi => Action::Nmi,
            Verb::Push => Action::Push,
        };
        let handle = self.node.handle();
        Box::pin(async move { Ok(handle?.act(action).await?) })
    }

    fn set_boot(&self, boot: Option<BootOverride>, url: Option<&str>) -> Result<(), MachineError> {
        let from = boot.and_then(|boot| {
            Some(BootFrom {
                goal: goal(boot.target, url)?,
                once: boot.persistence == Persistence::Once,
            })
        });
        if let Some(node) = self.node.handle_or(|early| early.boot.clone_from(&from)) {
            node.boot_from(from);
        }
        Ok(())
    }

    fn restore_policy(&self) -> RestorePolicy {
        let mut early = None;
        match self.node.handle_or(|decided| early = decided.restore) {
            Some(handle) => handle.restore_policy(),
            None => early.unwrap_or(self.planned_policy),
        }
    }

    fn set_restore_policy(&self, policy: RestorePolicy) -> Result<(), MachineError> {
        match self.node.handle_or(|early| early.restore = Some(policy)) {
            Some(handle) => Ok(block_in_place(|| handle.set_restore_policy(policy))?),
            None => Ok(()),
        }
    }

    fn clear_tpm(&self, clear: bool) -> Result<(), MachineError> {
        if let Some(node) = self.node.handle_or(|early| early.clear_tpm = clear) {
            node.clear_tpm(clear);
        }
        Ok(())
    }

    fn insert(&self, image: Image) -> Work<Result<(), MachineError>> {
        let node = self.node.clone();
        Box::pin(async move {
            let plan = node.made.upgrade().map(|made| Arc::clone(&made.plan));
            let plan = plan.ok_or_else(|| MachineError::Conflict("The lab is being taken down.".into()))?;
            let medium = media::fetch(&plan, image).await?;
            match node.handle_or(|early| early.medium = Some(medium.clone())) {
                Some(handle) => Ok(handle.insert(medium).await?),
                None => Ok(()),
            }
        })
    }

    fn eject(&self) -> Work<Result<(), MachineError>> {
        let handle = self.node.handle_or(|early| early.medium = None);
        Box::pin(async move {
            match handle {
                Some(handle) => Ok(handle.eject().await?),
                None => Ok(()),
            }
        })
    }

    fn console(&self) -> Option<Console> {
        Some(self.node.handle().ok()?.console().clone())
    }

    fn send_break(&self) -> Work<Result<(), MachineError>> {
        let handle = self.node.handle();
        Box::pin(async move { Ok(handle?.send_break().await?) })
    }

    fn mtu(&self) -> u32 {
        let made = self.node.made.upgrade();
        // Of a lab that is being taken down nobody knows better.
        made.map_or(Mtu::DEFAULT, |made| made.store.read(|state| state.lab.mtu.effective()))
    }

    fn usage(&self, of: Share) -> Option<f64> {
        match of {
            Share::Processors => self.usage.processors(),
            Share::Memory => self.usage.memory(),
        }
    }
}

impl From<NodeError> for MachineError {
    fn from(error: NodeError) -> Self {
        let message = error.to_string();
        match error {
            NodeError::Off { .. } | NodeError::ShuttingDown { .. } | NodeError::DriveFull { .. } => {
                Self::Conflict(message)
            }
            _ => Self::Failed(message),
        }
    }
}

/// What stands for a target in a node; `None`: it can't be told to boot from there, which its identity says.
fn goal(target: BootTarget, url: Option<&str>) -> Option<BootGoal> {
    match target {
        BootTarget::Pxe => Some(BootGoal::Device(BootSource::Network)),
        BootTarget::Disk => Some(BootGoal::Device(BootSource::Disk)),
        BootTarget::Cd => Some(BootGoal::Device(BootSource::Cd)),
        BootTarget::Setup => Some(BootGoal::Setup),
        BootTarget::UefiHttp => Some(BootGoal::Url(url?.to_owned())),
        BootTarget::Floppy | BootTarget::SafeMode | BootTarget::Diagnostic => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_told_and_kept_before_the_node_is_there() {
        let identity = crate::bmc::testing::identity();
        let machine = NodeMachine::new(Weak::new(), &identity, RestorePolicy::AlwaysOn);
        assert_eq!(machine.restore_policy(), RestorePolicy::AlwaysOn);
        machine.set_restore_policy(RestorePolicy::Previous).unwrap();
        assert_eq!(machine.restore_policy(), RestorePolicy::Previous);
    }
}
