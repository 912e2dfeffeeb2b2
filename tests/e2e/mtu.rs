//! The MTU of the path outside, inside.

use crate::{
    scene::{events, running, two},
    support::{Machine, json},
};

/// Whether every link of the lab, host ends, namespaces, bridges and taps, has this MTU.
fn all_links_have(machine: &Machine, bytes: u32) -> bool {
    let links = machine.sh(
        "ip -o link show ext; ip -n leaf -o link; ip -n router -o link; ip -n placemat2-full -o link 2>/dev/null ||
        ip -n placemat2-two -o link",
    );
    let mut links = links.lines().filter(|line| !line.contains(": lo:")).peekable();
    assert!(links.peek().is_some());
    links.all(|line| line.contains(&format!("mtu {bytes} ")))
}

#[test]
fn it_follows_while_the_lab_runs() {
    let Some(machine) = Machine::new() else { return };
    crate::scene::full(&machine);
    let mut engine = running(&machine, "full", &["--stop-timeout", "0.2"]);
    assert!(all_links_have(&machine, 1500));
    let taps = machine.sh("ip -n placemat2-full -o link show type tun");
    assert_eq!(taps.lines().count(), 1, "{taps}");
    machine.sh("ip link set up0 mtu 1400");
    engine.until("all links have the link's MTU", 5, || all_links_have(&machine, 1400));
    machine.sh("ip route replace default via 192.0.2.1 mtu 1380");
    engine.until("all links have the route's MTU", 5, || all_links_have(&machine, 1380));
    machine.sh("ip netns exec router ping -c1 -W2 -M do -s 1352 10.1.0.2");
    machine.sh("ip netns exec router ping -c1 -W2 -M do -s 1352 192.0.2.1");
    assert!(
        !machine
            .try_sh("ip netns exec router ping -c1 -W1 -M do -s 1353 10.1.0.2")
            .status
            .success()
    );
    engine.until("an event tells", 5, || {
        events(&machine, "full").contains("The path MTU is now 1380 bytes")
    });
    assert_eq!(json(&machine, "full", "/networks/inner")["mtu"], 1380);
    machine.sh("ip link set up0 mtu 1500; ip route replace default via 192.0.2.1");
    engine.until("all links are as wide as before", 5, || all_links_have(&machine, 1500));
    engine.stop();
}

#[test]
fn it_can_be_given() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let engine = running(&machine, "two", &["--mtu", "1300"]);
    assert!(all_links_have(&machine, 1300));
    // What was given stays.
    machine.sh("ip link set up0 mtu 1400; sleep 0.5");
    assert!(all_links_have(&machine, 1300));
    engine.stop();
}

/// Puts `203.0.113.1` behind a router whose further link takes 1400 bytes.
fn narrow_hop(machine: &Machine) {
    machine.outside(
        "ip link add far type veth peer name near; ip link set far netns \"$(cat /run/far.pid)\"
        ip addr add 198.51.100.9/30 dev near; ip link set near mtu 1400 up; echo 1 > /proc/sys/net/ipv4/ip_forward
        ip route add 203.0.113.1 via 198.51.100.10",
    );
    machine.sh("far() { nsenter --net=/proc/$(cat /run/far.pid)/ns/net \"$@\"; }
        far ip link set lo up; far ip addr add 203.0.113.1/32 dev lo; far ip addr add 198.51.100.10/30 dev far
        far ip link set far mtu 1400 up; far ip route add default via 198.51.100.9");
}

#[test]
fn a_narrow_hop_is_found_by_probing() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    machine.sh(
        "unshare -n sleep infinity </dev/null >/dev/null 2>&1 & echo $! > /run/far.pid
        until ! [ /proc/$!/ns/net -ef /proc/self/ns/net ]; do :; done",
    );
    narrow_hop(&machine);
    let engine = running(&machine, "two", &["--mtu-probe", "203.0.113.1"]);
    assert!(all_links_have(&machine, 1400), "{}", engine.output());
    engine.stop();
    // A router that says nothing is found out, too.
    machine.outside("iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP");
    let engine = running(&machine, "two", &["--mtu-probe", "203.0.113.1"]);
    assert!(all_links_have(&machine, 1400), "{}", engine.output());
    engine.stop();
}
