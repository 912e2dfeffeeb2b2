//! Programs and firmware that are installed, and the packages they are in.

use super::{Finding, Host};
use crate::{host::installed, plan::QemuVersion};

/// Debian's packages of what apps often are.
const PACKAGES: [(&str, &str); 5] = [
    ("bird", "bird2"),
    ("chronyd", "chrony"),
    ("dnsmasq", "dnsmasq-base"),
    ("nginx", "nginx-light"),
    ("squid", "squid"),
];
/// What hardly a lab of routers and servers does without, the demo included.
const USUAL: [&str; 2] = ["bird", "dnsmasq"];

/// The programs of the lab's apps, or those that labs usually have.
pub(super) fn apps(host: &Host<'_>) -> Option<Finding> {
    const CHECK: &str = "apps";
    let need = host.need(|demand| !demand.programs.is_empty());
    let (whose, programs): (_, Vec<&str>) = match &host.demand {
        Some(demand) => ("the lab's apps", demand.programs.iter().map(String::as_str).collect()),
        None => ("many labs, and of the demo,", USUAL.into()),
    };
    let missing: Vec<&str> = programs
        .into_iter()
        .filter(|program| installed::find(program).is_none())
        .collect();
    if missing.is_empty() {
        return need.fulfilled(CHECK, format!("the programs of {whose} are installed"));
    }
    let found = format!("programs of {whose} are not installed: {}", missing.join(", "));
    need.missing(false, CHECK, found, install(&missing))
}

/// How programs are had that are not installed.
fn install(programs: &[&str]) -> String {
    let package = |program: &&str| PACKAGES.iter().find(|(known, _)| known == program);
    let packages: Vec<&str> = programs
        .iter()
        .filter_map(package)
        .map(|(_, package)| *package)
        .collect();
    let unknown: Vec<&str> = programs
        .iter()
        .filter(|program| package(program).is_none())
        .copied()
        .collect();
    let mut ways = Vec::new();
    if !packages.is_empty() {
        let plural = if packages.len() == 1 { "" } else { "s" };
        ways.push(format!("install the package{plural} {}", packages.join(", ")));
    }
    if !unknown.is_empty() {
        ways.push(format!(
            "install {}, or correct the name in the lab file",
            unknown.join(", ")
        ));
    }
    ways.join("; ")
}

/// QEMU, not older than its planned command lines.
pub(super) fn qemu(host: &Host<'_>) -> Option<Finding> {
    const CHECK: &str = "qemu";
    let need = host.need(|demand| demand.nodes);
    let Some(qemu) = &host.facts.qemu else {
        let found = "qemu-system-x86_64 is not installed";
        return need.missing(true, CHECK, found, "install the package qemu-system-x86");
    };
    let program = qemu.program.display();
    let oldest = QemuVersion::OLDEST;
    match qemu.version {
        Some(version) if version < oldest => {
            let found = format!("{program} is of version {version}, and labs need {oldest}");
            need.missing(true, CHECK, found, "install a newer qemu-system-x86")
        }
        Some(version) => need.fulfilled(CHECK, format!("{program}, version {version}")),
        None => {
            let found = format!("{program} does not tell its version");
            need.missing(false, CHECK, found, "install the package qemu-system-x86 anew")
        }
    }
}

/// What makes nodes' disks.
pub(super) fn qemu_img(host: &Host<'_>) -> Option<Finding> {
    let need = host.need(|demand| demand.nodes);
    let found = "qemu-img, which makes nodes' disks, is not installed";
    let lack = need.missing(true, "qemu-img", found, "install the package qemu-utils");
    installed::find("qemu-img").map_or(lack, |path| need.fulfilled("qemu-img", path.display().to_string()))
}

/// Firmware for nodes with `uefi: true`.
pub(super) fn firmware(host: &Host<'_>) -> Option<Finding> {
    const CHECK: &str = "firmware";
    let need = host.need(|demand| demand.uefi);
    let found = "there is no UEFI firmware (OVMF): nodes with `uefi: true` can't be had";
    let lack = need.missing(false, CHECK, found, "install the package ovmf");
    let firmware = host.facts.firmware.first();
    firmware.map_or(lack, |firmware| {
        need.fulfilled(CHECK, firmware.code.display().to_string())
    })
}

/// TPMs for nodes with `tpm: true`.
pub(super) fn swtpm(host: &Host<'_>) -> Option<Finding> {
    let need = host.need(|demand| demand.tpm);
    let found = "swtpm is not installed: nodes with `tpm: true` can't be had";
    let lack = need.missing(false, "swtpm", found, "install the package swtpm");
    let swtpm = host.facts.swtpm.as_ref();
    swtpm.map_or(lack, |path| need.fulfilled("swtpm", path.display().to_string()))
}

/// Directories of the host for guests, over virtio-fs.
pub(super) fn virtiofsd(host: &Host<'_>) -> Option<Finding> {
    const CHECK: &str = "virtiofsd";
    let need = host.need(|demand| demand.virtiofs);
    let found = "virtiofsd is not installed: volumes with `driver: virtiofs` can't be had, those over 9p can";
    let mend = "install the package virtiofsd (Debian 12: qemu-system-common)";
    let lack = need.missing(false, CHECK, found, mend);
    let virtiofsd = host.facts.virtiofsd.as_ref();
    virtiofsd.map_or(lack, |path| need.fulfilled(CHECK, path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_had_by_packages_as_far_as_those_are_known() {
        assert_eq!(install(&["bird"]), "install the package bird2");
        assert_eq!(
            install(&["bird", "dnsmasq", "my-agent"]),
            "install the packages bird2, dnsmasq-base; install my-agent, or correct the name in the lab file"
        );
    }
}
