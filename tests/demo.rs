//! The demo data centre as `make demo` starts it, and what servers can do with their volumes: on QEMU, with real guests.

#![cfg(test)]

#[path = "support/console.rs"]
mod console;
#[path = "support/mod.rs"]
mod support;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use console::Console;
use support::guests::{BOOT, SOON, guest, node, pmctl2};
use support::{Engine, Machine};

/// How soon an engine that must share its CPUs has noticed the end of a QEMU; it takes a few milliseconds else.
const AT_ONCE: Duration = Duration::from_secs(5);

/// The servers with the addresses of their two NICs.
const SERVERS: [(&str, [&str; 2]); 4] = [
    ("r0-s1", ["10.69.0.11", "10.69.0.75"]),
    ("r0-s2", ["10.69.0.12", "10.69.0.76"]),
    ("r1-s1", ["10.69.1.11", "10.69.1.75"]),
    ("r1-s2", ["10.69.1.12", "10.69.1.76"]),
];

/// The one that boots by UEFI.
const BY_UEFI: &str = "r1-s2";

/// The machine's uplink as guests reach it, and an address further out.
const HOST: &str = "10.72.32.1";
const OUTSIDE: &str = "198.51.100.1";

/// Pings each address from a guest.
fn ping_all(console: &mut Console, addresses: &[&str]) {
    let command = format!(
        "for a in {}; do ping -c1 -W9 $a >/dev/null || ping -c1 -W9 $a >/dev/null || echo no answer of $a; done",
        addresses.join(" ")
    );
    let output = console.run(&command, SOON * 3);
    assert!(!output.contains("no answer of 1"), "{output}");
}

/// Copies the demo into the machine.
fn copy_demo(machine: &Machine) {
    fn copy(machine: &Machine, from: &Path, to: &str) {
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            let to = format!("{to}/{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_symlink() {
                assert_eq!(path.file_name().unwrap(), "guest.qcow2");
                machine.write(&to, guest("guest.qcow2"));
            } else if path.is_dir() {
                copy(machine, &path, &to);
            } else {
                machine.write(&to, "");
                // With its mode.
                fs::copy(path, machine.path(&to)).unwrap();
            }
        }
    }
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/demo");
    copy(machine, &demo, "/var/scratch/demo");
}

#[test]
fn the_demo_data_centre() {
    let Some(machine) = Machine::new() else { return };
    copy_demo(&machine);
    // As a host with Docker is.
    machine.sh("iptables -P FORWARD DROP; ip6tables -P FORWARD DROP");
    let before = machine.state();
    let mut engine = Engine::start(
        &machine,
        &[
            "--headless",
            "--data-dir",
            "/var/scratch/data",
            "/var/scratch/demo/dc.yml",
        ],
    );
    engine.until_running(&machine, "dc", SOON);
    pmctl2(&machine, &format!("wait --all --for ready --timeout {BOOT}"));

    routers_speak_bgp(&machine, &mut engine);
    commands_show_the_lab(&machine, &mut engine);
    let mut consoles = SERVERS.map(|(name, _)| Console::open(&machine, name));
    for console in &mut consoles {
        console.login(BOOT);
    }
    servers_reach_each_other(&machine, &mut engine, &mut consoles);
    packets_get_narrower(&machine, &mut engine, &mut consoles[0]);
    power_is_the_guests_to_switch(&machine, &mut engine, &mut consoles[1]);

    engine.stop();
    drop(consoles);
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
    machine.sh("! ls /var/scratch/demo/routers | grep ctl");
}

/// Four ToRs and the router outside have a session with each spine: 10, seen from both ends.
fn routers_speak_bgp(machine: &Machine, engine: &mut Engine) {
    let count = |what: &str, state: &str| {
        let shown = machine.sh(&format!(
            "cd /var/scratch/demo/routers
            for router in core spine1 spine2 r0-tor1 r0-tor2 r1-tor1 r1-tor2; do birdc -s $router.ctl show {what} || true; done"
        ));
        shown.lines().filter(|line| line.contains(state)).count()
    };
    // That is what the routers are ready for.
    assert_eq!(count("protocols", " Established "), 20);
    engine.until("20 ends of BFD sessions", SOON, || count("bfd sessions", " Up ") == 20);
    let routes = pmctl2(machine, "netns exec r0-tor1 -- ip route");
    assert_eq!(routes.matches("nexthop via").count() % 2, 0, "{routes}");
    assert!(routes.contains("nexthop via 10.70.0.4"), "{routes}");
}

