//! What can be wrong with files and host: each is told with its remedy, ends with status 1 and leaves nothing.

use std::process::Command;

use crate::{
    scene::{assert_unchanged, boot_image, full, init_script, running, two},
    support::{Engine, Machine, PLACEMAT2},
};

/// Starts `placemat2` with `arguments`; it must end with status 1, say `expected`, and leave nothing.
fn fails(machine: &Machine, arguments: &[&str], expected: &[&str]) -> String {
    fails_with(machine, arguments, expected, |_| ())
}

fn fails_with(machine: &Machine, arguments: &[&str], expected: &[&str], prepare: impl FnOnce(&mut Command)) -> String {
    let before = machine.state();
    let mut engine = Engine::start_with(machine, arguments, prepare);
    let status = engine.wait(30);
    let output = engine.output();
    assert_eq!(status, 1, "{output}");
    for part in expected {
        assert!(output.contains(part), "`{part}` is not in:\n{output}");
    }
    assert_unchanged(machine, &before, &output);
    output
}

/// The lab with everything, which can fail at every step, and a file of it changed by `sed`.
fn full_but(machine: &Machine, sed: &str) {
    full(machine);
    machine.sh(&format!("sed -i '{sed}' /tmp/lab/full.yml"));
}

const FULL: &[&str] = &["--stop-timeout", "0.2", "/tmp/lab/full.yml"];

#[test]
fn a_failing_init_script_shows_its_output() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    init_script(&machine, "echo no such uplink >&2; exit 7");
    fails(&machine, FULL, &["/tmp/lab/init.sh", "router", "no such uplink", "7"]);
    init_script(&machine, "true");
    machine.sh("chmod -x /tmp/lab/init.sh");
    fails(&machine, FULL, &["init.sh", "chmod +x"]);
}

#[test]
fn a_hanging_init_script_has_a_time_limit() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    init_script(&machine, "echo waiting for godot; sleep 600");
    let arguments = [&["--init-timeout", "1"], FULL].concat();
    fails(
        &machine,
        &arguments,
        &["init.sh", "waiting for godot", "--init-timeout"],
    );
}

#[test]
fn an_app_that_does_not_exist() {
    let Some(machine) = Machine::new() else { return };
    full_but(&machine, "s/command: .sh, -c, .echo bye.*/command: [no-such-app]/");
    fails(&machine, FULL, &["no-such-app", "short", "leaf", "install"]);
}

#[test]
fn a_failing_app_does_not_wait_for_those_that_wait() {
    let Some(machine) = Machine::new() else { return };
    machine.write(
        "/tmp/lab/patient.yml",
        "
kind: Network
name: inner
type: internal
---
kind: NetworkNamespace
name: other
interfaces: [{network: inner}]
apps:
- name: never
  command: [sleep, '1000']
  ready: {exec: ['false'], timeout: 600}
---
kind: NetworkNamespace
name: one
interfaces: [{network: inner}]
apps:
- name: late
  command: [sleep, '1000']
  depends-on: [app/other/never]
- name: broken
  command: [no-such-app]
",
    );
    fails(&machine, &["/tmp/lab/patient.yml"], &["no-such-app", "broken", "one"]);
}

#[test]
fn names_and_prefixes_that_are_taken() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    machine.sh("ip link add ext type veth peer name ext-peer");
    fails(
        &machine,
        &["/tmp/lab/two.yml"],
        &["two.yml:3:7", "`ext`", "Rename the network"],
    );
    machine.sh("ip link del ext; ip netns add leaf");
    fails(&machine, &["/tmp/lab/two.yml"], &["two.yml", "`leaf`"]);
    machine.sh("ip netns del leaf; ip addr add 10.0.0.9/16 dev up0");
    fails(&machine, &["/tmp/lab/two.yml"], &["10.0.0.9/16", "up0"]);
}

