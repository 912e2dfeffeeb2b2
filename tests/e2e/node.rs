//! A virtual machine of a lab: its console, its power, its death.

use std::{
    io::{ErrorKind, Read as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use crate::{
    scene::{GREETING, assert_unchanged, events, eventually, full, running},
    support::{Machine, PMCTL2, json},
};

const OPTIONS: &[&str] = &["--stop-timeout", "0.2"];

/// Everything a console shows until `expected` is in it.
fn console_shows(machine: &Machine, expected: &str) {
    // A path of a socket is short; that through /proc leads into the machine.
    let mut console = UnixStream::connect(machine.path("/tmp/guest.socket")).unwrap();
    console.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut seen = Vec::new();
    eventually("the console's greeting", 30, || {
        let mut buffer = [0; 4096];
        match console.read(&mut buffer) {
            Ok(length) => seen.extend_from_slice(&buffer[..length]),
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind()) => {}
            Err(error) => panic!("{error}"),
        }
        String::from_utf8_lossy(&seen).contains(expected)
    });
}

/// A node with both kinds of processes that QEMU needs.
const HELPED: &str = "
kind: Node
name: helped
cpu: 1
memory: 64M
tpm: true
volumes:
- {kind: hostPath, name: shared, path: /tmp/lab, driver: virtiofs, writable: true}
";

#[test]
fn what_qemu_needs_and_has_lost_is_told() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/tmp/lab/helped.yml", HELPED);
    let engine = running(&machine, "helped", OPTIONS);
    machine.sh(&format!(
        "{PMCTL2} node action stop helped; {PMCTL2} node action start helped"
    ));
    // Those of the first power cycle have ended with it.
    std::thread::sleep(Duration::from_millis(1500));
    assert!(!events(&machine, "helped").contains("lost"));
    for (process, told) in [("swtpm", "has no TPM"), ("virtiofsd", "volume `shared`")] {
        machine.sh(&format!("pkill -KILL -x {process}"));
        eventually(process, 10, || events(&machine, "helped").contains(told));
    }
    let node = json(&machine, "helped", "/nodes/helped");
    assert_eq!(node["power_status"], "On");
    assert!(node["power_reason"].as_str().unwrap().contains("virtiofsd"), "{node}");
    machine.sh(&format!(
        "{PMCTL2} node action stop helped; {PMCTL2} node action start helped; pgrep -x swtpm"
    ));
    assert!(json(&machine, "helped", "/nodes/helped")["power_reason"].is_null());
    engine.stop();
}

#[test]
fn power_and_console_through_the_programs() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    let before = machine.state();
    let mut engine = running(&machine, "full", OPTIONS);
    assert_eq!(machine.sh("stat -c %a:%F /tmp/guest.socket"), "600:socket\n");
    console_shows(&machine, GREETING);

    let pmctl2 = |arguments: &str| machine.sh(&format!("{PMCTL2} node {arguments}"));
    let shown = || json(&machine, "full", "/nodes/guest");
    assert_eq!(pmctl2("list"), "guest\n");
    let node: serde_json::Value = serde_json::from_str(&pmctl2("show guest")).unwrap();
    assert_eq!(node["power_status"], "On");
    assert_eq!(node["socket_path"], "/tmp/guest.socket");
    let pid = |node: &serde_json::Value| node["pid"].as_u64().unwrap();
    machine.sh(&format!("grep -q qemu /proc/{}/comm", pid(&node)));
    let tap = "ip -n placemat2-full -o link show type tun";
    assert!(machine.sh(tap).contains("LOWER_UP"));

    pmctl2("action stop guest");
    assert_eq!(shown()["power_status"], "Off");
    assert!(!machine.try_sh("pgrep qemu").status.success());
    // Its cable is unplugged as long as nobody is there.
    assert!(machine.sh(tap).contains("NO-CARRIER"));
    pmctl2("action start guest");
    assert_eq!(shown()["power_status"], "On");
    let second = shown();
    assert_ne!(pid(&second), pid(&node));
    pmctl2("action restart guest");
    assert_eq!(pid(&shown()), pid(&second), "a reset keeps QEMU");
    console_shows(&machine, GREETING);

    machine.sh(&format!("kill -KILL {}", pid(&second)));
    engine.until("the node is off", 5, || shown()["power_status"] == "Off");
    assert_eq!(shown()["power_reason"], "QEMU was killed by signal 9");
    assert_eq!(json(&machine, "full", "/lab")["phase"], "running");
    pmctl2("action start guest");
    assert_eq!(shown()["power_status"], "On");

    let told = events(&machine, "full");
    for message in [
        "Powering on.",
        "The node is on.",
        "Powering off.",
        "The machine was reset",
        "killed by signal 9",
    ] {
        assert!(told.contains(message), "`{message}` is not in:\n{told}");
    }
    let unknown = machine.try_sh(&format!("{PMCTL2} node action start nobody"));
    assert_eq!(unknown.status.code(), Some(1));
    let log = machine.sh("cat /var/log/placemat2/full/guest.console.log");
    assert!(log.contains(GREETING.trim()), "{log}");
    engine.stop();
    assert_unchanged(&machine, &before, "");
}

#[test]
fn a_window_leaves_the_console_as_it_is() {
    let Some(machine) = Machine::new() else { return };
    // Where there is none, QEMU has its screen served by VNC.
    let displays = machine.sh("qemu-system-x86_64 -display help");
    if ["gtk", "sdl"].iter().any(|kind| displays.contains(kind)) {
        eprintln!("skipped: QEMU would want a desktop");
        return;
    }
    full(&machine);
    let engine = running(&machine, "full", &[OPTIONS, &["--graphic"]].concat());
    console_shows(&machine, GREETING);
    engine.stop();
}

#[test]
fn a_link_of_the_host_can_join_a_network() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    let before = machine.state();
    let engine = running(&machine, "full", OPTIONS);
    machine.sh("ip link add nic0 type veth peer name far0 && ip link set nic0 netns placemat2-full");
    machine.sh("ip -n placemat2-full link set nic0 master inner up");
    machine.sh("ip -n placemat2-full -o link show master inner | grep nic0");
    let output = engine.stop();
    // The kernel takes its time for the links of a namespace that has gone.
    eventually("what is virtual goes with the lab", 20, || {
        machine
            .sh("ip -o link show far0 2>&1 || true")
            .contains("does not exist")
    });
    assert_unchanged(&machine, &before, &output);
}