fn commands_show_the_lab(machine: &Machine, engine: &mut Engine) {
    let nodes = machine.sh("ip netns exec operation curl -sSf --unix-socket /run/placemat2/dc/api.sock http://x/nodes");
    let nodes: serde_json::Value = serde_json::from_str(&nodes).unwrap();
    let names: Vec<_> = nodes.as_array().unwrap().iter().map(|node| &node["name"]).collect();
    assert_eq!(names, SERVERS.map(|(name, _)| name));

    let status = pmctl2(machine, "status");
    for part in ["17 of 17", "9 of 9", "12 of 12", "4 of 4"] {
        assert!(status.contains(part), "{part}:\n{status}");
    }
    assert_eq!(pmctl2(machine, "node list -o name").lines().count(), 4);
    assert_eq!(pmctl2(machine, "netns list -o name").lines().count(), 9);
    assert_eq!(pmctl2(machine, "net list -o name").lines().count(), 17);
    assert_eq!(pmctl2(machine, "app list -o name").lines().count(), 12);
    engine.until("dnsmasq's log", SOON, || {
        pmctl2(machine, "logs dhcp/dnsmasq").contains("DHCP, IP range 10.69.1.96")
    });
    assert!(pmctl2(machine, "events").contains("The lab is up"));
}

fn servers_reach_each_other(machine: &Machine, engine: &mut Engine, consoles: &mut [Console]) {
    let addresses = SERVERS.iter().flat_map(|(_, addresses)| addresses);
    let mut addresses: Vec<_> = addresses.copied().collect();
    // DHCP may take a little longer than the login.
    engine.until("all servers have their addresses", BOOT, || {
        let mut pings = addresses.iter().map(|address| {
            let ping = format!("ip netns exec operation ping -q -c1 -W2 {address}");
            machine.try_sh(&ping).status.success()
        });
        pings.all(|answered| answered)
    });
    addresses.extend([HOST, OUTSIDE]);
    for ((name, _), console) in SERVERS.iter().zip(consoles) {
        ping_all(console, &addresses);
        let firmware = console.run("[ -d /sys/firmware/efi ] && echo by UE'FI' || echo by BI'OS'", SOON);
        assert_eq!(firmware.contains("by UEFI"), *name == BY_UEFI, "{firmware}");
        let named = console.run("hostname; nslookup r1-s1", SOON);
        assert!(named.contains(name) && named.contains("10.69.1.11"), "{named}");
    }
    let announced = [("r0-s1", "11"), ("r0-s2", "12"), ("r1-s1", "21"), ("r1-s2", "22")];
    engine.until("all guests have announced their BMC", SOON, || {
        let known = |(name, last)| node(machine, "dc", name)["bmc_address"] == format!("10.72.16.{last}");
        announced.into_iter().all(known)
    });
}

/// What the path outside can carry, the lab follows: a packet of just that size, with DF set, gets from a guest through.
fn packets_get_narrower(machine: &Machine, engine: &mut Engine, console: &mut Console) {
    let lab_has = |mtu: u32| {
        let links = "ip -o link show external; for n in $(ip netns | cut -d\" \" -f1 | grep -v placemat2); do
            ip -n $n -o link; done";
        let links = machine.sh(links);
        let mtu = format!(" mtu {mtu} ");
        links
            .lines()
            .filter(|line| !line.contains("LOOPBACK"))
            .all(|line| line.contains(&mtu))
    };
    assert!(lab_has(1500));
    machine.sh("ip link set up0 mtu 1400");
    engine.until("all links have the MTU of the uplink", SOON, || lab_has(1400));
    machine.sh("ip route replace default via 192.0.2.1 mtu 1380");
    engine.until("all links have the MTU of the route", SOON, || lab_has(1380));

    machine.outside(
        "nft add table ip seen; nft add chain ip seen in \"{ type filter hook prerouting priority raw; }\"
        nft add rule ip seen in icmp type echo-request ip length 1380 ip frag-off \\& 0x4000 == 0x4000 counter",
    );
    // Linux sets DF on what fits: 1352 and two headers are 1380.
    console.run(&format!("ping -c3 -W9 -s 1352 {OUTSIDE}"), SOON);
    let seen = machine.outside("nft list chain ip seen in");
    assert!(
        seen.contains("counter packets") && !seen.contains("counter packets 0 "),
        "{seen}"
    );
    machine.sh("ip link set up0 mtu 1500; ip route replace default via 192.0.2.1");
    engine.until("all links are as wide as before", SOON, || lab_has(1500));
}

