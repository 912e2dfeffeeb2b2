//! Plans of whole labs, compared with what they were, and what must hold of any plan.

use std::{collections::HashSet, path::PathBuf};

use proptest::prelude::*;

use super::{
    AccelChoice, BootSource, End, Facts, KeptPower, Node, Nvram, Options, Plan, PlanError, QemuVersion, RestorePolicy,
    Shape, build, render_text,
    testing::{Lab, facts, place, read, volume},
};
use crate::spec::{
    model::{Bmc, Compression, DiskFormat, Image, ImageSource, MachineType, ShareDriver, Spec, VolumeKind},
    sample::leaf_spine_yaml,
};

fn plan(spec: &Spec) -> Plan {
    build(spec, &Options::default(), &facts()).unwrap()
}

/// Renders the errors as they are shown, one a line.
fn errors(spec: &Spec, options: &Options, facts: &Facts) -> String {
    let errors = build(spec, options, facts).unwrap_err();
    let line = |error: &PlanError| match error.place() {
        Some(place) => format!("{place}: {error}\n"),
        None => format!("{error}\n"),
    };
    errors.iter().map(line).collect()
}

fn image(name: &str, source: ImageSource) -> Image {
    Image {
        name: name.to_owned(),
        place: super::testing::place(400),
        source,
        compression: None,
        sha256: None,
    }
}

/// Networks of every kind and shape.
const FABRIC: &str = include_str!("../../tests/fixtures/labs/fabric.yml");
/// A node with everything a node can have.
const FURNISHED: &str = include_str!("../../tests/fixtures/labs/furnished.yml");

fn fabric() -> Spec {
    read("/labs/fabric.yml", FABRIC)
}

fn furnished() -> Spec {
    read("/labs/furnished.yml", FURNISHED)
}

#[test]
fn a_fabric() {
    insta::assert_snapshot!(render_text(&plan(&fabric())));
}

#[test]
fn a_furnished_node() {
    insta::assert_snapshot!(render_text(&plan(&furnished())));
}

#[test]
fn a_plan_as_json() {
    let spec = Lab::new("json")
        .internal("net0")
        .namespace("ns", &["net0=10.0.0.1/24"])
        .node("n", &["net0"])
        .spec();
    insta::assert_json_snapshot!(plan(&spec));
}

#[test]
fn a_host_that_lacks_what_can_be_lacked() {
    let lacking = Facts {
        kvm: Err("`/dev/kvm` can't be opened: No such file or directory (os error 2)".to_owned()),
        vhost_net: false,
        buffered_only: ["/var/scratch/placemat/volumes".into(), "/nowhere".into()].into(),
        qemu: facts().qemu.map(|mut qemu| {
            qemu.version.as_mut().unwrap().major = 4;
            qemu
        }),
        ..facts()
    };
    let spec = read("/labs/--my lab (2).old.yml", FURNISHED);
    let options = Options {
        graphic: true,
        data_dir: "data".into(),
        ..Options::default()
    };
    let lacking_here = Facts {
        buffered_only: ["/labs/data/volumes".into()].into(),
        ..lacking.clone()
    };
    insta::assert_snapshot!(render_text(&build(&spec, &options, &lacking_here).unwrap()));
    let empty = Lab::new("empty").spec();
    assert_eq!(
        build(&empty, &Options::default(), &lacking).unwrap().notes,
        Vec::<String>::new()
    );
}

