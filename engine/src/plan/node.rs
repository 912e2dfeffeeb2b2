//! Nodes: from what was written to NICs, files, sockets and a QEMU command.

use std::path::{Path, PathBuf};

use super::{
    Accel, CdDrive, Facts, Firmware, KeptPower, Nic, Node, Nvram, Options, Paths, PlanError, PowerRestore, Tpm, Volume,
    disk::Disks,
    identity, lab,
    numa::{self, Cell},
    power_file,
    qemu::{self, Descriptors, Machine},
    wiring::Tap,
};
use crate::spec::model as spec;

/// What all nodes have in common.
pub(super) struct Site<'a> {
    pub(super) options: &'a Options,
    pub(super) facts: &'a Facts,
    pub(super) paths: &'a Paths,
    pub(super) accel: Accel,
}

/// Returns the UEFI variable store of a node.
pub fn nvram_file(data_dir: &Path, node: &str) -> PathBuf {
    data_dir.join("nvram").join(format!("{node}.fd"))
}

/// Plans a node whose taps are known.
pub(super) fn plan<'a>(
    node: &'a spec::Node,
    taps: Vec<Tap>,
    site: &Site<'a>,
    disks: &mut Disks<'a>,
    errors: &mut Vec<PlanError>,
) -> Node {
    check_limits(node, errors);
    let Site {
        options, facts, paths, ..
    } = site;
    let mut descriptors = Descriptors::default();
    let qmp_fd = descriptors.next();
    let serial_fd = descriptors.next();
    let port_fd = descriptors.next();
    let nics = nics(node, taps, facts.vhost_net, &mut descriptors);
    let volumes: Vec<Volume> = node
        .volumes
        .iter()
        .map(|volume| disks.volume(node, volume, &mut descriptors, errors))
        .collect();
    let firmware = firmware(node, site, errors);
    let tpm = node.tpm.then(|| Tpm {
        program: facts.swtpm.clone().unwrap_or_default(),
        state_dir: paths.data_dir.join("tpm").join(&node.name),
        socket: lab::tpm_socket(paths, &node.name, &node.place, errors),
        fd: descriptors.next(),
    });
    let cd = node.bmc.is_some().then(|| CdDrive { fd: descriptors.next() });
    let written = node.smbios.serial.clone().filter(|serial| !serial.is_empty());
    let serial = written.unwrap_or_else(|| identity::hex_sha1(&node.name));
    let machine = Machine {
        node,
        accel: site.accel,
        program: facts.qemu.as_ref(),
        graphic: options.graphic,
        host_mtu: facts.mtu.effective(),
        cells: &cells(node, errors),
        serial: &serial,
        firmware: firmware
            .as_ref()
            .map(|(code, nvram)| (code.as_path(), nvram.path.as_path())),
        tpm_fd: tpm.as_ref().map(|tpm| tpm.fd),
        cd: cd.is_some(),
        user: facts.qemu_user.as_ref(),
        nics: &nics,
        volumes: &volumes,
        qmp_fd,
        serial_fd,
        port_fd,
    };
    let program = facts.qemu.as_ref().map(|qemu| qemu.program.clone()).unwrap_or_default();
    let file = power_file(&paths.data_dir, &node.name);
    let kept = facts.power.get(&file).copied();
    let qemu = qemu::command(program, &machine);
    Node {
        id: format!("node/{}", node.name),
        name: node.name.clone(),
        power_on: kept.map_or(node.power_on, KeptPower::powers_on),
        restore: PowerRestore {
            file,
            policy: kept.map(|kept| kept.policy),
        },
        qemu,
        nics,
        volumes,
        console_socket: lab::console_socket(paths, &node.name, &node.place, errors),
        console_log: paths.log_dir.join(format!("{}.console.log", node.name)),
        cpus: numa::cpus(&node.smp),
        memory: node.memory.clone(),
        nvram: firmware.map(|(_, nvram)| nvram),
        tpm,
        cd,
        manufacturer: node.smbios.manufacturer.clone(),
        product: node.smbios.product.clone(),
        serial,
        ready: node.ready.clone(),
        depends_on: node.depends_on.clone(),
    }
}

fn check_limits(node: &spec::Node, errors: &mut Vec<PlanError>) {
    let count = node.interfaces.len() + node.volumes.len();
    if count > qemu::DEVICE_SLOTS {
        let (place, node) = (node.place.clone(), node.name.clone());
        errors.push(PlanError::TooManyDevices {
            place,
            node,
            count,
            limit: qemu::DEVICE_SLOTS,
        });
    }
}

fn nics(node: &spec::Node, taps: Vec<Tap>, vhost_net: bool, descriptors: &mut Descriptors) -> Vec<Nic> {
    let queues = node.queues;
    let with_tap = node.interfaces.iter().zip(taps);
    with_tap
        .map(|(interface, tap)| Nic {
            network: interface.network.clone(),
            tap: tap.name,
            mac: tap.mac,
            fds: (0..queues).map(|_| descriptors.next()).collect(),
            vhost_fds: (0..if vhost_net { queues } else { 0 })
                .map(|_| descriptors.next())
                .collect(),
        })
        .collect()
}

/// Divides CPUs and memory among the node's NUMA nodes.
fn cells(node: &spec::Node, errors: &mut Vec<PlanError>) -> Vec<Cell> {
    let Some(numa_nodes @ 1..) = node.numa_nodes else {
        return Vec::new();
    };
    let (place, name) = (node.place.clone(), node.name.clone());
    numa::divide(&node.smp, node.memory.as_deref(), numa_nodes).unwrap_or_else(|| {
        let memory = node.memory.clone().unwrap_or_else(|| numa::DEFAULT_MEMORY.to_owned());
        errors.push(PlanError::NumaMemory {
            place,
            node: name,
            memory,
            numa_nodes,
        });
        Vec::new()
    })
}

/// Chooses the firmware of a UEFI node: the one its variable store was made for, if it has one already, else the best.
fn firmware(node: &spec::Node, site: &Site, errors: &mut Vec<PlanError>) -> Option<(PathBuf, Nvram)> {
    if !node.uefi {
        return None;
    }
    let path = nvram_file(&site.paths.data_dir, &node.name);
    let known = &site.facts.firmware;
    let fitting = |bytes: u64| known.iter().find(|firmware| firmware.vars_size == bytes);
    let Firmware { code, vars, .. } = match site.facts.nvram.get(&path) {
        None => known.first()?,
        Some(&bytes) => fitting(bytes).or_else(|| {
            if !known.is_empty() {
                let (place, node) = (node.place.clone(), node.name.clone());
                errors.push(PlanError::NvramSize {
                    place,
                    node,
                    path: path.clone(),
                    size: bytes,
                });
            }
            None
        })?,
    };
    Some((
        code.clone(),
        Nvram {
            template: vars.clone(),
            path,
        },
    ))
}
