//! What the API may ask of a running lab.

use std::sync::{Arc, Weak};

use tokio::net::TcpStream;

use super::{made::Made, reach};
use crate::{
    api::{Answer, Control, ControlError},
    app::log::AppLog,
    bmc::redfish::Redfish,
    console::Console,
    fabric::LinkCounters,
    forward::{ForwardError, Wanted},
    node::{Action, NodeError, NodeHandle},
    plan::BootSource,
    shell::{self, Opened, ShellError, Shells},
    spec::model::{Destination, Object, Protocol},
};

/// The API's way into a lab. It doesn't keep the lab: what is being taken down can't be asked any more.
pub struct LabControl(Weak<Made>);

impl LabControl {
    pub fn new(made: &Arc<Made>) -> Self {
        Self(Arc::downgrade(made))
    }

    fn made(&self) -> Result<Arc<Made>, ControlError> {
        let made = self.0.upgrade();
        made.ok_or(ControlError::Ending)
    }

    fn node(&self, node: &str) -> Result<NodeHandle, ControlError> {
        let made = self.made()?;
        if !made.plan.nodes.iter().any(|planned| planned.name == node) {
            return Err(ControlError::NotFound(format!("node {node:?}")));
        }
        let handle = made.parts().nodes.get(node).cloned();
        handle.ok_or_else(|| absent(&made, Object::Node(node.to_owned())))
    }
}

/// Why something of the plan can't be had: it is not there yet, or not any more.
fn absent(made: &Made, object: Object) -> ControlError {
    if made.probing.is_cancelled() {
        ControlError::Ending
    } else {
        ControlError::NotYet(object)
    }
}

impl Control for LabControl {
    fn node_action<'a>(&'a self, node: &'a str, action: Action, boot: Option<BootSource>) -> Answer<'a, ()> {
        Box::pin(async move { Ok(self.node(node)?.act_and_boot(action, boot).await?) })
    }

    fn app_log(&self, namespace: &str, app: &str) -> Option<Arc<AppLog>> {
        let made = self.0.upgrade()?;
        let parts = made.parts();
        Some(parts.apps.get(&(namespace.to_owned(), app.to_owned()))?.log().clone())
    }

    fn restart_app<'a>(&'a self, namespace: &'a str, app: &'a str) -> Answer<'a, ()> {
        Box::pin(async move {
            let restarted = {
                let made = self.made()?;
                let parts = made.parts();
                let found = parts.apps.get(&(namespace.to_owned(), app.to_owned()));
                let (namespace, app) = (namespace.to_owned(), app.to_owned());
                let missing = || absent(&made, Object::App { namespace, app });
                found.ok_or_else(missing)?.restart(made.settings.stop_timeout)
            };
            restarted.await.map_err(|error| ControlError::Failed(error.to_string()))
        })
    }

    fn add_forward(&self, wanted: Wanted) -> Result<(), ControlError> {
        Ok(self.made()?.forwards.add(wanted)?)
    }

    fn delete_forward(&self, port: u16, protocol: Protocol) -> Answer<'_, ()> {
        Box::pin(async move {
            let forwards = self.made()?.forwards.clone();
            Ok(forwards.delete(port, protocol).await?)
        })
    }

    fn connect<'a>(&'a self, side: &'a str, to: &'a Destination) -> Answer<'a, TcpStream> {
        Box::pin(async move {
            let (plan, forwards) = {
                let made = self.made()?;
                (Arc::clone(&made.plan), made.forwards.clone())
            };
            reach::connect(&plan, &forwards, side, to, reach::PATIENCE).await
        })
    }

    fn console(&self, node: &str) -> Result<Console, ControlError> {
        Ok(self.node(node)?.console().clone())
    }

    fn send_break<'a>(&'a self, node: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { Ok(self.node(node)?.send_break().await?) })
    }

    fn screenshot<'a>(&'a self, node: &'a str) -> Answer<'a, Vec<u8>> {
        Box::pin(async move { Ok(self.node(node)?.screenshot().await?) })
    }

    fn redfish(&self, node: &str) -> Result<Arc<Redfish>, ControlError> {
        let found = self.made()?.bmcs.redfish(node);
        found.ok_or_else(|| ControlError::NotFound(format!("BMC of a node {node:?} that is served")))
    }

    fn open_shell<'a>(&'a self, netns: &'a str, wanted: shell::Wanted) -> Answer<'a, Opened> {
        Box::pin(async move {
            let (shells, keeper, namespace) = {
                let made = self.made()?;
                if !made.plan.namespaces.iter().any(|planned| planned.name == netns) {
                    return Err(ControlError::NotFound(format!("namespace {netns:?}")));
                }
                let fabric = made.fabric();
                let namespace = fabric.and_then(|fabric| fabric.namespace(netns).cloned());
                let parts = made.keeper.get().cloned().zip(namespace);
                let missing = || absent(&made, Object::Namespace(netns.to_owned()));
                let (keeper, namespace) = parts.ok_or_else(missing)?;
                (made.shells.clone(), keeper, namespace)
            };
            Ok(shells.open(&keeper, &namespace, wanted).await?)
        })
    }

    fn shells(&self) -> Result<Shells, ControlError> {
        Ok(self.made()?.shells.clone())
    }

    fn links(&self) -> Answer<'_, Vec<LinkCounters>> {
        Box::pin(async move {
            let Some(fabric) = self.made()?.fabric() else {
                return Ok(Vec::new());
            };
            let counters = fabric.counters().await;
            counters.map_err(|error| ControlError::Failed(error.to_string()))
        })
    }
}