#[test]
fn everything_wrong_is_told_at_once() {
    let bare = Facts {
        kvm: Err("the CPU shows neither `vmx` nor `svm`, although there is a `/dev/kvm`".to_owned()),
        qemu: None,
        tun: false,
        swtpm: None,
        virtiofsd: None,
        firmware: Vec::new(),
        namespaces: ["operation".to_owned(), "other".to_owned()].into(),
        ..facts()
    };
    let options = Options {
        name: Some("a/b".to_owned()),
        qemu_user: Some("nobody-here".to_owned()),
        accel: AccelChoice::Kvm,
        run_dir: "/run/a-directory-whose-name-is-so-long-that-no-unix-socket-can-be-made-in-it-by-any-process-of-linux"
            .into(),
        ..Options::default()
    };
    let spec = Lab::new("x")
        .external("eth0", "192.168.0.1/16", false)
        .external("fine", "10.0.0.1/24", false)
        .namespace("operation", &["fine", "missing"])
        .namespace("placemat2-a/b", &["fine"])
        .node_with("boot-0", &["fine", "nowhere"], |node| {
            node.uefi = true;
            node.tpm = true;
            let image = VolumeKind::Image {
                image: "gone".to_owned(),
                copy_on_write: false,
            };
            node.volumes = vec![volume("root", image)];
            node.volumes[0].device_class = Some("slow".to_owned());
        })
        .node_with("boot-1", &["fine"], |node| {
            node.memory = Some("1M".to_owned());
            node.numa_nodes = Some(2);
            let path = || VolumeKind::HostPath {
                path: "/srv".into(),
                writable: true,
                driver: ShareDriver::Virtiofs,
            };
            node.volumes = (0..27).map(|index| volume(&format!("v{index}"), path())).collect();
        })
        .spec();
    insta::assert_snapshot!(errors(&spec, &options, &bare));
}

#[test]
fn images_that_can_not_be_used() {
    let url = || ImageSource::Url("https://example.com/disk".to_owned());
    let kind = |image: &str| VolumeKind::Image {
        image: image.to_owned(),
        copy_on_write: true,
    };
    let lab = Lab::new("images").node_with("n", &[], |node| {
        node.volumes = ["plain", "packed", "file"].map(|name| volume(name, kind(name))).into();
    });
    let spec = lab.with(|spec| {
        spec.images = vec![
            image("plain", url()),
            Image {
                compression: Some(Compression::Gzip),
                ..image("packed", url())
            },
            Image {
                compression: Some(Compression::Xz),
                ..image("file", ImageSource::File("/labs/disk.xz".into()))
            },
        ];
    });
    insta::assert_snapshot!(errors(&spec.spec(), &Options::default(), &facts()));
}

#[test]
fn a_name_that_can_be_no_directory_is_told_before_anything_is_made() {
    for name in ["", ".hidden", "two words", &"x".repeat(65)] {
        let options = Options {
            name: Some(name.to_owned()),
            ..Options::default()
        };
        let lines = errors(&fabric(), &options, &facts());
        assert!(lines.contains(&format!("The lab can't be named `{name}`")), "{lines}");
    }
}

#[test]
fn a_running_lab_is_one_error() {
    let mut facts = facts();
    facts.namespaces = ["placemat2-fabric".to_owned(), "core".to_owned()].into();
    facts.links.insert("internet".to_owned());
    let lines = errors(&fabric(), &Options::default(), &facts);
    assert!(lines.starts_with("A lab named `fabric` is running"), "{lines}");
    assert_eq!(lines.lines().count(), 1);
}

#[test]
fn what_another_lab_has_is_told_as_that_labs() {
    let spec = fabric();
    let network = spec
        .networks
        .iter()
        .find(|network| network.kind.address().is_some())
        .unwrap();
    let (name, address) = (network.name.clone(), network.kind.address().unwrap());
    let namespace = spec.namespaces[0].name.clone();
    let mut facts = facts();
    facts.links.insert(name.clone());
    facts.prefixes.push((name.clone(), address));
    facts.namespaces = [namespace.clone()].into();
    facts.labs_of_links = [(name.clone(), "rack".to_owned())].into();
    facts.labs_of_namespaces = [(namespace.clone(), "rack".to_owned())].into();
    let told = errors(&spec, &Options::default(), &facts);
    for expected in [
        "needs an interface of that name on the host, but that of the running lab `rack` has it already".to_owned(),
        format!("of the host's link `{name}`, which belongs to the running lab `rack`. Choose another prefix, or stop"),
        format!("`/run/netns/{namespace}` belongs to the running lab `rack`. Rename the namespace, or stop that lab."),
    ] {
        assert!(told.contains(&expected), "{told}");
    }
    assert!(!told.contains("delete") && !told.contains("remove"), "{told}");
}

