//! What of a lab this host already has: links, prefixes and namespaces by the same name.

use ipnet::IpNet;

use super::{Facts, Options, Paths, PlanError, lab};
use crate::spec::model::{Namespace, Network, Spec};

/// Returns what of a lab this host has already.
pub fn clashes(spec: &Spec, options: &Options, facts: &Facts) -> Vec<PlanError> {
    let name = lab::lab_name(spec, options);
    // What else is wrong with the name or the paths is told by the plan.
    let paths = lab::paths(spec, options, &name, &mut Vec::new());
    let mut clashes = Vec::new();
    check(spec, &name, &paths, facts, &mut clashes);
    clashes
}

/// Finds every clash of the lab with the host.
pub(super) fn check(spec: &Spec, lab: &str, paths: &Paths, facts: &Facts, errors: &mut Vec<PlanError>) {
    let fabric = lab::fabric_name(lab);
    if facts.namespaces.contains(&fabric) {
        // Everything below would clash with the running lab itself.
        errors.push(PlanError::LabRuns { name: lab.to_owned() });
        return;
    }
    for network in &spec.networks {
        check_network(network, facts, errors);
    }
    for namespace in &spec.namespaces {
        check_namespace(namespace, &fabric, paths, facts, errors);
    }
}

fn check_network(network: &Network, facts: &Facts, errors: &mut Vec<PlanError>) {
    let Some(address) = network.kind.address() else { return };
    if facts.links.contains(&network.name) {
        errors.push(PlanError::LinkExists {
            place: network.place.clone(),
            network: network.name.clone(),
            lab: facts.labs_of_links.get(&network.name).cloned(),
        });
    }
    let clash = facts.prefixes.iter().find(|(_, other)| collide(address, *other));
    if let Some((link, other)) = clash {
        errors.push(PlanError::PrefixInUse {
            place: network.place.clone(),
            network: network.name.clone(),
            address,
            link: link.clone(),
            other: *other,
            lab: facts.labs_of_links.get(link).cloned(),
        });
    }
}

fn check_namespace(namespace: &Namespace, fabric: &str, paths: &Paths, facts: &Facts, errors: &mut Vec<PlanError>) {
    let (place, name) = (namespace.place.clone(), namespace.name.clone());
    if name == fabric {
        errors.push(PlanError::FabricName { place, namespace: name });
    } else if facts.namespaces.contains(&name) {
        errors.push(PlanError::NamespaceExists {
            place,
            path: paths.netns_dir.join(&name),
            lab: facts.labs_of_namespaces.get(&name).cloned(),
            namespace: name,
        });
    }
}

/// Whether a lab's prefix and one of the host's get in each other's way. Every link has the IPv6 link-local prefix, and
/// a single address (a VPN's, a load balancer's) takes nothing from a lab that does not want that very address.
fn collide(address: IpNet, other: IpNet) -> bool {
    let link_local = matches!(other, IpNet::V6(net) if net.addr().is_unicast_link_local());
    let single = other.prefix_len() == other.max_prefix_len() && address.prefix_len() < address.max_prefix_len();
    if link_local {
        false
    } else if single {
        other.addr() == address.addr()
    } else {
        address.contains(&other.trunc()) || other.contains(&address.trunc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_collide_when_one_holds_the_other() {
        let collide = |a: &str, b: &str| collide(a.parse().unwrap(), b.parse().unwrap());
        assert!(collide("10.0.0.1/24", "10.0.0.200/24"));
        assert!(collide("10.0.0.1/16", "10.0.3.1/24"));
        assert!(collide("10.0.3.1/24", "10.0.0.1/16"));
        assert!(!collide("10.0.0.1/24", "10.0.1.1/24"));
        assert!(!collide("10.0.0.1/24", "fd00::1/64"));
        assert!(collide("fd00::1/64", "fd00::2/64"));
        assert!(!collide("fe80::1/64", "fe80::2/64"));
        assert!(!collide("10.0.0.1/24", "10.0.0.7/32"));
        assert!(collide("10.0.0.1/24", "10.0.0.1/32"));
    }
}