impl From<NodeError> for ControlError {
    fn from(error: NodeError) -> Self {
        let message = error.to_string();
        match error {
            NodeError::Off { .. } | NodeError::ShuttingDown { .. } | NodeError::NoScreen { .. } => {
                Self::Conflict(message)
            }
            _ => Self::Failed(message),
        }
    }
}

impl From<ForwardError> for ControlError {
    fn from(error: ForwardError) -> Self {
        let message = error.to_string();
        match error {
            ForwardError::NotFound { port, protocol } => {
                Self::NotFound(format!("forward of the host's port {port}/{protocol}"))
            }
            ForwardError::NoNamespace(name) => Self::NotFound(format!("namespace {name:?}")),
            ForwardError::NotReady(name) => Self::NotYet(Object::Namespace(name)),
            ForwardError::Exists { .. } | ForwardError::Listen { .. } => Self::Conflict(message),
            _ => Self::Failed(message),
        }
    }
}

impl From<ShellError> for ControlError {
    fn from(error: ShellError) -> Self {
        match error {
            ShellError::NotFound(id) => Self::NotFound(format!("shell {id:?}")),
            ShellError::TooMany(_) | ShellError::Ended(_) | ShellError::OnTerminal(_) => {
                Self::Conflict(error.to_string())
            }
            ShellError::Terminal { .. } | ShellError::Start { .. } => Self::Failed(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        host::{LabDir, mtu::Choice},
        lab::{About, Settings},
        plan::{
            Options, build,
            testing::{Lab, facts},
        },
        store::{State, Store},
    };

    fn settings() -> Settings {
        Settings {
            listen_addr: String::new(),
            allow_hosts: vec![],
            init_timeout: Duration::ZERO,
            stop_timeout: Duration::ZERO,
            boot_parallelism: None,
            debug: false,
            bmc_users: vec![],
            bmc_certificate: None,
            mtu: Choice::Route,
            replan: Box::new(|_| None),
            about: About {
                files: vec![],
                qemu_version: None,
                kernel: String::new(),
            },
            observer: None,
        }
    }

    #[tokio::test]
    async fn what_is_only_planned_is_not_there_yet_and_what_ends_not_any_more() {
        let root = tempfile::tempdir().unwrap();
        let spec = Lab::new("dc").namespace("tor", &[]).node("boot", &[]).spec();
        let plan = build(&spec, &Options::default(), &facts()).unwrap();
        let dir = LabDir::acquire(root.path(), "dc").unwrap();
        let made = Arc::new(Made::new(Arc::new(plan), Store::new(State::default()), dir, settings()));
        let control = LabControl::new(&made);
        let node = Object::Node("boot".into());
        let refused = control.node_action("boot", Action::Start, None).await;
        assert!(matches!(refused, Err(ControlError::NotYet(object)) if object == node));
        assert!(matches!(control.console("boot"), Err(ControlError::NotYet(object)) if object == node));
        assert!(matches!(
            control.restart_app("tor", "bird").await,
            Err(ControlError::NotYet(Object::App { .. }))
        ));
        assert!(matches!(control.console("nowhere"), Err(ControlError::NotFound(_))));
        made.probing.cancel();
        assert!(matches!(control.console("boot"), Err(ControlError::Ending)));
    }
}
