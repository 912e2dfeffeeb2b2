//! What a lab asks of its host.

use std::{collections::BTreeSet, fs};

use crate::{
    plan::{node_cpus, node_memory},
    spec::{
        model::{ImageSource, NetworkKind, ShareDriver, Spec, Volume, VolumeKind},
        size,
    },
};

/// What a lab asks of its host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)]
pub struct Demand {
    /// It has nodes.
    pub nodes: bool,
    /// It has nodes with NICs.
    pub nics: bool,
    /// A network is masqueraded.
    pub nat: bool,
    /// The host has a link in it.
    pub host_links: bool,
    /// A node boots by UEFI.
    pub uefi: bool,
    /// A node has a TPM.
    pub tpm: bool,
    /// A directory is shared over virtio-fs.
    pub virtiofs: bool,
    /// Programs of its apps that are looked up in PATH.
    pub programs: BTreeSet<String>,
    /// Memory of the nodes that are powered on with the lab, in bytes.
    pub memory: u64,
    /// Their processors.
    pub cpus: u64,
    /// What disks in the data directory that are no overlays may grow to, in bytes, as far as that is known.
    pub disk: u64,
}

impl Demand {
    /// What the lab of these files asks.
    pub fn of(spec: &Spec) -> Self {
        let volumes = || spec.nodes.iter().flat_map(|node| &node.volumes);
        let powered = || spec.nodes.iter().filter(|node| node.power_on);
        let apps = spec.namespaces.iter().flat_map(|namespace| &namespace.apps);
        Self {
            nodes: !spec.nodes.is_empty(),
            nics: spec.nodes.iter().any(|node| !node.interfaces.is_empty()),
            nat: (spec.networks.iter()).any(|network| matches!(network.kind, NetworkKind::External { nat: true, .. })),
            host_links: (spec.networks.iter()).any(|network| !matches!(network.kind, NetworkKind::Internal)),
            uefi: spec.nodes.iter().any(|node| node.uefi),
            tpm: spec.nodes.iter().any(|node| node.tpm),
            virtiofs: volumes().any(|volume| {
                let driver = ShareDriver::Virtiofs;
                matches!(volume.kind, VolumeKind::HostPath { driver: chosen, .. } if chosen == driver)
            }),
            programs: apps
                .filter_map(|app| app.command.first())
                .filter(|program| !program.contains('/'))
                .cloned()
                .collect(),
            memory: sum(powered().filter_map(|node| node_memory(node.memory.as_deref()))),
            cpus: sum(powered().map(|node| u64::from(node_cpus(&node.smp)))),
            disk: sum((volumes().filter(|volume| volume.device_class.is_none())).map(|volume| disk(spec, volume))),
        }
    }
}

/// As much as can be said if it is beyond all measure.
fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}

/// What a volume may grow to; 0 if that can't be known before it is there.
fn disk(spec: &Spec, volume: &Volume) -> u64 {
    match &volume.kind {
        VolumeKind::Raw { size, .. } => size::disk_bytes(size).unwrap_or(0),
        VolumeKind::Image {
            image,
            copy_on_write: false,
        } => {
            let source = spec.images.iter().find(|known| known.name == *image);
            match source.map(|known| &known.source) {
                Some(ImageSource::File(file)) => fs::metadata(file).map_or(0, |metadata| metadata.len()),
                _ => 0,
            }
        }
        VolumeKind::Image { .. } | VolumeKind::LocalDs { .. } | VolumeKind::HostPath { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::testing::{Lab, volume},
        spec::model::DiskFormat,
    };

    #[test]
    fn an_empty_lab_asks_for_nothing() {
        assert_eq!(Demand::of(&Spec::default()), Demand::default());
    }

    #[test]
    fn nodes_ask_for_what_they_are_made_of() {
        let spec = Lab::new("one")
            .node_with("a", &[], |node| {
                node.memory = Some("2G".into());
                node.smp.cpus = Some(3);
                node.tpm = true;
            })
            .node_with("b", &[], |node| {
                node.memory = None;
                node.uefi = true;
                let kind = VolumeKind::Raw {
                    size: "1G".into(),
                    format: DiskFormat::Raw,
                };
                node.volumes.push(volume("d", kind));
            })
            .spec();
        let demand = Demand::of(&spec);
        assert!(demand.nodes && demand.tpm && demand.uefi && !demand.nics && !demand.nat && !demand.virtiofs);
        assert_eq!(demand.memory, (2 << 30) + (128 << 20));
        assert_eq!((demand.cpus, demand.disk), (4, 1 << 30));
    }

    #[test]
    fn nodes_that_are_off_and_other_disks_ask_for_no_room() {
        let disk = |size: &str| {
            let format = DiskFormat::Raw;
            volume(
                size,
                VolumeKind::Raw {
                    size: size.into(),
                    format,
                },
            )
        };
        let spec = Lab::new("rooms")
            .node_with("off", &[], |node| {
                node.memory = Some("2G".into());
                node.smp.cpus = Some(3);
                node.power_on = false;
                node.volumes = vec![disk("1G"), disk("2G")];
                node.volumes[1].device_class = Some("fast".into());
            })
            .node_with("on", &[], |node| node.memory = Some("1G".into()))
            .spec();
        let demand = Demand::of(&spec);
        assert_eq!((demand.memory, demand.cpus, demand.disk), (1 << 30, 1, 1 << 30));
        assert_eq!(sum([u64::MAX, 2].into_iter()), u64::MAX);
    }
}
