//! An active search for the path MTU to a host: ICMP echo requests that no router may divide, of growing and shrinking
//! size, until the largest that is answered is known.
//!
//! Routers that say how much fits (ICMP "fragmentation needed", RFC 1191; ICMPv6 "packet too big", RFC 8201) shorten
//! the search; one that drops silently (a "black hole") only makes it longer, as its silence is taken for a no.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, AsRawFd, OwnedFd},
    time::{Duration, Instant},
};

use nix::{
    cmsg_space,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{
        AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, SockaddrIn, SockaddrIn6, SockaddrStorage,
        connect, recv, recvmsg, send, setsockopt, socket, sockopt,
    },
};

use super::{MtuError, route::Routes};
use crate::blocking;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_millis(700);
/// How often an unanswered size is tried.
const TRIES: u32 = 3;
/// The smallest MTU of the Internet (RFC 791, RFC 8200): what every path must carry.
const SMALLEST: [u32; 2] = [576, 1280];
/// The search begins here where the route's own MTU is not known.
const LARGEST: u32 = 1500;

/// Returns the size in bytes of the largest IP packet that reaches `host` undivided.
pub(super) async fn path_mtu(host: &str) -> Result<u32, MtuError> {
    let address = resolve(host).await?;
    let largest = Routes::connect()?.mtu().await?.value.unwrap_or(LARGEST);
    let host = host.to_owned();
    let search = blocking::run(move || {
        let mut prober = Prober::new(address).map_err(|source| MtuError::Send {
            host: host.clone(),
            source,
        })?;
        search(address, largest, |size| prober.ask(size))
            .map_err(|source| MtuError::Send {
                host: host.clone(),
                source,
            })?
            .ok_or(MtuError::Silent { host })
    });
    search.await
}

async fn resolve(host: &str) -> Result<IpAddr, MtuError> {
    let failed = |source| MtuError::Resolve {
        host: host.into(),
        source,
    };
    let mut addresses = tokio::net::lookup_host((host, 0)).await.map_err(failed)?;
    let first = addresses
        .next()
        .ok_or_else(|| failed(io::Error::other("the name has no address")))?;
    Ok(first.ip())
}

/// What became of a probe of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The host answered: that much fits.
    Fits,
    /// Somebody on the way said that at most this much fits.
    AtMost(u32),
    /// No answer.
    Silence,
}

/// Narrows the size down; `None`: not even the smallest was answered.
fn search(address: IpAddr, largest: u32, mut ask: impl FnMut(u32) -> io::Result<Outcome>) -> io::Result<Option<u32>> {
    let smallest = SMALLEST[usize::from(address.is_ipv6())].min(largest);
    let (mut fits, mut limit) = (None, largest);
    let mut size = largest;
    loop {
        match ask(size)? {
            Outcome::Fits => fits = Some(size),
            // A size no smaller than the one asked for tells nothing: taken for silence, or the search would not end.
            Outcome::AtMost(most) if (smallest..size).contains(&most) => limit = most,
            Outcome::AtMost(_) | Outcome::Silence if size > smallest => limit = size - 1,
            Outcome::AtMost(_) | Outcome::Silence => return Ok(None),
        }
        size = match fits {
            Some(fits) if fits >= limit => return Ok(Some(fits)),
            // What a router named is most likely right; what silence left is halved.
            Some(fits) => fits + (limit - fits).div_ceil(2),
            None if limit == size - 1 => smallest,
            None => limit,
        };
    }
}

/// Sends echo requests and waits for what comes back.
struct Prober {
    socket: OwnedFd,
    ipv6: bool,
    identifier: u16,
    sequence: u16,
}

