//! What takes longer than a request should, by the guest's part or by what is fetched: done as tasks that can be looked at.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::http::StatusCode;
use jiff::Timestamp;

use tokio::sync::oneshot;

use super::{message::Message, registry, reply::Refusal, route::View};
use crate::bmc::{MachineError, Work};

/// Tasks that are kept; of those that ended the oldest make room.
const KEPT: usize = 16;

/// A task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its number.
    pub id: u64,
    /// What it does, for people.
    pub name: &'static str,
    /// The action that began it.
    pub target: String,
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

    /// One task.
    pub fn get(&self, id: u64) -> Option<Task> {
        self.lock().1.iter().find(|task| task.id == id).cloned()
    }

    /// Notes the beginning of a task; `None` if there are too many under way.
    fn begin(&self, name: &'static str, target: String) -> Option<Task> {
        let (last, tasks) = &mut *self.lock();
        if tasks.len() == KEPT {
            let ended = tasks.iter().position(|task| task.progress != Progress::Running)?;
            tasks.remove(ended);
        }
        *last += 1;
        let task = Task {
            id: *last,
            name,
            target,
            began: Timestamp::now(),
            ended: None,
            progress: Progress::Running,
        };
        tasks.push_back(task.clone());
        Some(task)
    }

    fn end(&self, id: u64, outcome: &Result<(), MachineError>) {
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

/// Begins a task, and tells how it ends.
pub fn begin(
    view: &View<'_>,
    name: &'static str,
    target: String,
    work: Work<Result<(), MachineError>>,
) -> Result<(Task, oneshot::Receiver<Result<(), MachineError>>), Refusal> {
    let Some(task) = view.redfish.tasks().begin(name, target) else {
        let message =
            Message::new(registry::CREATE_LIMIT_REACHED_FOR_RESOURCE, []).saying("(They are tasks under way.)");
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message));
    };
    let (ended, end) = oneshot::channel();
    let (redfish, id) = (Arc::clone(view.redfish), task.id);
    view.redfish.spawn(async move {
        let outcome = work.await;
        redfish.tasks().end(id, &outcome);
        // Whoever began it may not wait for its end.
        drop(ended.send(outcome));
    });
    Ok((task, end))
}
