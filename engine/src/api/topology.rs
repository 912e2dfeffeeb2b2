//! The lab as a graph: host, networks, namespaces and nodes, joined by links.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    plan::NetworkKind,
    store::{NamespaceState, NetworkState, NodeState, Ready, State},
};

/// What is linked with what. Every edge has a network at one end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Topology {
    /// The host first, then networks, namespaces and nodes, each in the order of the lab files.
    pub vertices: Vec<Vertex>,
    /// One for each link.
    pub edges: Vec<Edge>,
}

/// An end of links.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Vertex {
    /// `host`, `network/NAME`, `namespace/NAME` or `node/NAME`.
    pub id: String,
    /// What it is.
    pub kind: VertexKind,
    /// Its name; the host's is `host`.
    pub name: String,
    /// The `state` of a network or namespace, the `power_status` of a node; the host has none.
    pub state: Option<String>,
}

/// What a vertex is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VertexKind {
    /// The machine the lab runs on.
    Host,
    /// An L2 segment.
    Network,
    /// A network namespace.
    Namespace,
    /// A virtual machine.
    Node,
}

/// One link: the attachment of the host, a namespace or a node to a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Edge {
    /// `link/host/NETWORK`, `link/NAMESPACE/ethN` or `link/NODE/N`.
    pub id: String,
    /// Id of the host, the namespace or the node.
    pub from: String,
    /// Id of the network.
    pub to: String,
    /// The interface at the `from` end: the host's, the namespace's, or the tap of a node.
    pub interface: Option<String>,
    /// Addresses with prefix lengths at the `from` end, as far as the lab file gives them.
    pub addresses: Vec<String>,
    /// MAC at the `from` end, of a namespace or a node.
    pub mac: Option<String>,
}

impl Topology {
    /// The graph of a lab's state.
    pub fn of(state: &State) -> Self {
        let mut graph = Self {
            vertices: vec![Vertex {
                id: "host".into(),
                kind: VertexKind::Host,
                name: "host".into(),
                state: None,
            }],
            edges: Vec::new(),
        };
        state.networks.iter().for_each(|network| graph.add_network(network));
        state
            .namespaces
            .iter()
            .for_each(|namespace| graph.add_namespace(namespace));
        state.nodes.iter().for_each(|node| graph.add_node(node));
        graph
    }

    fn add_network(&mut self, network: &NetworkState) {
        let name = &network.name;
        self.add_vertex(VertexKind::Network, name, ready(network.state).into());
        if network.kind != NetworkKind::Internal {
            self.edges.push(Edge {
                id: format!("link/host/{name}"),
                from: "host".into(),
                to: network_id(name),
                interface: Some(name.clone()),
                addresses: texts(network.address),
                mac: None,
            });
        }
    }

    fn add_namespace(&mut self, namespace: &NamespaceState) {
        let name = &namespace.name;
        let id = self.add_vertex(VertexKind::Namespace, name, ready(namespace.state).into());
        for interface in &namespace.interfaces {
            self.edges.push(Edge {
                id: format!("link/{name}/{}", interface.name),
                from: id.clone(),
                to: network_id(&interface.network),
                interface: Some(interface.name.clone()),
                addresses: texts(&interface.addresses),
                mac: Some(interface.mac.clone()),
            });
        }
    }

    fn add_node(&mut self, node: &NodeState) {
        let name = &node.name;
        let id = self.add_vertex(VertexKind::Node, name, format!("{:?}", node.power_status));
        for (index, nic) in node.nics.iter().enumerate() {
            self.edges.push(Edge {
                id: format!("link/{name}/{index}"),
                from: id.clone(),
                to: network_id(&nic.network),
                interface: Some(nic.tap.clone()),
                addresses: Vec::new(),
                mac: Some(nic.mac.clone()),
            });
        }
    }

    fn add_vertex(&mut self, kind: VertexKind, name: &str, state: String) -> String {
        let id = match kind {
            VertexKind::Host => "host".into(),
            VertexKind::Network => network_id(name),
            VertexKind::Namespace => format!("namespace/{name}"),
            VertexKind::Node => format!("node/{name}"),
        };
        self.vertices.push(Vertex {
            id: id.clone(),
            kind,
            name: name.to_owned(),
            state: Some(state),
        });
        id
    }
}

fn network_id(name: &str) -> String {
    format!("network/{name}")
}

fn texts<T: fmt::Display>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

fn ready(state: Ready) -> &'static str {
    match state {
        Ready::Waiting => "waiting",
        Ready::Starting => "starting",
        Ready::Ready => "ready",
        Ready::Failed => "failed",
    }
}
