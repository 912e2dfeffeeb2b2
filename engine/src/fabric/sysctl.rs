//! Sysctls a network namespace gets before any link is in it.

use std::{fs, io, path::Path};

use super::error::FabricError;

/// What a namespace is for; its sysctls follow from that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A namespace of the lab: it routes, answers on any path, and its addresses are usable at once.
    Lab,
    /// The fabric: it only switches frames, so the host side of its links has no business on layer 3.
    Fabric,
}

/// A sysctl, its value, and whether a kernel without it (IPv6 disabled at boot, no br_netfilter) will do.
struct Setting(&'static str, &'static str, Need);

#[derive(PartialEq, Eq)]
enum Need {
    Always,
    IfPresent,
}

/// IPv4 settings are inherited from the host's first namespace, so the ones that matter are written out.
const LAB: &[Setting] = &[
    Setting("net/ipv4/ip_forward", "1", Need::Always),
    Setting("net/ipv4/conf/all/rp_filter", "0", Need::Always),
    Setting("net/ipv4/conf/default/rp_filter", "0", Need::Always),
    Setting("net/ipv6/conf/all/forwarding", "1", Need::IfPresent),
    Setting("net/ipv6/conf/default/accept_dad", "0", Need::IfPresent),
];

/// Without IPv6 no port sends neighbour discovery into the lab. Bridged frames pass no packet filter.
const FABRIC: &[Setting] = &[
    Setting("net/ipv6/conf/all/disable_ipv6", "1", Need::IfPresent),
    Setting("net/ipv6/conf/default/disable_ipv6", "1", Need::IfPresent),
    Setting("net/bridge/bridge-nf-call-iptables", "0", Need::IfPresent),
    Setting("net/bridge/bridge-nf-call-ip6tables", "0", Need::IfPresent),
    Setting("net/bridge/bridge-nf-call-arptables", "0", Need::IfPresent),
];

/// Sets the sysctls of a role in the calling thread's network namespace.
pub fn apply(role: Role, namespace: &str) -> Result<(), FabricError> {
    let settings = match role {
        Role::Lab => LAB,
        Role::Fabric => FABRIC,
    };
    for Setting(name, value, need) in settings {
        match set(Path::new("/proc/sys"), name, value) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && *need == Need::IfPresent => {}
            Err(source) => {
                let sysctl = name.replace('/', ".");
                return Err(FabricError::Sysctl {
                    sysctl,
                    value,
                    namespace: namespace.to_owned(),
                    source,
                });
            }
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Writes a sysctl. A read-only `/proc/sys` is no error where the value is there already.
fn set(root: &Path, name: &str, value: &str) -> io::Result<()> {
    let path = root.join(name);
    let written = fs::OpenOptions::new().write(true).open(&path).and_then(|mut file| {
        use io::Write as _;
        file.write_all(value.as_bytes())
    });
    match written {
        Err(error) if error.kind() != io::ErrorKind::NotFound => match fs::read_to_string(&path) {
            Ok(present) if present.trim_end() == value => Ok(()),
            _ => Err(error),
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_cannot_be_written_must_be_there() {
        let root = tempfile::tempdir().expect("temporary directory");
        // A directory in place of the file: it can be neither written nor read, not even by root.
        fs::create_dir(root.path().join("knob")).expect("directory");
        assert!(set(root.path(), "knob", "1").is_err());
        let missing = set(root.path(), "nothing", "1").expect_err("no such sysctl");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
