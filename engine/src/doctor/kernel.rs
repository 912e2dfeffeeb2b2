//! What the kernel offers, and lets this process do.

use super::{Finding, Host, finding::Need};
use crate::{
    host::{check_privileges, netem},
    plan::AccelChoice,
};

/// A lab is made with root's powers.
pub(super) fn privileges() -> Finding {
    const CHECK: &str = "privileges";
    match check_privileges() {
        Ok(()) => Finding::ok(CHECK, "this process has the capabilities that labs need"),
        Err(error) => Finding::failed(
            CHECK,
            error.to_string(),
            "run this as root (sudo); a container needs the capabilities that docs/kubernetes.md lists",
        ),
    }
}

/// Hardware virtualization.
pub(super) fn kvm(host: &Host<'_>) -> Option<Finding> {
    const CHECK: &str = "kvm";
    let need = host.need(|demand| demand.nodes);
    if host.options.accel == AccelChoice::Tcg {
        return need.fulfilled(CHECK, "not wanted (--accel tcg)");
    }
    let Err(reason) = &host.facts.kvm else {
        return need.fulfilled(CHECK, "a small guest ran");
    };
    let mend = "switch virtualization on in the machine's firmware, or nested virtualization in its hypervisor; then \
                `modprobe kvm_intel` or `modprobe kvm_amd`; a container needs the device /dev/kvm";
    if host.options.accel == AccelChoice::Kvm {
        return need.missing(true, CHECK, reason, mend);
    }
    let found = format!("{reason}; QEMU emulates the CPUs, several times slower");
    (need != Need::No).then(|| Finding::warning(CHECK, found, mend))
}

/// Taps, which nodes' NICs are made of.
pub(super) fn tun(host: &Host<'_>) -> Option<Finding> {
    const CHECK: &str = "tun";
    let need = host.need(|demand| demand.nics);
    if host.facts.tun {
        return need.fulfilled(CHECK, "/dev/net/tun can be opened");
    }
    let mend = "`modprobe tun`; a container needs the device /dev/net/tun";
    need.missing(true, CHECK, "/dev/net/tun can't be opened", mend)
}

/// The kernel's way of moving packets between taps and guests.
pub(super) fn vhost_net(host: &Host<'_>) -> Option<Finding> {
    const CHECK: &str = "vhost-net";
    let need = host.need(|demand| demand.nics);
    if host.facts.vhost_net {
        return need.fulfilled(CHECK, "/dev/vhost-net can be opened");
    }
    let found = "/dev/vhost-net can't be opened; nodes' packets go through QEMU, with less throughput";
    let mend = "`modprobe vhost_net`; a container needs the device /dev/vhost-net, and the module on its host";
    (need != Need::No).then(|| Finding::warning(CHECK, found, mend))
}

/// Delay and loss, for init scripts that ask for it.
pub(super) fn netem() -> Finding {
    const CHECK: &str = "netem";
    match netem::is_there() {
        Ok(true) => Finding::ok(CHECK, "the kernel can delay and lose packets (tc-netem)"),
        Ok(false) => Finding::warning(
            CHECK,
            "the kernel has no netem: `tc qdisc ... netem` in init scripts fails",
            "`modprobe sch_netem`; kernels for clouds may lack it: install the package linux-image-amd64",
        ),
        Err(error) => Finding::warning(
            CHECK,
            format!("the kernel does not say whether it has netem: {error}"),
            "run this as root",
        ),
    }
}
