//! Timing of the steps of a bring-up, as the state shows them.

use std::time::Instant;

use jiff::Timestamp;

use crate::store::{Step, Store};

/// Runs `work` as a step of that name: it is in the state from its beginning, its duration and whether it failed from its end.
pub async fn step<T, E>(store: &Store, name: &str, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let begin = Instant::now();
    let index = store.update(|state| {
        state.lab.steps.push(Step {
            name: name.into(),
            started_at: Timestamp::now(),
            seconds: None,
            failed: false,
        });
        state.lab.steps.len() - 1
    });
    let result = work.await;
    store.update(|state| {
        if let Some(step) = state.lab.steps.get_mut(index) {
            step.seconds = Some(begin.elapsed().as_secs_f64());
            step.failed = result.is_err();
        }
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_step_tells_how_it_ended() {
        let store = Store::new(crate::store::State::default());
        let good: Result<(), &str> = step(&store, "fabric", async { Ok(()) }).await;
        let bad: Result<(), &str> = step(&store, "nodes", async { Err("no KVM") }).await;
        assert_eq!((good, bad), (Ok(()), Err("no KVM")));
        let told = store.read(|state| {
            let ended = |step: &Step| (step.seconds.is_some(), step.failed);
            state.lab.steps.iter().map(ended).collect::<Vec<_>>()
        });
        assert_eq!(told, [(true, false), (true, true)]);
    }
}
