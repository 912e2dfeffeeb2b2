//! Starts a real QEMU with a planned command, stopped before its first instruction, and looks at what it made of it.
//! Skipped where QEMU is not installed.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    AccelChoice, BootSource, Mtu, MtuSource, Node, Options, build,
    testing::{Lab, place, volume},
};
use crate::{
    host::facts,
    spec::model::{Bmc, Cache, DiskFormat, MachineType, ShareDriver, Spec, VolumeKind},
};

/// QEMU, stopped, with its monitor. Ends with the test.
struct Qemu {
    child: Child,
    monitor: BufReader<UnixStream>,
}

impl Qemu {
    /// Starts a node's command. Its taps, which only root can make, are replaced by ports of a hub inside QEMU.
    fn start(node: &Node) -> Self {
        let mut args = node.qemu.args.clone();
        for arg in args.iter_mut().filter(|arg| arg.starts_with("tap,")) {
            let id = arg.split(',').find(|key| key.starts_with("id=")).unwrap();
            *arg = format!("hubport,{id},hubid=0");
        }
        // The hub has one queue.
        for arg in args.iter_mut().filter(|arg| arg.starts_with("virtio-net-pci,")) {
            *arg = arg.replace(",mq=on", "");
        }
        args.push("-S".to_owned());
        let (monitor, monitor_of_qemu) = UnixStream::pair().unwrap();
        let (_, serial) = UnixStream::pair().unwrap();
        monitor.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // A shell moves the descriptors to their numbers; here that would take unsafe code.
        let child = Command::new("bash")
            .args(["-c", r#"exec "$0" "$@" 10<&0 11<&1 12<&1 0</dev/null 1>/dev/null"#])
            .arg(&node.qemu.program)
            .args(args)
            .stdin(Stdio::from(OwnedFd::from(monitor_of_qemu)))
            .stdout(Stdio::from(OwnedFd::from(serial)))
            .spawn()
            .unwrap();
        let mut qemu = Self {
            child,
            monitor: BufReader::new(monitor),
        };
        assert!(qemu.read()["QMP"].is_object());
        qemu.ask("qmp_capabilities");
        qemu
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.monitor.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "QEMU ended; what it says of that is above");
        serde_json::from_str(&line).unwrap()
    }

    fn ask(&mut self, command: &str) -> Value {
        self.ask_about(command, &json!({}))
    }

    fn ask_about(&mut self, command: &str, arguments: &Value) -> Value {
        let line = json!({"execute": command, "arguments": arguments});
        writeln!(self.monitor.get_mut(), "{line}").unwrap();
        loop {
            let answer = self.read();
            if answer["event"].is_null() {
                return answer["return"].clone();
            }
        }
    }

    /// A property of a device.
    fn property(&mut self, id: &str, property: &str) -> Value {
        let path = format!("/machine/peripheral/{id}");
        self.ask_about("qom-get", &json!({"path": path, "property": property}))
    }

    /// PCI slots from 2 up with the vendor and device found there.
    fn slots(&mut self) -> Vec<(u64, u64)> {
        let buses = self.ask("query-pci");
        let devices = buses[0]["devices"].as_array().unwrap().iter();
        devices
            .map(|device| {
                (
                    device["slot"].as_u64().unwrap(),
                    device["id"]["device"].as_u64().unwrap(),
                )
            })
            .filter(|(slot, _)| *slot >= 2)
            .collect()
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

// PCI device ids of QEMU's adapter and of transitional virtio devices (virtio 1.2, section 4.1.2).
const VGA: u64 = 0x1111;
const NET: u64 = 0x1000;
const BLOCK: u64 = 0x1001;
const BALLOON: u64 = 0x1002;
const CONSOLE: u64 = 0x1003;
const RNG: u64 = 0x1005;
const FS: u64 = 0x1009;

/// Plans a lab with its data in a directory and returns its only node, its empty files made; `None` if this host can't
/// run it.
fn planned(spec: &Spec, directory: &Path) -> Option<Node> {
    let options = Options {
        data_dir: directory.join("data,dir"),
        accel: AccelChoice::Tcg,
        ..Options::default()
    };
    let mut facts = facts::gather(
        spec,
        &options,
        Mtu {
            value: Some(1400),
            source: MtuSource::Option,
        },
        None,
    )
    .unwrap();
    if facts.qemu.is_none() || facts.firmware.is_empty() && spec.nodes[0].uefi {
        eprintln!("skipped: QEMU or OVMF is not installed");
        return None;
    }
    // No tap is made here.
    facts.tun = true;
    let node = build(spec, &options, &facts).unwrap().nodes.remove(0);
    for volume in &node.volumes {
        fs::create_dir_all(volume.path.parent().unwrap()).unwrap();
        if volume.path.extension().is_some() {
            File::create(&volume.path).unwrap().set_len(1 << 20).unwrap();
        }
    }
    if let Some(nvram) = &node.nvram {
        fs::create_dir_all(nvram.path.parent().unwrap()).unwrap();
        fs::copy(&nvram.template, &nvram.path).unwrap();
    }
    Some(node)
}

#[test]
fn nics_come_first_and_disks_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let raw = |cache| {
        let mut raw = volume(
            "disk",
            VolumeKind::Raw {
                size: "1M".to_owned(),
                format: DiskFormat::Raw,
            },
        );
        raw.name = format!("{cache:?}");
        raw.cache = cache;
        raw
    };
    let share = directory.path().join("share");
    fs::create_dir(&share).unwrap();
    let ignition = directory.path().join("ignition, one.json");
    fs::write(&ignition, "{}").unwrap();
    let lab = Lab::new("real")
        .internal("a")
        .internal("b")
        .node_with("n,1", &["a", "b"], |node| {
            let modes = [
                Cache::None,
                Cache::Writeback,
                Cache::Writethrough,
                Cache::Directsync,
                Cache::Unsafe,
            ];
            node.volumes = modes.map(raw).into();
            node.volumes.push(volume(
                "share",
                VolumeKind::HostPath {
                    driver: ShareDriver::default(),
                    path: share,
                    writable: false,
                },
            ));
            node.ignition = Some(ignition);
            node.memory = Some("256".to_owned());
            node.smp.cpus = Some(2);
            node.numa_nodes = Some(2);
            node.queues = 2;
            node.smbios.product = Some("a, b".to_owned());
        });
    let Some(node) = planned(&lab.spec(), directory.path()) else {
        return;
    };
    let mut qemu = Qemu::start(&node);
    // The device that tells of panics takes no slot.
    let expected = [VGA, NET, NET, BLOCK, BLOCK, BLOCK, BLOCK, BLOCK, FS, RNG, CONSOLE];
    assert_eq!(qemu.slots(), (2..).zip(expected).collect::<Vec<_>>());
    assert_eq!(qemu.ask("query-name")["name"], "n,1");
    assert_eq!(qemu.ask("query-memdev").as_array().map(Vec::len), Some(2));
    assert_eq!(qemu.ask("query-uuid")["UUID"], super::identity::uuid("n,1"));
    let disks = qemu.ask("query-block");
    let files: Vec<_> = disks
        .as_array()
        .unwrap()
        .iter()
        .map(|disk| disk["inserted"]["file"].clone())
        .collect();
    let paths: Vec<_> = node.volumes[..5].iter().map(|volume| json!(volume.path)).collect();
    assert_eq!(files, paths);
    let chardevs = qemu.ask("query-chardev");
    let labels: Vec<_> = chardevs
        .as_array()
        .unwrap()
        .iter()
        .map(|device| device["label"].clone())
        .collect();
    for label in ["port", "serial", "qmp"] {
        assert!(labels.contains(&json!(label)), "there is no {label} among {labels:?}");
    }
}

#[test]
fn q35_has_them_in_the_same_order() {
    let directory = tempfile::tempdir().unwrap();
    let lab = Lab::new("real")
        .internal("a")
        .internal("b")
        .node_with("n", &["a", "b"], |node| {
            node.machine = MachineType::Q35;
            let size = "1M".to_owned();
            let format = DiskFormat::Raw;
            node.volumes = vec![volume("disk", VolumeKind::Raw { size, format })];
            node.interfaces[1].mac = Some([0x52, 0x54, 0, 1, 2, 3]);
            node.extra_args = ["-device", "virtio-balloon-pci,id=more"].map(str::to_owned).into();
        });
    let Some(mut node) = planned(&lab.spec(), directory.path()) else {
        return;
    };
    let order = node.boot_order(Some(BootSource::Network), false, false);
    node.qemu.args.extend(Node::boot_args(&order));
    let mut qemu = Qemu::start(&node);
    let expected = [NET, NET, BLOCK, RNG, CONSOLE, BALLOON];
    let slots = qemu.slots();
    // The chipset's other functions are in the last slot.
    let (first, last): (Vec<_>, Vec<_>) = slots.into_iter().partition(|(slot, _)| *slot < 31);
    assert_eq!(first, (2..).zip(expected).collect::<Vec<_>>());
    assert!(!last.is_empty());
    assert_eq!(qemu.property("nic1", "mac"), "52:54:00:01:02:03");
    let order = ["nic0", "nic1", "volume0"].map(|id| qemu.property(id, "bootindex"));
    assert_eq!(order, [1, 2, 3].map(Value::from));
}

#[test]
fn a_cd_drive_takes_no_slot() {
    let directory = tempfile::tempdir().unwrap();
    for (machine, first) in [(MachineType::Pc, 3), (MachineType::Q35, 2)] {
        let lab = Lab::new("real").bmc("b", "10.1.0.1/24").node_with("n", &["b"], |node| {
            node.machine = machine;
            // As users have it already.
            node.extra_args = ["-drive", "if=ide,media=cdrom,index=2"].map(str::to_owned).into();
            node.bmc = Some(Bmc {
                place: place(1),
                address: "10.1.0.5".parse().unwrap(),
                users: vec![],
                tls: None,
            });
        });
        let Some(node) = planned(&lab.spec(), directory.path()) else {
            return;
        };
        let mut qemu = Qemu::start(&node);
        let slots = qemu.slots().into_iter().filter(|(slot, _)| (first..31).contains(slot));
        assert_eq!(
            slots.collect::<Vec<_>>(),
            (first..).zip([NET, RNG, CONSOLE]).collect::<Vec<_>>()
        );
        let drives = qemu.ask("query-block");
        let ours = drives
            .as_array()
            .unwrap()
            .iter()
            .find(|drive| drive["qdev"] == "cd")
            .unwrap();
        assert_eq!((&ours["removable"], ours.get("inserted")), (&json!(true), None));
    }
}

#[test]
fn the_firmware_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let lab = Lab::new("real").internal("a").node_with("uefi", &["a"], |node| {
        node.uefi = true;
        node.memory = Some("256".to_owned());
    });
    let Some(node) = planned(&lab.spec(), directory.path()) else {
        return;
    };
    let mut qemu = Qemu::start(&node);
    let expected = [VGA, NET, RNG, CONSOLE];
    assert_eq!(qemu.slots(), (2..).zip(expected).collect::<Vec<_>>());
}
