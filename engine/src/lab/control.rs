//! What the API may ask of a running lab.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Weak},
};

use super::made::Made;
use crate::{
    api::{Control, ControlError},
    app::log::AppLog,
    node::Action,
};

/// The API's way into a lab. It doesn't keep the lab: what is being taken down can't be asked any more.
pub struct LabControl(Weak<Made>);

impl LabControl {
    pub fn new(made: &Arc<Made>) -> Self {
        Self(Arc::downgrade(made))
    }
}

impl Control for LabControl {
    fn node_action<'a>(
        &'a self,
        node: &'a str,
        action: Action,
    ) -> Pin<Box<dyn Future<Output = Result<(), ControlError>> + Send + 'a>> {
        Box::pin(async move {
            let handle = {
                let made = self
                    .0
                    .upgrade()
                    .ok_or_else(|| ControlError::Failed("The lab is being taken down.".into()))?;
                if !made.plan.nodes.iter().any(|planned| planned.name == node) {
                    return Err(ControlError::NotFound(format!("node `{node}`")));
                }
                let handle = made.parts().nodes.get(node).cloned();
                handle.ok_or_else(|| ControlError::Failed(format!("Node `{node}` is not there yet.")))?
            };
            handle
                .act(action)
                .await
                .map_err(|error| ControlError::Failed(error.to_string()))
        })
    }

    fn app_log(&self, namespace: &str, app: &str) -> Option<Arc<AppLog>> {
        let made = self.0.upgrade()?;
        let parts = made.parts();
        Some(parts.apps.get(&(namespace.to_owned(), app.to_owned()))?.log().clone())
    }
}
