//! The state a lab begins with: everything of the plan, nothing of it there yet.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{addresses, bmc};
use crate::{
    console,
    node::PowerState,
    plan::{self, End, Plan, RestorePolicy},
    spec::model as spec,
    store::{
        AppPhase, AppState, ImagePhase, ImageState, InterfaceState, LabPhase, LabState, NamespaceState, NetworkState,
        NicState, NodeState, Readiness, Ready, Smbios, State,
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
        ready: readiness(&app.ready),
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
    let mut ready = readiness(&node.ready);
    if !node.power_on {
        ready.stay_off();
    }
    NodeState {
        name: node.name.clone(),
        taps: node
            .nics
            .iter()
            .map(|nic| (nic.network.clone(), nic.tap.clone()))
            .collect(),
        volumes: node.volumes.iter().map(|volume| volume.name.clone()).collect(),
        cpu: node.cpus,
        memory: node.memory.clone().unwrap_or_default(),
        uefi: node.nvram.is_some(),
        tpm: node.tpm.is_some(),
        smbios: Smbios {
            manufacturer: node.manufacturer.clone().unwrap_or_default(),
            product: node.product.clone().unwrap_or_default(),
            serial: node.serial.clone(),
        },
        power_status: PowerState::Off,
        socket_path: node.console_socket.display().to_string(),
        pty_path: console::link_path(&node.console_socket).display().to_string(),
        power_reason: (!node.power_on).then(|| stays_off_since(node).to_owned()),
        failed: false,
        pid: None,
        started_at: None,
        boots: 0,
        last_boot: None,
        nics: node
            .nics
            .iter()
            .map(|nic| NicState {
                network: nic.network.clone(),
                tap: nic.tap.clone(),
                mac: nic.mac.to_string(),
            })
            .collect(),
        bmc_address: plan
            .bmcs
            .iter()
            .find(|bmc| bmc.node == node.name)
            .map(|bmc| bmc.address.to_string()),
        addresses: addresses::of_seeds(node),
        ready,
    }
}

/// Why a node is not powered on with its lab.
fn stays_off_since(node: &plan::Node) -> &'static str {
    match node.restore.policy {
        None => "its lab file has `power: off`",
        Some(RestorePolicy::Previous) => "it was off when its lab ended, and its restore policy is `previous`",
        Some(_) => "its restore policy is `always-off`",
    }
}

fn readiness(ready: &[spec::Ready]) -> Readiness {
    Readiness::new((!ready.is_empty()).then(|| spec::Ready::probes(ready)))
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
