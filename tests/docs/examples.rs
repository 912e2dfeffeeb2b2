//! What the documentation says to type is typed, in machines of the tests' own, and does what it should.
//!
//! Each line of each block for a shell is run, or stands in [`NOT_RUN`] with the reason. The labs that the pages speak of are those of the
//! README and one with all the names that pages use.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use super::{
    pages::{Block, blocks, pages},
    support::{
        Engine, Machine,
        guests::{BOOT, guest},
    },
};

/// Pages whose lines are run beside those of the README, of getting started and of continuous integration.
const OTHER_PAGES: [&str; 5] = [
    "api.md",
    "consoles.md",
    "lab-file.md",
    "migration.md",
    "troubleshooting.md",
];

/// Pages whose lines are not run here, and why. `commands` holds those of ours against the definitions all the same.
const PAGES_NOT_RUN: [(&str, &str); 6] = [
    ("architecture.md", "it has a drawing"),
    (
        "bmc.md",
        "it speaks of BMCs with addresses and users of their own: tests/bmc.rs and tests/media.rs do the like",
    ),
    ("commands.md", "it is made of the definitions"),
    (
        "console.md",
        "it begins consoles, which draw on terminals: tests/ui does",
    ),
    (
        "kubernetes.md",
        "it wants a container runtime: tests/package runs the package as a container would",
    ),
    (
        "networking.md",
        "it is a line of an init script, for kernels with netem, which not all have",
    ),
];

/// Beginnings of lines that are not run here, and why.
const NOT_RUN: [(&str, &str); 20] = [
    ("apt update", "there is no other network in the machine"),
    ("apt purge ", "removes the package: tests/package does"),
    (
        "placemat2 test demo ",
        "wants the demo of the package, which tests/package runs so",
    ),
    (
        "sudo placemat2 test demo ",
        "wants the demo of the package, which tests/package runs so",
    ),
    (
        "apt install ",
        "installs the package: tests/package does, on a Debian of its own",
    ),
    (
        "/usr/share/placemat2/demo/prepare ",
        "makes a guest out of Debian packages: tests/package does",
    ),
    (
        "systemctl ",
        "there is no systemd in the machine: tests/package checks the unit",
    ),
    ("journalctl ", "there is no systemd in the machine"),
    ("make ", "builds, and runs these tests"),
    (
        "sudo target/debug/placemat2 doctor",
        "the path is that of a working tree; the command is run below its other name",
    ),
    ("sudo placemat2 ui ", "draws on a terminal: tests/ui does"),
    (
        "sudo env PATH=\"$PATH\" placemat2 ui ",
        "draws on a terminal: tests/ui does",
    ),
    ("placemat2 ui ", "draws on a terminal: tests/ui does"),
    ("placemat2 attach", "draws on a terminal: tests/ui does"),
    ("picocom ", "wants a terminal: tests/console.rs does"),
    ("screen ", "wants a terminal; it opens the pty as picocom does"),
    ("socat -,raw", "wants a terminal: tests/console.rs does"),
    (
        "pmctl2 netns enter router -- vtysh",
        "wants FRR; any program is entered in the same way",
    ),
    (
        "pmctl2 netns exec NETNS -- tcpdump",
        "ends with the first packets only if some come",
    ),
    (
        "pmctl2 node screenshot NODE",
        "the same line without a placeholder is in consoles.md",
    ),
];

/// Beginnings of lines that go on until somebody ends them.
const ENDLESS: [&str; 7] = [
    "curl -N --unix-socket $S",
    "curl --unix-socket $S \"http://lab/netns/router/apps/bird/log",
    "pmctl2 logs router/dhcp -f",
    "pmctl2 events -f",
    "pmctl2 node log server -f",
    "pmctl2 netns exec operation -- ping 10.69.1.11",
    "pmctl2 netns enter router",
];

/// What has to be so before a line is run, which its page says in words or takes for granted.
const BEFORE: [(&str, &str); 5] = [
    ("pmctl2 node expect server 'login", LOGIN),
    ("pmctl2 wait server --for console", LOGIN),
    ("pmctl2 node type server root", LOGIN),
    ("pmctl2 node screenshot ", "pmctl2 node action on server"),
    ("pmctl2 wait --all --for off", "pmctl2 node action off --all"),
];

const LOGIN: &str = "pmctl2 node action on server; pmctl2 node expect server 'login: ' --since start --timeout 7m";

/// Placeholders of the pages, and what stands for them.
const PLACEHOLDERS: [(&str, &str); 4] = [
    ("NODE", "server"),
    ("NETNS", "router"),
    ("APP", "dhcp"),
    ("FILES", "lab.yml"),
];

/// A lab with the names of the pages.
const LAB: &str = "\
kind: Network
name: rack
type: internal
---
kind: NetworkNamespace
name: operation
interfaces:
- network: rack
  addresses: [10.69.0.5/24, 10.69.1.5/24]
