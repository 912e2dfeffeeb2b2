//! UEFI firmware for QEMU, where distributions install it.

use std::fs;

use crate::plan::Firmware;

/// Code and variables that belong together, best first: those of 4 MB have more room, and newer systems have no other.
const CANDIDATES: [(&str, &str); 6] = [
    // Debian, Ubuntu
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
    ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
    // Arch Linux
    (
        "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
        "/usr/share/edk2/x64/OVMF_VARS.4m.fd",
    ),
    // Fedora and its relatives
    ("/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"),
    // openSUSE
    (
        "/usr/share/qemu/ovmf-x86_64-4m-code.bin",
        "/usr/share/qemu/ovmf-x86_64-4m-vars.bin",
    ),
    (
        "/usr/share/qemu/ovmf-x86_64-code.bin",
        "/usr/share/qemu/ovmf-x86_64-vars.bin",
    ),
];

/// Returns the firmware that is installed, best first.
pub(super) fn installed() -> Vec<Firmware> {
    let found = CANDIDATES.iter().filter_map(|(code, vars)| {
        let file = |path| fs::metadata(path).ok().filter(fs::Metadata::is_file);
        file(code)?;
        Some(Firmware {
            code: code.into(),
            vars: vars.into(),
            vars_size: file(vars)?.len(),
        })
    });
    found.collect()
}
