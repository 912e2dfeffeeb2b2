//! Forwarding of the host, on while some lab needs it.

use std::fs;

use super::{super::*, *};

const SYSCTLS: [&str; 2] = ["net.ipv4.ip_forward", "net/ipv6/conf/all/forwarding"];

/// A lab that needs forwarding.
fn lab(name: &str) -> LabDir {
    let lab = acquire(name);
    sysctl::claim_blocking(lab.recorder(), &SYSCTLS.map(str::to_owned)).unwrap();
    lab
}

fn values() -> String {
    run("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | tr '\n' ' '")
}

/// All that the kernel changes along with forwarding.
fn everything() -> String {
    run("cd /proc/sys/net && grep -s . ipv4/ip_forward */conf/*/forwarding */conf/*/accept_redirects")
}

#[derive(Clone, Copy, PartialEq)]
enum End {
    Orderly,
    /// The engine dies and its keeper or a cleanup follows at once.
    Crash,
    /// The engine dies, and what it left is found only when everybody else has gone.
    Forgotten,
}

#[test]
fn what_is_set_back_is_told() {
    on_a_fresh_host(|| {
        let (first, last) = (lab("one"), lab("two"));
        assert!(first.release().unwrap().set_back.is_empty());
        let expected = ["net.ipv6.conf.all.forwarding", "net.ipv4.ip_forward"];
        assert_eq!(last.release().unwrap().set_back, expected);
    });
}

#[test]
fn the_last_lab_to_end_sets_forwarding_back() {
    const ENDS: [End; 3] = [End::Orderly, End::Crash, End::Forgotten];
    for first in ["one", "two"] {
        for (one_ends, two_ends) in ENDS.into_iter().flat_map(|one| ENDS.map(|two| (one, two))) {
            on_a_fresh_host(move || {
                let before = everything();
                assert_eq!(values(), "0 0 ");
                let mut labs = vec![(lab("one"), one_ends), (lab("two"), two_ends)];
                if first == "two" {
                    labs.reverse();
                }
                assert_eq!(values(), "1 1 ");
                let (lab, end) = labs.remove(0);
                finish(lab, end);
                assert_eq!(values(), "1 1 ", "one lab is left");
                let (lab, end) = labs.remove(0);
                finish(lab, end);
                let expected = if end == End::Forgotten { "1 1 " } else { "0 0 " };
                assert_eq!(values(), expected);
                cleanup(&root(), None).unwrap();
                assert_eq!(everything(), before);
                assert_eq!(run_dir(), "/run\n");
            });
        }
    }
}

fn finish(lab: LabDir, end: End) {
    match end {
        End::Orderly => drop(release(lab)),
        End::Crash => drop(undo_by_keeper(&crash(lab))),
        End::Forgotten => drop(crash(lab)),
    }
}

#[test]
fn a_lab_that_starts_after_a_crash_keeps_the_first_value() {
    on_a_fresh_host(|| {
        crash(lab("one"));
        crash(lab("two"));
        let one = lab("one");
        assert_eq!(values(), "1 1 ");
        release(one);
        assert_eq!(values(), "0 0 ");
        cleanup(&root(), None).unwrap();
        assert_eq!(values(), "0 0 ");
        assert_eq!(run_dir(), "/run\n");
    });
}

#[test]
fn what_was_on_stays_on_and_what_others_set_stays_set() {
    on_a_fresh_host(|| {
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        let dc = lab("dc");
        fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "2").unwrap();
        let report = dc.release().unwrap();
        assert_eq!(
            report.left,
            ["setting of sysctl net.ipv6.conf.all.forwarding: somebody else has set it meanwhile"]
        );
        assert_eq!(values(), "1 2 ");
        assert_eq!(run_dir(), "/run\n");
    });
}

#[test]
fn values_of_single_interfaces_and_hardening_come_back() {
    on_a_fresh_host(|| {
        run("ip link add name a type veth peer name b");
        fs::write("/proc/sys/net/ipv6/conf/a/forwarding", "1").unwrap();
        fs::write("/proc/sys/net/ipv4/conf/b/forwarding", "1").unwrap();
        fs::write("/proc/sys/net/ipv4/conf/all/accept_redirects", "0").unwrap();
        let before = everything();
        let dc = lab("dc");
        run("ip link add name c type veth peer name d");
        assert_ne!(everything(), before);
        run("ip link delete c");
        release(dc);
        assert_eq!(everything(), before);
    });
}

#[test]
fn a_read_only_proc_is_fine_if_the_value_is_right() {
    on_a_fresh_host(|| {
        let read_only = "mount -n --bind /proc/sys /proc/sys && mount -n -o remount,ro,bind /proc/sys";
        fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        run(read_only);
        let dc = acquire("dc");
        sysctl::claim_blocking(dc.recorder(), &["net.ipv4.ip_forward".into()]).unwrap();
        let error = sysctl::claim_blocking(dc.recorder(), &["net.ipv6.conf.all.forwarding".into()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "The sysctl net.ipv6.conf.all.forwarding cannot be set to 1: Read-only file system (os error 30); a network with \
             use-nat needs it, so set it on the host (sysctl -w net.ipv6.conf.all.forwarding=1) or run placemat2 where \
             /proc/sys is writable."
        );
        release(dc);
        run("umount -n /proc/sys");
        assert_eq!(run_dir(), "/run\n");
    });
}

#[test]
fn a_file_of_claims_that_was_not_finished_goes_with_the_lab() {
    on_a_fresh_host(|| {
        let before = run_dir();
        let lab = lab("dc");
        fs::write(root().join(".claims.new"), r#"{"sysctls":{"#).unwrap();
        undo_by_keeper(&crash(lab));
        assert_eq!(run_dir(), before);
    });
}
