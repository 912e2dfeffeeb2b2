//! Labs for the tests of this folder.

use placemat2_engine::api::{Edge, Topology, Vertex, VertexKind};

/// A graph from lists of names: what is linked with which networks.
pub fn topology(host: &[&str], namespaces: &[(String, Vec<String>)], nodes: &[(String, Vec<String>)]) -> Topology {
    let mut topology = Topology {
        vertices: vec![vertex("host", VertexKind::Host)],
        edges: Vec::new(),
    };
    let host = (
        "host".to_owned(),
        host.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
    );
    let all = || std::iter::once(&host).chain(namespaces).chain(nodes);
    let mut networks: Vec<&String> = Vec::new();
    for network in all().flat_map(|(_, networks)| networks) {
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    topology
        .vertices
        .extend(networks.iter().map(|name| vertex(name, VertexKind::Network)));
    topology
        .vertices
        .extend(namespaces.iter().map(|(name, _)| vertex(name, VertexKind::Namespace)));
    topology
        .vertices
        .extend(nodes.iter().map(|(name, _)| vertex(name, VertexKind::Node)));
    for (name, networks) in all() {
        let from = topology
            .vertices
            .iter()
            .find(|vertex| vertex.name == *name && vertex.kind != VertexKind::Network);
        let from = from.unwrap().id.clone();
        topology
            .edges
            .extend(networks.iter().enumerate().map(|(index, network)| Edge {
                id: format!("link/{name}/{index}"),
                from: from.clone(),
                to: format!("network/{network}"),
                interface: None,
                addresses: vec![],
                mac: None,
            }));
    }
    topology
}

fn vertex(name: &str, kind: VertexKind) -> Vertex {
    let prefix = match kind {
        VertexKind::Host => "",
        VertexKind::Network => "network/",
        VertexKind::Namespace => "namespace/",
        VertexKind::Node => "node/",
    };
    Vertex {
        id: format!("{prefix}{name}"),
        kind,
        name: name.to_owned(),
        state: None,
    }
}

fn linked(name: impl Into<String>, networks: &[&str]) -> (String, Vec<String>) {
    (name.into(), networks.iter().map(|name| (*name).to_owned()).collect())
}

/// The demo data centre.
pub fn demo() -> Topology {
    let namespaces = [
        linked("core", &["external", "operation", "core-s1", "core-s2"]),
        linked("operation", &["operation", "bmc"]),
        linked("dhcp", &["operation"]),
        linked("spine1", &["core-s1", "s1-r0-1", "s1-r0-2", "s1-r1-1", "s1-r1-2"]),
        linked("spine2", &["core-s2", "s2-r0-1", "s2-r0-2", "s2-r1-1", "s2-r1-2"]),
        linked("r0-tor1", &["s1-r0-1", "s2-r0-1", "r0-node1"]),
        linked("r0-tor2", &["s1-r0-2", "s2-r0-2", "r0-node2"]),
        linked("r1-tor1", &["s1-r1-1", "s2-r1-1", "r1-node1"]),
        linked("r1-tor2", &["s1-r1-2", "s2-r1-2", "r1-node2"]),
    ];
    let nodes = [
        linked("r0-s1", &["r0-node1", "r0-node2"]),
        linked("r0-s2", &["r0-node1", "r0-node2"]),
        linked("r1-s1", &["r1-node1", "r1-node2"]),
        linked("r1-s2", &["r1-node1", "r1-node2"]),
    ];
    topology(&["external", "bmc"], &namespaces, &nodes)
}

/// A data centre of so many spines, racks and nodes a rack.
pub fn data_centre(spines: usize, racks: usize, nodes: usize) -> Topology {
    let mut core = vec!["external".to_owned()];
    core.extend((0..spines).map(|spine| format!("core-s{spine}")));
    let mut namespaces = vec![("core".to_owned(), core)];
    for spine in 0..spines {
        let mut links = vec![format!("core-s{spine}")];
        links.extend((0..racks).flat_map(|rack| (1..3).map(move |tor| format!("s{spine}-r{rack}-{tor}"))));
        namespaces.push((format!("spine{spine}"), links));
    }
    let mut servers = Vec::new();
    for rack in 0..racks {
        for tor in 1..3 {
            let mut links: Vec<String> = (0..spines).map(|spine| format!("s{spine}-r{rack}-{tor}")).collect();
            links.push(format!("r{rack}-node{tor}"));
            namespaces.push((format!("r{rack}-tor{tor}"), links));
        }
        servers.extend((0..nodes).map(|node| {
            (
                format!("r{rack}-s{node}"),
                vec![format!("r{rack}-node1"), format!("r{rack}-node2")],
            )
        }));
    }
    topology(&["external"], &namespaces, &servers)
}
