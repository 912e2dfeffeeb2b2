//! NAT, forwarding and the host's firewall, and how large packets may be.

use super::{Finding, Host};
use crate::host::{firewall, installed, sysctl};

/// The smallest MTU of a link with IPv6 (RFC 8200, section 5).
const IPV6_MINIMUM: u32 = 1280;

/// What makes NAT and accept rules.
pub(super) fn nft(host: &Host<'_>) -> Option<Finding> {
    let need = host.need(|demand| demand.host_links);
    let found = "nft, which masquerades what leaves a lab and lets it pass the host's firewall, is not installed";
    let lack = need.missing(true, "nft", found, "install the package nftables");
    installed::find("nft").map_or(lack, |path| need.fulfilled("nft", path.display().to_string()))
}

/// Whether the host forwards packets, or can be made to.
pub(super) fn forwarding(host: &Host<'_>) -> Option<Finding> {
    const CHECK: &str = "forwarding";
    let need = host.need(|demand| demand.nat);
    if sysctl::is_on_or_writable("net.ipv4.ip_forward") {
        return need.fulfilled(
            CHECK,
            "the host forwards packets, or will while a lab with `use-nat` runs",
        );
    }
    let found = "the host does not forward packets, and its settings can't be written";
    let mend = "`sysctl -w net.ipv4.ip_forward=1` on the host, or a writable /proc/sys for the container";
    need.missing(false, CHECK, found, mend)
}

/// Whether the host's firewall would drop what is forwarded.
pub(super) fn firewall(host: &Host<'_>) -> Option<Finding> {
    const CHECK: &str = "firewall";
    installed::find("nft")?;
    let need = host.need(|demand| demand.host_links);
    match firewall::dropping() {
        Ok(chains) if chains.is_empty() => need.fulfilled(CHECK, "nothing that is forwarded is dropped"),
        Ok(chains) => {
            let chains = chains.join(", ");
            need.fulfilled(
                CHECK,
                format!(
                    "forwarded packets are dropped by {chains}; a lab adds rules of its own that accept its packets"
                ),
            )
        }
        Err(error) => {
            let found = format!("the host's firewall can't be listed: {error}");
            let mend = "run this as root; the kernel must have nftables (`modprobe nf_tables`)";
            need.missing(false, CHECK, found, mend)
        }
    }
}

/// The MTU that links of labs get.
pub(super) fn mtu(host: &Host<'_>) -> Finding {
    const CHECK: &str = "mtu";
    let mtu = &host.facts.mtu;
    if mtu.effective() < IPV6_MINIMUM {
        let found = format!("{mtu}: too small for IPv6, which needs {IPV6_MINIMUM}");
        Finding::warning(
            CHECK,
            found,
            "raise the MTU of that link, or give placemat2 another with --mtu",
        )
    } else {
        Finding::ok(CHECK, mtu.to_string())
    }
}