#[test]
fn names_that_are_taken_while_the_lab_comes_up() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    // After the plan was made, before the namespace is published.
    init_script(&machine, "touch /run/netns/router");
    let mut engine = Engine::start(&machine, FULL);
    assert_eq!(engine.wait(30), 1, "{}", engine.output());
    assert!(engine.output().contains("/run/netns/router"), "{}", engine.output());
    // That file is somebody else's.
    machine.sh("rm /run/netns/router; rmdir /run/netns");
    machine.sh("! ip link show ext; ! pgrep pm2-keeper; ! pgrep qemu; ! ls /run/placemat2");
}

#[test]
fn listen_addresses_that_cannot_be() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let output = machine.try_sh(&format!("{PLACEMAT2} --listen-addr bogus /tmp/lab/two.yml 2>&1"));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(2) && told.contains("bogus"), "{told}");
    machine.write("/tmp/lab/empty.yml", "kind: Network\nname: lonely\ntype: internal\n");
    let engine = running(&machine, "empty", &[]);
    fails(&machine, &["/tmp/lab/two.yml"], &["127.0.0.1:10808", "--listen-addr"]);
    let other_port = ["--listen-addr", "127.0.0.1:10809", "/tmp/lab/empty.yml"];
    fails(&machine, &other_port, &["empty", "already running", "--name"]);
    engine.stop();
}

#[test]
fn consoles_that_cannot_be() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    machine.write("/tmp/guest.socket", "precious");
    let told = fails(
        &machine,
        FULL,
        &["guest", "/tmp/guest.socket", "no socket", "--run-dir"],
    );
    // That is found before anything is made.
    assert!(!told.contains("left alone") && !told.contains("is usable"), "{told}");
    assert_eq!(machine.sh("cat /tmp/guest.socket"), "precious");
    let impossible = [&["--run-dir", "/proc/none"], FULL].concat();
    let told = fails(&machine, &impossible, &["/proc/none", "--run-dir"]);
    assert!(!told.contains("is usable"), "{told}");
}

#[test]
fn the_directory_of_consoles_is_made() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    let engine = running(
        &machine,
        "full",
        &["--run-dir", "consoles/here", "--stop-timeout", "0.2"],
    );
    machine.sh("test -S /tmp/lab/consoles/here/guest.socket");
    engine.stop();
    assert_eq!(machine.sh("ls -A /tmp/lab/consoles/here"), "");
}

#[test]
fn no_nft() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    // Looked for in PATH and in the system's directories.
    let shadow = "touch /run/no; for dir in /usr/local/sbin /usr/sbin /sbin /usr/bin /bin; do
        [ ! -e $dir/nft ] || mount --bind /run/no $dir/nft; done";
    let nothing =
        "for dir in /usr/local/sbin /usr/sbin /sbin /usr/bin /bin; do umount $dir/nft 2>/dev/null; done; true";
    machine.sh(&format!("mkdir -p /run/bin; {shadow}"));
    let mut engine = Engine::start(&machine, FULL);
    assert_eq!(engine.wait(30), 1, "{}", engine.output());
    assert!(
        engine.output().contains("apt-get install nftables"),
        "{}",
        engine.output()
    );
    machine.sh(nothing);
    machine
        .sh("! ip link show ext; ! pgrep pm2-keeper; ! pgrep qemu; ! ls /run/placemat2; ! nft list ruleset | grep .");
}

#[test]
fn no_qemu() {
    let Some(machine) = Machine::new() else { return };
    machine.write(
        "/tmp/lab/node.yml",
        "kind: Node\nname: n\ncpu: 1\nmemory: 64M\ninterfaces: []\n",
    );
    let poor = ["PATH=/nowhere", PLACEMAT2, "/tmp/lab/node.yml"];
    let mut engine = Engine::start_program(&machine, "env", &poor, |_| ());
    assert_eq!(engine.wait(20), 1, "{}", engine.output());
    assert!(engine.output().contains("qemu-system-x86"), "{}", engine.output());
    machine.sh("! ls /run/placemat2");
}

#[test]
fn no_tun() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    machine.sh("mount -t tmpfs tmpfs /dev/net");
    fails(&machine, FULL, &["/dev/net/tun", "Load the kernel module `tun`"]);
}

