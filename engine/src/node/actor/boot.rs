//! What a node boots from: its CD drive, and the order that its firmware is told.

use tokio::time::Instant;

use super::{Actor, KIND};
use crate::{
    blocking,
    node::{
        Medium, NodeError,
        machine::Machine,
        nvram::{self, Wish},
    },
    plan::BootSource,
    store::{BootCause, Level},
};

/// The kind of what is told of the CD drive.
const MEDIUM_KIND: &str = "medium";

impl Actor {
    /// Puts a medium into the CD drive, or takes out what is there.
    pub(super) async fn change_medium(
        &mut self,
        machine: Option<&mut Machine>,
        medium: Option<Medium>,
    ) -> Result<(), NodeError> {
        let node = self.plan.name.clone();
        if self.plan.cd.is_none() {
            return Err(NodeError::NoDrive { node });
        }
        match (&self.medium, &medium) {
            (Some(_), Some(_)) => return Err(NodeError::DriveFull { node }),
            (None, None) => return Ok(()),
            _ => {}
        }
        if let Some(machine) = machine {
            machine.change_medium(&node, medium.as_ref()).await?;
            self.medium = medium;
            self.arrange(machine).await;
        } else {
            self.medium = medium;
        }
        let message = match &self.medium {
            Some(medium) => format!("{} is in the CD drive.", medium.name()),
            None => "The CD drive is empty.".to_owned(),
        };
        self.env.store.event(Level::Info, &self.plan.id, MEDIUM_KIND, &message);
        Ok(())
    }

    /// The order in which the firmware is to try devices.
    pub(super) fn order(&mut self, first: Option<BootSource>) -> Vec<String> {
        let order = self.plan.boot_order(first, self.medium.is_some(), self.told);
        self.told |= !order.is_empty();
        order
    }

    /// Has the firmware try devices in the order that is wanted by now, at its next reset.
    pub(super) async fn arrange(&mut self, machine: &mut Machine) {
        let wanted = self.shared.next_boot.borrow().clone();
        let order = self.order(wanted.source());
        match machine.set_order(&self.plan, order).await {
            Ok(()) => self.arranged = wanted,
            Err(error) => {
                let message = format!("What it boots from can't be changed before it is powered on again: {error}.");
                self.env.store.event(Level::Warn, &self.plan.id, KIND, &message);
            }
        }
    }

    /// Has UEFI do what is wished at this power-on, and nothing that was wished before. Its machine must be off.
    pub(super) async fn tell_firmware(&self, wish: Option<Wish>) {
        let Some(nvram) = &self.plan.nvram else { return };
        let file = nvram.path.clone();
        let told = blocking::run(move || nvram::prepare(&file, wish.as_ref())).await;
        if let Err(error) = told {
            let file = nvram.path.display();
            let message = format!("UEFI can't be told what to do, and boots in its usual order: {file}: {error}.");
            self.env.store.event(Level::Warn, &self.plan.id, KIND, &message);
        }
    }

    /// The firmware began, with what was arranged. Returns whether it is a boot of its own.
    pub(super) fn began(&mut self, cause: BootCause) -> bool {
        let Some(count) = self.count(cause) else {
            return false;
        };
        self.update(|node| (node.boots, node.last_boot) = (count, Some(cause)));
        true
    }

    /// Counts a boot, which uses up what was for once; how many there were, if it is one of its own.
    pub(super) fn count(&mut self, cause: BootCause) -> Option<u64> {
        let count = self.boots.count(cause, Instant::now())?;
        let used = &self.arranged;
        self.shared.next_boot.send_if_modified(|next| {
            let after = next.after(used, cause);
            let differs = *next != after;
            *next = after;
            differs
        });
        Some(count)
    }
}
