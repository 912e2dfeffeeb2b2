//! What a machine tells while it runs.

use std::time::Instant;

use super::{Actor, KIND};
use crate::{
    node::{
        qmp::Event,
        telling::{self, Teller},
    },
    store::BootCause,
};

impl Actor {
    /// Something happened to the machine; whether it has booted.
    pub(super) fn happened(&mut self, event: &Event, teller: &mut Teller) -> bool {
        let reason = match event.name.as_str() {
            telling::PANICKED => Some(telling::PANIC_REASON),
            telling::RESET => {
                if !self.plan.ready.is_empty() {
                    self.console.begin_run();
                    self.update(|node| node.ready.begin());
                }
                None
            }
            _ => {
                self.tell_of(event, teller);
                return false;
            }
        };
        // A guest can do either as often as it likes: only what changes is written.
        let known = self.env.store.read(|state| {
            let node = state.node(&self.plan.name);
            node.is_none_or(|node| node.power_reason.as_deref() == reason)
        });
        if !known {
            self.update(|node| node.power_reason = reason.map(str::to_owned));
        }
        self.tell_of(event, teller);
        if event.name != telling::RESET {
            return false;
        }
        let cause = if telling::by_guest(event) {
            BootCause::ResetByGuest
        } else {
            BootCause::Reset
        };
        self.began(cause)
    }

    fn tell_of(&self, event: &Event, teller: &mut Teller) {
        if let Some((level, message)) = teller.tell(event, Instant::now()) {
            self.env.store.event(level, &self.plan.id, KIND, &message);
        }
    }
}
