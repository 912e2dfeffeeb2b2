//! Waiting for what something depends on.

use std::fmt::Write as _;

use crate::{
    node::PowerState,
    spec::model::{Dependency, Object, Until},
    store::{Level, Ready, ReadyState, State, Store},
};

/// The kind of the events told here.
const KIND: &str = "depends-on";

/// How far a dependency is.
enum Progress {
    Met,
    Awaited,
    /// It won't come, for that reason.
    Never(String),
}

/// Waits until all dependencies of `object` are met. Returns false if one won't be; what that means for the object is in
/// the state then.
pub async fn met(store: &Store, object: &Object, dependencies: &[Dependency]) -> bool {
    if dependencies.is_empty() {
        return true;
    }
    let mut changes = store.watch();
    let mut shown = String::new();
    loop {
        changes.mark_unchanged();
        let (awaited, never) = store.read(|state| survey(state, dependencies));
        let id = object.to_string();
        if let Some(reason) = never {
            let message = format!("{id} is not started: {reason}.");
            let reason = format!("it was not started: {reason}");
            store.record(Level::Warn, &id, KIND, &message, |state| {
                show(state, object, Wait::Over(reason));
            });
            return false;
        }
        if awaited.is_empty() {
            return true;
        }
        if awaited != shown {
            let message = format!("{id} {awaited}.");
            store.record(Level::Info, &id, KIND, &message, |state| {
                show(state, object, Wait::For(awaited.clone()));
            });
            shown = awaited;
        }
        if changes.changed().await.is_err() {
            return false;
        }
    }
}

/// What to show of something that waits.
enum Wait {
    /// It waits for this.
    For(String),
    /// It won't be started, for this reason.
    Over(String),
}

/// Shows in the state how it is with something that waits.
fn show(state: &mut State, object: &Object, wait: Wait) {
    let ready = match object {
        Object::Node(name) => state.node_mut(name).map(|node| &mut node.ready),
        Object::App { namespace, app } => state.app_mut(namespace, app).map(|app| &mut app.ready),
        Object::Namespace(name) => return show_namespace(state, name, wait),
    };
    let Some(ready) = ready else { return };
    match wait {
        Wait::For(what) => ready.wait_for(what),
        Wait::Over(reason) => ready.fail(reason),
    }
}

fn show_namespace(state: &mut State, name: &str, wait: Wait) {
    let Some(namespace) = state.namespace_mut(name) else {
        return;
    };
    match wait {
        Wait::For(what) => namespace.reason = Some(what),
        Wait::Over(reason) => {
            for app in &mut namespace.apps {
                app.ready.fail(format!("of its namespace: {reason}"));
            }
            namespace.state = Ready::Failed;
            namespace.reason = Some(reason);
        }
    }
}

/// What is still awaited, in words, and why that is in vain, if it is.
fn survey(state: &State, dependencies: &[Dependency]) -> (String, Option<String>) {
    let mut awaited = String::new();
    for Dependency { object, until } in dependencies {
        match progress(state, object, *until) {
            Progress::Met => {}
            Progress::Never(reason) => {
                let reason = format!("{object}, which it depends on, is not {until}: {reason}");
                return (awaited, Some(reason));
            }
            Progress::Awaited => {
                let between = if awaited.is_empty() { "waits until " } else { " and " };
                // Writing to a string does not fail.
                let _ = write!(awaited, "{between}{object} is {until}");
            }
        }
    }
    (awaited, None)
}

fn progress(state: &State, object: &Object, until: Until) -> Progress {
    let (ready, reason, started) = match object {
        Object::Node(name) => {
            let Some(node) = state.node(name) else {
                return Progress::Awaited;
            };
            let on = node.power_status == PowerState::On;
            (node.ready.state, node.ready.reason.clone(), on)
        }
        Object::App { namespace, app } => {
            let Some(app) = state.app(namespace, app) else {
                return Progress::Awaited;
            };
            (app.ready.state, app.ready.reason.clone(), app.started_at.is_some())
        }
        Object::Namespace(name) => {
            let Some(namespace) = state.namespace(name) else {
                return Progress::Awaited;
            };
            let (ready, reason) = namespace.readiness();
            (ready, reason, namespace.state == Ready::Ready)
        }
    };
    match (ready, until) {
        (ReadyState::Ready, Until::Ready) => Progress::Met,
        (_, Until::Started) if started => Progress::Met,
        (ReadyState::NotReady, _) => Progress::Never(reason.unwrap_or_default()),
        _ => Progress::Awaited,
    }
}
