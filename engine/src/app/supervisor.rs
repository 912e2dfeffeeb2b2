//! An app: started, watched, started again if it is to be, stopped.

use std::{future::Future, io, sync::Arc, time::Duration};

use futures::future::join_all;
use jiff::Timestamp;
use nix::sys::signal::Signal;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep},
};
use tokio_util::task::AbortOnDropHandle;

use super::{backoff::Backoff, capture::Capture, file::LogFiles, log::AppLog};
use crate::{
    fabric::Netns,
    keeper::{Command, Exit, Inside, Keeper, KeeperError, Process},
    plan,
    spec::model::RestartPolicy,
    store::{AppPhase, AppState, Level, Store},
};

/// Why an app could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Its process could not be made.
    #[error(
        "app {app} of namespace {namespace} cannot run: {source}{}",
        remedy(.source)
    )]
    Start {
        /// The app's name.
        app: String,
        /// Its namespace.
        namespace: String,
        /// Why.
        source: KeeperError,
    },
    /// No descriptors for it.
    #[error("app {app} of namespace {namespace} cannot run: no pipe for its output: {source}")]
    Output {
        /// The app's name.
        app: String,
        /// Its namespace.
        namespace: String,
        /// Why.
        source: io::Error,
    },
    /// It was asked to restart when nothing watches over it any more.
    #[error("app {app} of namespace {namespace} cannot be restarted: the lab is being taken down")]
    Over {
        /// The app's name.
        app: String,
        /// Its namespace.
        namespace: String,
    },
}

/// A started app. Dropping it ends the watching, not the process: that is for [`App::stop`] or the keeper.
pub struct App {
    name: String,
    namespace: String,
    log: Arc<AppLog>,
    stop: watch::Sender<Option<Duration>>,
    restarts: mpsc::Sender<Restart>,
    task: AbortOnDropHandle<()>,
}

impl App {
    /// Starts apps of a namespace, all together. Returns the first error, once it is known what became of each.
    pub async fn start_all<'a>(
        apps: impl IntoIterator<Item = &'a plan::App>,
        netns: &Arc<Netns>,
        keeper: &Keeper,
        store: &Store,
        files: &LogFiles,
    ) -> Result<Vec<Self>, AppError> {
        let starts = apps
            .into_iter()
            .map(|app| Self::start(app, netns, keeper, store, files));
        join_all(starts).await.into_iter().collect()
    }

    /// Starts one app. An error is also told to the store.
    pub async fn start(
        app: &plan::App,
        netns: &Arc<Netns>,
        keeper: &Keeper,
        store: &Store,
        files: &LogFiles,
    ) -> Result<Self, AppError> {
        let log = AppLog::open(app.log.clone(), &app.id, files);
        let mut supervisor = Supervisor {
            app: app.clone(),
            netns: netns.clone(),
            keeper: keeper.clone(),
            store: store.clone(),
            log: log.clone(),
            backoff: Backoff::default(),
        };
        supervisor.update(|state| state.phase = AppPhase::Starting);
        let process = match supervisor.spawn().await {
            Ok(process) => process,
            Err(error) => {
                supervisor.failed(&error);
                return Err(error);
            }
        };
        let (stop, stopping) = watch::channel(None);
        let (restarts, restarting) = mpsc::channel(1);
        let orders = Orders {
            stop: stopping,
            restarts: restarting,
        };
        let task = AbortOnDropHandle::new(tokio::spawn(supervisor.supervise(process, orders)));
        Ok(Self {
            name: app.name.clone(),
            namespace: netns.name().to_owned(),
            log,
            stop,
            restarts,
            task,
        })
    }

    /// Its output.
    pub fn log(&self) -> &Arc<AppLog> {
        &self.log
    }

    /// Ends its process, if there is one, as [`App::stop`] does, and starts the app anew, whatever its restart policy. For somebody
    /// who doesn't hold the app: returns when the new process runs, or why there is none.
    pub fn restart(&self, grace: Duration) -> impl Future<Output = Result<(), AppError>> + Send + use<> {
        let orders = self.restarts.clone();
        let over = AppError::Over {
            app: self.name.clone(),
            namespace: self.namespace.clone(),
        };
        async move {
            let (answer, answered) = oneshot::channel();
            if orders.send(Restart { grace, answer }).await.is_err() {
                return Err(over);
            }
            answered.await.unwrap_or(Err(over))
        }
    }

    /// Ends the app for good: SIGTERM to its process group, after `grace` SIGKILL. Returns when it has ended.
    pub async fn stop(self, grace: Duration) {
        // One of which the keeper is gone does not listen any more.
        let _ = self.stop.send(Some(grace));
        // An error could only be a panic in the task, of which the runtime has told.
        let _ = self.task.await;
    }
}

