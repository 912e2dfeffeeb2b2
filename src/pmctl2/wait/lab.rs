//! The lab as it is at one moment.

use anyhow::bail;
use placemat2_engine::{
    client::Client,
    spec::model::Object,
    store::{AppState, LabPhase, LabState, NamespaceState, NodeState, ReadyState},
};

use crate::pmctl2::connect::Session;

/// What can be waited for.
pub struct Lab {
    whole: LabState,
    nodes: Vec<NodeState>,
    namespaces: Vec<NamespaceState>,
}

impl Lab {
    /// Asks for it.
    pub async fn read(session: &Session) -> anyhow::Result<Self> {
        Ok(Self {
            whole: session.read(&Client::path(&["lab"])).await?,
            nodes: session.read(&Client::path(&["nodes"])).await?,
            namespaces: session.read(&Client::path(&["netns"])).await?,
        })
    }

    /// Whether everything was started.
    pub fn is_up(&self) -> bool {
        self.whole.phase == LabPhase::Running
    }

    /// How far it is, in a word.
    pub fn phase(&self) -> &'static str {
        match self.whole.phase {
            LabPhase::Starting => "starting",
            LabPhase::Running => "running",
            LabPhase::Stopping => "stopping",
            LabPhase::Failed => "failed",
        }
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&NodeState> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The namespace of that name.
    pub fn namespace(&self, name: &str) -> Option<&NamespaceState> {
        self.namespaces.iter().find(|namespace| namespace.name == name)
    }

    /// The app of that name in that namespace.
    pub fn app(&self, namespace: &str, name: &str) -> Option<&AppState> {
        self.namespace(namespace)?.apps.iter().find(|app| app.name == name)
    }

    /// All nodes, namespaces and apps.
    pub fn objects(&self) -> impl Iterator<Item = Object> {
        let nodes = self.nodes.iter().map(|node| Object::Node(node.name.clone()));
        let namespaces = self.namespaces.iter().flat_map(|namespace| {
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
            Object::Node(name) => self.node(name).is_some_and(|node| node.ready.state == ReadyState::Off),
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
            None if self.node(name).is_some() => Object::Node(name.to_owned()),
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
            Object::Node(name) => self.node(name).is_some(),
            Object::Namespace(name) => self.namespace(name).is_some(),
            Object::App { namespace, app } => self.app(namespace, app).is_some(),
        }
    }
}
