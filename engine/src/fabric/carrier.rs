//! The kernel's late news of links whose carrier changed.
//!
//! A link that was up before its veth peer learns of the peer by deferred work (`linkwatch`). Until that has run, it drops what it
//! is to send, and a bridge it is a port of forwards nothing to it; a first ARP request lost so costs a second. News of a carrier that
//! went may be a second late.

use std::{
    io,
    os::fd::{AsRawFd, OwnedFd},
};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::ifreq;

/// `SIOCETHTOOL` (`linux/sockios.h`).
const SIOCETHTOOL: libc::c_int = 0x8946;
/// `ETHTOOL_GLINK` (`linux/ethtool.h`): whether a link has a carrier; the kernel catches up on the link first.
const ETHTOOL_GLINK: u32 = 0x0000_000a;

/// `struct ethtool_value`.
#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

nix::ioctl_readwrite_bad!(ethtool, SIOCETHTOOL, libc::ifreq);

/// A socket that asks about links of the namespace it was opened in.
#[derive(Debug)]
pub struct Carriers(OwnedFd);

impl Carriers {
    /// Opens one in the calling thread's network namespace.
    pub fn open() -> io::Result<Self> {
        Ok(Self(socket(
            AddressFamily::Inet,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            None,
        )?))
    }

    /// Makes the kernel catch up on links.
    ///
    /// Nothing depends on its success: the kernel comes round to it by itself, within a second.
    pub fn settle<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            let mut value = EthtoolValue {
                command: ETHTOOL_GLINK,
                data: 0,
            };
            let Ok(mut request) = ifreq::named(name) else { continue };
            request.ifr_ifru.ifru_data = (&raw mut value).cast();
            // SAFETY: the kernel reads the name from `request` and writes one `ethtool_value` to where it points.
            if let Err(errno) = unsafe { ethtool(self.0.as_raw_fd(), &raw mut request) } {
                tracing::debug!("cannot ask for the carrier of {name}: {errno}");
            }
        }
    }
}