/// That an app is to be started anew.
struct Restart {
    grace: Duration,
    answer: oneshot::Sender<Result<(), AppError>>,
}

/// What an app is told to do.
enum Order {
    /// To end, with the grace it is given.
    Stop(Duration),
    Restart(Restart),
}

/// Where its orders come from.
struct Orders {
    stop: watch::Receiver<Option<Duration>>,
    restarts: mpsc::Receiver<Restart>,
}

impl Orders {
    /// Whether the app is to end, whatever else it was told before.
    fn to_stop(&self) -> bool {
        self.stop.borrow().is_some()
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            biased;
            Ok(grace) = async { self.stop.wait_for(Option::is_some).await.map(|grace| *grace) } => {
                Order::Stop(grace.unwrap_or_default())
            }
            Some(restart) = self.restarts.recv() => Order::Restart(restart),
            // The `App` was dropped, and this task is about to be aborted.
            else => std::future::pending().await,
        }
    }
}

/// What comes next for an app.
enum Next {
    /// Its process runs.
    Run(Process),
    /// It is started again after a while.
    Again(Duration),
    /// It has ended, and is not started again unless somebody wants it.
    Rest,
    /// Nothing.
    Over,
}

/// What watches over one app.
struct Supervisor {
    app: plan::App,
    netns: Arc<Netns>,
    keeper: Keeper,
    store: Store,
    log: Arc<AppLog>,
    backoff: Backoff,
}

impl Supervisor {
    /// Watches the process and those that follow it, until the app is stopped.
    async fn supervise(mut self, process: Process, mut orders: Orders) {
        let mut next = Next::Run(process);
        loop {
            next = match next {
                Next::Run(process) => self.watch(process, &mut orders).await,
                Next::Again(wait) => self.start_again(wait, &mut orders).await,
                Next::Rest => match orders.next().await {
                    Order::Stop(_) => return,
                    Order::Restart(restart) => self.restart(restart).await,
                },
                Next::Over => return,
            }
        }
    }

    /// Waits for the end of a process.
    async fn watch(&mut self, mut process: Process, orders: &mut Orders) -> Next {
        let started = Instant::now();
        let exit = tokio::select! {
            exit = process.wait() => exit,
            order = orders.next() => match order {
                Order::Stop(grace) => {
                    let exit = process.stop(grace).await;
                    self.ended(exit, Level::Info, &format!("was stopped: it {exit}"));
                    return Next::Over;
                }
                Order::Restart(restart) => {
                    let exit = process.stop(restart.grace).await;
                    if orders.to_stop() {
                        self.ended(exit, Level::Info, &format!("was stopped: it {exit}"));
                        // Whoever wanted it anew is told by the end of `restart`.
                        return Next::Over;
                    }
                    self.pause(exit, Level::Info, &format!("is restarted: it {exit}"));
                    return self.restart(restart).await;
                }
            },
        };
        let level = if exit.success() { Level::Info } else { Level::Warn };
        if !starts_again(self.app.restart, exit) {
            self.ended(exit, level, &exit.to_string());
            return Next::Rest;
        }
        // What it left in its group would hold the ports that the next run wants.
        process.signal(Signal::SIGKILL);
        let wait = self.backoff.after(started.elapsed());
        self.pause(exit, level, &format!("{exit}; it is started again in {wait:?}"));
        Next::Again(wait)
    }

    /// Starts it at once, because somebody wants it.
    async fn restart(&mut self, restart: Restart) -> Next {
        self.backoff = Backoff::default();
        self.update(|state| state.restarts += 1);
        let (outcome, next) = match self.spawn().await {
            Ok(process) => (Ok(()), Next::Run(process)),
            Err(error) => {
                self.failed(&error);
                (Err(error), Next::Rest)
            }
        };
        // Whoever wanted it may have gone.
        let _ = restart.answer.send(outcome);
        next
    }

    /// Tries after that while. Whoever is asked to stop or restart it meanwhile does that.
    async fn start_again(&mut self, wait: Duration, orders: &mut Orders) -> Next {
        tokio::select! {
            () = sleep(wait) => {}
            order = orders.next() => match order {
                Order::Stop(_) => {
                    self.record(Level::Info, "was stopped before it was started again", |state| {
                        state.phase = AppPhase::Exited;
                    });
                    return Next::Over;
                }
                Order::Restart(restart) => return self.restart(restart).await,
            },
        }
        self.update(|state| state.restarts += 1);
        match self.spawn().await {
            Ok(process) => Next::Run(process),
            Err(AppError::Start {
                source: KeeperError::Closed { .. } | KeeperError::Gone,
                ..
            }) => {
                self.update(|state| state.phase = AppPhase::Exited);
                Next::Over
            }
            Err(error) => {
                let wait = self.backoff.after(Duration::ZERO);
                let message = format!("{error}; the next try is in {wait:?}");
                self.store.record(Level::Error, &self.app.id, "app", &message, |state| {
                    if let Some(state) = state.app_mut(self.netns.name(), &self.app.name) {
                        state.error = Some(error.to_string());
                    }
                });
                Next::Again(wait)
            }
        }
    }