#[test]
fn without_root() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let before = machine.state();
    let nobody = [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        PLACEMAT2,
        "/tmp/lab/two.yml",
    ];
    let mut engine = Engine::start_program(&machine, "setpriv", &nobody, |_| ());
    assert_eq!(engine.wait(10), 1);
    assert!(engine.output().contains("Use sudo"), "{}", engine.output());
    assert_unchanged(&machine, &before, "");
}

#[test]
fn a_qemu_that_exits_at_once() {
    let Some(machine) = Machine::new() else { return };
    full_but(&machine, "s/memory: 16M/memory: 900T/");
    fails(&machine, FULL, &["guest", "emory"]);
}

#[test]
fn arguments_that_qemu_does_not_know() {
    let Some(machine) = Machine::new() else { return };
    full_but(&machine, "s/memory: 16M/&\\nextra-args: [-device, no-such-device]/");
    fails(
        &machine,
        FULL,
        &["node `guest`", "'no-such-device' is not a valid device model name"],
    );
}

#[test]
fn images_that_are_none() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    machine.sh("rm /tmp/lab/boot.img");
    fails(&machine, FULL, &["full.yml", "boot.img"]);
    machine.sh("mkdir /tmp/lab/boot.img");
    fails(&machine, FULL, &["boot.img"]);
    machine.sh("rmdir /tmp/lab/boot.img; printf 'QFI\\373\\0\\0\\0\\3garbage' > /tmp/lab/boot.img");
    fails(&machine, FULL, &["boot"]);
}

#[test]
fn lab_files_that_cannot_be_read() {
    let Some(machine) = Machine::new() else { return };
    fails(&machine, &["/tmp/none.yml"], &["/tmp/none.yml", "No such file"]);
    fails(&machine, &["/tmp"], &["/tmp", "directory"]);
    machine.write(
        "/tmp/lab/bad.yml",
        "kind: Network\nname: too-long-for-a-link\ntype: internal\n---\nkind: Nodd\n",
    );
    fails(&machine, &["/tmp/lab/bad.yml"], &["bad.yml:2:7", "bad.yml:5:7", "Node"]);
}

#[test]
fn a_full_disk_for_volumes() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    machine
        .sh("head -c 8M /dev/urandom > /tmp/lab/boot.img; mkdir /var/data; mount -t tmpfs -o size=1M tmpfs /var/data");
    let arguments = [&["--data-dir", "/var/data"], FULL].concat();
    fails(&machine, &arguments, &["guest", "root", "space", "--data-dir"]);
    assert_eq!(machine.sh("find /var/data -type f"), "", "a half-made volume was left");
}

#[test]
fn a_full_disk_for_logs_and_run_files() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    // Logs are lost, and that is told; the lab runs.
    machine.sh("mount -t tmpfs -o size=4k tmpfs /var/log; head -c 4k /dev/zero > /var/log/full || true");
    let before = machine.state();
    let engine = running(&machine, "full", &["--stop-timeout", "0.2"]);
    let output = engine.stop();
    assert!(output.contains("No space left"), "{output}");
    assert_unchanged(&machine, &before, &output);
    // Without its record a lab must not begin.
    machine.sh("mkdir /run/placemat2; mount -t tmpfs -o size=4k,nr_inodes=3 tmpfs /run/placemat2");
    let mut engine = Engine::start(&machine, FULL);
    assert_eq!(engine.wait(30), 1, "{}", engine.output());
    assert!(engine.output().contains("/run/placemat2"), "{}", engine.output());
    machine.sh("! ip link show ext; ! pgrep pm2-keeper; ! pgrep qemu; umount /run/placemat2; rmdir /run/placemat2");
    assert_unchanged(&machine, &before, &engine.output());
}

#[test]
fn a_failing_node_takes_the_others_down() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    machine.sh("cat >> /tmp/lab/full.yml <<'EOF'\n---\nkind: Node\nname: broken\ncpu: 1\nmemory: 16M\ninterfaces: [inner]\nvolumes:\n- kind: image\n  name: root\n  image: torn\n---\nkind: Image\nname: torn\nfile: torn.img\nEOF");
    boot_image(&machine, "/tmp/lab/torn.img");
    machine.sh("mkdir -p /var/scratch/placemat/volumes/broken/root.img");
    fails(&machine, FULL, &["broken"]);
}
