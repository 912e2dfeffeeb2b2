//! Ways into a lab by `pmctl2`: forwarded ports, connections to nodes, and the config with which `ssh` makes them.

#![cfg(test)]
// Clippy allows these in functions marked as tests, not in those that they call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/console.rs"]
mod console;
#[path = "support/mod.rs"]
mod support;

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    path::Path,
    time::Duration,
};

use console::Console;
use nix::sched::{CloneFlags, setns};
use support::{
    Engine, Machine, PMCTL2, get,
    guests::{BOOT, SOON, guest, pmctl2},
};

const TWO: &str = "
kind: Network
name: ext
type: external
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
  addresses: [10.0.0.2/24]
- network: inner
  addresses: [10.1.0.1/24, 'fd01::1/64']
forwards:
- port: 30000
  to: 10.1.0.2:80
- port: 30053
  to: '[fd01::2]:53'
  protocol: udp
  address: 127.0.0.1
---
kind: NetworkNamespace
name: leaf
interfaces:
- network: inner
  addresses: [10.1.0.2/24, 'fd01::2/64']
init-scripts: [init.sh]
";

/// Runs `pmctl2` in the machine, which must succeed; what it prints.
/// Runs a closure inside a namespace of a lab.
fn in_namespace<T: Send>(machine: &Machine, namespace: &str, f: impl FnOnce() -> T + Send) -> T {
    machine.inside(|| {
        setns(
            File::open(Path::new("/run/netns").join(namespace)).unwrap(),
            CloneFlags::CLONE_NEWNET,
        )
        .unwrap();
        f()
    })
}

/// Sends back what connections bring, for as long as the test runs.
fn echo(listener: TcpListener) {
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut data = Vec::new();
            // The answer begins when the client has ended: half-closes must pass.
            stream.read_to_end(&mut data).unwrap();
            stream.write_all(&data).unwrap();
        }
    });
}

