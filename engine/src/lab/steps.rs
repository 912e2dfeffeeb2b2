//! Timing of the steps of a bring-up, as the state shows them.

use std::time::Instant;

use jiff::Timestamp;

use crate::store::{Step, Store};

/// Runs `work` as a step of that name: it is in the state from its beginning, and its duration from its end.
pub async fn step<T>(store: &Store, name: &str, work: impl Future<Output = T>) -> T {
    let begin = Instant::now();
    let index = store.update(|state| {
        state.lab.steps.push(Step {
            name: name.into(),
            started_at: Timestamp::now(),
            seconds: None,
        });
        state.lab.steps.len() - 1
    });
    let result = work.await;
    store.update(|state| {
        if let Some(step) = state.lab.steps.get_mut(index) {
            step.seconds = Some(begin.elapsed().as_secs_f64());
        }
    });
    result
}
