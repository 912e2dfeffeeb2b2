//! What takes the guest's part, and so longer than a request should: done as tasks that can be looked at.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::http::StatusCode;
use jiff::Timestamp;

use super::{
    Redfish,
    message::Message,
    reply::{Outcome, Refusal},
    resources::accepted,
    route::View,
};
use crate::bmc::{Cause, MachineError, Verb};

/// Tasks that are kept; of those that ended the oldest make room.
const KEPT: usize = 16;

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Have the guest shut down.
    Shutdown,
    /// Have the guest shut down, and power on.
    Restart,
}

impl Errand {
    /// What it is, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shutdown => "The guest shuts down",
            Self::Restart => "The guest shuts down and is powered on",
        }
    }

    async fn run(self, redfish: &Redfish) -> Result<(), MachineError> {
        redfish.bmc().act(Verb::Shutdown, Cause::Redfish).await?;
        match self {
            Self::Shutdown => Ok(()),
            Self::Restart => redfish.bmc().act(Verb::On, Cause::Redfish).await,
        }
    }
}

/// A task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its number.
    pub id: u64,
    /// What it does.
    pub errand: Errand,
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// How far it is.
    pub progress: Progress,
}

/// How far a task is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Under way.
    Running,
    /// Done.
    Done,
    /// It could not be done, and why.
    Failed(String),
}

/// The tasks of a BMC.
#[derive(Debug, Default)]
pub struct Tasks {
    inner: Mutex<(u64, VecDeque<Task>)>,
}

impl Tasks {
    /// All tasks, oldest first.
    pub fn list(&self) -> Vec<Task> {
        self.lock().1.iter().cloned().collect()
    }

    /// Notes the beginning of a task; `None` if there are too many under way.
    fn begin(&self, errand: Errand) -> Option<Task> {
        let (last, tasks) = &mut *self.lock();
        if tasks.len() == KEPT {
            let ended = tasks.iter().position(|task| task.progress != Progress::Running)?;
            tasks.remove(ended);
        }
        *last += 1;
        let task = Task {
            id: *last,
            errand,
            began: Timestamp::now(),
            ended: None,
            progress: Progress::Running,
        };
        tasks.push_back(task.clone());
        Some(task)
    }

    fn end(&self, id: u64, outcome: Result<(), MachineError>) {
        let (_, tasks) = &mut *self.lock();
        if let Some(task) = tasks.iter_mut().find(|task| task.id == id) {
            task.ended = Some(Timestamp::now());
            task.progress = match outcome {
                Ok(()) => Progress::Done,
                Err(error) => Progress::Failed(error.to_string()),
            };
        }
    }

    /// A panic while the lock was held can't have left a task half changed.
    fn lock(&self) -> MutexGuard<'_, (u64, VecDeque<Task>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins an errand, and answers with its task.
pub fn begin(view: &View<'_>, errand: Errand) -> Outcome {
    let Some(task) = view.redfish.tasks().begin(errand) else {
        let message = Message::new("CreateLimitReachedForResource", []).saying("(They are tasks under way.)");
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message));
    };
    let redfish = Arc::clone(view.redfish);
    let id = task.id;
    view.redfish.spawn(async move {
        let outcome = errand.run(&redfish).await;
        redfish.tasks().end(id, outcome);
    });
    Ok(accepted(view, &task))
}
