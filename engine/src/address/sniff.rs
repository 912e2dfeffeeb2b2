//! Watches the fabric for DHCP servers' answers.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
    time::Duration,
};

use tokio::{
    io::{Interest, unix::AsyncFd},
    time::sleep,
};

use super::{Lease, dhcp::lease, filter};
use crate::fabric::{FabricError, Netns};

/// Packets taken in a row, and the pause after so many: a guest that floods the fabric with answers costs next to
/// nothing. What does not fit into the socket's queue meanwhile is lost.
const BURST: usize = 64;
const PAUSE: Duration = Duration::from_millis(50);

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
    burst: usize,
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
            burst: 0,
        })
    }

    /// Returns the next address that a server gives somebody. Cancel safe.
    pub async fn next(&mut self) -> Result<Lease, SniffError> {
        loop {
            if self.burst == BURST {
                sleep(PAUSE).await;
                self.burst = 0;
            }
            let mut ready = self.socket.readable().await?;
            let received = ready.try_io(|socket| Ok(nix::unistd::read(socket, &mut self.buffer)?));
            match received {
                Ok(Ok(length)) => {
                    self.burst += 1;
                    if let Some(lease) = lease(self.buffer.get(..length).unwrap_or_default()) {
                        return Ok(lease);
                    }
                }
                // A link went down.
                Ok(Err(error)) if error.raw_os_error() == Some(libc::ENETDOWN) => {}
                Ok(Err(error)) => return Err(error.into()),
                // Nothing there: whatever came before was no flood.
                Err(_) => self.burst = 0,
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
