//! Shapes, addresses, MTU, errors and going down.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{
    super::{Fabric, FabricError},
    datagram, host, ip,
    lab::{Lab, To},
    links, on_private_host, up,
};

#[test]
fn two_namespaces_talk_over_a_pair_at_once() {
    on_private_host(|| async {
        let plan = Lab::new()
            .network(
                "n",
                &[
                    To::Ns("a", &["10.1.0.1/24", "fd00::1/64"]),
                    To::Ns("b", &["10.1.0.2/24", "fd00::2/64"]),
                ],
            )
            .plan();
        let fabric = up(&plan).await.expect("up");
        let (a, b) = (fabric.namespace("a").expect("a"), fabric.namespace("b").expect("b"));
        let start = Instant::now();
        datagram(a, b, "10.1.0.2").expect("datagram");
        datagram(b, a, "10.1.0.1").expect("datagram");
        // ARP tries again after a second: the first frame must get through. (IPv6 listens for its neighbours a moment
        // after it has an address, which nothing can hasten.)
        assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
        datagram(a, b, "fd00::2").expect("datagram");
        datagram(b, a, "fd00::1").expect("datagram");
        assert_eq!(links(fabric.fabric_netns()), ["lo"]);
        assert_eq!(links(a), ["lo", "eth0"]);
        fabric.down().await.expect("down");
    });
}

#[test]
fn namespaces_and_host_talk_over_a_bridge_at_once() {
    on_private_host(|| async {
        let plan = Lab::new()
            .network(
                "ext",
                &[
                    To::Host("10.1.0.254/24"),
                    To::Ns("a", &["10.1.0.1/24", "fd00::1/64"]),
                    To::Ns("b", &["10.1.0.2/24"]),
                    To::Ns("c", &["10.1.0.3/24", "fd00::3/64"]),
                ],
            )
            .network("alone", &[To::Ns("a", &["10.2.0.1/24"])])
            .network("none", &[])
            .plan();
        let fabric = up(&plan).await.expect("up");
        let [a, b, c] = ["a", "b", "c"].map(|name| fabric.namespace(name).expect("namespace"));
        let host = host();
        let start = Instant::now();
        for (from, to, address) in [
            (&**a, &**b, "10.1.0.2"),
            (b, c, "10.1.0.3"),
            (&host, a, "10.1.0.1"),
            (b, &host, "10.1.0.254"),
        ] {
            datagram(from, to, address).expect("datagram");
        }
        assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
        datagram(c, a, "fd00::1").expect("datagram");
        assert_eq!(links(a), ["lo", "eth0", "eth1"]);
        assert_eq!(links(&host), ["lo", "ext"]);
        assert!(ip(a, "-br address show dev eth1").contains("10.2.0.1/24"));
        assert!(ip(a, "-br link show dev eth1").contains("LOWER_UP"));
        assert_eq!(ip(fabric.fabric_netns(), "-6 address"), "");
        fabric.down().await.expect("down");
        assert_eq!(links(&host), ["lo"]);
    });
}

#[test]
fn host_and_namespace_talk_over_a_pair() {
    on_private_host(|| async {
        let plan = Lab::new()
            .network("ext", &[To::Host("10.1.0.254/24"), To::Ns("a", &["10.1.0.1/24"])])
            .network("bmc", &[To::Host("fd00::254/64")])
            .plan();
        let fabric = up(&plan).await.expect("up");
        let host = host();
        datagram(&host, fabric.namespace("a").expect("a"), "10.1.0.1").expect("datagram");
        let mut names = links(&host);
        names.sort();
        assert_eq!(names, ["bmc", "ext", "lo"]);
        assert!(ip(&host, "-br address show dev bmc").contains("fd00::254/64"));
        drop(fabric);
        assert_eq!(links(&host), ["lo"]);
    });
}

