//! What a lab needs of this host, whether that is there, and how to mend what is not.
//!
//! The facts are those that plans are made with ([`crate::host::facts`]), and what is asked of the host beyond them is asked by
//! `host`, too. Changes nothing. This module knows nothing of how a lab is made.

mod clash;
mod demand;
mod finding;
mod kernel;
mod network;
mod programs;
mod room;

pub use demand::Demand;
pub use finding::{Finding, Verdict};

use crate::plan::{Facts, Options, PlanError};

/// What is looked at.
pub struct Host<'a> {
    /// What is known of the host, with what only nodes need.
    pub facts: &'a Facts,
    /// What the user chose.
    pub options: &'a Options,
    /// What the lab needs; `None`: any lab may come.
    pub demand: Option<Demand>,
    /// What of the lab this host has already.
    pub clashes: Vec<PlanError>,
}

/// Looks at everything a lab may need. Blocks while the host's firewall is listed.
pub fn examine(host: &Host<'_>) -> Vec<Finding> {
    let findings = [
        Some(kernel::privileges()),
        programs::apps(host),
        programs::qemu(host),
        programs::qemu_img(host),
        kernel::kvm(host),
        kernel::tun(host),
        kernel::vhost_net(host),
        programs::firmware(host),
        programs::swtpm(host),
        programs::virtiofsd(host),
        network::nft(host),
        network::forwarding(host),
        network::firewall(host),
        Some(network::mtu(host)),
        Some(kernel::netem()),
        room::memory(host),
        Some(room::cpus(host)),
        room::disk(host),
    ];
    findings.into_iter().flatten().chain(clash::clashes(host)).collect()
}
