//! Something that acts on a machine's power and goes on by itself, for those who answer once it is done.

use std::time::Duration;

use tokio::{
    sync::{oneshot, watch},
    time::timeout,
};

use crate::{
    bmc::{MachineError, Power, Verb},
    node::PowerState,
};

/// What tells the end of it.
type End = oneshot::Sender<Result<(), MachineError>>;

/// Something that acts on a machine's power. It goes on by itself, also when this is dropped.
pub struct Begun {
    end: oneshot::Receiver<Result<(), MachineError>>,
    power: watch::Receiver<Power>,
    /// What the power is to be seen as afterwards.
    leads_to: Option<PowerState>,
}

impl Begun {
    pub(super) fn new(verb: Verb, power: watch::Receiver<Power>) -> (End, Self) {
        let (told, end) = oneshot::channel();
        let leads_to = match verb {
            Verb::On | Verb::Cycle => Some(PowerState::On),
            Verb::Off => Some(PowerState::Off),
            Verb::Shutdown | Verb::Reset | Verb::Nmi | Verb::Push => None,
        };
        (told, Self { end, power, leads_to })
    }

    /// Waits until it is done and whoever asks the BMC sees it, but not for longer than `patience`.
    pub async fn end_within(mut self, patience: Duration) -> Result<(), MachineError> {
        let ended = async {
            // None is told if the BMC closes before.
            self.end.await.unwrap_or(Ok(()))?;
            if let Some(state) = self.leads_to {
                drop(self.power.wait_for(|power| power.state == state).await);
            }
            Ok(())
        };
        timeout(patience, ended).await.unwrap_or(Ok(()))
    }
}
