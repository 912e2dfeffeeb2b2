//! The whole program on a terminal, with labs that it starts itself.

use nix::sys::signal::{Signal, kill};

use super::{
    pty::Pty,
    support::{
        Machine, PLACEMAT2, get,
        guests::{BOOT, guest},
    },
};

const SIZE: (u16, u16) = (120, 30);

const LAB: &str = r#"
kind: Network
name: net
type: internal
---
kind: NetworkNamespace
name: router
interfaces:
- network: net
  addresses: [10.9.0.1/24]
apps:
- name: clock
  command: [sh, -c, "i=0; while :; do i=$((i+1)); echo tick $i; sleep 1; done"]
---
kind: NetworkNamespace
name: client
interfaces:
- network: net
  addresses: [10.9.0.2/24]
"#;

fn console(machine: &Machine, arguments: &[&str]) -> Pty {
    let mut command = machine.command(PLACEMAT2);
    command.args(arguments).env("XDG_CONFIG_HOME", "/nonexistent");
    Pty::start(command, SIZE)
}

fn engine(machine: &Machine) -> Option<i32> {
    let lab: serde_json::Value = serde_json::from_slice(&get(machine, "lab", "/lab")?).ok()?;
    i32::try_from(lab["pid"].as_i64()?).ok()
}

/// Waits until nobody answers for the lab.
fn until_gone(machine: &Machine) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while machine.path("/run/placemat2/lab").exists() {
        assert!(std::time::Instant::now() < deadline, "the lab is not taken down");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn start_detach_attach_tear_down() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/tmp/lab.yml", LAB);
    let before = machine.state();
    let mut pty = console(&machine, &["ui", "/tmp/lab.yml"]);
    pty.expect("● running");
    pty.expect("router");
    pty.send("4j");
    pty.expect("tick 2");
    pty.send("d");
    assert!(pty.wait().success());
    pty.assert_given_back();
    assert!(engine(&machine).is_some(), "the lab goes on");

    // Two at once, one of them may only look.
    let mut second = console(&machine, &["ui", "--readonly"]);
    let mut pty = console(&machine, &["attach", "--lab", "lab"]);
    for screen in [&mut pty, &mut second] {
        screen.expect("router");
        screen.send("4j");
        screen.expect("tick 3");
    }
    second.send("qt");
    second.expect("read-only");
    second.send("d");
    assert!(second.wait().success());
    pty.send("qt");
    pty.expect("Tear down the lab lab?");
    pty.send("y");
    assert!(pty.wait().success());
    pty.assert_given_back();
    until_gone(&machine);
    // The engine's log stays, as logs of apps do.
    machine.sh("test -s /var/log/placemat2/lab/engine.log && rm -r /var/log/placemat2");
    assert_eq!(machine.state(), before);
}

#[test]
fn an_engine_that_is_killed_is_told() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/tmp/lab.yml", LAB);
    let mut pty = console(&machine, &["--quiet", "ui", "/tmp/lab.yml"]);
    pty.expect("● running");
    let pid = engine(&machine).unwrap();
    // What stands before `ui` is for the engine, too.
    machine.sh(&format!("tr '\\0' '\\n' < /proc/{pid}/cmdline | grep -qx -e --quiet"));
    machine.sh(&format!("kill -9 {pid}"));
    pty.expect("The lab failed");
    pty.send("\r");
    pty.send("q");
    assert!(!pty.wait().success());
    pty.assert_given_back();
    until_gone(&machine);
}

#[test]
fn a_console_that_is_killed_leaves_the_lab_alone() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/tmp/lab.yml", LAB);
    let mut pty = console(&machine, &["ui", "/tmp/lab.yml"]);
    pty.expect("● running");
    machine.sh("kill -9 $(pgrep -f '^/mnt/placemat2 u[i]')");
    pty.wait();
    let mut pty = console(&machine, &["ui"]);
    pty.expect("● running");
    kill(pty.pid(), Signal::SIGCONT).unwrap();
    pty.send("qty");
    assert!(pty.wait().success());
    until_gone(&machine);
}

#[test]
fn mistakes_are_told_in_full_before_there_is_a_screen() {
    let Some(machine) = Machine::new() else { return };
    machine.write(
        "/tmp/lab.yml",
        "kind: Network\nname: net\ntype: imaginary\n---\nkind: Nod\nname: x\n",
    );
    let mut pty = console(&machine, &["ui", "/tmp/lab.yml"]);
    assert!(!pty.wait().success());
    pty.expect("imaginary");
    pty.expect("Nod");
    pty.assert_given_back();
}

