//! Taking a lab down: everything that runs, then everything that was made, whatever of it there is.
//!
//! A step that fails is told and the rest goes on: what can vanish must.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{LabError, made::Made, undone};
use crate::{
    blocking,
    node::NodeHandle,
    store::{LabPhase, Level},
};

/// How long the API may take to end its answers.
const API_GRACE: Duration = Duration::from_secs(1);

/// Takes down what there is. Apps are given `--stop-timeout` to end by themselves, or no time once `hurry` is cancelled.
pub async fn take_down(made: Arc<Made>, hurry: &CancellationToken) -> Result<(), LabError> {
    made.store
        .record(Level::Info, "lab", "phase", "The lab is being taken down.", |state| {
            if state.lab.phase != LabPhase::Failed {
                state.lab.phase = LabPhase::Stopping;
            }
        });
    made.probing.cancel();
    made.forwards.close().await;
    made.bmcs.close().await;
    let parts = std::mem::take(&mut *made.parts());
    let grace = made.settings.stop_timeout;
    let apps = join_all(parts.apps.into_values().map(|app| app.stop(grace)));
    let nodes = join_all(parts.nodes.values().map(NodeHandle::close));
    tokio::select! {
        _ = async { tokio::join!(apps, nodes) } => {}
        // Those who don't end are killed below.
        () = hurry.cancelled() => {}
    }
    drop(parts.nodes);
    if let Some(nat) = parts.nat {
        nat.stop().await;
    }
    if let Some(keeper) = made.keeper.get() {
        keeper.kill_all().await;
    }
    drop(parts.claims);
    if let Some(logs) = parts.logs {
        logs.flush().await;
    }
    if let Some(fabric) = parts.fabric {
        // Whoever still holds it is about to let go: it goes down with the last one.
        if let Some(fabric) = Arc::into_inner(fabric)
            && let Err(error) = fabric.down().await
        {
            made.store.event(Level::Error, "lab", "fabric", &error.to_string());
        }
    }
    made.serving.cancel();
    made.tasks.close();
    if tokio::time::timeout(API_GRACE, made.tasks.wait()).await.is_err() {
        tracing::warn!("the API has not ended all its answers");
    }
    release(made).await
}

/// Undoes what is recorded, and ends the keeper, which would do it if this process died now.
async fn release(made: Arc<Made>) -> Result<(), LabError> {
    let (keeper, store) = (made.keeper.get().cloned(), made.store.clone());
    let Some(made) = Arc::into_inner(made) else {
        // The API's server is the only other holder, and it has ended or was told above.
        return Err(LabError::StillHeld);
    };
    let released = blocking::run(move || made.into_dir().release()).await;
    if let Some(keeper) = keeper {
        keeper.quit().await;
    }
    let mut report = released?;
    // The first one is how the lab ends.
    let first = (!report.errors.is_empty()).then(|| report.errors.remove(0));
    undone::tell(&store, &report.left, &report.errors);
    match first {
        Some(error) => Err(LabError::Undo(error)),
        None => Ok(()),
    }
}
