//! The labs of these tests, and what several of them ask.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::support::{Engine, HostState, Machine, json};

/// Two namespaces joined by an internal network, one of them on an external one too; no nodes.
const TWO: &str = "
kind: Network
name: ext
type: external
use-nat: true
address: 10.0.0.1/24
---
kind: Network
name: inner
type: internal
---
kind: NetworkNamespace
name: router
interfaces:
- network: ext
  addresses: [10.0.0.2/24, 'fd00::2/64']
- network: inner
  addresses: [10.1.0.1/24, 'fd01::1/64']
init-scripts: [init.sh]
apps:
- name: ticker
  command: [sh, -c, 'echo started in $(pwd); while :; do echo tick; sleep 1; done']
---
kind: NetworkNamespace
name: leaf
interfaces:
- network: inner
  addresses: [10.1.0.2/24, 'fd01::2/64']
apps:
- name: short
  command: [sh, -c, 'echo bye >&2; exit 3']
";

/// What [`TWO`] lacks: a node on the internal network, with a disk that boots, and apps that become daemons.
const MORE: &str = "---
kind: NetworkNamespace
name: daemons
interfaces:
- network: inner
  addresses: [10.1.0.3/24]
apps:
- name: forking
  command: [sh, -c, '(setsid sh -c \"sleep 1001 & sleep 1002\" &) ; setsid -f sleep 1003; exec sleep 1004']
- name: deaf
  command: [sh, -c, \"trap '' TERM; while :; do sleep 1005; done\"]
---
kind: Image
name: boot
file: boot.img
---
kind: Node
name: guest
cpu: 1
memory: 16M
interfaces: [inner]
volumes:
- kind: image
  name: root
  image: boot
";

/// What the guest writes to its serial port when it boots.
pub const GREETING: &str = "hello from the boot sector\r\n";

/// A boot sector that writes its greeting to the first serial port and halts.
const BOOT_CODE: [u8; 34] = [
    0xfa, // cli: what SeaBIOS has yet to write, it writes when its timer ticks, in the middle of the greeting
    0x31, 0xc0, // xor ax, ax
    0x8e, 0xd8, // mov ds, ax
    0xbe, 0x22, 0x7c, // mov si, greeting
    0xac, // print: lodsb
    0x84, 0xc0, // test al, al
    0x74, 0x12, // jz halt
    0x88, 0xc4, // mov ah, al
    0xba, 0xfd, 0x03, // mov dx, 0x3fd
    0xec, 0xa8, 0x20, // wait: in al, dx; test al, 0x20
    0x74, 0xfb, // jz wait
    0xba, 0xf8, 0x03, // mov dx, 0x3f8
    0x88, 0xe0, 0xee, // mov al, ah; out dx, al
    0xeb, 0xe9, // jmp print
    0xf4, 0xeb, 0xfd, // halt: hlt; jmp halt
];

/// Writes the lab `two` to `/tmp/lab/two.yml`.
pub fn two(machine: &Machine) {
    machine.write("/tmp/lab/two.yml", TWO);
    init_script(machine, "ip route add default via 10.0.0.1");
}

/// Writes the lab `full` to `/tmp/lab/full.yml`: the parts of `two`, daemons and a node.
pub fn full(machine: &Machine) {
    machine.write("/tmp/lab/full.yml", format!("{TWO}{MORE}"));
    init_script(machine, "ip route add default via 10.0.0.1; sleep 0.1");
    boot_image(machine, "/tmp/lab/boot.img");
}

/// Writes the init script of namespace `router`.
pub fn init_script(machine: &Machine, text: &str) {
    machine.write("/tmp/lab/init.sh", format!("#!/bin/sh\n{text}\n"));
    machine.sh("chmod +x /tmp/lab/init.sh");
}

/// Writes a disk that boots.
pub fn boot_image(machine: &Machine, path: &str) {
    // SeaBIOS overlooks disks that are much smaller.
    let mut sectors = vec![0; 1 << 20];
    sectors[..BOOT_CODE.len()].copy_from_slice(&BOOT_CODE);
    sectors[BOOT_CODE.len()..][..GREETING.len()].copy_from_slice(GREETING.as_bytes());
    sectors[510..512].copy_from_slice(&[0x55, 0xaa]);
    let path = machine.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, sectors).unwrap();
}

/// Messages of the events of a lab so far, a line each.
pub fn events(machine: &Machine, lab: &str) -> String {
    let events = json(machine, lab, "/events");
    let events = events.as_array().map(Vec::as_slice).unwrap_or_default();
    let messages = events.iter().filter_map(|event| event["message"].as_str());
    messages.collect::<Vec<_>>().join("\n")
}

/// Fails unless the machine is what it was `before`, logs aside, which outlive a lab.
pub fn assert_unchanged(machine: &Machine, before: &HostState, context: &str) {
    assert_eq!(before.diff(&machine.state()), [] as [String; 0], "{context}");
}

/// Waits for what nobody but the machine can tell.
pub fn eventually(what: &str, seconds: u64, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {seconds} s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Starts the lab of a file in `/tmp/lab`, waits until it runs.
pub fn running(machine: &Machine, lab: &str, options: &[&str]) -> Engine {
    let file = format!("/tmp/lab/{lab}.yml");
    let mut engine = Engine::start(machine, &[&["--headless"], options, &[&file]].concat());
    engine.until_running(machine, lab, 60);
    engine
}