#[test]
fn every_link_follows_the_mtu_and_ipv6_comes_back() {
    on_private_host(|| async {
        let plan = Lab::new()
            .mtu(1400)
            .network(
                "ext",
                &[
                    To::Host("10.1.0.254/24"),
                    To::Ns("a", &["10.1.0.1/24", "fd00::1/64"]),
                    To::Ns("b", &["10.1.0.2/24"]),
                    To::Node("vm", 0, 1),
                ],
            )
            .network("pair", &[To::Ns("a", &[]), To::Ns("b", &["fd01::1/64"])])
            .network("stub", &[To::Host("fd02::1/64")])
            .plan();
        let fabric = up(&plan).await.expect("up");
        let host = host();
        let [a, b] = ["a", "b"].map(|name| fabric.namespace(name).expect("namespace"));
        let all = [&**a, &**b, &**fabric.fabric_netns(), &host];
        let expect = |mtu: u32| {
            for netns in all {
                for line in ip(netns, "-o link").lines().filter(|line| !line.contains(": lo:")) {
                    assert!(line.contains(&format!(" mtu {mtu} ")), "{}: {line}", netns.name());
                }
            }
        };
        expect(1400);
        for mtu in [9000, 1000, 1500] {
            fabric.set_mtu(mtu).await.expect("MTU");
            expect(mtu);
        }
        assert!(ip(a, "-6 address show dev eth0").contains("fd00::1/64"));
        assert!(ip(b, "-6 address show dev eth1").contains("fd01::1/64"));
        assert!(ip(&host, "-6 address show dev stub").contains("fd02::1/64"));
        let error = fabric.set_mtu(70_000).await.expect_err("too large");
        assert!(error.to_string().contains("MTU"), "{error}");
        fabric.down().await.expect("down");
    });
}

#[test]
fn a_lab_with_an_mtu_below_ipv6_comes_up() {
    on_private_host(|| async {
        let ends = [
            To::Ns("a", &["10.1.0.1/24", "fd00::1/64"]),
            To::Ns("b", &["10.1.0.2/24", "fd00::2/64"]),
        ];
        let fabric = up(&Lab::new().mtu(1200).network("n", &ends).plan()).await.expect("up");
        let a = fabric.namespace("a").expect("a");
        assert!(ip(a, "address show dev eth0").contains("10.1.0.1/24"));
        fabric.set_mtu(1280).await.expect("MTU");
        assert!(ip(a, "-6 address show dev eth0").contains("fd00::1/64"));
    });
}

#[test]
fn a_taken_name_is_told_and_left_alone() {
    on_private_host(|| async {
        let host = host();
        ip(&host, "link add ext type bridge");
        let plan = Lab::new()
            .network("other", &[To::Host("10.2.0.254/24"), To::Ns("a", &["10.2.0.1/24"])])
            .network("ext", &[To::Host("10.1.0.254/24"), To::Ns("a", &["10.1.0.1/24"])])
            .plan();
        let error = up(&plan).await.expect_err("the name is taken");
        assert!(
            matches!(&error, FabricError::NameTaken { name } if name == "ext"),
            "{error}"
        );
        assert!(error.to_string().contains("ip link delete dev ext"), "{error}");
        assert_eq!(links(&host), ["lo", "ext"]);
    });
}

#[test]
fn a_late_failure_leaves_nothing() {
    on_private_host(|| async {
        // Namespaces get their addresses last. The kernel takes no multicast address.
        let plan = Lab::new()
            .network("ext", &[To::Host("10.1.0.254/24"), To::Ns("a", &["10.1.0.1/24"])])
            .network("lan", &[To::Ns("a", &["ff02::1/64"]), To::Ns("b", &[])])
            .plan();
        let error = up(&plan).await.expect_err("bad address");
        assert!(
            error
                .to_string()
                .contains("the address ff02::1/64 to the link \"eth1\""),
            "{error}"
        );
        assert_eq!(links(&host()), ["lo"]);
    });
}

#[test]
fn an_interruption_is_heard_soon() {
    on_private_host(|| async {
        let names: Vec<_> = (0..1000).map(|n| format!("net{n}")).collect();
        let lab = Lab::new()
            .always_bridges(true)
            .network("ext", &[To::Host("10.1.0.254/24")]);
        let ends = [To::Ns("a", &[]), To::Ns("b", &[])];
        let plan = names.iter().fold(lab, |lab, name| lab.network(name, &ends)).plan();
        let cancel = CancellationToken::new();
        let making = tokio::spawn(Fabric::up(plan, cancel.clone()));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let start = Instant::now();
        cancel.cancel();
        let error = making.await.expect("task").expect_err("interrupted");
        assert!(matches!(error, FabricError::Cancelled), "{error}");
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        assert_eq!(links(&host()), ["lo"]);
    });
}