#[test]
fn a_start_that_fails_says_why() {
    let Some(machine) = Machine::new() else { return };
    let failing = LAB.replace("apps:", "init-scripts: [fail.sh]\napps:");
    machine.write("/tmp/lab.yml", failing);
    // It fails when the console shows the lab: one that is gone before leaves nothing but its words.
    machine.write(
        "/tmp/fail.sh",
        "#!/bin/sh\nwhile ! test -e /tmp/shown; do sleep 0.1; done\necho the disk is on fire\nexit 3\n",
    );
    machine.sh("chmod +x /tmp/fail.sh");
    let mut pty = console(&machine, &["ui", "/tmp/lab.yml"]);
    pty.expect("NORMAL");
    pty.expect("router");
    machine.write("/tmp/shown", "");
    pty.expect("The lab failed");
    pty.expect("the disk is on fire");
    pty.send("\r");
    pty.expect("NORMAL");
    pty.send("q");
    assert!(!pty.wait().success());
    pty.assert_given_back();
    // It is said once more, where it stays.
    pty.expect("the disk is on fire");
    until_gone(&machine);
}

/// A node that stays off, with a BMC.
const BMC: &str = r"
kind: Network
name: net
type: internal
---
kind: Network
name: bmc
type: bmc
address: 10.72.17.1/26
---
kind: Node
name: server
cpu: 1
memory: 64M
power: off
interfaces: [net]
bmc:
  address: 10.72.17.11
";

#[test]
fn a_bmc_is_walked_and_told_from_what_to_boot() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/tmp/lab.yml", BMC);
    let mut pty = console(&machine, &["ui", "/tmp/lab.yml"]);
    pty.expect("● running");
    pty.send("6");
    pty.expect("10.72.17.11  ● ready");
    pty.expect("in the usual order (Legacy)");
    pty.expect("https://10.72.17.11/redfish/v1/");
    pty.send("\r");
    pty.expect("#ServiceRoot.");
    pty.send("/\"Systems\r\r");
    pty.expect("#ComputerSystemCollection.");
    pty.send("\r");
    pty.expect("#ComputerSystem.Reset");
    // The form tells what it sends, and the BMC what became of it.
    pty.send("b\x1b[C");
    pty.expect("\"BootSourceOverrideTarget\":\"Pxe\"");
    pty.send("\r\r\r\r");
    pty.expect("done: PATCH System.Embedded.1 of server");
    let told: serde_json::Value = serde_json::from_slice(&get(&machine, "lab", "/bmcs/server").unwrap()).unwrap();
    assert_eq!(told["boot_override"]["target"], "pxe", "{told}");
    assert_eq!(told["boot_override"]["persistence"], "once", "{told}");
    // What the BMC refuses is told in its words.
    pty.send("R\x15DELETE /redfish/v1/Systems\r");
    pty.expect("✗ 405");
    pty.send("\t");
    pty.expect("network once");
    pty.send("p2");
    pty.expect("this BMC offers None, Pxe, Cd");
    pty.send("qty");
    assert!(pty.wait().success());
    pty.assert_given_back();
    until_gone(&machine);
}

/// A server of the demo, alone.
const NODE: &str = r"
kind: Network
name: net
type: internal
---
kind: Image
name: guest
file: /tmp/guest.qcow2
---
kind: Node
name: server
interfaces: [net]
cpu: 1
memory: 192M
volumes:
- kind: image
  name: root
  image: guest
  copy-on-write: true
";

#[test]
fn a_server_is_sat_at_and_its_power_is_pulled() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/tmp/guest.qcow2", guest("guest.qcow2"));
    machine.write("/tmp/lab.yml", NODE);
    let mut pty = console(&machine, &["ui", "--data-dir", "/tmp/data", "/tmp/lab.yml"]);
    pty.expect("● running");
    pty.send("2\r");
    pty.until("a login prompt", BOOT, |screen| screen.contains("login:"));
    pty.send("root\r");
    pty.expect("guest:/root#");
    pty.send("echo $((6*7))\r");
    pty.until("an answer", BOOT, |screen| screen.contains("42"));
    // The power is pulled from the console's own view; the mark tells of it, and the console stays open.
    pty.send("\x1d");
    pty.expect("NORMAL");
    pty.send("pf");
    pty.expect("Cut the power of server?");
    pty.send("y");
    pty.expect("power off");
    pty.expect("○ off");
    pty.send("po");
    pty.until("the firmware", BOOT, |screen| screen.contains("SeaBIOS"));
    pty.until("another login prompt", BOOT, |screen| {
        let start = screen.rfind("SeaBIOS").unwrap_or_default();
        screen[start..].contains("login:")
    });
    // What was there before the firmware cleared the screen is above it.
    pty.send("[/power off\r");
    pty.expect("power off");
    pty.send("q");
    pty.send("qty");
    assert!(pty.wait().success());
    pty.assert_given_back();
    until_gone(&machine);
}
