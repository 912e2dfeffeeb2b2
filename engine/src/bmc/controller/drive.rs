//! The machine's CD drive: what is put into it, taken out, and given up on the way.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Bmc;
use crate::bmc::{Drive, Image, MachineError, Work};

impl Bmc {
    /// The machine's CD drive.
    pub fn drive(&self) -> Drive {
        self.lock().drive.clone()
    }

    /// Begins to put a medium into the machine's CD drive, which must be empty. It has to be polled to go on.
    pub fn insert(self: &Arc<Self>, image: Image) -> Result<Work<Result<(), MachineError>>, MachineError> {
        let given_up = CancellationToken::new();
        {
            let mut state = self.lock();
            if let Some(there) = state.drive.image() {
                let url = &there.url;
                return Err(MachineError::Conflict(format!(
                    "{url} is in the CD drive: eject it first."
                )));
            }
            state.drive = Drive::Loading(image.clone());
            state.loading = given_up.clone();
        }
        self.changed();
        let bmc = Arc::clone(self);
        Ok(Box::pin(async move {
            let done = tokio::select! {
                // What was given up must not be taken for done.
                biased;
                () = given_up.cancelled() => {
                    return Err(MachineError::Conflict("It was ejected before it was there.".into()));
                }
                done = bmc.machine.insert(image.clone()) => done,
            };
            {
                let mut state = bmc.lock();
                if !given_up.is_cancelled() {
                    state.drive = match &done {
                        Ok(()) => Drive::Loaded(image),
                        Err(_) => Drive::Empty,
                    };
                }
            }
            bmc.changed();
            done
        }))
    }

    /// Takes out what is in the machine's CD drive, or on its way there. Once begun it is done, whoever waits for it: what the
    /// machine does not have any more must not seem to be there.
    pub async fn eject(self: &Arc<Self>) -> Result<(), MachineError> {
        self.lock().loading.cancel();
        let (bmc, closing) = (Arc::clone(self), self.closing.clone());
        let ejecting = self.tasks.spawn(closing.run_until_cancelled_owned(async move {
            bmc.machine.eject().await?;
            bmc.lock().drive = Drive::Empty;
            bmc.changed();
            Ok(())
        }));
        match ejecting.await {
            Ok(Some(done)) => done,
            Ok(None) | Err(_) => Err(MachineError::Failed("The BMC was closed meanwhile.".into())),
        }
    }
}
