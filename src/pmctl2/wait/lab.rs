//! The lab as it is at one moment.

use std::collections::HashSet;

use anyhow::bail;
use placemat2_engine::{
    client::Client,
    spec::model::Object,
    store::{self, LabPhase, ReadyState, State},
};

use crate::pmctl2::connect::Session;

/// What can be waited for.
pub struct Lab {
    /// Its state, but for what nobody waits for.
    pub state: State,
}

impl Lab {
    /// Asks for it.
    pub async fn read(session: &Session) -> anyhow::Result<Self> {
        let state = State {
            lab: session.read(&Client::path(&["lab"])).await?,
            nodes: session.read(&Client::path(&["nodes"])).await?,
            namespaces: session.read(&Client::path(&["netns"])).await?,
            ..State::default()
        };
        Ok(Self { state })
    }

    /// Whether everything was started.
    pub fn is_up(&self) -> bool {
        self.state.lab.phase == LabPhase::Running
    }

    /// How far it is, in a word.
    pub fn phase(&self) -> &'static str {
        store::lab_phase(self.state.lab.phase)
    }

    /// The nodes that have a console for sure: those whose firmware has begun, and all once the lab is no longer being brought up.
    pub fn consoles(&self) -> HashSet<String> {
        let is_starting = self.state.lab.phase == LabPhase::Starting;
        let there = self.state.nodes.iter().filter(|node| !is_starting || node.boots > 0);
        there.map(|node| node.name.clone()).collect()
    }

    /// All nodes, namespaces and apps.
    pub fn objects(&self) -> impl Iterator<Item = Object> {
        let nodes = self.state.nodes.iter().map(|node| Object::Node(node.name.clone()));
        let namespaces = self.state.namespaces.iter().flat_map(|namespace| {
            let apps = namespace.apps.iter().map(|app| Object::App {
                namespace: namespace.name.clone(),
                app: app.name.clone(),
            });
            std::iter::once(Object::Namespace(namespace.name.clone())).chain(apps)
        });
        nodes.chain(namespaces)
    }

    /// Whether it is a node that is not powered on with the lab, and was not since.
    pub fn stays_off(&self, object: &Object) -> bool {
        match object {
            Object::Node(name) => self
                .state
                .node(name)
                .is_some_and(|node| node.ready.state == ReadyState::Off),
            _ => false,
        }
    }

    /// Finds what is meant by a name.
    pub fn find(&self, name: &str) -> anyhow::Result<Object> {
        let by_id = name.parse().ok();
        let by_name = match name.split_once('/') {
            Some((namespace, app)) => Object::App {
                namespace: namespace.to_owned(),
                app: app.to_owned(),
            },
            None if self.state.node(name).is_some() => Object::Node(name.to_owned()),
            None => Object::Namespace(name.to_owned()),
        };
        let found = by_id.into_iter().chain([by_name]).find(|object| self.exists(object));
        match found {
            Some(object) => Ok(object),
            None => bail!("there is no node, namespace or app {name:?} in this lab"),
        }
    }

    fn exists(&self, object: &Object) -> bool {
        match object {
            Object::Node(name) => self.state.node(name).is_some(),
            Object::Namespace(name) => self.state.namespace(name).is_some(),
            Object::App { namespace, app } => self.state.app(namespace, app).is_some(),
        }
    }
}