/// What comes back of a text that is sent to a port of the machine.
fn through(machine: &Machine, address: &str, text: &str) -> String {
    machine.inside(|| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
}

fn two(machine: &Machine) {
    machine.write("/tmp/lab/two.yml", TWO);
    machine.write(
        "/tmp/lab/init.sh",
        "#!/bin/sh\nsysctl -qw net.ipv6.conf.all.dad_transmits=0\n",
    );
    machine.sh("chmod +x /tmp/lab/init.sh");
}

#[test]
fn forwards_by_file_and_by_command() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let before = machine.state();
    let mut engine = Engine::start(&machine, &["--headless", "/tmp/lab/two.yml"]);
    engine.until_running(&machine, "two", SOON);
    echo(in_namespace(&machine, "leaf", || TcpListener::bind("[::]:80").unwrap()));

    // Those of the file, on all addresses or on one.
    for address in ["127.0.0.1:30000", "10.0.0.1:30000", "[::1]:30000"] {
        assert_eq!(through(&machine, address, "hello"), "hello");
    }
    let (server, client) = (
        in_namespace(&machine, "leaf", || UdpSocket::bind("[fd01::2]:53").unwrap()),
        machine.inside(|| UdpSocket::bind("127.0.0.1:0").unwrap()),
    );
    for socket in [&server, &client] {
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }
    let mut buffer = [0; 2048];
    client.send_to(b"query", "127.0.0.1:30053").unwrap();
    let (length, from) = server.recv_from(&mut buffer).unwrap();
    server.send_to(&buffer[..length], from).unwrap();
    let (length, _) = client.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"query");

    // Those that are added, as in placemat v2.
    pmctl2(&machine, "forward add 30001 router:10.1.0.2:80");
    pmctl2(&machine, "forward add 30002 'leaf:[fd01::2]:80' --address 10.0.0.1");
    assert_eq!(through(&machine, "127.0.0.1:30001", "one"), "one");
    assert_eq!(through(&machine, "10.0.0.1:30002", "two"), "two");
    assert_eq!(
        pmctl2(&machine, "forward list"),
        "30000 router:10.1.0.2:80\n30001 router:10.1.0.2:80\n30002 leaf:[fd01::2]:80\n30053 router:[fd01::2]:53/udp\n"
    );
    let listed: serde_json::Value = serde_json::from_str(&pmctl2(&machine, "forward list --json")).unwrap();
    let added = &listed[1];
    assert_eq!(added["local_port"], 30001);
    assert_eq!((&added["netns"], &added["pod"]), (&"router".into(), &"router".into()));
    assert_eq!(
        (&added["remote_host"], &added["remote_port"]),
        (&"10.1.0.2".into(), &80.into())
    );
    assert_eq!(
        (&added["connections"], &added["bytes_in"], &added["bytes_out"]),
        (&1.into(), &3.into(), &3.into())
    );
    let table = pmctl2(&machine, "forward list -o table");
    assert!(table.contains("BYTES OUT") && table.contains("10.0.0.1"), "{table}");

    // What can't be says why.
    for (arguments, error) in [
        (
            "add 30001 router:10.1.0.2:81",
            "is forwarded already, to router:10.1.0.2:80",
        ),
        (
            "add 10808 router:10.1.0.2:81",
            "port 0.0.0.0:10808/tcp can't be listened on",
        ),
        ("add 30009 nowhere:10.1.0.2:81", "no namespace \"nowhere\""),
        ("delete 30053", "no forward of the host's port 30053/tcp"),
    ] {
        let output = machine.try_sh(&format!("{PMCTL2} forward {arguments}"));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(error), "{arguments}: {told}");
    }
    pmctl2(&machine, "forward delete 30001");
    pmctl2(&machine, "forward delete 30053 --udp");
    assert!(machine.inside(|| TcpStream::connect("127.0.0.1:30001")).is_err());
    let events = pmctl2(&machine, "events");
    assert!(
        events.contains("port 30001/tcp is forwarded to router:10.1.0.2:80"),
        "{events}"
    );
    assert!(events.contains("port 30001/tcp is not forwarded any more"), "{events}");

    // One connection, without a port of the host.
    let echoed = machine.sh(&format!("echo by hand | {PMCTL2} connect router 10.1.0.2 80"));
    assert_eq!(echoed, "by hand\n");
    let output = machine.try_sh(&format!("{PMCTL2} connect leaf 192.168.7.7 80 </dev/null"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("Namespace \"leaf\" has no route to 192.168.7.7:80"),
        "{told}"
    );

    engine.stop();
    assert!(machine.inside(|| TcpStream::connect("127.0.0.1:30000")).is_err());
    let left = before.diff(&machine.state());
    let left: Vec<_> = left.iter().filter(|line| !line.contains("/tmp/lab")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_port_that_is_taken_fails_the_start_at_once() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let taken = machine.inside(|| TcpListener::bind("0.0.0.0:30000").unwrap());
    let mut engine = Engine::start(&machine, &["--headless", "/tmp/lab/two.yml"]);
    assert_eq!(engine.wait(SOON), 1, "{}", engine.output());
    assert!(
        engine.output().contains("port 0.0.0.0:30000/tcp can't be listened on"),
        "{}",
        engine.output()
    );
    drop(taken);
}

/// A rack with a DHCP server; one server that asks it, one that a seed gives its address. Nothing of it on the host.
const RACK: &str = "
kind: Network
name: rack
type: internal
---
kind: NetworkNamespace
name: tor
interfaces:
- network: rack
  addresses: [10.1.0.1/24]
apps:
- name: dhcp
  command: [dnsmasq, -k, -C, /dev/null, --no-resolv, --port=0, --log-dhcp, '--dhcp-range=10.1.0.50,10.1.0.59', --dhcp-leasefile=/tmp/leases, --pid-file=/tmp/dnsmasq.pid, --user=root]
---
kind: Image
name: guest
file: guest.qcow2
---
kind: Node
name: asks
interfaces: [rack]
cpu: 1
memory: 192M
volumes:
- {kind: image, name: root, image: guest, copy-on-write: true}
---
kind: Node
name: knows
interfaces: [rack]
cpu: 1
memory: 64M
volumes:
- {kind: localds, name: seed, user-data: user-data, network-config: network-config}
";

#[test]
fn ssh_reaches_nodes_without_the_hosts_routes() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/var/scratch/lab/guest.qcow2", guest("guest.qcow2"));
    machine.write("/var/scratch/lab/rack.yml", RACK);
    machine.write("/var/scratch/lab/user-data", "#cloud-config\n");
    machine.write(
        "/var/scratch/lab/network-config",
        "version: 2\nethernets: {ens3: {addresses: [10.1.0.9/24]}}\n",
    );
    let mut engine = Engine::start_lab(&machine, "rack");
    engine.until_running(&machine, "rack", SOON);
    let addresses = |name: &str| {
        let node = get(&machine, "rack", &format!("/nodes/{name}")).unwrap_or_default();
        let node: serde_json::Value = serde_json::from_slice(&node).unwrap_or_default();
        node["addresses"].clone()
    };
    assert_eq!(
        addresses("knows"),
        serde_json::json!([{"address": "10.1.0.9", "source": "seed", "nic": null}])
    );
    engine.until("the DHCP server gave an address", BOOT, || {
        addresses("asks")[0]["source"] == "dhcp"
    });
    let address = addresses("asks")[0]["address"].as_str().unwrap().to_owned();
    assert!(address.starts_with("10.1.0.5"), "{address}");
    let events = pmctl2(&machine, "events");
    assert!(
        events.contains(&format!("Node asks got the address {address} by DHCP.")),
        "{events}"
    );

    // Both are in the config, and ssh reads it as it is meant.
    machine.sh(&format!("{PMCTL2} ssh-config --user me > /tmp/ssh_config"));
    for (node, address) in [("asks", address.as_str()), ("knows", "10.1.0.9")] {
        let read = machine.sh(&format!("ssh -F /tmp/ssh_config -G {node}"));
        assert!(
            read.contains(&format!("hostname {address}\n")) && read.contains("user me\n"),
            "{read}"
        );
    }
    // It gets through to the guest, though the host has no route there.
    let output = machine.try_sh(&format!("ping -c1 -W1 {address}"));
    assert!(!output.status.success());
    let mut console = Console::open(&machine, "asks");
    console.login(BOOT);
    console.run(
        "(while :; do echo SSH-2.0-guest | nc -l -p 22; done) >/dev/null 2>&1 & true",
        SOON,
    );
    engine.until("ssh sees the guest's greeting", SOON, || {
        let output = machine.try_sh("timeout 10 ssh -v -F /tmp/ssh_config -o LogLevel=DEBUG asks true 2>&1");
        String::from_utf8_lossy(&output.stdout).contains("remote software version guest")
    });
    engine.stop();
}
