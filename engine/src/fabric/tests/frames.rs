//! Taps: frames from and to a virtual machine, and the cable.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::UdpSocket,
    time::{Duration, Instant},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{
    super::{Netns, Tap},
    host, ip,
    lab::{Lab, To},
    on_private_host, up,
};

/// `struct virtio_net_hdr`, all zeroes: a frame with nothing left to do.
const VNET_HEADER: [u8; 10] = [0; 10];
const GUEST_MAC: [u8; 6] = [2, 9, 9, 9, 9, 9];

/// An ARP request of a guest with the address 10.1.0.9 for 10.1.0.`who` (RFC 826).
fn arp_request(who: u8) -> Vec<u8> {
    let mut frame = VNET_HEADER.to_vec();
    frame.extend([0xff; 6]);
    frame.extend(GUEST_MAC);
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(GUEST_MAC);
    frame.extend([10, 1, 0, 9, 0, 0, 0, 0, 0, 0, 10, 1, 0, who]);
    frame
}

/// The first queue of a tap, as QEMU would get it.
fn queue(tap: &Tap) -> File {
    File::from(tap.queues().expect("queues").remove(0))
}

/// Waits for a frame that `wanted` accepts.
fn receive(queue: &File, limit: Duration, wanted: impl Fn(&[u8]) -> bool) -> bool {
    use std::os::fd::AsFd;
    let start = Instant::now();
    let mut frame = [0; 2048];
    while let Some(left) = limit.checked_sub(start.elapsed()) {
        let timeout = PollTimeout::try_from(left).expect("timeout");
        poll(&mut [PollFd::new(queue.as_fd(), PollFlags::POLLIN)], timeout).expect("poll");
        while let Ok(length) = (&mut &*queue).read(&mut frame) {
            if frame[..length].get(VNET_HEADER.len()..).is_some_and(&wanted) {
                return true;
            }
        }
    }
    false
}

/// Whether a frame is an ARP answer to the guest.
fn is_answer(frame: &[u8]) -> bool {
    frame.starts_with(&GUEST_MAC) && frame.get(12..22) == Some(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 2])
}

/// Asks for an address once; the cable counts from when it was plugged in.
fn resolves(queue: &File, who: u8) -> bool {
    (&mut &*queue).write_all(&arp_request(who)).expect("frame");
    receive(queue, Duration::from_secs(2), is_answer)
}

fn broadcast(from: &Netns) {
    let send = || -> io::Result<()> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.set_broadcast(true)?;
        socket.send_to(b"to all", "10.1.0.255:9")?;
        Ok(())
    };
    from.run(send).expect("namespace").expect("broadcast");
}

fn lab(queues: u32) -> Lab {
    let ends = [
        To::Host("10.1.0.254/24"),
        To::Ns("a", &["10.1.0.1/24"]),
        To::Node("vm", 0, queues),
    ];
    Lab::new().network("ext", &ends)
}

#[test]
fn a_guest_reaches_namespace_and_host_once_plugged_in() {
    on_private_host(|| async {
        let fabric = up(&lab(1).plan()).await.expect("up");
        ip(&host(), "address change 10.1.0.254/24 broadcast 10.1.0.255 dev ext");
        let tap = fabric.tap("vm", 0).expect("tap");
        assert!(fabric.tap("vm", 1).is_none() && fabric.tap("other", 0).is_none());
        let guest = queue(&tap);

        broadcast(&host());
        let quiet = Duration::from_millis(100);
        assert!(
            !receive(&guest, quiet, |_| true),
            "frames queue up while the cable is out"
        );
        assert!(ip(fabric.fabric_netns(), "-o link show dev p3").contains("NO-CARRIER"));

        tap.set_carrier(true).expect("plug in");
        assert!(resolves(&guest, 1), "the namespace does not answer");
        assert!(resolves(&guest, 254), "the host does not answer");
        broadcast(&host());
        let is_broadcast = |frame: &[u8]| frame.windows(6).any(|bytes| bytes == b"to all");
        assert!(receive(&guest, Duration::from_secs(2), is_broadcast));

        // What the guest did not read before its power went is not read by the next one.
        broadcast(&host());
        tap.set_carrier(false).expect("unplug");
        drop(guest);
        let guest = queue(&tap);
        assert!(!receive(&guest, quiet, |_| true), "old frames are left in the queue");
        tap.set_carrier(true).expect("plug in again");
        assert!(resolves(&guest, 1), "the namespace does not answer after a power cycle");
    });
}

#[test]
fn queues_that_a_guest_gave_up_are_there_for_the_next_one() {
    on_private_host(|| async {
        let fabric = up(&lab(4).plan()).await.expect("up");
        let tap = fabric.tap("vm", 0).expect("tap");
        for _ in 0..2 {
            let queues = tap.queues().expect("queues");
            assert_eq!(queues.len(), 4);
            let details = ip(fabric.fabric_netns(), "-d link show dev p3");
            assert!(details.contains("numqueues 4 numdisabled 0"), "{details}");
            for queue in &queues[1..] {
                tap.detach(queue);
            }
            let details = ip(fabric.fabric_netns(), "-d link show dev p3");
            assert!(details.contains("numqueues 1 numdisabled 3"), "{details}");
        }
    });
}

#[test]
fn a_tap_cannot_have_more_queues_than_the_kernel_allows() {
    on_private_host(|| async {
        let error = up(&lab(257).plan()).await.expect_err("too many queues");
        assert!(
            error.to_string().contains("the tap \"p3\" of the node \"vm\""),
            "{error}"
        );
    });
}

#[test]
fn a_guests_counters_are_those_of_the_guest() {
    on_private_host(|| async {
        const FRAMES: u64 = 50;
        let fabric = up(&lab(1).plan()).await.expect("up");
        let tap = fabric.tap("vm", 0).expect("tap");
        let counters = async || {
            let all = fabric.counters().await.expect("counters");
            assert_eq!(all.len(), 3);
            all.into_iter()
                .find(|link| link.id == "link/vm/0")
                .expect("the node's link")
        };
        assert!(!counters().await.up);
        let guest = queue(&tap);
        tap.set_carrier(true).expect("plug in");
        let before = counters().await;
        assert!(before.up);
        for _ in 0..FRAMES {
            (&mut &guest).write_all(&arp_request(1)).expect("frame");
        }
        let after = counters().await;
        assert_eq!(after.tx_packets - before.tx_packets, FRAMES);
        assert!(after.tx_bytes - before.tx_bytes >= FRAMES * 42);
        // The namespace answers; it need not answer all at once.
        let received = |n: u64| move |_: &[u8]| n == 0;
        receive(&guest, Duration::from_millis(200), received(1));
        assert!(counters().await.rx_packets > before.rx_packets);
    });
}
