//! What this process must be allowed to do to the host for a lab to be made.

/// CAP_NET_ADMIN and CAP_SYS_ADMIN as bits of `CapEff` (capabilities(7)).
const NEEDED: [(u32, &str); 2] = [(12, "CAP_NET_ADMIN"), (21, "CAP_SYS_ADMIN")];

/// This process lacks a capability.
#[derive(Debug, thiserror::Error)]
#[error("A lab can only be run as root: this process lacks {0}. Use sudo.")]
pub struct MissingCapability(&'static str);

/// Checks that this process may change the host's network and make namespaces.
pub fn check_privileges() -> Result<(), MissingCapability> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective
        .and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok())
        .unwrap_or(0);
    let missing = NEEDED.iter().find(|(bit, _)| effective & (1 << bit) == 0);
    missing.map_or(Ok(()), |(_, name)| Err(MissingCapability(name)))
}
