//! The course of a test, beside the lab that runs in the same process.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use placemat2_engine::{
    client::Endpoint,
    plan::Plan,
    store::{Level, Store},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    bundle::{Bundle, console_lines},
    command::{Running, Wanted},
    junit,
    outcome::Outcome,
};
use crate::{
    output,
    placemat2::{
        cli::TestArgs,
        settled::{Settled, settled, unready},
        signals::Asked,
        timings::{self, TimeLine},
        watch::Watch,
    },
};

/// A test that is under way.
pub struct Test {
    pub plan: Plan,
    pub args: TestArgs,
    pub watch: Arc<Watch>,
    /// Cancelled when a signal asks for the end.
    pub asked: CancellationToken,
    /// Which signal that was.
    pub by: Asked,
    /// Takes the lab down.
    pub stop: CancellationToken,
}

impl Test {
    /// Waits until the lab is ready, runs the command, keeps what is to be kept, and lets the lab go.
    pub async fn drive(&self) -> Outcome {
        let store = self.watch.store.wait().await;
        let ready = self.until_ready(store).await;
        if let Some(trace) = &self.args.run.timings {
            timings::tell(store, trace.as_deref());
        }
        let began = Instant::now();
        let outcome = match ready {
            Ok(()) => self.run_command().await,
            Err(outcome) => outcome,
        };
        self.tell(&outcome);
        if self.args.artifacts.is_some() {
            let kept = tokio::task::block_in_place(|| self.keep(store, &outcome, began.elapsed()));
            output::tell("placemat2", kept);
        }
        if self.args.keep_on_failure && !outcome.is_success() && !self.asked.is_cancelled() {
            let lab = &self.plan.lab;
            let words = format!(
                "the lab {lab} is kept: look into it with `pmctl2` or `placemat2 attach --lab {lab}`; SIGINT or SIGTERM takes it down"
            );
            output::remark("placemat2", &words);
            self.asked.cancelled().await;
        }
        self.watch.released.cancel();
        self.stop.cancel();
        outcome
    }

    async fn until_ready(&self, store: &Store) -> Result<(), Outcome> {
        tokio::select! {
            how = settled(store) => match how {
                Settled::Ready => Ok(()),
                Settled::NotReady(unready) => Err(Outcome::NotReady(unready)),
                Settled::Ended => Err(Outcome::NotStarted(self.watch.failed.wait().await.clone())),
            },
            () = sleep(self.args.timeout) => {
                let limit = self.args.timeout.as_secs_f64();
                let message = format!("The lab was not ready within {limit} s.");
                store.event(Level::Error, "lab", "test", &message);
                Err(Outcome::NotReady(store.read(unready)))
            }
            () = self.asked.cancelled() => Err(self.interrupted()),
        }
    }

    async fn run_command(&self) -> Outcome {
        let keeper = self.watch.keeper.wait().await;
        let mut running = match self.wanted().start(keeper).await {
            Ok(running) => running,
            Err(outcome) => return outcome,
        };
        tokio::select! {
            outcome = running.ended() => outcome,
            failure = self.watch.failed.wait() => {
                self.end(running).await;
                Outcome::Broken(failure.clone())
            }
            () = self.asked.cancelled() => {
                self.end(running).await;
                self.interrupted()
            }
        }
    }

    async fn end(&self, running: Running) {
        running.stop(self.args.run.stop_timeout).await;
    }

    fn interrupted(&self) -> Outcome {
        Outcome::Interrupted(self.by.by().unwrap_or_default())
    }

    /// The command, and what it is told of the lab.
    fn wanted(&self) -> Wanted {
        let paths = &self.plan.paths;
        let endpoint = Endpoint::Unix(paths.api_socket.clone());
        let mut env = vec![
            ("PLACEMAT2_LAB", self.plan.lab.clone().into()),
            ("PLACEMAT2_ENDPOINT", endpoint.to_string().into()),
            ("PLACEMAT2_SOCKET", paths.api_socket.clone().into()),
            ("PLACEMAT2_LOG_DIR", paths.log_dir.clone().into()),
            ("PLACEMAT2_RUN_DIR", paths.run_dir.clone().into()),
        ];
        if let Some(artifacts) = &self.args.artifacts {
            let artifacts = std::path::absolute(artifacts).unwrap_or_else(|_| artifacts.clone());
            env.push(("PLACEMAT2_ARTIFACTS", artifacts.into()));
        }
        let netns = self.args.netns.clone();
        Wanted {
            words: self.args.command.clone(),
            env,
            netns: netns.map(|name| (name.clone(), paths.netns_dir.join(name))),
        }
    }

    /// Says what came of the test, and of what is not ready why, with the last lines of its console.
    fn tell(&self, outcome: &Outcome) {
        if let Outcome::NotReady(unready) = outcome {
            for unready in unready {
                output::remark(
                    "placemat2",
                    &format!("{} is not ready: {}", unready.object, unready.reason),
                );
                for line in console_lines(&self.plan, &unready.object) {
                    output::remark("placemat2", &format!("    | {line}"));
                }
            }
        }
        output::remark("placemat2", &format!("the test has {outcome}"));
    }

    /// Writes the files that are to be looked into.
    fn keep(&self, store: &Store, outcome: &Outcome, took: Duration) -> anyhow::Result<()> {
        let Some(directory) = self.args.artifacts.clone() else {
            return Ok(());
        };
        let bundle = Bundle {
            directory,
            plan: &self.plan,
        };
        let words: Vec<_> = self.args.command.iter().map(|word| word.to_string_lossy()).collect();
        let command = words.join(" ");
        let junit = store.read(|state| junit::write(&self.plan, state, outcome, (&command, took.as_secs_f64())))?;
        bundle.write("junit.xml", &junit)?;
        bundle.write("timings.json", &serde_json::to_vec(&TimeLine::of(store).trace())?)?;
        if !outcome.is_success() {
            bundle.write_state(store)?;
            bundle.copy_logs()?;
        }
        Ok(())
    }
}