---
kind: NetworkNamespace
name: router
interfaces:
- network: rack
  addresses: [10.69.0.11/24, 10.69.1.11/24]
apps:
- name: bird
  command: [sh, -c, 'echo bird is here; exec sleep 100000']
- name: dhcp
  command: [sh, -c, 'echo dhcp is here; exec sleep 100000']
---
kind: Image
name: guest
file: target/guest/guest.qcow2
---
kind: Node
name: server
cpu: 1
memory: 128M
interfaces: [rack]
volumes: [{kind: image, name: root, image: guest, copy-on-write: true}]
---
kind: Node
name: r0-s1
cpu: 1
memory: 32M
power: off
interfaces: [rack]
---
kind: Node
name: boot-0
cpu: 1
memory: 32M
interfaces: [rack]
";

/// A lab file of placemat version 1.
const OLD: &str = "\
kind: Pod
name: router
interfaces:
- network: ext
apps:
- name: bird
  image: docker://example.com/bird:2.0
---
kind: Network
name: ext
type: internal
";

/// A machine with a working directory, in which the commands are in the PATH.
struct Desk {
    machine: Machine,
}

impl Desk {
    fn new(lab: &str) -> Option<Self> {
        let machine = Machine::new()?;
        let guest = guest("guest.qcow2");
        for (path, text) in [
            ("lab.yml", lab.as_bytes()),
            ("more.yml", b"kind: Network\nname: more\ntype: internal\n"),
            ("dc.yml", OLD.as_bytes()),
            ("target/guest/guest.qcow2", &guest),
            // An answer that is no success is a failure here.
            ("bin/curl", b"#!/bin/sh\nexec /usr/bin/curl -sSfN \"$@\"\n"),
            // Root is who sudo would make of others.
            ("bin/sudo", b"#!/bin/sh\nexec \"$@\"\n"),
            ("run-tests", b"#!/bin/sh\ntest -n \"$PLACEMAT2_ENDPOINT\"\n"),
            ("first-step", b"#!/bin/sh\npmctl2 status\n"),
            (
                "second-step",
                b"#!/bin/sh\npmctl2 netns exec operation -- ping -c1 10.69.0.11\n",
            ),
        ] {
            machine.write(&format!("/tmp/desk/{path}"), text);
        }
        machine.write("/tmp/desk/demo/dc.yml", LAB);
        machine.sh("cd /tmp/desk && chmod +x bin/* run-tests first-step second-step && cp -r target demo/");
        Some(Self { machine })
    }

    /// Runs lines of a shell as a person at the desk; what came of it and what was said.
    fn run(&self, script: &str) -> (Option<i32>, String) {
        let output = self.at_desk(script).output().unwrap();
        let streams = [&output.stdout, &output.stderr];
        let said = streams.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        (output.status.code(), said.concat())
    }

    fn at_desk(&self, script: &str) -> Command {
        let mut command = self.machine.command("bash");
        command.args(["-c", &format!("cd /tmp/desk; {script}")]);
        command
            .env("PATH", format!("/tmp/desk/bin:/mnt:{}", std::env::var("PATH").unwrap()))
            .env("HOME", "/tmp/desk")
            .env("S", "/run/placemat2/lab/api.sock");
        command
    }

    /// Starts a lab as a page says, in the background.
    fn start(&self, line: &str) -> Engine {
        let script = format!("cd /tmp/desk; PATH=/tmp/desk/bin:/mnt:$PATH; exec {line}");
        let mut engine = Engine::start_program(&self.machine, "bash", &["-c", &script], |_| ());
        engine.until_running(&self.machine, "lab", 60);
        engine
    }

    /// Types a line of a page, which must do what it is for.
    fn type_in(&self, line: &str) {
        let mut typed = line.to_owned();
        for (placeholder, value) in PLACEHOLDERS {
            typed = typed.replace(placeholder, value);
        }
        for (_, script) in BEFORE.iter().filter(|(beginning, _)| line.starts_with(beginning)) {
            let (code, said) = self.run(script);
            assert_eq!(code, Some(0), "{script}: {said}");
        }
        if ENDLESS.iter().any(|beginning| line.starts_with(beginning)) {
            let (code, said) = self.run(&format!("timeout 3 {typed}"));
            // A shell without a terminal has no prompt.
            let spoke = !said.is_empty() || line.contains(" enter ");
            assert!(matches!(code, Some(0 | 124)) && spoke, "{typed}: {code:?}: {said}");
            return;
        }
        let (code, said) = self.run(&typed);
        // What doctor finds is that of the machine that runs the tests.
        let doctor = line.contains("placemat2 doctor") && code == Some(1) && said.contains("failed");
        assert!(code == Some(0) || doctor, "{typed}: {code:?}: {said}");
    }
}

/// The lines for a shell of a page that are run one by one.
fn lines(page: &str) -> Vec<String> {
    let (_, text) = pages().into_iter().find(|(path, _)| path.ends_with(page)).unwrap();
    let shell = blocks(&text).into_iter().filter(Block::is_shell);
    let lines = shell.flat_map(|block| block.command_lines());
    lines.filter(|line| !is_left_out(line)).collect()
}

