//! A Debian with the real cloud-init: everything a server knows of itself comes from its seed.
//!
//! Takes a few minutes, and longer the first time, when the image is made: for `make test-all`.

#![cfg(test)]

#[path = "support/mod.rs"]
mod support;

use std::{fs, process::Command};

use support::{Engine, Machine, PMCTL2};

/// Under TCG, beside other work.
const BOOT_LIMIT_SECONDS: u64 = 1200;

const LAB: &str = "
kind: Network
name: net0
type: internal
---
kind: NetworkNamespace
name: operation
interfaces:
- network: net0
  addresses: [10.9.0.1/24]
---
kind: Image
name: debian
file: debian.qcow2
---
kind: Node
name: web-1
cpu: 2
memory: 1G
interfaces: [net0]
volumes:
- {kind: image, name: root, image: debian, copy-on-write: true, cache: unsafe}
- {kind: localds, name: seed, user-data: user-data, network-config: network-config, meta-data: meta-data}
";

const USER_DATA: &str = "#cloud-config
users:
- name: steward
  shell: /bin/bash
  ssh_authorized_keys:
  - KEY
package_update: false
locale: false
ssh_deletekeys: true
ssh_genkeytypes: [ed25519]
";

const NETWORK_CONFIG: &str = "version: 2
ethernets:
  ens3:
    addresses: [10.9.0.7/24]
    gateway4: 10.9.0.1
";

/// The rest is added: an identity and, were it not here, the node's name.
const META_DATA: &str = "local-hostname: web-from-the-seed\n";

#[test]
#[ignore = "makes a Debian image and boots it: minutes"]
fn hostname_user_and_address_come_from_the_seed() {
    let Some(machine) = Machine::new() else { return };
    let recipe = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cloud_init/build-image");
    let made = Command::new("timeout").args(["3000", recipe]).status().unwrap();
    assert!(made.success(), "the image could not be made");
    let image = concat!(env!("CARGO_MANIFEST_DIR"), "/target/cloud-image/debian.qcow2");

    machine.sh("mkdir -p /tmp/lab && ssh-keygen -q -t ed25519 -N '' -f /tmp/lab/key");
    let key = fs::read_to_string(machine.path("/tmp/lab/key.pub")).unwrap();
    // The machine has a /tmp of its own: were the repository below /tmp, the image would be out of its reach.
    fs::copy(image, machine.path("/tmp/lab/debian.qcow2")).unwrap();
    machine.write("/tmp/lab/dc.yml", LAB);
    machine.write("/tmp/lab/user-data", USER_DATA.replace("KEY", key.trim()));
    machine.write("/tmp/lab/network-config", NETWORK_CONFIG);
    machine.write("/tmp/lab/meta-data", META_DATA);
    let mut engine = Engine::start(&machine, &["--headless", "/tmp/lab/dc.yml"]);
    engine.until_running(&machine, "dc", 60);
    let console = || fs::read(machine.path("/var/log/placemat2/dc/web-1.console.log")).unwrap_or_default();
    let banner = "ip netns exec operation timeout 5 bash -c 'exec 3<>/dev/tcp/10.9.0.7/22; head -n1 <&3' 2>&1";
    let ssh = "ip netns exec operation timeout 60 ssh -i /tmp/lab/key -o StrictHostKeyChecking=no \
               -o UserKnownHostsFile=/dev/null -o BatchMode=yes steward@10.9.0.7";
    engine.until("sshd answers", BOOT_LIMIT_SECONDS, || {
        let answer = machine.try_sh(banner);
        answer.stdout.starts_with(b"SSH-2.0-OpenSSH")
    });
    // sshd may be there a little earlier than the account.
    let status = format!("{ssh} cloud-init status --wait");
    engine.until("cloud-init is done", BOOT_LIMIT_SECONDS, || {
        let status = machine.try_sh(&status);
        String::from_utf8_lossy(&status.stdout).contains("status: done")
    });
    let facts = machine.sh(&format!(
        "{ssh} 'id -un; hostname; cat /var/lib/cloud/data/instance-id; ip -br address show dev ens3; cloud-id'"
    ));
    let lines: Vec<_> = facts.lines().collect();
    let text = String::from_utf8_lossy(&console()).into_owned();
    assert_eq!(lines[..3], ["steward", "web-from-the-seed", "web-1"], "{facts}\n{text}");
    assert!(lines[3].contains("10.9.0.7/24"), "{facts}");
    assert_eq!(lines[4], "nocloud", "{facts}");
    people_log_in(&machine);
    engine.stop();
}

/// By the config that is made for ssh, and by a port of the host, without a word about namespaces.
fn people_log_in(machine: &Machine) {
    machine.sh(&format!(
        "{PMCTL2} ssh-config --user steward --identity /tmp/lab/key >/tmp/lab/ssh_config"
    ));
    let by_config = machine.sh("timeout 120 ssh -F /tmp/lab/ssh_config -o BatchMode=yes web-1 'id -un; hostname'");
    assert_eq!(by_config, "steward\nweb-from-the-seed\n");
    machine.sh(&format!("{PMCTL2} forward add 2222 operation:10.9.0.7:22"));
    let by_port = machine.sh(
        "timeout 120 ssh -p 2222 -i /tmp/lab/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
         -o BatchMode=yes steward@127.0.0.1 'id -un; hostname'",
    );
    assert_eq!(by_port, by_config);
}
