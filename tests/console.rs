//! Consoles of a real guest, and shells in a namespace, as people and scripts use them.

#![cfg(test)]

#[path = "support/mod.rs"]
mod support;
#[path = "support/terminal.rs"]
mod terminal;

use std::{
    fs,
    io::{Read as _, Write as _},
    process::{Command, Output, Stdio},
};

use nix::sys::signal::Signal;
use support::{
    Engine, Machine, PMCTL2,
    guests::{BOOT, SOON, guest, pmctl2},
};
use terminal::Terminal;

const LAB: &str = "
kind: Network
name: lan
type: internal
---
kind: NetworkNamespace
name: router
interfaces:
- network: lan
  addresses: [10.1.0.1/24]
---
kind: Image
name: guest
file: guest.qcow2
---
kind: Node
name: server
cpu: 1
memory: 128M
interfaces: [lan]
volumes:
- {kind: image, name: root, image: guest, copy-on-write: true, cache: unsafe}
";

fn lab(machine: &Machine) -> Engine {
    machine.write("/var/scratch/lab/guest.qcow2", guest("guest.qcow2"));
    machine.write("/var/scratch/lab/dc.yml", LAB);
    let mut engine = Engine::start(
        machine,
        &["--headless", "--stop-timeout", "0.2", "/var/scratch/lab/dc.yml"],
    );
    engine.until_running(machine, "dc", SOON);
    engine
}

