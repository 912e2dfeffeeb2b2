//! Puts a plan together and collects all that stands against it.

use super::{
    Accel, AccelChoice, App, Bmc, Facts, Forward, Namespace, NetworkKind, Options, Paths, Plan, PlanError, QemuVersion,
    disk::Disks,
    host_clash, lab,
    node::{self, Site},
    wiring::{self, Wiring},
};
use crate::spec::model::{self as spec, ShareDriver, VolumeKind};

/// What NAT needs of the host, under `/proc/sys`.
const FORWARDING: [&str; 2] = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];

/// Returns the plan of a lab on a host, or everything that makes it impossible.
pub fn build(spec: &spec::Spec, options: &Options, facts: &Facts) -> Result<Plan, Vec<PlanError>> {
    let mut errors = Vec::new();
    let mut notes = Vec::new();
    let lab = lab::name(spec, options, &mut errors, &mut notes);
    let paths = lab::paths(spec, options, &lab, &mut errors);
    host_clash::check(spec, &lab, &paths, facts, &mut errors);
    let Wiring { networks, taps } = wiring::wire(spec, &mut errors);
    check_programs(spec, facts, &mut errors);
    if let (Some(user), None) = (&options.qemu_user, &facts.qemu_user)
        && !spec.nodes.is_empty()
    {
        errors.push(PlanError::NoQemuUser { user: user.clone() });
    }
    let accel = accel(spec, options, facts, &mut errors, &mut notes);
    note_shortcomings(spec, facts, &mut notes);

    let site = Site {
        options,
        facts,
        paths: &paths,
        accel,
    };
    let mut disks = Disks::new(spec, &paths, facts);
    let with_taps = spec.nodes.iter().zip(taps);
    let planned = with_taps
        .map(|(node, taps)| node::plan(node, taps, &site, &mut disks, &mut errors))
        .collect();
    let images = disks.images(spec, &mut errors);
    notes.extend(disks.notes());
    if !errors.is_empty() {
        return Err(errors);
    }

    let masqueraded = networks
        .iter()
        .filter(|network| network.nat && network.kind == NetworkKind::External);
    let nat: Vec<_> = masqueraded
        .filter_map(|network| network.address)
        .map(|address| address.trunc())
        .collect();
    let sysctls = if nat.is_empty() {
        Vec::new()
    } else {
        FORWARDING.map(str::to_owned).to_vec()
    };
    let namespaces = spec
        .namespaces
        .iter()
        .map(|written| namespace(written, &paths))
        .collect();
    Ok(Plan {
        lab,
        mtu: facts.mtu.clone(),
        accel: (!spec.nodes.is_empty()).then_some(accel),
        networks,
        namespaces,
        images,
        nodes: planned,
        bmcs: spec.nodes.iter().filter_map(bmc).collect(),
        nat,
        sysctls,
        notes,
        paths,
    })
}

fn namespace(namespace: &spec::Namespace, paths: &Paths) -> Namespace {
    let log_dir = paths.log_dir.join(&namespace.name);
    let apps = namespace.apps.iter().map(|app| App {
        id: format!("app/{}/{}", namespace.name, app.name),
        name: app.name.clone(),
        command: app.command.clone(),
        restart: app.restart,
        env: app.env.clone(),
        workdir: app.workdir.clone(),
        log: log_dir.join(format!("{}.log", app.name)),
        ready: app.ready.clone(),
        depends_on: app.depends_on.clone(),
    });
    Namespace {
        id: format!("namespace/{}", namespace.name),
        name: namespace.name.clone(),
        init_scripts: namespace
            .init_scripts
            .iter()
            .map(|script| script.path.clone())
            .collect(),
        apps: apps.collect(),
        forwards: namespace.forwards.iter().map(forward).collect(),
        depends_on: namespace.depends_on.clone(),
    }
}

fn bmc(node: &spec::Node) -> Option<Bmc> {
    let bmc = node.bmc.as_ref()?;
    Some(Bmc {
        id: format!("bmc/{}", node.name),
        node: node.name.clone(),
        address: bmc.address,
        users: bmc.users.clone(),
        tls: bmc.tls.clone(),
    })
}

fn forward(forward: &spec::Forward) -> Forward {
    Forward {
        id: format!("forward/{}/{}", forward.protocol, forward.port),
        port: forward.port,
        protocol: forward.protocol,
        address: forward.address,
        to: forward.to.clone(),
    }
}

/// Finds what the nodes need and the host lacks; each lack is told once, for the first node it concerns.
fn check_programs(spec: &spec::Spec, facts: &Facts, errors: &mut Vec<PlanError>) {
    let mut lack = |present: bool, concerned: fn(&spec::Node) -> bool, error: fn(spec::Place, String) -> PlanError| {
        if let (false, Some(node)) = (present, spec.nodes.iter().find(|node| concerned(node))) {
            errors.push(error(node.place.clone(), node.name.clone()));
        }
    };
    lack(
        facts.qemu.is_some(),
        |_| true,
        |place, node| PlanError::NoQemu { place, node },
    );
    lack(
        facts.tun,
        |node| !node.interfaces.is_empty(),
        |place, node| PlanError::NoTun { place, node },
    );
    lack(
        !facts.firmware.is_empty(),
        |node| node.uefi,
        |place, node| PlanError::NoFirmware { place, node },
    );
    lack(
        facts.swtpm.is_some(),
        |node| node.tpm,
        |place, node| PlanError::NoSwtpm { place, node },
    );
    lack(
        facts.virtiofsd.is_some(),
        |node| node.volumes.iter().any(is_over_virtiofs),
        |place, node| PlanError::NoVirtiofsd { place, node },
    );
}

fn is_over_virtiofs(volume: &spec::Volume) -> bool {
    matches!(
        volume.kind,
        VolumeKind::HostPath {
            driver: ShareDriver::Virtiofs,
            ..
        }
    )
}

fn accel(
    spec: &spec::Spec,
    options: &Options,
    facts: &Facts,
    errors: &mut Vec<PlanError>,
    notes: &mut Vec<String>,
) -> Accel {
    match (options.accel, &facts.kvm) {
        (AccelChoice::Tcg, _) => Accel::Tcg,
        (_, Ok(())) => Accel::Kvm,
        (AccelChoice::Kvm, Err(reason)) => {
            errors.push(PlanError::NoKvm { reason: reason.clone() });
            Accel::Kvm
        }
        (AccelChoice::Auto, Err(reason)) => {
            if !spec.nodes.is_empty() {
                notes.push(format!(
                    "Nodes run without KVM, in software (TCG), several times slower, because {reason}."
                ));
            }
            Accel::Tcg
        }
    }
}

/// Tells what works, but not as well as it could.
fn note_shortcomings(spec: &spec::Spec, facts: &Facts, notes: &mut Vec<String>) {
    if !facts.vhost_net && spec.nodes.iter().any(|node| !node.interfaces.is_empty()) {
        notes.push(
            "Nodes' packets go through QEMU instead of the kernel, because there is no `/dev/vhost-net`; load the \
             kernel module `vhost_net` for more throughput."
                .to_owned(),
        );
    }
    let version = facts.qemu.as_ref().and_then(|qemu| qemu.version);
    if let Some(version) = version.filter(|version| *version < QemuVersion::OLDEST && !spec.nodes.is_empty()) {
        notes.push(format!(
            "QEMU {version} is older than {}, the oldest version that is supported; nodes may fail to start.",
            QemuVersion::OLDEST
        ));
    }
}
