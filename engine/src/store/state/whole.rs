//! All that is known of a lab.

use serde::Serialize;

use super::{AppState, BmcState, ForwardState, ImageState, LabState, NamespaceState, NetworkState, NodeState};

/// Everything the API can tell of a lab. Lists keep the order of the lab files.
#[derive(Clone, Debug, Default, Serialize)]
pub struct State {
    /// The lab as a whole.
    pub lab: LabState,
    /// L2 segments.
    pub networks: Vec<NetworkState>,
    /// Namespaces with their apps.
    pub namespaces: Vec<NamespaceState>,
    /// Disk images that some node uses.
    pub images: Vec<ImageState>,
    /// Virtual machines.
    pub nodes: Vec<NodeState>,
    /// BMCs that nodes have, or should have.
    pub bmcs: Vec<BmcState>,
    /// Ports of the host that lead into namespaces, in the order of their numbers.
    pub forwards: Vec<ForwardState>,
}

impl State {
    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&NodeState> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// The namespace of that name.
    pub fn namespace(&self, name: &str) -> Option<&NamespaceState> {
        self.namespaces.iter().find(|namespace| namespace.name == name)
    }

    /// The app of that name in that namespace.
    pub fn app(&self, namespace: &str, app: &str) -> Option<&AppState> {
        let namespace = self.namespace(namespace)?;
        namespace.apps.iter().find(|candidate| candidate.name == app)
    }

    /// The BMC of the node of that name.
    pub fn bmc(&self, node: &str) -> Option<&BmcState> {
        self.bmcs.iter().find(|bmc| bmc.node == node)
    }

    /// The node of that name.
    pub fn node_mut(&mut self, name: &str) -> Option<&mut NodeState> {
        self.nodes.iter_mut().find(|node| node.name == name)
    }

    /// The BMC of the node of that name.
    pub fn bmc_mut(&mut self, node: &str) -> Option<&mut BmcState> {
        self.bmcs.iter_mut().find(|bmc| bmc.node == node)
    }

    /// The image of that name.
    pub fn image_mut(&mut self, name: &str) -> Option<&mut ImageState> {
        self.images.iter_mut().find(|image| image.name == name)
    }

    /// The namespace of that name.
    pub fn namespace_mut(&mut self, name: &str) -> Option<&mut NamespaceState> {
        self.namespaces.iter_mut().find(|namespace| namespace.name == name)
    }

    /// The app of that name in that namespace.
    pub fn app_mut(&mut self, namespace: &str, app: &str) -> Option<&mut AppState> {
        self.namespace_mut(namespace)?
            .apps
            .iter_mut()
            .find(|candidate| candidate.name == app)
    }
}