/// A guest that switches itself off is off, and says why; it can be switched on again.
fn power_is_the_guests_to_switch(machine: &Machine, engine: &mut Engine, console: &mut Console) {
    let name = SERVERS[1].0;
    let running = node(machine, "dc", name);
    assert_eq!(running["power_status"], "On", "{running}");
    let process = machine.path(format!("/proc/{}", running["pid"]));
    console.send("poweroff");
    engine.until("QEMU has ended", BOOT, || !process.exists());
    let ended = Instant::now();
    let mut off = serde_json::Value::Null;
    engine.until("the node is off", SOON, || {
        off = node(machine, "dc", name);
        off["power_status"] == "Off"
    });
    let took = ended.elapsed();
    eprintln!("The node was off {took:?} after the end of its QEMU.");
    assert!(took < AT_ONCE, "it took {took:?}:\n{}", engine.output());
    assert!(off["power_reason"].is_string(), "{off}");
    let listed = pmctl2(machine, "node list -o table");
    assert!(listed.contains("Off"), "{listed}");

    pmctl2(machine, &format!("node action start {name}"));
    engine.until("the node is on again", SOON, || {
        node(machine, "dc", name)["power_status"] == "On"
    });
    console.login(BOOT);
    console.run("true", SOON);
}

/// Sectors that the guests write to: on an empty disk, and on the one they boot from, near its end where nothing is.
const MARK: usize = 34;
const MARK_OF_ROOT: usize = 96_000;

/// A server with one volume of each kind that the demo has not.
const VOLUMES: &str = "
kind: Image
name: guest
file: guest.qcow2
---
kind: Node
name: keeper
interfaces: []
cpu: 1
memory: 192M
volumes:
- kind: image
  name: root
  image: guest
  copy-on-write: false
- kind: raw
  name: scratch
  size: 16M
  format: raw
- kind: raw
  name: thin
  size: 16M
- kind: hostPath
  name: share
  path: /var/scratch/share
  writable: true
";

#[test]
fn volumes_of_each_kind() {
    let Some(machine) = Machine::new() else { return };
    let image = guest("guest.qcow2");
    machine.write("/var/scratch/lab/volumes.yml", VOLUMES);
    machine.write("/var/scratch/share/from-host", "greetings\n");
    machine.write("/var/scratch/lab/guest.qcow2", &image);
    let before = machine.state();
    let mut engine = Engine::start_lab(&machine, "volumes");
    engine.until_running(&machine, "volumes", SOON);

    let mut console = Console::open(&machine, "keeper");
    console.login(BOOT);
    console.run("mount -t 9p share /mnt && grep greetings /mnt/from-host", SOON);
    console.run("echo answer > /mnt/from-guest && umount /mnt", SOON);
    let answer = fs::read_to_string(machine.path("/var/scratch/share/from-guest")).unwrap();
    assert_eq!(answer, "answer\n");

    console.run(
        "[ $(cat /sys/block/vdb/size) = 32768 ] && [ $(cat /sys/block/vdc/size) = 32768 ]",
        SOON,
    );
    let disks = [
        ("vda", "root", MARK_OF_ROOT),
        ("vdb", "scratch", MARK),
        ("vdc", "thin", MARK),
    ];
    for (disk, _, sector) in disks {
        let write = format!("echo mark of {disk} | dd of=/dev/{disk} bs=512 seek={sector} conv=sync,fsync");
        console.run(&write, SOON);
    }
    console.send("poweroff");
    engine.until("the node is off", BOOT, || {
        node(&machine, "volumes", "keeper")["power_status"] == "Off"
    });
    for (disk, volume, sector) in disks {
        let file = format!("/var/scratch/data/volumes/keeper/{volume}.img");
        machine.sh(&format!("qemu-img convert -O raw {file} /var/scratch/flat"));
        let content = fs::read(machine.path("/var/scratch/flat")).unwrap();
        let mark = format!("mark of {disk}\n");
        assert!(content[sector * 512..].starts_with(mark.as_bytes()), "{volume}");
        let format = if volume == "scratch" { "raw" } else { "qcow2" };
        let info = machine.sh(&format!("qemu-img info {file}"));
        assert!(
            info.contains(&format!("file format: {format}")) && !info.contains("backing file:"),
            "{info}"
        );
    }
    assert!(
        fs::read(machine.path("/var/scratch/lab/guest.qcow2")).unwrap() == image,
        "the image was written to"
    );
    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
}
