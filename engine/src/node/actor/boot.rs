//! What a node boots from: its CD drive, and the order that its firmware is told.

use tokio::time::Instant;

use super::{Actor, KIND};
use crate::{
    node::{Medium, NodeError, machine::Machine},
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
        let wanted = *self.shared.next_boot.borrow();
        let order = self.order(wanted.source());
        match machine.set_order(&self.plan, order).await {
            Ok(()) => self.arranged = wanted,
            Err(error) => {
                let message = format!("What it boots from can't be changed before it is powered on again: {error}.");
                self.env.store.event(Level::Warn, &self.plan.id, KIND, &message);
            }
        }
    }

    /// The firmware began, with what was arranged. Returns whether it is a boot of its own.
    pub(super) fn began(&mut self, cause: BootCause) -> bool {
        let Some(count) = self.boots.count(cause, Instant::now()) else {
            return false;
        };
        let used = self.arranged;
        self.shared.next_boot.send_if_modified(|next| {
            let after = next.after(used, cause);
            std::mem::replace(next, after) != after
        });
        self.update(|node| (node.boots, node.last_boot) = (count, Some(cause)));
        true
    }
}