#[test]
fn the_restore_policy_decides_what_is_powered_on() {
    let spec = Lab::new("power")
        .node_with("n", &[], |node| node.power_on = false)
        .spec();
    let powers_on = |kept: Option<(RestorePolicy, bool)>| {
        let file = PathBuf::from("/var/scratch/placemat/power/n.json");
        let kept = kept.map(|(policy, was_on)| (file, KeptPower { policy, was_on }));
        let facts = Facts {
            power: kept.into_iter().collect(),
            ..facts()
        };
        build(&spec, &Options::default(), &facts).unwrap().nodes[0].power_on
    };
    assert!(!powers_on(None));
    for was_on in [false, true] {
        assert!(powers_on(Some((RestorePolicy::AlwaysOn, was_on))));
        assert!(!powers_on(Some((RestorePolicy::AlwaysOff, was_on))));
        assert_eq!(powers_on(Some((RestorePolicy::Previous, was_on))), was_on);
    }
}

#[test]
fn uefi_variables_keep_their_firmware() {
    let spec = Lab::new("uefi").node_with("n", &[], |node| node.uefi = true).spec();
    let store = || "/var/scratch/placemat/nvram/n.fd".into();
    let with_size = |size| Facts {
        nvram: [(store(), size)].into(),
        ..facts()
    };
    let template = |facts: &Facts| {
        let plan = build(&spec, &Options::default(), facts).unwrap();
        plan.nodes[0].nvram.as_ref().unwrap().template.display().to_string()
    };
    assert_eq!(template(&facts()), "/usr/share/OVMF/OVMF_VARS_4M.fd");
    assert_eq!(template(&with_size(131_072)), "/usr/share/OVMF/OVMF_VARS.fd");
    let lines = errors(&spec, &Options::default(), &with_size(1));
    assert!(lines.contains("nvram/n.fd`, are 1 bytes long and fit none"), "{lines}");
}

#[test]
fn forwarding_is_asked_for_by_nat_alone() {
    let without = Lab::new("x")
        .external("e", "10.0.0.1/24", false)
        .bmc("b", "10.1.0.1/24")
        .spec();
    assert!(plan(&without).sysctls.is_empty() && plan(&without).nat.is_empty());
    let with = Lab::new("x").external("e", "10.0.0.1/24", true).spec();
    assert_eq!(plan(&with).nat, ["10.0.0.0/24".parse().unwrap()]);
    assert_eq!(
        plan(&with).sysctls,
        ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"]
    );
}

#[test]
fn two_links_never_share_an_id() {
    let spec = Lab::new("x")
        .external("0", "10.0.0.1/24", false)
        .node("host", &["0"])
        .spec();
    let lines = errors(&spec, &Options::default(), &facts());
    assert!(
        lines.contains("`host` makes two links with the same id, `link/host/0`"),
        "{lines}"
    );
}

#[test]
fn the_largest_lab() {
    let spec = read("/labs/leaf-spine.yml", &leaf_spine_yaml(8, 20, 20));
    let start = std::time::Instant::now();
    let plan = plan(&spec);
    let took = start.elapsed();
    // 50 ms are the goal for an optimized build; this one is not, and shares its processor with other tests.
    assert!(took.as_millis() < 2000, "planning took {took:?}");

    let count = |shape| plan.networks.iter().filter(|network| network.shape == shape).count();
    let json = serde_json::to_string(&plan).unwrap();
    let sample = |names: &[&str]| {
        let mut part = plan.clone();
        part.networks.retain(|network| names.contains(&network.name.as_str()));
        for network in &mut part.networks {
            network.links.truncate(4);
        }
        part.namespaces
            .retain(|namespace| names.contains(&namespace.name.as_str()));
        part.nodes.retain(|node| names.contains(&node.name.as_str()));
        render_text(&part)
    };
    insta::assert_snapshot!(format!(
        "bridges {}, veth pairs {}, stubs {}, nothing {}\nnamespaces {}, nodes {}\nJSON {} bytes, SHA-1 {}\n\n{}",
        count(Shape::Bridge),
        count(Shape::Veth),
        count(Shape::Stub),
        count(Shape::Nothing),
        plan.namespaces.len(),
        plan.nodes.len(),
        json.len(),
        super::identity::hex_sha1(&json),
        sample(&[
            "internet",
            "bmc",
            "ntp",
            "s8-to-r19-2",
            "r19-node1",
            "rack19-tor2",
            "rack19-cs20"
        ]),
    ));
}

