//! Disks and shares of nodes as guests and other labs see them.

use std::fs;

use crate::{
    scene::{boot_image, events, running},
    support::{
        Engine, Machine,
        guests::{BOOT, guest},
    },
};

/// Two nodes whose shares need memory that is shared, one with NUMA nodes and one without.
const SHARES: &str = "
kind: Network
name: net0
type: internal
---
kind: Image
name: guest
file: guest.qcow2
---
";

const NODE: &str = "
kind: Node
name: NAME
cpu: 2
memory: 256M
EXTRA
interfaces: [net0]
volumes:
- {kind: image, name: root, image: guest, copy-on-write: true, cache: unsafe}
- {kind: localds, name: seed, user-data: user-data, network-config: NAME.net, meta-data: meta-data}
- {kind: hostPath, name: fast, path: /var/scratch/NAME, writable: true, driver: virtiofs}
- {kind: hostPath, name: fixed, path: /var/scratch/fixed, driver: virtiofs}
---
";

/// The seed's disk is mounted once more, by hand. What is found goes to the writable share, the last of it last.
const USER_DATA: &str = "#cloud-config
runcmd:
- mkdir /a /b /c
- mount -t virtiofs fast /a
- mount -t virtiofs fixed /b
- cp /b/greeting /a/greeting
- if touch /b/forbidden; then echo yes; else echo no; fi >/a/writable
- mount -t vfat -o ro /dev/vdb /c && cat /c/meta-data >/a/meta-data
- hostname >/a/hostname
- ip -4 -o addr show dev ens3 >/a/address
- cat /sys/devices/system/node/online >/a/numa
- mv /a/numa /a/done
";

#[test]
fn shares_over_virtiofs_and_a_seed_that_linux_mounts() {
    let Some(machine) = Machine::new() else { return };
    machine.sh("mkdir -p /var/scratch/fixed /tmp/lab; echo hello >/var/scratch/fixed/greeting");
    machine.write("/tmp/lab/guest.qcow2", guest("guest.qcow2"));
    let mut lab = SHARES.to_owned();
    for (name, extra, address) in [
        ("plain", "", "10.9.0.7/24"),
        ("cells", "numa: {nodes: 2}", "10.9.0.8/24"),
    ] {
        lab += &NODE.replace("NAME", name).replace("EXTRA", extra);
        let network = format!("version: 2\nethernets:\n  ens3:\n    addresses: [{address}]\n");
        machine.write(&format!("/tmp/lab/{name}.net"), &network);
    }
    machine.write("/tmp/lab/shares.yml", &lab);
    machine.write("/tmp/lab/user-data", USER_DATA);
    machine.write("/tmp/lab/meta-data", "local-hostname: from-the-seed\nrack: 7\n");
    let before = machine.state();
    let mut engine = running(&machine, "shares", &[]);
    for (name, address, cells) in [("plain", "10.9.0.7/24", "0"), ("cells", "10.9.0.8/24", "0-1")] {
        let read = |file: &str| fs::read_to_string(machine.path(format!("/var/scratch/{name}/{file}"))).unwrap();
        let done = machine.path(format!("/var/scratch/{name}/done"));
        engine.until("the guest has told all", BOOT, || done.exists());
        assert_eq!(read("greeting"), "hello\n");
        assert_eq!(read("writable"), "no\n");
        assert_eq!(read("hostname"), "from-the-seed\n");
        assert_eq!(
            read("meta-data"),
            format!("local-hostname: from-the-seed\nrack: 7\ninstance-id: {name}\n")
        );
        assert!(read("address").contains(address), "{}", read("address"));
        assert_eq!(read("done"), format!("{cells}\n"));
    }
    machine.sh("test ! -e /var/scratch/fixed/forbidden");
    // Its virtiofsds end with a node, and come back with it.
    let daemons = || {
        machine
            .sh("pgrep -c -f '[v]irtiofsd.*/plain' || true")
            .trim()
            .parse::<u32>()
            .unwrap()
    };
    assert!(daemons() > 0);
    machine.sh("/mnt/pmctl2 node action stop plain");
    assert_eq!(daemons(), 0);
    machine.sh("rm /var/scratch/plain/done; /mnt/pmctl2 node action start plain");
    let done = machine.path("/var/scratch/plain/done");
    engine.until("the guest is back", BOOT, || done.exists());
    engine.stop();
    machine.sh("rm -r /var/scratch/plain /var/scratch/cells /var/scratch/placemat/volumes");
    let left = before.diff(&machine.state());
    assert_eq!(left, [] as [String; 0]);
}

/// A node with a disk, a TPM and UEFI variables, in a lab of any name.
const DISK: &str = "
kind: Image
name: boot
file: boot.img
---
kind: Node
name: guest
cpu: 1
memory: 64M
EXTRA
volumes:
- {kind: image, name: root, image: boot}
";

#[test]
fn a_disk_of_another_lab_is_refused_by_its_owners_name() {
    let Some(machine) = Machine::new() else { return };
    boot_image(&machine, "/tmp/lab/boot.img");
    machine.write("/tmp/lab/one.yml", DISK.replace("EXTRA", "tpm: true\nuefi: true"));
    machine.write("/tmp/lab/two.yml", DISK.replace("EXTRA", ""));
    // The same files but for the disk.
    let other = "kind: Node\nname: guest\ncpu: 1\nmemory: 64M\nEXTRA\n";
    machine.write("/tmp/lab/tpm.yml", other.replace("EXTRA", "tpm: true"));
    machine.write("/tmp/lab/uefi.yml", other.replace("EXTRA", "uefi: true"));
    let elsewhere = ["--listen-addr", "127.0.0.1:10809", "--run-dir", "/run"];
    let mut one = running(&machine, "one", &[]);
    for (lab, object) in [
        ("two", "volume `root` at /var/scratch/placemat/volumes/guest/root.img"),
        ("tpm", "the state of the TPM at /var/scratch/placemat/tpm/guest"),
        ("uefi", "the UEFI variables at /var/scratch/placemat/nvram/guest.fd"),
    ] {
        let file = format!("/tmp/lab/{lab}.yml");
        let mut engine = Engine::start(&machine, &[&["--headless"], &elsewhere[..], &[&file]].concat());
        assert_eq!(engine.wait(30), 1);
        let message = format!("node `guest`: {object} is in use by node `guest` of lab `one`. Stop that, or keep");
        assert!(engine.output().contains(&message), "{}", engine.output());
    }
    assert!(events(&machine, "one").contains("The node is on."));
    // A lab that is killed owns nothing any more.
    one.signal(nix::sys::signal::Signal::SIGKILL);
    one.wait(5);
    let two = running(&machine, "two", &elsewhere);
    two.stop();
    machine.sh("! find /var/scratch/placemat -name '.two*.owner' | grep .");
}
