//! The state a lab begins with: everything of the plan, nothing of it there yet.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{addresses, bmc};
use crate::{
    plan::{self, End, Plan},
    store::{
        AppPhase, AppState, ImagePhase, ImageState, InterfaceState, LabPhase, LabState, NamespaceState, NetworkState,
        NodeState, Readiness, Ready, State,
    },
};

/// What the state tells of a lab that its plan doesn't.
#[derive(Clone, Debug)]
pub struct About {
    /// The lab files as they were named.
    pub files: Vec<String>,
    /// Version of QEMU, if one was found.
    pub qemu_version: Option<String>,
    /// Release of the host's kernel.
    pub kernel: String,
}

/// Returns the state of a lab that is about to be brought up.
pub fn state(plan: &Plan, about: &About) -> State {
    let lab = LabState {
        name: plan.lab.clone(),
        phase: LabPhase::Starting,
        mtu: plan.mtu.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        qemu_version: about.qemu_version.clone(),
        kernel: about.kernel.clone(),
        accel: plan.accel,
        pid: std::process::id(),
        started_at: Timestamp::now(),
        error: None,
        files: about.files.clone(),
        steps: Vec::new(),
    };
    let mut interfaces = interfaces(plan);
    State {
        lab,
        networks: plan
            .networks
            .iter()
            .map(|network| network_state(plan, network))
            .collect(),
        namespaces: plan
            .namespaces
            .iter()
            .map(|namespace| {
                let own = interfaces.remove(namespace.name.as_str()).unwrap_or_default();
                namespace_state(namespace, own)
            })
            .collect(),
        images: plan.images.iter().map(image_state).collect(),
        nodes: plan.nodes.iter().map(|node| node_state(plan, node)).collect(),
        bmcs: plan.bmcs.iter().map(bmc::state::declared).collect(),
        forwards: Vec::new(),
    }
}

fn network_state(plan: &Plan, network: &plan::Network) -> NetworkState {
    NetworkState {
        name: network.name.clone(),
        kind: network.kind,
        address: network.address,
        nat: network.nat,
        shape: network.shape,
        mtu: plan.mtu.effective(),
        links: network.links.iter().map(|link| link.id.clone()).collect(),
        state: Ready::Waiting,
    }
}

/// The interfaces of all namespaces, by namespace and then by the number in `ethN`.
fn interfaces(plan: &Plan) -> BTreeMap<&str, BTreeMap<u32, InterfaceState>> {
    let mut by_namespace: BTreeMap<&str, BTreeMap<u32, InterfaceState>> = BTreeMap::new();
    let links = plan
        .networks
        .iter()
        .flat_map(|network| network.links.iter().map(move |link| (network, &link.end)));
    for (network, end) in links {
        let End::Namespace {
            namespace,
            interface,
            mac,
            addresses,
        } = end
        else {
            continue;
        };
        let number = interface.trim_start_matches("eth").parse().unwrap_or(u32::MAX);
        let state = InterfaceState {
            name: interface.clone(),
            network: network.name.clone(),
            mac: mac.to_string(),
            addresses: addresses.clone(),
        };
        by_namespace.entry(namespace).or_default().insert(number, state);
    }
    by_namespace
}

fn namespace_state(namespace: &plan::Namespace, interfaces: BTreeMap<u32, InterfaceState>) -> NamespaceState {
    NamespaceState {
        name: namespace.name.clone(),
        state: Ready::Waiting,
        reason: None,
        interfaces: interfaces.into_values().collect(),
        apps: namespace.apps.iter().map(app_state).collect(),
    }
}

fn app_state(app: &plan::App) -> AppState {
    AppState {
        name: app.name.clone(),
        command: app.command.clone(),
        phase: AppPhase::Waiting,
        pid: None,
        started_at: None,
        exit_code: None,
        signal: None,
        restarts: 0,
        error: None,
        ready: Readiness::of(&app.ready),
    }
}

fn image_state(image: &plan::Image) -> ImageState {
    ImageState {
        name: image.name.clone(),
        url: image.url.clone(),
        file: image.file.display().to_string(),
        phase: ImagePhase::Waiting,
        done: 0,
        total: None,
        error: None,
    }
}

fn node_state(plan: &Plan, node: &plan::Node) -> NodeState {
    let mut bmcs = plan.bmcs.iter();
    NodeState {
        bmc_address: bmcs
            .find(|bmc| bmc.node == node.name)
            .map(|bmc| bmc.address.to_string()),
        addresses: addresses::of_seeds(node),
        ..NodeState::of(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        Options, build,
        testing::{Lab, facts},
    };

    #[test]
    fn interfaces_are_in_the_order_of_their_numbers() {
        let networks: Vec<String> = (0..12).map(|number| format!("n{number}")).collect();
        let lab = networks
            .iter()
            .rev()
            .fold(Lab::new("x"), |lab, name| lab.internal(name));
        let ends: Vec<_> = networks.iter().map(String::as_str).collect();
        let spec = lab.namespace("router", &ends).spec();
        let plan = build(&spec, &Options::default(), &facts()).unwrap();
        let about = About {
            files: vec![],
            qemu_version: None,
            kernel: String::new(),
        };
        let state = state(&plan, &about);
        let found: Vec<_> = state.namespaces[0]
            .interfaces
            .iter()
            .map(|interface| (interface.name.clone(), interface.network.clone()))
            .collect();
        let wanted: Vec<_> = (0..12).map(|n| (format!("eth{n}"), format!("n{n}"))).collect();
        assert_eq!(found, wanted);
    }
}