#[test]
fn what_is_added_renames_nothing() {
    let before = plan(&fabric());
    let more = "---
kind: Network
name: s9-to-r9-1
type: internal
---
kind: NetworkNamespace
name: aaa
interfaces: [{network: s9-to-r9-1}, {network: s0-to-r0-1}, {network: stub}]
---
kind: Node
name: zzz
interfaces: [r0-node1, lonely]
cpu: 1
";
    let after = plan(&read("/labs/fabric.yml", &format!("{FABRIC}{more}")));
    for network in &before.networks {
        let now = after
            .networks
            .iter()
            .find(|candidate| candidate.name == network.name)
            .unwrap();
        for link in &network.links {
            let now = now.links.iter().find(|candidate| candidate.id == link.id).unwrap();
            assert_eq!(now.end, link.end);
            let renamed = link.port.is_some() && now.port.is_some() && now.port != link.port;
            assert!(!renamed, "{} was renamed", link.id);
        }
    }
    assert_eq!(after.nodes[0].qemu.args, before.nodes[0].qemu.args);
}

/// Names that are close enough to one another to get in each other's way.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-b][0-1.-]{0,2}",
        "[a-c]{14,15}",
        "host",
        "lo",
        "a\\.0",
        "[a-b]-[a-z2-7]{7}",
        "\\PC{1,20}"
    ]
}

prop_compose! {
    fn lab()(
        networks in proptest::collection::btree_map("[a-b][0-1.]{0,3}|[a-b]{12,15}|a\\.host", 0..3_u8, 1..8),
        namespaces in proptest::collection::btree_map(name(), proptest::collection::vec(0..8_usize, 1..5), 0..6),
        nodes in proptest::collection::btree_map(name(), (proptest::collection::vec(0..8_usize, 0..5), 1..5_u32), 0..6),
    ) -> Spec {
        let names: Vec<_> = networks.keys().cloned().collect();
        let pick = |indices: &[usize]| indices.iter().map(|index| names[index % names.len()].clone()).collect::<Vec<_>>();
        let mut lab = Lab::new("random");
        for (index, (name, kind)) in networks.iter().enumerate() {
            lab = match kind {
                0 => lab.internal(name),
                1 => lab.external(name, &format!("10.{index}.0.1/16"), index % 2 == 0),
                _ => lab.bmc(name, &format!("10.{index}.0.1/16")),
            };
        }
        for (name, interfaces) in &namespaces {
            let interfaces = pick(interfaces);
            lab = lab.namespace(name, &interfaces.iter().map(String::as_str).collect::<Vec<_>>());
        }
        for (name, (interfaces, queues)) in &nodes {
            let interfaces = pick(interfaces);
            let interfaces: Vec<_> = interfaces.iter().map(String::as_str).collect();
            lab = lab.node_with(name, &interfaces, |node| node.queues = *queues);
        }
        lab.spec()
    }
}

fn mac(end: &End) -> super::Mac {
    match end {
        End::Host { mac, .. } | End::Namespace { mac, .. } | End::Node { mac, .. } => *mac,
    }
}