fn fails(machine: &Machine, arguments: &str) -> (i32, String) {
    let output = machine.try_sh(&format!("{PMCTL2} {arguments}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{arguments}: {said}");
    (output.status.code().unwrap(), said)
}

/// `pmctl2` with these arguments on a terminal.
fn on_terminal(machine: &Machine, arguments: &[&str]) -> Terminal {
    let mut command = machine.command(PMCTL2);
    command.args(arguments);
    Terminal::start(command)
}

/// Runs a command that gets `input` on its standard input, which then ends.
fn fed(mut command: Command, input: &str) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_guest_is_reached_by_its_console() {
    let Some(machine) = Machine::new() else { return };
    let before = machine.state();
    let engine = lab(&machine);
    scripts_talk_to_the_guest(&machine);
    people_share_the_console(&machine);
    serial_programs_use_its_terminal(&machine);
    the_log_is_exact(&machine);
    the_screen_is_a_picture(&machine);
    power_cycles_do_not_end_a_console(&machine);
    links_are_counted(&machine);
    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
}

fn scripts_talk_to_the_guest(machine: &Machine) {
    let line = pmctl2(machine, &format!("node expect server 'login: $' --timeout {BOOT}"));
    assert!(line.ends_with("login: \n"), "{line}");
    pmctl2(machine, "node type server root --enter");
    pmctl2(machine, &format!("node expect server '# ' --timeout {SOON}"));
    pmctl2(machine, r"node type server 'echo $((6*7))\x78\r'");
    assert_eq!(
        pmctl2(machine, &format!("node expect server '^42x' --timeout {SOON}")),
        "42x\n"
    );
    assert!(pmctl2(machine, "node expect server 'login: root' --since start").contains("login: "));
    let (status, said) = fails(machine, "node expect server 'no such words' --timeout 0.5");
    assert_eq!(status, 1);
    assert!(
        said.contains("no such words") && said.contains("within 0.5 s; what was last seen: \""),
        "{said}"
    );
    let (_, said) = fails(machine, "node type server 'a\\q'");
    assert!(said.contains("there is no escape"), "{said}");
    assert!(fails(machine, "node expect nobody x").1.contains("nobody"));

    // A script on standard input.
    let mut command = machine.command(PMCTL2);
    command.args(["node", "enter", "server"]);
    let output = fed(command, "echo piped-$((40+2))\r");
    assert!(output.status.success());
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(seen.contains("piped-"), "{seen}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    pmctl2(machine, &format!("node expect server '^piped-42' --timeout {SOON}"));
    // Who has seen enough goes.
    let enough = format!("printf 'seq 20000\\r' | {PMCTL2} node enter server | head -n 2");
    machine.sh(&format!("bash -c \"set -o pipefail; {enough}\""));
    pmctl2(machine, r"node type server '\x03echo $((40+3))x\r'");
    pmctl2(machine, &format!("node expect server '^43x' --timeout {SOON}"));
}

fn people_share_the_console(machine: &Machine) {
    let mut one = on_terminal(machine, &["node", "enter", "server"]);
    one.sees("leaves it", SOON);
    one.sees("# ", SOON);
    assert_ne!(one.settings_now(), one.settings, "keys go there one by one");
    let mut two = on_terminal(machine, &["node", "enter", "server", "--resize"]);
    two.sees("stty rows 33 cols 90", SOON);
    let mut looker = on_terminal(machine, &["node", "enter", "server", "--readonly"]);
    looker.sees("# ", SOON);
    looker.types("reboot\r");
    one.types("stty size\r");
    for person in [&mut one, &mut two, &mut looker] {
        person.sees("33 90", SOON);
    }
    // Ctrl-C is for the guest.
    two.types("sh -c \"echo run''ning; exec sleep 1000\"\r");
    one.sees("running", SOON);
    two.types("\x03");
    // It drops what was typed before it.
    one.sees("# ", SOON);
    one.types("echo status=$?=\r");
    one.sees("status=130=", SOON);
    one.types("\x1d");
    one.sees("left the console of server", SOON);
    assert_eq!(one.ends(SOON), 0);
    two.types("\x11\x18");
    assert_eq!(two.ends(SOON), 0);
    looker.signal(Signal::SIGTERM);
    looker.sees("left the console", SOON);
    assert_eq!(looker.ends(SOON), 128 + 15);
}

fn serial_programs_use_its_terminal(machine: &Machine) {
    assert_eq!(machine.sh("stat -Lc %a /tmp/server.pty"), "600\n");
    // A PTY that nobody reads, until now.
    let mut command = machine.command("socat");
    command.args(["-t2", "-", "file:/tmp/server.pty,raw,echo=0"]);
    let output = fed(command, "echo by-socat-$((40+2))\r");
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(seen.contains("status=130="), "the last screenful comes first: {seen}");
    pmctl2(machine, &format!("node expect server '^by-socat-42' --timeout {SOON}"));
    let mut command = machine.command("picocom");
    command.args(["--noreset", "--nolock", "/tmp/server.pty"]);
    let mut picocom = Terminal::start(command);
    // It says so, and drops what was there when it began.
    picocom.sees("Terminal ready", SOON);
    picocom.types("echo by-picocom-$((40+2))\r");
    picocom.sees("by-picocom-42", SOON);
    picocom.types("\x01\x11");
    assert_eq!(picocom.ends(SOON), 0);
}

fn the_log_is_exact(machine: &Machine) {
    // Nobody writes meanwhile.
    let stamped = machine.try_sh(&format!("{PMCTL2} node log server")).stdout;
    let log = fs::read(machine.path("/var/log/placemat2/dc/server.console.log")).unwrap();
    let mut bytes = Vec::new();
    let mut last = String::new();
    for line in stamped.split_inclusive(|byte| *byte == b'\n') {
        let (stamp, line) = line.split_at(25);
        let stamp = String::from_utf8(stamp.to_vec()).unwrap();
        assert!(stamp.ends_with("Z ") && last <= stamp, "{last} {stamp}");
        last = stamp;
        bytes.extend_from_slice(line);
    }
    assert!(bytes == log, "the log is not what the guest wrote");
    assert!(log.len() > 500, "{} bytes", log.len());
    assert_eq!(pmctl2(machine, "node log server --since 2100-01-01T00:00:00Z"), "");
    assert!(pmctl2(machine, "node log server --since 10h").contains("by-picocom-42"));
    let mut command = machine.command(PMCTL2);
    command.args(["node", "log", "server", "-f", "--since", "1s"]);
    command.stdout(Stdio::piped());
    let mut follower = command.spawn().unwrap();
    pmctl2(machine, "node type server 'echo fol''lowed' --enter");
    let mut stdout = follower.stdout.take().unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("Z followed\r") {
        let mut piece = [0; 4096];
        let count = stdout.read(&mut piece).unwrap();
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..count]);
    }
    follower.kill().unwrap();
    follower.wait().unwrap();
}

fn the_screen_is_a_picture(machine: &Machine) {
    pmctl2(machine, "node screenshot server /var/scratch/screen.png");
    let picture = fs::read(machine.path("/var/scratch/screen.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"));
    let number = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
    assert!(
        number(16) >= 320 && number(20) >= 200,
        "{} by {}",
        number(16),
        number(20)
    );
    let stdout = machine.try_sh(&format!("{PMCTL2} node screenshot server -")).stdout;
    assert!(stdout.starts_with(b"\x89PNG"));
    let mut terminal = on_terminal(machine, &["node", "screenshot", "server", "-"]);
    terminal.sees("a picture is not written to a terminal", SOON);
    assert_eq!(terminal.ends(SOON), 1);
}

fn power_cycles_do_not_end_a_console(machine: &Machine) {
    let mut looker = on_terminal(machine, &["node", "enter", "server"]);
    looker.sees("# ", SOON);
    pmctl2(machine, "node action stop server");
    let (status, said) = fails(machine, "node type server x");
    assert!(status == 1 && said.contains("is off"), "{said}");
    assert!(
        fails(machine, "node screenshot server /tmp/x.png")
            .1
            .contains("is not on")
    );
    pmctl2(machine, "node action start server");
    // What it has matched so far is from before.
    looker.sees("login: ", BOOT);
    looker.types("\x1d");
    assert_eq!(looker.ends(SOON), 0);
}