fn is_left_out(line: &str) -> bool {
    NOT_RUN.iter().any(|(beginning, _)| line.starts_with(beginning))
}

/// Whether each line has a command of ours: the others want a reason.
fn all_ours(lines: &[String]) -> bool {
    let ours = |line: &String| line.contains("placemat2 ") || line.contains("pmctl2 ");
    lines.iter().all(ours)
}

/// The part of the lines that ask a lab that runs.
fn of_a_running_lab(lines: &[String]) -> impl Iterator<Item = &String> {
    lines
        .iter()
        .filter(|line| line.contains("pmctl2 ") && !line.contains("placemat2 "))
}

#[test]
fn what_is_not_run_is_in_the_documentation() {
    let all: Vec<String> = pages()
        .iter()
        .flat_map(|(_, text)| blocks(text))
        .filter(Block::is_shell)
        .flat_map(|block| block.command_lines())
        .collect();
    let beginnings = NOT_RUN.iter().map(|(beginning, _)| beginning).chain(&ENDLESS);
    for beginning in beginnings.chain(BEFORE.iter().map(|(beginning, _)| beginning)) {
        assert!(
            all.iter().any(|line| line.starts_with(beginning)),
            "no line begins with {beginning:?}"
        );
    }
}

#[test]
fn every_page_is_run_or_said_not_to_be() {
    let run = ["README.md", "getting-started.md", "ci.md"]
        .into_iter()
        .chain(OTHER_PAGES);
    let known: Vec<&str> = run.chain(PAGES_NOT_RUN.map(|(page, _)| page)).collect();
    for (path, text) in pages() {
        let mut shell = blocks(&text).into_iter().filter(Block::is_shell);
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(
            shell.any(|block| !block.command_lines().is_empty()),
            known.contains(&name),
            "{name}"
        );
    }
}

#[test]
fn the_readme() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let lab = blocks(&page).into_iter().find(Block::is_lab).unwrap().lines.join("\n");
    let Some(desk) = Desk::new(&lab) else { return };
    let lines = lines("README.md");
    assert!(all_ours(&lines), "{lines:?}");
    let headless = lines.iter().find(|line| line.contains("--headless")).unwrap();
    for line in lines
        .iter()
        .filter(|line| line.contains("placemat2 ") && *line != headless)
    {
        desk.type_in(line);
    }
    let engine = desk.start(headless.split('#').next().unwrap());
    let mut typed = 0;
    for line in of_a_running_lab(&lines) {
        desk.type_in(line);
        typed += 1;
    }
    assert!(typed >= 12, "{typed}");
    engine.stop();
}

#[test]
fn getting_started() {
    let Some(desk) = Desk::new(LAB) else { return };
    let lines = lines("getting-started.md");
    for line in lines.iter().filter(|line| line.contains("placemat2 ")) {
        desk.type_in(line);
    }
    assert!(all_ours(&lines), "{lines:?}");
    let engine = desk.start("placemat2 run lab.yml");
    let typed = of_a_running_lab(&lines).map(|line| desk.type_in(line)).count();
    assert!(typed >= 4, "{typed}");
    engine.stop();
}

#[test]
fn continuous_integration() {
    let Some(desk) = Desk::new(LAB) else { return };
    let lines = lines("ci.md");
    // What belongs together in a block is a script of its own.
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap();
    let in_background = blocks(&page)
        .into_iter()
        .find(|block| block.lines.iter().any(|line| line.ends_with(" &")))
        .unwrap();
    let began = Instant::now();
    let (code, said) = desk.run(&in_background.lines.join("\n"));
    assert_eq!(code, Some(0), "{said}");
    assert!(began.elapsed() < Duration::from_secs(BOOT), "{said}");
    for line in lines.iter().filter(|line| line.contains("placemat2 test ")) {
        desk.type_in(line);
    }
    let engine = desk.start("placemat2 run lab.yml");
    let waits = of_a_running_lab(&lines).filter(|line| !in_background.lines.contains(line));
    assert!(waits.map(|line| desk.type_in(line)).count() >= 4);
    engine.stop();
}

#[test]
fn other_pages() {
    let Some(desk) = Desk::new(LAB) else { return };
    let lines: Vec<String> = OTHER_PAGES.iter().flat_map(|page| lines(page)).collect();
    let (of_a_lab, others): (Vec<_>, Vec<_>) = lines
        .iter()
        .partition(|line| line.contains("pmctl2 ") || line.starts_with("curl "));
    for line in others {
        desk.type_in(line);
    }
    let engine = desk.start("placemat2 run lab.yml");
    for line in &of_a_lab {
        desk.type_in(line);
    }
    assert!(of_a_lab.len() >= 20, "{of_a_lab:?}");
    engine.stop();
}