impl Prober {
    fn new(address: IpAddr) -> io::Result<Self> {
        let ipv6 = address.is_ipv6();
        let family = if ipv6 {
            AddressFamily::Inet6
        } else {
            AddressFamily::Inet
        };
        let protocol = if ipv6 {
            nix::sys::socket::SockProtocol::IcmpV6
        } else {
            nix::sys::socket::SockProtocol::Icmp
        };
        let socket = socket(
            family,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK,
            protocol,
        )?;
        if ipv6 {
            setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
            set_probing(
                &socket,
                libc::IPPROTO_IPV6,
                libc::IPV6_MTU_DISCOVER,
                libc::IPV6_PMTUDISC_PROBE,
            )?;
        } else {
            setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
            set_probing(
                &socket,
                libc::IPPROTO_IP,
                libc::IP_MTU_DISCOVER,
                libc::IP_PMTUDISC_PROBE,
            )?;
        }
        connect(socket.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(address, 0)))?;
        // The low half of the process id tells our answers from another's, as ping does.
        let identifier = u16::try_from(std::process::id() & 0xffff).unwrap_or_default();
        Ok(Self {
            socket,
            ipv6,
            identifier,
            sequence: 0,
        })
    }

    fn ask(&mut self, size: u32) -> io::Result<Outcome> {
        for _ in 0..TRIES {
            let outcome = self.ask_once(size)?;
            if outcome != Outcome::Silence {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Silence)
    }

    fn ask_once(&mut self, size: u32) -> io::Result<Outcome> {
        self.sequence = self.sequence.wrapping_add(1);
        let packet = self.echo_request(size);
        match send(self.socket.as_raw_fd(), &packet, MsgFlags::empty()) {
            Ok(_) => {}
            // Larger than the first link takes; how much it takes is in the error queue.
            Err(nix::errno::Errno::EMSGSIZE) => {
                return Ok(self.told_limit()?.map_or(Outcome::Silence, Outcome::AtMost));
            }
            // The first link dropped it, as a veth does whose other end takes less.
            Err(nix::errno::Errno::ENOBUFS) => return Ok(Outcome::Silence),
            Err(errno) => return Err(errno.into()),
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Outcome::Silence);
            }
            let mut events = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            poll(&mut events, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO))?;
            if let Some(limit) = self.told_limit()? {
                return Ok(Outcome::AtMost(limit));
            }
            if self.answered()? {
                return Ok(Outcome::Fits);
            }
        }
    }

    /// An echo request (RFC 792, RFC 4443) that makes an IP packet of `size` bytes.
    fn echo_request(&self, size: u32) -> Vec<u8> {
        let ip_header = if self.ipv6 { 40 } else { 20 };
        let mut packet = vec![
            0;
            usize::try_from(size)
                .unwrap_or_default()
                .saturating_sub(ip_header)
                .max(8)
        ];
        packet[0] = if self.ipv6 { 128 } else { 8 };
        packet[4..6].copy_from_slice(&self.identifier.to_be_bytes());
        packet[6..8].copy_from_slice(&self.sequence.to_be_bytes());
        if !self.ipv6 {
            // The kernel fills in ICMPv6's checksum, as that covers the addresses; ICMP's is ours.
            let checksum = internet_checksum(&packet);
            packet[2..4].copy_from_slice(&checksum.to_be_bytes());
        }
        packet
    }

    /// Reads the error queue for a "too big" with the size that fits.
    fn told_limit(&self) -> io::Result<Option<u32>> {
        loop {
            let mut data = [0; 64];
            let mut buffers = [io::IoSliceMut::new(&mut data)];
            let mut control = cmsg_space!([u8; 128]);
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let message = if self.ipv6 {
                recvmsg::<SockaddrIn6>(self.socket.as_raw_fd(), &mut buffers, Some(&mut control), flags)
                    .map(|message| limits(message.cmsgs()))
            } else {
                recvmsg::<SockaddrIn>(self.socket.as_raw_fd(), &mut buffers, Some(&mut control), flags)
                    .map(|message| limits(message.cmsgs()))
            };
            match message {
                Ok(Some(limit)) => return Ok(Some(limit)),
                Ok(None) => {}
                Err(nix::errno::Errno::EAGAIN) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Reads what came in; whether the answer to the last request was among it.
    fn answered(&self) -> io::Result<bool> {
        let mut packet = [0; 128];
        loop {
            let length = match recv(self.socket.as_raw_fd(), &mut packet, MsgFlags::MSG_DONTWAIT) {
                Ok(length) => length,
                Err(nix::errno::Errno::EAGAIN) => return Ok(false),
                // An ICMP error about an earlier packet: its text is in the error queue.
                Err(nix::errno::Errno::EMSGSIZE | nix::errno::Errno::EHOSTUNREACH | nix::errno::Errno::ENETUNREACH) => {
                    return Ok(false);
                }
                Err(errno) => return Err(errno.into()),
            };
            if self.is_reply(&packet[..length.min(packet.len())]) {
                return Ok(true);
            }
        }
    }

    /// A raw IPv4 socket hands the IP header out too, an IPv6 one does not.
    fn is_reply(&self, packet: &[u8]) -> bool {
        let header = if self.ipv6 {
            0
        } else {
            packet.first().map_or(0, |byte| usize::from(byte & 0x0f) * 4)
        };
        let reply_type = if self.ipv6 { 129 } else { 0 };
        let Some(icmp) = packet.get(header..header + 8) else {
            return false;
        };
        icmp[0] == reply_type
            && icmp[4..6] == self.identifier.to_be_bytes()
            && icmp[6..8] == self.sequence.to_be_bytes()
    }
}

/// The size in an "it is too big" among control messages of the error queue.
fn limits(messages: nix::Result<impl Iterator<Item = ControlMessageOwned>>) -> Option<u32> {
    messages.ok()?.find_map(|message| match message {
        ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => {
            (i32::try_from(error.ee_errno) == Ok(libc::EMSGSIZE)).then_some(error.ee_info)
        }
        _ => None,
    })
}

/// Forbids division of packets and makes the kernel forget what it knows of the path (ip(7), IP_PMTUDISC_PROBE).
fn set_probing(socket: &OwnedFd, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of_val(&value)).map_err(io::Error::other)?;
    // SAFETY: the option takes an int, `value` is one and lives through the call. nix has no wrapper for this option.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), length) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// RFC 1071.
fn internet_checksum(data: &[u8]) -> u16 {
    let words = data
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)));
    let sum = words.fold(0u32, |sum, word| {
        let sum = sum + word;
        (sum & 0xffff) + (sum >> 16)
    });
    !u16::try_from(sum & 0xffff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::host::mtu::{Choice, testing::private_netns};

    const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    proptest! {
        #[test]
        fn a_telling_path_is_found(path in 576u32..=9000, largest in 576u32..=9000) {
            let found = search(V4, largest, |size| Ok(if size <= path { Outcome::Fits } else { Outcome::AtMost(path) }));
            prop_assert_eq!(found.unwrap(), Some(path.min(largest)));
        }

        #[test]
        fn a_black_hole_is_found(path in 576u32..=9000, largest in 576u32..=9000) {
            let mut asked = 0;
            let found = search(V4, largest, |size| {
                asked += 1;
                Ok(if size <= path { Outcome::Fits } else { Outcome::Silence })
            });
            prop_assert_eq!(found.unwrap(), Some(path.min(largest)));
            prop_assert!(asked <= 16, "{} probes", asked);
        }

        #[test]
        fn lies_end(answers in proptest::collection::vec(0u32..70_000, 1..50)) {
            let mut answers = answers.into_iter().cycle();
            let mut asked = 0;
            search(V4, 1500, |_| { asked += 1; Ok(Outcome::AtMost(answers.next().unwrap())) }).unwrap();
            prop_assert!(asked < 1000);
        }
    }

    #[test]
    fn a_silent_host_has_no_mtu() {
        assert_eq!(search(V4, 1500, |_| Ok(Outcome::Silence)).unwrap(), None);
    }

    #[test]
    fn checksum_of_rfc_1071() {
        assert_eq!(
            internet_checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]),
            !0xddf2
        );
    }

    /// host -1500- router -1400- target, for both IP versions; the router's ICMP can be made to fall silent.
    fn finds_the_narrow_hop(extra: &str, host: &'static str) {
        let setup = format!(
            "ip link add up0 type veth peer name r0
             unshare -n sleep 60 & router=$!; unshare -n sleep 60 & target=$!
             apart() {{ until ! [ /proc/$1/ns/net -ef /proc/self/ns/net ]; do :; done; }}; apart $router; apart $target
             in_router() {{ nsenter --net=/proc/$router/ns/net \"$@\"; }}; in_target() {{ nsenter --net=/proc/$target/ns/net \"$@\"; }}
             ip link set r0 netns $router; in_router ip link add r1 mtu 1400 type veth peer name t0 mtu 1400 netns $target
             dad=net.ipv6.conf.default.accept_dad=0; sysctl -qw $dad; in_target sysctl -qw $dad
             in_router sysctl -qw $dad net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
             ip addr add 203.0.113.2/24 dev up0; ip -6 addr add 2001:db8:1::2/64 dev up0 nodad; ip link set up0 up
             in_router ip addr add 203.0.113.1/24 dev r0; in_router ip -6 addr add 2001:db8:1::1/64 dev r0 nodad; in_router ip link set r0 up
             in_router ip addr add 198.51.100.1/24 dev r1; in_router ip -6 addr add 2001:db8:2::1/64 dev r1 nodad; in_router ip link set r1 up
             in_target ip addr add 198.51.100.2/24 dev t0; in_target ip -6 addr add 2001:db8:2::2/64 dev t0 nodad; in_target ip link set t0 up
             in_target ip route add default via 198.51.100.1; in_target ip -6 route add default via 2001:db8:2::1
             ip route add default via 203.0.113.1; ip -6 route add default via 2001:db8:1::1
             {extra}"
        );
        let mtu = private_netns(&setup, || async { Choice::Probe(host.into()).find().await.unwrap() });
        assert!(mtu.is_none_or(|mtu| mtu.value == Some(1400)));
    }

    #[test]
    fn a_narrow_hop_in_the_middle_is_found() {
        finds_the_narrow_hop("true", "198.51.100.2");
    }

    #[test]
    fn a_narrow_hop_is_found_by_ipv6() {
        finds_the_narrow_hop("true", "2001:db8:2::2");
    }

    #[test]
    fn a_narrow_hop_that_says_nothing_is_found() {
        let silence = "in_router nft 'add table ip t; add chain ip t out { type filter hook output priority 0; };
            add rule ip t out icmp type destination-unreachable drop'";
        finds_the_narrow_hop(silence, "198.51.100.2");
    }

    #[test]
    fn nobody_there_is_an_error() {
        let error = private_netns(
            "ip link add up0 type veth peer name far0; ip addr add 203.0.113.2/24 dev up0; ip link set up0 up",
            || async {
                Choice::Probe("203.0.113.9".into())
                    .find()
                    .await
                    .unwrap_err()
                    .to_string()
            },
        );
        let Some(error) = error else { return };
        insta::assert_snapshot!(error, @"203.0.113.9 answers no ICMP echo, not even a small one; give --mtu-probe a host that does, or --mtu a number");
    }
}