fn links_are_counted(machine: &Machine) {
    let sent = || {
        let links: serde_json::Value = serde_json::from_str(&pmctl2(machine, "link list -o json")).unwrap();
        let links = links.as_array().unwrap().clone();
        let ids: Vec<_> = links.iter().map(|link| link["id"].as_str().unwrap()).collect();
        assert_eq!(ids, ["link/router/eth0", "link/server/0"]);
        let number = |link: usize, key: &str| links[link][key].as_u64().unwrap();
        (number(0, "tx_packets"), number(1, "rx_packets"))
    };
    let before = sent();
    // To everybody, so that nobody need answer.
    machine.sh("ip netns exec router ping -c3 -i0.2 -W1 -b 10.1.0.255 || true");
    machine.sh("ip netns exec router ip neighbour add 10.1.0.77 lladdr 02:00:00:00:00:77 dev eth0");
    machine.sh("ip netns exec router ping -c5 -i0.2 -W1 10.1.0.77 || true");
    let after = sent();
    assert!(
        after.0 >= before.0 + 5 && after.1 >= before.1 + 5,
        "{before:?} {after:?}"
    );
    assert!(pmctl2(machine, "link list").starts_with("LINK "));
}

#[test]
fn shells_in_a_namespace() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/var/scratch/lab/dc.yml", LAB.split("---\nkind: Image").next().unwrap());
    let before = machine.state();
    let mut engine = Engine::start(&machine, &["--headless", "/var/scratch/lab/dc.yml"]);
    engine.until_running(&machine, "dc", SOON);

    let mut shell = on_terminal(&machine, &["netns", "enter", "router", "--", "bash", "--norc"]);
    shell.types("ip -br address show dev eth0; stty size; tty\r");
    shell.sees("10.1.0.1/24", SOON);
    shell.sees("33 90", SOON);
    shell.sees("/dev/pts/", SOON);
    shell.resize(120, 50);
    shell.types("until [ \"$(stty size)\" = '50 120' ]; do sleep 0.05; done; echo wide-$((40+2))\r");
    shell.sees("wide-42", SOON);
    shell.types("sh -c \"echo run''ning; exec sleep 1000\"\r");
    shell.sees("running", SOON);
    shell.types("\x03");
    // It drops what was typed before it.
    shell.sees("# ", SOON);
    shell.types("exit 7\r");
    assert_eq!(shell.ends(SOON), 7);

    let script = |arguments: &str, input: &str| {
        let mut command = machine.command(PMCTL2);
        command
            .args(["netns", "enter", "router"])
            .args(arguments.split_whitespace());
        fed(command, input)
    };
    let output = script("-- sh", "echo in-$((40+2))\nexit 5\n");
    assert_eq!(output.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&output.stdout).contains("in-42"));
    let output = script("-- cat /sys/class/net/eth0/operstate", "");
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(0), b"up\n".as_slice())
    );
    assert_eq!(
        script("-- sh -c kill\u{20}-9", "").status.code().map(|code| code == 0),
        Some(false)
    );
    // A shell that edits lines on a terminal has none here, and ends with its input.
    let output = script("-- bash", "tty; sh -c 'cat; echo inner'\nnot a command\n");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        shown.starts_with("not a tty\nnot a command\ninner\n") && output.status.success(),
        "{shown}"
    );
    let output = script("", "");
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let (status, said) = fails(&machine, "netns enter router -- no-such-program </dev/null");
    assert!(status == 1 && said.contains("no-such-program"), "{said}");
    assert!(fails(&machine, "netns enter nowhere </dev/null").1.contains("nowhere"));
    let over_tcp = fails(
        &machine,
        "--endpoint http://127.0.0.1:10808 netns enter router </dev/null",
    );
    assert!(over_tcp.1.contains("unix socket"), "{}", over_tcp.1);

    // Whoever goes hangs up; a shell that is still there goes with the lab.
    let shell = on_terminal(&machine, &["netns", "enter", "router", "--", "sleep", "4321"]);
    let sleeping = || machine.try_sh("pgrep -fx 'sleep 4321'").status.success();
    engine.until("the command runs", SOON, sleeping);
    shell.signal(Signal::SIGHUP);
    engine.until("it is hung up", SOON, || !sleeping());
    let last = on_terminal(&machine, &["netns", "enter", "router", "--", "sleep", "4321"]);
    engine.until("the command runs", SOON, sleeping);
    assert_eq!(shell.ends(SOON), 128 + 1);
    engine.stop();
    assert_ne!(last.ends(SOON), 0);
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
}