#[test]
fn namespaces_route_and_are_found_through_proc() {
    on_private_host(|| async {
        let fabric = up(&Lab::new().network("n", &[To::Ns("a", &[])]).plan())
            .await
            .expect("up");
        let a = fabric.namespace("a").expect("a");
        for (name, value) in [
            ("ipv4/ip_forward", "1"),
            ("ipv6/conf/all/forwarding", "1"),
            ("ipv6/conf/eth0/accept_dad", "0"),
            ("ipv4/conf/eth0/rp_filter", "0"),
        ] {
            let path = format!("/proc/sys/net/{name}");
            let read = a
                .run(|| std::fs::read_to_string(&path))
                .expect("namespace")
                .expect(&path);
            assert_eq!(read.trim(), value, "{name}");
        }
        let inside = a
            .run(|| std::fs::read_link("/proc/thread-self/ns/net"))
            .expect("namespace")
            .expect("link");
        assert_eq!(std::fs::read_link(a.proc_path()).expect("link"), inside);
        assert!(ip(a, "-br link show dev lo").contains("LOOPBACK,UP"));
    });
}

#[test]
fn counters_are_those_of_the_ends_whatever_a_network_is_made_of() {
    on_private_host(|| async {
        const DATAGRAMS: u64 = 100;
        let plan = Lab::new()
            .network(
                "bridge",
                &[
                    To::Host("10.1.0.254/24"),
                    To::Ns("a", &["10.1.0.1/24"]),
                    To::Ns("b", &["10.1.0.2/24"]),
                ],
            )
            .network("veth", &[To::Ns("a", &["10.2.0.1/24"]), To::Ns("b", &["10.2.0.2/24"])])
            .network("stub", &[To::Ns("a", &["10.3.0.1/24"])])
            .network("none", &[])
            .plan();
        let fabric = up(&plan).await.expect("up");
        let [a, b] = ["a", "b"].map(|name| fabric.namespace(name).expect("namespace"));
        let read = async || fabric.counters().await.expect("counters");
        let before = read().await;
        let ids: Vec<_> = before.iter().map(|link| link.id.as_str()).collect();
        let expected = [
            "link/host/bridge",
            "link/a/eth0",
            "link/b/eth0",
            "link/a/eth1",
            "link/b/eth1",
            "link/a/eth2",
        ];
        assert_eq!(ids, expected);
        assert!(before.iter().all(|link| link.up), "{before:?}");
        let host = host();
        for _ in 0..DATAGRAMS {
            datagram(&host, a, "10.1.0.1").expect("datagram");
            datagram(a, b, "10.2.0.2").expect("datagram");
        }
        let after = read().await;
        let grown = |id: &str| {
            let find =
                |links: &[super::super::LinkCounters]| links.iter().find(|link| link.id == id).expect(id).clone();
            let (before, after) = (find(&before), find(&after));
            (
                after.rx_packets - before.rx_packets,
                after.tx_packets - before.tx_packets,
            )
        };
        // Some packets of ARP and IPv6 come on top, never as many.
        let much = |packets: u64| (DATAGRAMS..2 * DATAGRAMS).contains(&packets);
        for (id, rx, tx) in [
            ("link/host/bridge", false, true),
            ("link/a/eth0", true, false),
            ("link/b/eth0", false, false),
            ("link/a/eth1", false, true),
            ("link/b/eth1", true, false),
            ("link/a/eth2", false, false),
        ] {
            let (received, sent) = grown(id);
            assert_eq!(
                (much(received), much(sent)),
                (rx, tx),
                "{id}: {received} received, {sent} sent"
            );
        }
        ip(a, "link set eth2 down");
        assert!(!read().await.last().expect("links").up);
        // One that somebody has deleted is left out.
        ip(a, "link delete eth1");
        assert_eq!(read().await.len(), 4);
        fabric.down().await.expect("down");
    });
}