proptest! {
    #[test]
    fn any_lab_has_a_consistent_plan(spec in lab(), vhost_net: bool) {
        let facts = Facts { vhost_net, ..facts() };
        let plan = match build(&spec, &Options::default(), &facts) {
            Ok(plan) => plan,
            Err(errors) => {
                prop_assert!(errors.iter().all(|error| error.place().is_some()));
                return Ok(());
            }
        };
        prop_assert_eq!(&plan, &build(&spec, &Options::default(), &facts).unwrap());

        let mut in_fabric = HashSet::from(["lo"]);
        let (mut macs, mut ids) = (HashSet::new(), HashSet::new());
        for network in &plan.networks {
            if network.shape == Shape::Bridge {
                prop_assert!(in_fabric.insert(&network.name), "{} is there twice", network.name);
            }
            let nodes = network.links.iter().filter(|link| matches!(link.end, End::Node { .. })).count();
            let fits = match network.shape {
                Shape::Bridge => nodes > 0 || network.links.len() > 2,
                Shape::Veth => nodes == 0 && network.links.len() == 2,
                Shape::Stub => nodes == 0 && network.links.len() == 1,
                Shape::Nothing => network.links.is_empty(),
            };
            prop_assert!(fits, "{} is a {:?}", network.name, network.shape);
            for link in &network.links {
                prop_assert!(ids.insert(&link.id));
                prop_assert!(macs.insert(mac(&link.end)));
                prop_assert_eq!(link.port.is_none(), network.shape == Shape::Veth);
                if let Some(port) = &link.port {
                    prop_assert!(in_fabric.insert(port), "{port} is there twice");
                    prop_assert!(!port.is_empty() && port.len() <= 15 && !port.contains(['/', ':', ' ', '%']));
                }
            }
        }
        let links: Vec<_> = plan.networks.iter().flat_map(|network| &network.links).collect();
        for (node, written) in plan.nodes.iter().zip(&spec.nodes) {
            let mut fds = HashSet::from([node.qemu.qmp_fd, node.qemu.port_fd]);
            prop_assert!(fds.insert(node.qemu.serial_fd));
            prop_assert_eq!(node.nics.len(), written.interfaces.len());
            for (index, nic) in node.nics.iter().enumerate() {
                prop_assert_eq!(nic.fds.len(), written.queues as usize);
                prop_assert_eq!(nic.vhost_fds.len(), if vhost_net { nic.fds.len() } else { 0 });
                for fd in nic.fds.iter().chain(&nic.vhost_fds) {
                    prop_assert!(fds.insert(*fd));
                }
                let id = format!("link/{}/{index}", node.name);
                let link = links.iter().find(|link| link.id == id).unwrap();
                prop_assert_eq!(link.port.as_deref(), Some(nic.tap.as_str()));
                prop_assert_eq!(mac(&link.end), nic.mac);
            }
            prop_assert!(fds.iter().all(|fd| *fd >= 10));
        }
    }
}

#[test]
fn a_mac_that_is_written_is_taken_by_nobody_else() {
    let lab = |mac| {
        Lab::new("macs")
            .internal("net")
            .node_with("n", &["net", "net"], |node| node.interfaces[1].mac = mac)
            .spec()
    };
    let free = plan(&lab(None)).nodes[0].nics[0].mac;
    let taken = plan(&lab(Some(free.0))).nodes.remove(0);
    assert_eq!(taken.nics[1].mac, free);
    assert_ne!(taken.nics[0].mac, free);
}

#[test]
fn what_a_qemu_lacks_is_not_asked_of_it() {
    let spec = Lab::new("old").node("n", &[]).spec();
    let args = |version, sandbox| {
        let mut facts = facts();
        let qemu = facts.qemu.as_mut().unwrap();
        (qemu.version, qemu.sandbox) = (version, sandbox);
        build(&spec, &Options::default(), &facts)
            .unwrap()
            .nodes
            .remove(0)
            .qemu
            .args
    };
    let version = |major, minor| Some(QemuVersion { major, minor, micro: 0 });
    let has = |args: &[String], arg: &str| args.iter().any(|given| given == arg);
    for known in [version(6, 0), version(10, 1), None] {
        assert!(has(&args(known, true), "pvpanic") && has(&args(known, true), "panic=none"));
    }
    let old = args(version(5, 2), false);
    assert!(!has(&old, "pvpanic") && !has(&old, "-action") && !has(&old, "-sandbox"));
    assert!(has(&args(version(5, 2), true), "-sandbox"));
}

