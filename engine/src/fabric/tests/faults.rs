//! Hosts that lack what a lab needs.

use std::fs;

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

use super::{
    super::FabricError,
    host,
    lab::{Lab, To},
    links, on_private_host, up,
};

/// Gives the calling thread, and those it starts, mounts of their own.
fn private_mounts() {
    unshare(CloneFlags::CLONE_NEWNS).expect("mount namespace");
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>).expect("private mounts");
}

#[test]
fn another_user_is_told_to_be_root() {
    on_private_host(|| async {
        // SAFETY: a bare system call with numbers; unlike the C library's function it changes this thread only.
        let result = unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
        assert_eq!(result, 0);
        let plan = Lab::new()
            .network("ext", &[To::Host("10.1.0.254/24"), To::Ns("a", &[])])
            .plan();
        let error = up(&plan).await.expect_err("not root");
        assert!(matches!(error, FabricError::Privilege { .. }), "{error}");
        assert!(error.to_string().contains("needs root"), "{error}");
    });
}

#[test]
fn a_host_without_taps_is_told_which_module() {
    on_private_host(|| async {
        private_mounts();
        mount(Some("none"), "/dev/net", Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("tmpfs");
        let ends = [To::Host("10.1.0.254/24"), To::Ns("a", &[]), To::Node("vm", 0, 1)];
        let error = up(&Lab::new().network("ext", &ends).plan())
            .await
            .expect_err("no /dev/net/tun");
        assert!(matches!(&error, FabricError::NoTun { tap } if tap == "p3"), "{error}");
        assert!(error.to_string().contains("modprobe tun"), "{error}");
        assert_eq!(links(&host()), ["lo"]);
    });
}

#[test]
fn a_read_only_proc_names_the_sysctl() {
    on_private_host(|| async {
        private_mounts();
        let sysctls = "/proc/sys";
        mount(Some(sysctls), sysctls, None::<&str>, MsFlags::MS_BIND, None::<&str>).expect("bind mount");
        let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, sysctls, None::<&str>, flags, None::<&str>).expect("read-only");
        assert!(fs::write("/proc/sys/net/ipv4/ip_forward", "0").is_err());
        let plan = Lab::new().network("n", &[To::Ns("a", &[])]).plan();
        let error = up(&plan).await.expect_err("read-only /proc/sys");
        assert!(
            matches!(&error, FabricError::Sysctl { sysctl, .. } if sysctl.starts_with("net.ip")),
            "{error}"
        );
    });
}
