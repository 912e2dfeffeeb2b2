//! Tasks: what was begun and takes its time.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use super::{collection, enabled, link, resource, resource_at, system, with};
use crate::bmc::redfish::{
    message::Message,
    registry,
    reply::{Outcome, Refusal, Reply},
    route::{Route, View},
    tasks::{Progress, Task},
};

const TASKS: &str = "/redfish/v1/TaskService/Tasks";
const MONITORS: &str = "/redfish/v1/TaskService/TaskMonitors";

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/TaskService", service),
    Route::resource("/redfish/v1/TaskService/Tasks", all),
    Route::resource("/redfish/v1/TaskService/Tasks/{}", one),
    Route::document("/redfish/v1/TaskService/TaskMonitors/{}", monitor),
];

fn service(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(with(
        resource("TaskService", view, "Tasks"),
        json!({
            "ServiceEnabled": true,
            "CompletedTaskOverWritePolicy": "Oldest",
            "LifeCycleEventOnTaskStateChange": false,
            "DateTime": system::whole_seconds(view.redfish.bmc().log().now()),
            "Status": enabled(),
            "Tasks": link(TASKS),
        }),
    ))
}

fn all(view: &View<'_>) -> Result<Value, Refusal> {
    let tasks = view.redfish.tasks().list();
    let members = tasks.iter().map(|task| format!("{TASKS}/{}", task.id));
    Ok(collection("Task", view, "Tasks", members))
}

fn wanted(view: &View<'_>) -> Result<Task, Refusal> {
    let tasks = view.redfish.tasks().list();
    let found = tasks.into_iter().find(|task| task.id.to_string() == view.id());
    found.ok_or_else(|| view.not_found())
}

fn one(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(shown(&wanted(view)?))
}

fn shown(task: &Task) -> Value {
    let (state, status, message) = match &task.progress {
        Progress::Running => ("Running", "OK", None),
        Progress::Done => ("Completed", "OK", Some(Message::new(registry::SUCCESS, []))),
        Progress::Failed(why) => (
            "Exception",
            "Critical",
            Some(Message::new(registry::GENERAL_ERROR, []).saying(why)),
        ),
    };
    let messages: Vec<Value> = message.iter().map(Message::json).collect();
    let mut shown = with(
        resource_at("Task", &format!("{TASKS}/{}", task.id), task.name),
        json!({
            "TaskState": state,
            "TaskStatus": status,
            "StartTime": system::whole_seconds(task.began),
            "Messages": messages,
            "Links": { "CreatedResources": [] },
        }),
    );
    if let Some(ended) = task.ended {
        shown["EndTime"] = system::whole_seconds(ended).into();
    } else {
        shown["TaskMonitor"] = format!("{MONITORS}/{}", task.id).into();
    }
    shown["Payload"] = json!({
        "TargetUri": task.target,
        "HttpOperation": "POST",
    });
    shown
}

/// The answer to a request whose work goes on as a task.
pub fn accepted(task: &Task) -> Reply {
    let reply = Reply::json(shown(task)).with(header::LOCATION, format!("{MONITORS}/{}", task.id));
    Reply {
        status: StatusCode::ACCEPTED,
        ..reply
    }
}

fn monitor(view: &View<'_>) -> Outcome {
    let task = wanted(view)?;
    match &task.progress {
        Progress::Running => Ok(accepted(&task)),
        Progress::Done => Ok(Reply::empty()),
        Progress::Failed(why) => {
            let message = Message::new(registry::GENERAL_ERROR, []).saying(why);
            Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
        }
    }
}