    /// Starts the process, with its output going to the log.
    async fn spawn(&mut self) -> Result<Process, AppError> {
        let output_error = |source| AppError::Output {
            app: self.app.name.clone(),
            namespace: self.netns.name().to_owned(),
            source,
        };
        let (stdout, stdout_end) = Capture::new(&self.log, "stdout").map_err(output_error)?;
        let (stderr, stderr_end) = Capture::new(&self.log, "stderr").map_err(output_error)?;
        let mut words = self.app.command.iter();
        let mut command = Command::new(words.next().cloned().unwrap_or_default());
        command.args = words.map(Into::into).collect();
        command.env = self
            .app
            .env
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        command.workdir = Some(self.app.workdir.clone());
        command.namespace = Some(Inside::of(&self.netns).map_err(output_error)?);
        command.stdout = Some(stdout_end);
        command.stderr = Some(stderr_end);
        let process = self.keeper.spawn(command).await.map_err(|source| AppError::Start {
            app: self.app.name.clone(),
            namespace: self.netns.name().to_owned(),
            source,
        })?;
        // They end by themselves when nobody writes any more, which may be a daemon that outlives the process.
        tokio::spawn(stdout.run());
        tokio::spawn(stderr.run());
        let pid = process.pid;
        self.record(Level::Info, &format!("runs as process {pid}"), |state| {
            state.phase = AppPhase::Running;
            state.pid = Some(pid);
            state.started_at = Some(Timestamp::now());
            state.error = None;
            state.ready.begin();
        });
        Ok(process)
    }

    fn failed(&self, error: &AppError) {
        let message = error.to_string();
        self.store.record(Level::Error, &self.app.id, "app", &message, |state| {
            if let Some(state) = state.app_mut(self.netns.name(), &self.app.name) {
                state.phase = AppPhase::Exited;
                state.error = Some(message.clone());
                state.ready.fail(message.clone());
            }
        });
    }

    /// Its process has ended, and another follows.
    fn pause(&self, exit: Exit, level: Level, what: &str) {
        self.record(level, what, |state| {
            set_exit(state, exit);
            state.phase = AppPhase::Starting;
            state.ready.pause(format!("it {exit} and is started again"));
        });
    }

    fn ended(&self, exit: Exit, level: Level, what: &str) {
        self.record(level, what, |state| {
            set_exit(state, exit);
            state.phase = AppPhase::Exited;
            let reason = format!("it {exit}");
            if exit.success() {
                state.ready.end_well(reason);
            } else {
                state.ready.fail(reason);
            }
        });
    }

    /// Tells what happened to the app: `bird in rack0-tor1 WHAT`.
    fn record(&self, level: Level, what: &str, change: impl FnOnce(&mut AppState)) {
        let (app, namespace) = (&self.app.name, self.netns.name());
        let message = format!("{app} in {namespace} {what}");
        self.store.record(level, &self.app.id, "app", &message, |state| {
            state.app_mut(namespace, app).map(change);
        });
    }

    fn update(&self, change: impl FnOnce(&mut AppState)) {
        self.store.update(|state| {
            state.app_mut(self.netns.name(), &self.app.name).map(change);
        });
    }
}

/// What to do if an app can't be started, as far as that is not said.
fn remedy(error: &KeeperError) -> &'static str {
    match error {
        KeeperError::Spawn { program, .. } if program.contains(char::is_whitespace) => {
            "; write each argument as an entry of its own of `command` in the lab file"
        }
        error if error.is_of_workdir() => "; make that directory or correct `workdir` in the lab file",
        error => error.advice("; install the program or correct `command` in the lab file"),
    }
}

fn starts_again(policy: RestartPolicy, exit: Exit) -> bool {
    match policy {
        RestartPolicy::Never => false,
        RestartPolicy::OnFailure => !exit.success(),
        RestartPolicy::Always => true,
    }
}

fn set_exit(state: &mut AppState, exit: Exit) {
    state.pid = None;
    (state.exit_code, state.signal) = match exit {
        Exit::Code(code) => (Some(code), None),
        Exit::Signal(signal) => (None, Some(signal)),
    };
}
