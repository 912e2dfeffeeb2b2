//! The labs that are measured, as YAML.

use std::{fmt::Write as _, path::Path};

use placemat2_engine::spec::sample::leaf_spine_yaml;

/// A lab file.
pub struct Lab {
    pub name: &'static str,
    pub yaml: String,
}

/// Networks that need a bridge, because three namespaces are on each.
pub fn bridged_networks(count: usize) -> Lab {
    let networks = (0..count).map(|n| format!("net{n}"));
    let mut yaml: String = networks.clone().map(|name| network(&name)).collect();
    for namespace in ["a", "b", "c"] {
        yaml += &begin_namespace(namespace);
        yaml.extend(networks.clone().map(|name| format!("  - network: {name}\n")));
    }
    Lab { name: "networks", yaml }
}

/// Namespaces in a ring, each with an address towards either neighbour.
pub fn ring(count: usize) -> Lab {
    let mut yaml: String = (0..count).map(|n| network(&format!("net{n}"))).collect();
    for n in 0..count {
        yaml += &begin_namespace(&format!("ns{n}"));
        for (link, host) in [(n, 1), ((n + count - 1) % count, 2)] {
            let _ = writeln!(
                yaml,
                "  - {{network: net{link}, addresses: [10.{}.{}.{host}/24]}}",
                link / 256,
                link % 256
            );
        }
    }
    Lab { name: "ring", yaml }
}

/// A whole data centre.
pub fn data_centre((spines, racks): (usize, usize), nodes_per_rack: usize) -> Lab {
    Lab {
        name: "dc",
        yaml: leaf_spine_yaml(spines, racks, nodes_per_rack),
    }
}

/// A data centre's networks and namespaces, without what runs in it.
pub fn data_centre_fabric(size: (usize, usize)) -> Lab {
    let whole = data_centre(size, 0);
    let parts = whole.yaml.split("---\n").filter(|part| part.contains("kind: Network"));
    let without_apps = parts.map(|part| part.split("apps:\n").next().unwrap_or(part));
    Lab {
        name: "fabric",
        yaml: without_apps.collect::<Vec<_>>().join("---\n"),
    }
}

/// A node that boots from an image and is off.
pub fn booting_node(image: &Path) -> Lab {
    let image = image.display();
    let yaml = format!(
        "kind: Image\nname: boot\nfile: {image}\n---\nkind: Node\nname: node\ncpu: 1\nmemory: 16M\npower: off\n\
         volumes:\n- {{kind: image, name: root, image: boot}}\n"
    );
    Lab { name: "node", yaml }
}

/// Nodes without disks and NICs: nothing boots, and nothing comes from them.
pub fn silent_nodes(count: usize) -> Lab {
    let nodes = (0..count).map(|n| format!("kind: Node\nname: n{n}\ncpu: 1\nmemory: 16M\n"));
    Lab {
        name: "nodes",
        yaml: nodes.collect::<Vec<_>>().join("---\n"),
    }
}

fn network(name: &str) -> String {
    format!("---\nkind: Network\nname: {name}\ntype: internal\n")
}

fn begin_namespace(name: &str) -> String {
    format!("---\nkind: NetworkNamespace\nname: {name}\ninterfaces:\n")
}
