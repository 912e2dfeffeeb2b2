//! Taking a lab down: everything that runs, then everything that was made, whatever of it there is.
//!
//! A step that fails is told and the rest goes on: what can vanish must.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{LabError, made::Made, undone};
use crate::{
    blocking,
    keeper::Keeper,
    node::NodeHandle,
    store::{LabPhase, Level, Store},
};

/// How long the API may take to end its answers.
const API_GRACE: Duration = Duration::from_secs(1);

/// How long the disk may take to write the last lines of logs.
const FLUSH_LIMIT: Duration = Duration::from_secs(10);

/// How long processes may take to die of SIGKILL. A large lab on a busy host takes seconds; only what hangs in the kernel takes
/// as long.
const DEATH_LIMIT: Duration = Duration::from_secs(30);

/// Takes down what there is. Apps are given `--stop-timeout` to end by themselves, or no time once `hurry` is cancelled.
pub async fn take_down(made: Arc<Made>, hurry: &CancellationToken) -> Result<(), LabError> {
    made.store
        .record(Level::Info, "lab", "phase", "The lab is being taken down.", |state| {
            if state.lab.phase != LabPhase::Failed {
                state.lab.phase = LabPhase::Stopping;
            }
        });
    made.probing.cancel();
    unless_hurried(hurry, made.forwards.close()).await;
    unless_hurried(hurry, made.bmcs.close()).await;
    let parts = std::mem::take(&mut *made.parts());
    let grace = made.settings.stop_timeout;
    let apps = join_all(parts.apps.into_values().map(|app| app.stop(grace)));
    let nodes = join_all(parts.nodes.values().map(NodeHandle::close));
    let ends = timeout(grace + DEATH_LIMIT, async { tokio::join!(apps, nodes) });
    // Those who don't end are killed below.
    unless_hurried(hurry, async {
        tokio::select! {
            _ = ends => {}
            () = kill_orphans(made.keeper.get()) => {}
        }
    })
    .await;
    drop(parts.nodes);
    if let Some(nat) = parts.nat {
        unless_hurried(hurry, nat.stop()).await;
    }
    let dead = match made.keeper.get() {
        Some(keeper) => in_time(&made.store, "processes of the lab", keeper.kill_all()).await,
        None => true,
    };
    drop(parts.claims);
    if let Some(logs) = parts.logs {
        unless_hurried(hurry, flush(&made.store, logs.flush())).await;
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
    if timeout(API_GRACE, made.tasks.wait()).await.is_err() {
        tracing::warn!("the API has not ended all its answers");
    }
    release(made, dead).await
}

/// Waits for the end of something, or until nobody has the time for that any more.
async fn unless_hurried<T>(hurry: &CancellationToken, end: impl Future<Output = T>) {
    tokio::select! {
        _ = end => {}
        () = hurry.cancelled() => {}
    }
}

/// Kills what a keeper that was killed leaves behind, as soon as it does. Never returns: whoever waits for the end of a process
/// hears of it.
async fn kill_orphans(keeper: Option<&Keeper>) {
    if let Some(keeper) = keeper {
        keeper.gone().await;
        keeper.kill_all().await;
    }
    std::future::pending::<()>().await;
}

/// Waits until the logs are on disk, unless that hangs.
async fn flush(store: &Store, flushed: impl Future<Output = ()>) {
    if timeout(FLUSH_LIMIT, flushed).await.is_err() {
        let seconds = FLUSH_LIMIT.as_secs();
        let message = format!(
            "The logs of apps could not be written within {seconds} seconds, and their ends are lost: the file system below \
             --log-dir hangs."
        );
        store.event(Level::Error, "lab", "log", &message);
    }
}

/// Waits for a death; returns whether it came in time.
async fn in_time(store: &Store, who: &str, death: impl Future<Output = ()>) -> bool {
    let died = timeout(DEATH_LIMIT, death).await.is_ok();
    if !died {
        let seconds = DEATH_LIMIT.as_secs();
        let message = format!(
            "Of the {who}, something has not died within {seconds} seconds of being killed: it hangs in the kernel. The rest \
             is taken down without it."
        );
        store.event(Level::Error, "lab", "processes", &message);
    }
    died
}

/// Undoes what is recorded, and ends the keeper, which would do it if this process died now. A keeper whose children are not
/// all `dead` tries that once more when this process has ended.
async fn release(made: Arc<Made>, dead: bool) -> Result<(), LabError> {
    let (keeper, store) = (made.keeper.get().cloned(), made.store.clone());
    let Some(made) = Arc::into_inner(made) else {
        // The API's answers are the only other holders, and they have ended or were told above.
        return Err(LabError::StillHeld);
    };
    let released = blocking::run(move || made.into_dir().release()).await;
    if let Some(keeper) = keeper.filter(|_| dead) {
        in_time(&store, "keeper", keeper.quit()).await;
    }
    let mut report = released?;
    // The first one is how the lab ends.
    let first = (!report.errors.is_empty()).then(|| report.errors.remove(0));
    undone::tell(&store, &report.left, &report.errors);
    undone::tell_set_back(&store, &report.set_back);
    match first {
        Some(error) => Err(LabError::Undo(error)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;
    use crate::store::State;

    #[tokio::test(start_paused = true)]
    async fn what_does_not_die_is_told_and_waited_for_no_longer() {
        let store = Store::new(State::default());
        assert!(in_time(&store, "keeper", ready(())).await);
        assert!(store.events_after(0).is_empty());
        assert!(!in_time(&store, "keeper", pending()).await);
        let events = store.events_after(0);
        assert!(events[0].message.contains("hangs in the kernel"), "{events:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_hangs_is_told_and_waited_for_no_longer() {
        let store = Store::new(State::default());
        flush(&store, ready(())).await;
        assert!(store.events_after(0).is_empty());
        flush(&store, pending()).await;
        let events = store.events_after(0);
        assert!(events[0].message.contains("--log-dir"), "{events:?}");
    }

    #[tokio::test]
    async fn who_hurries_waits_for_nobody() {
        let hurry = CancellationToken::new();
        unless_hurried(&hurry, ready(())).await;
        hurry.cancel();
        unless_hurried(&hurry, pending::<()>()).await;
    }
}
