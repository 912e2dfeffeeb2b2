//! Watches the fabric for DHCP servers' answers.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
    time::Duration,
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{Instant, sleep_until},
};

use super::{Lease, dhcp::lease, filter};
use crate::fabric::{FabricError, Netns};

/// Packets taken at most within such a time: a guest that floods the fabric with answers costs next to nothing, even if
/// it leaves us the time to empty the socket's queue. What does not fit into that queue meanwhile is lost.
const BURST: usize = 64;
const PERIOD: Duration = Duration::from_millis(50);

/// Why the fabric can't be watched.
#[derive(Debug, thiserror::Error)]
pub enum SniffError {
    /// No way into the fabric.
    #[error(transparent)]
    Fabric(#[from] FabricError),
    /// No packet socket.
    #[error("Addresses that nodes get by DHCP stay unknown, because the fabric can't be watched: {0}.")]
    Socket(#[from] io::Error),
}

/// A socket that sees the DHCP answers in a namespace.
#[derive(Debug)]
pub struct Sniffer {
    socket: AsyncFd<OwnedFd>,
    buffer: Vec<u8>,
    burst: Burst,
}

/// The packets taken since some time.
#[derive(Debug)]
struct Burst {
    began: Instant,
    taken: usize,
}

impl Burst {
    fn begin(began: Instant) -> Self {
        Self { began, taken: 0 }
    }

    /// Until when no packet may be taken, if none may be now.
    fn exhausted(&mut self, now: Instant) -> Option<Instant> {
        let end = self.began + PERIOD;
        if now >= end {
            *self = Self::begin(now);
        }
        (self.taken >= BURST).then_some(end)
    }
}

impl Sniffer {
    /// Begins to watch all links of a namespace, those that come later included.
    pub fn new(netns: &Netns) -> Result<Self, SniffError> {
        let socket = netns.run(open)??;
        // SAFETY: an OwnedFd names one open description for as long as it lives, and `AsyncFd` gives it to nobody mutably.
        let socket = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }.map_err(io::Error::from)?;
        Ok(Self {
            socket,
            buffer: vec![0; filter::SNAP.into()],
            burst: Burst::begin(Instant::now()),
        })
    }

    /// Returns the next address that a server gives somebody. Cancel safe.
    pub async fn next(&mut self) -> Result<Lease, SniffError> {
        loop {
            while let Some(end) = self.burst.exhausted(Instant::now()) {
                sleep_until(end).await;
            }
            let mut ready = self.socket.readable().await?;
            let received = ready.try_io(|socket| Ok(nix::unistd::read(socket, &mut self.buffer)?));
            match received {
                Ok(Ok(length)) => {
                    self.burst.taken += 1;
                    if let Some(lease) = lease(self.buffer.get(..length).unwrap_or_default()) {
                        return Ok(lease);
                    }
                }
                // A link went down.
                Ok(Err(error)) if error.raw_os_error() == Some(libc::ENETDOWN) => {}
                Ok(Err(error)) => return Err(error.into()),
                // Nothing there.
                Err(_) => {}
            }
        }
    }
}

/// Opens the socket in the calling thread's namespace. It is bound last, so that nothing comes unfiltered.
fn open() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointers are involved.
    let socket = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    filter::attach(socket.as_fd())?;
    filter::ignore_outgoing(socket.as_fd())?;
    // A bridge takes packets before those who want IPv4 alone are asked.
    let every = u16::try_from(libc::ETH_P_ALL).map_err(io::Error::other)?;
    let address = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?,
        sll_protocol: every.to_be(),
        sll_ifindex: 0,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).map_err(io::Error::other)?;
    // SAFETY: the address is a live sockaddr_ll of the length given.
    let status = unsafe { libc::bind(socket.as_raw_fd(), std::ptr::from_ref(&address).cast(), length) };
    if status == 0 {
        Ok(socket)
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_a_burst_is_taken_in_a_period() {
        let now = Instant::now();
        let mut burst = Burst::begin(now);
        for _ in 0..BURST {
            assert_eq!(burst.exhausted(now), None);
            burst.taken += 1;
        }
        let end = now + PERIOD;
        assert_eq!(burst.exhausted(now + PERIOD / 2), Some(end));
        assert_eq!(burst.exhausted(end), None);
        burst.taken = BURST;
        assert_eq!(burst.exhausted(end), Some(end + PERIOD));
    }
}
