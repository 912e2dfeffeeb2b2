//! Tests of the comparison that other end-to-end tests rely on.

// Clippy allows these in functions marked as tests, not in those that they call.
#![allow(clippy::unwrap_used)]

#[path = "support/host_state.rs"]
mod host_state;

use std::{env, fs, process::Command};

use host_state::HostState;

/// Set in the environment of the child that has a host of its own.
const INSIDE: &str = "PLACEMAT2_TEST_INSIDE";

#[test]
fn every_kind_of_leftover_is_seen() {
    if env::var_os(INSIDE).is_some() {
        return inside();
    }
    let probe = Command::new("unshare")
        .args(["-n", "-m", "-p", "-f", "--mount-proc", "true"])
        .output()
        .unwrap();
    if !probe.status.success() {
        println!("skipped: needs root");
        return;
    }
    let output = Command::new("unshare")
        .args(["-n", "-m", "-p", "-f", "--mount-proc"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "every_kind_of_leftover_is_seen", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn inside() {
    run("mount -n -t tmpfs none /tmp && mount -n -t tmpfs none /run && mkdir /run/netns");
    run("nft add table inet t; nft add chain inet t c; nft add rule inet t c accept; nft add rule inet t c drop");
    let before = HostState::capture();
    assert_eq!(before.diff(&HostState::capture()), Vec::<String>::new());
    let cases = [
        (
            "ip link add dummy0 type veth",
            "ip link delete dummy0",
            &["+link: 2: veth0@dummy0"][..],
        ),
        (
            "ip link set lo up",
            "ip link set lo down",
            &["+address: 1: lo inet 127.0.0.1/8"],
        ),
        ("nft add table ip x", "nft delete table ip x", &["+nft: table ip x"]),
        (
            "ip netns add n",
            "ip netns delete n; umount /run/netns",
            &["+namespace: /run/netns/n", "+mount: ", "+file: /run/netns/n"],
        ),
        (
            "ln -s /proc/9/fd/9 /run/netns/m",
            "rm /run/netns/m",
            &["+file: /run/netns/m -> /proc/9/fd/9"],
        ),
        (
            "mkdir -p /tmp/a/b && touch /tmp/a/b/c",
            "rm -r /tmp/a",
            &["+file: /tmp/a/", "+file: /tmp/a/b/c"],
        ),
        (
            "echo 1 > /proc/sys/net/ipv4/ip_forward",
            "echo 0 > /proc/sys/net/ipv4/ip_forward",
            &["+sysctl: /proc/sys/net/ipv4/ip_forward = 1"],
        ),
        (
            "sleep 60 >/dev/null 2>&1 & echo $! > /dev/shm/pid-$PPID",
            "kill $(cat /dev/shm/pid-$PPID); rm /dev/shm/pid-$PPID",
            &["+process: "],
        ),
        (
            "nft flush chain inet t c; nft add rule inet t c drop; nft add rule inet t c accept",
            "nft flush chain inet t c; nft add rule inet t c accept; nft add rule inet t c drop",
            &["~nft: \t\tdrop"],
        ),
    ];
    for (make, undo, expected) in cases {
        run(make);
        let differences = before.diff(&HostState::capture());
        for line in expected {
            assert!(
                differences.iter().any(|found| found.starts_with(line)),
                "{make}: {line}: {differences:#?}"
            );
        }
        run(undo);
    }
    run("iptables -P FORWARD DROP");
    let differences = before.diff(&HostState::capture());
    assert!(
        differences.contains(&"+iptables: :FORWARD DROP".to_owned()),
        "{differences:#?}"
    );
    assert!(fs::read_dir("/run/netns").unwrap().next().is_none());
}

fn run(command: &str) {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(
        output.status.success(),
        "{command}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
