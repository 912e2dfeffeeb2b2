//! Small labs and hosts for tests.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{Facts, Firmware, Mtu, MtuSource, QemuProgram, QemuVersion};
use crate::spec::{
    load_from,
    model::{
        Cache, MachineType, Namespace, NamespaceInterface, Network, NetworkKind, Node, NodeInterface, Place, Smbios,
        Smp, Spec, Volume, VolumeKind,
    },
    sample::AllThere,
};

/// A spec in the making, without a lab file.
pub(crate) struct Lab(Spec);

impl Lab {
    pub(crate) fn new(name: &str) -> Self {
        Self(Spec {
            base_dir: "/labs".into(),
            default_name: name.to_owned(),
            networks: Vec::new(),
            namespaces: Vec::new(),
            images: Vec::new(),
            device_classes: Vec::new(),
            nodes: Vec::new(),
        })
    }

    pub(crate) fn network(mut self, name: &str, kind: NetworkKind) -> Self {
        let place = place(self.0.networks.len());
        self.0.networks.push(Network {
            name: name.to_owned(),
            place,
            kind,
        });
        self
    }

    pub(crate) fn internal(self, name: &str) -> Self {
        self.network(name, NetworkKind::Internal)
    }

    pub(crate) fn external(self, name: &str, address: &str, nat: bool) -> Self {
        self.network(
            name,
            NetworkKind::External {
                address: address.parse().unwrap(),
                nat,
            },
        )
    }

    pub(crate) fn bmc(self, name: &str, address: &str) -> Self {
        self.network(
            name,
            NetworkKind::Bmc {
                address: address.parse().unwrap(),
            },
        )
    }

    /// With interfaces as `network` or `network=address`.
    pub(crate) fn namespace(mut self, name: &str, interfaces: &[&str]) -> Self {
        let line = 100 + self.0.namespaces.len();
        let interfaces = interfaces.iter().map(|text| {
            let (network, address) = text.split_once('=').unwrap_or((text, ""));
            let addresses = address
                .split_terminator(',')
                .map(|address| address.parse().unwrap())
                .collect();
            NamespaceInterface {
                place: place(line),
                network: network.to_owned(),
                addresses,
            }
        });
        self.0.namespaces.push(Namespace {
            name: name.to_owned(),
            place: place(line),
            interfaces: interfaces.collect(),
            init_scripts: Vec::new(),
            apps: Vec::new(),
            forwards: Vec::new(),
            depends_on: Vec::new(),
        });
        self
    }

    pub(crate) fn node(self, name: &str, networks: &[&str]) -> Self {
        self.node_with(name, networks, |_| ())
    }

    pub(crate) fn node_with(mut self, name: &str, networks: &[&str], change: impl FnOnce(&mut Node)) -> Self {
        let line = 200 + self.0.nodes.len();
        let interface = |network: &&str| NodeInterface {
            place: place(line),
            network: (*network).to_owned(),
            mac: None,
        };
        let mut node = Node {
            name: name.to_owned(),
            place: place(line),
            interfaces: networks.iter().map(interface).collect(),
            volumes: Vec::new(),
            ignition: None,
            smp: Smp {
                cpus: Some(1),
                ..Smp::default()
            },
            memory: Some("1G".to_owned()),
            numa_nodes: None,
            queues: 1,
            smbios: Smbios::default(),
            uefi: false,
            tpm: false,
            bmc: None,
            machine: MachineType::default(),
            power_on: true,
            extra_args: Vec::new(),
            ready: Vec::new(),
            depends_on: Vec::new(),
        };
        change(&mut node);
        self.0.nodes.push(node);
        self
    }

    /// Changes anything else.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Spec)) -> Self {
        change(&mut self.0);
        self
    }

    pub(crate) fn spec(self) -> Spec {
        self.0
    }
}

pub(crate) fn volume(name: &str, kind: VolumeKind) -> Volume {
    Volume {
        name: name.to_owned(),
        place: place(300),
        kind,
        cache: Cache::None,
        device_class: None,
    }
}

pub(crate) fn place(index: usize) -> Place {
    Place {
        file: Path::new("dc.yml").into(),
        line: u32::try_from(index).unwrap() + 1,
        column: 1,
    }
}

/// A host with all that labs can use.
pub(crate) fn facts() -> Facts {
    let firmware = |suffix: &str, vars_size| Firmware {
        code: format!("/usr/share/OVMF/OVMF_CODE{suffix}.fd").into(),
        vars: format!("/usr/share/OVMF/OVMF_VARS{suffix}.fd").into(),
        vars_size,
    };
    Facts {
        kvm: Ok(()),
        vhost_net: true,
        tun: true,
        qemu: Some(QemuProgram {
            program: "/usr/bin/qemu-system-x86_64".into(),
            version: Some(QemuVersion {
                major: 7,
                minor: 2,
                micro: 22,
            }),
            sandbox: true,
        }),
        qemu_user: None,
        swtpm: Some(PathBuf::from("/usr/bin/swtpm")),
        virtiofsd: Some(PathBuf::from("/usr/libexec/virtiofsd")),
        firmware: vec![firmware("_4M", 540_672), firmware("", 131_072)],
        nvram: BTreeMap::new(),
        power: BTreeMap::new(),
        buffered_only: BTreeSet::new(),
        mtu: Mtu {
            value: Some(1460),
            source: MtuSource::Route {
                destination: "192.0.0.10".to_owned(),
                link: "eth0".to_owned(),
            },
        },
        links: ["lo", "eth0"].map(str::to_owned).into(),
        prefixes: vec![
            ("lo".to_owned(), "127.0.0.1/8".parse().unwrap()),
            ("eth0".to_owned(), "192.168.7.20/24".parse().unwrap()),
        ],
        namespaces: BTreeSet::new(),
        labs_of_links: BTreeMap::new(),
        labs_of_namespaces: BTreeMap::new(),
    }
}

/// Reads a lab file that has no mistake, as if every file it names were there.
pub(crate) fn read(path: &str, yaml: &str) -> Spec {
    let report = load_from(vec![(path.into(), yaml.into())], &AllThere);
    assert!(!report.has_errors(false), "{}", report.render_text(false));
    report.spec.unwrap()
}