/// The node `n` of a lab file with a BMC, on that machine.
fn with_bmc(machine: MachineType) -> Node {
    let spec = Lab::new("x")
        .bmc("b", "10.1.0.1/24")
        .node_with("n", &["b"], |node| {
            node.machine = machine;
            node.volumes = vec![volume(
                "disk",
                VolumeKind::Raw {
                    size: "1M".to_owned(),
                    format: DiskFormat::Raw,
                },
            )];
            node.bmc = Some(Bmc {
                place: place(1),
                address: "10.1.0.5".parse().unwrap(),
                users: vec![],
                tls: None,
            });
        })
        .spec();
    plan(&spec).nodes.remove(0)
}

#[test]
fn a_node_whose_lab_file_gives_it_a_bmc_has_a_cd_drive() {
    for (machine, place) in [(MachineType::Pc, "bus=ide.1,unit=1"), (MachineType::Q35, "bus=ide.5")] {
        let node = with_bmc(machine);
        assert!(node.qemu.args.contains(&format!("ide-cd,id=cd,{place}")));
        let order = |first, medium| node.boot_order(first, medium, false).join(" ");
        assert_eq!(order(None, false), "");
        assert_eq!(order(None, true), "volume0 cd nic0");
        assert_eq!(order(Some(BootSource::Cd), true), "cd volume0 nic0");
        assert_eq!(order(Some(BootSource::Cd), false), "volume0 nic0");
        assert_eq!(order(Some(BootSource::Network), true), "nic0 volume0 cd");
    }
    let uefi = Node {
        nvram: Some(Nvram {
            template: PathBuf::new(),
            path: PathBuf::new(),
        }),
        ..with_bmc(MachineType::Q35)
    };
    assert_eq!(uefi.boot_order(None, false, false).join(" "), "volume0 nic0");
    let announced = Node { cd: None, ..uefi };
    assert!(announced.boot_order(None, false, false).is_empty());
    assert_eq!(announced.boot_order(None, false, true).join(" "), "volume0 nic0");
    let other = plan(&furnished()).nodes.remove(0);
    assert!(other.cd.is_none() && !other.qemu.args.iter().any(|arg| arg.contains("ide-cd")));
    assert!(!other.boot_order(None, true, false).contains(&"cd".to_owned()));
}

#[test]
fn what_is_booted_from_first_comes_first_and_shares_never() {
    let node = plan(&furnished()).nodes.remove(0);
    let order = |first| {
        Node::boot_args(&node.boot_order(Some(first), false, false))
            .into_iter()
            .filter(|arg| arg != "-set")
            .collect::<Vec<_>>()
    };
    let (nics, disks) = (node.nics.len(), node.disks().count());
    assert!(nics > 1 && disks > 1 && disks < node.volumes.len());
    let (network, disk) = (order(BootSource::Network), order(BootSource::Disk));
    assert_eq!((network.len(), disk.len()), (nics + disks, nics + disks));
    assert_eq!(network[0], "device.nic0.bootindex=1");
    assert_eq!(network[nics], format!("device.volume0.bootindex={}", nics + 1));
    assert_eq!(disk[0], "device.volume0.bootindex=1");
    assert_eq!(disk[disks], format!("device.nic0.bootindex={}", disks + 1));
    assert!(node.boot_order(None, false, false).is_empty());
    let args = &node.qemu.args;
    for set in network {
        let id = set.split('.').nth(1).unwrap();
        assert!(args.iter().any(|arg| arg.contains(&format!(",id={id},"))), "{id}");
    }
}
