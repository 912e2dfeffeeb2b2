//! Ports of the host, taken before anything leads anywhere, so that one that is taken already fails a lab at once.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, setsockopt, socket, sockopt};
use std::os::fd::{AsRawFd as _, OwnedFd};
use tokio::net::{TcpListener, TcpSocket, UdpSocket};

use super::ForwardError;
use crate::spec::model::Protocol;

/// Connections that may wait until they are taken; the kernel's own limit is `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

/// A port of the host.
#[derive(Debug)]
pub enum Listener {
    /// For connections.
    Tcp(TcpListener),
    /// For datagrams.
    Udp(UdpSocket),
}

impl Listener {
    /// Takes a port of the host at one address, or at all of them.
    pub fn open(address: Option<IpAddr>, port: u16, protocol: Protocol) -> Result<Self, ForwardError> {
        let opened = match address {
            Some(address) => Self::at((address, port).into(), protocol),
            // One socket for both, where the host has IPv6.
            None => match Self::at((Ipv6Addr::UNSPECIFIED, port).into(), protocol) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL)) => {
                    Self::at((Ipv4Addr::UNSPECIFIED, port).into(), protocol)
                }
                opened => opened,
            },
        };
        opened.map_err(|source| ForwardError::Listen {
            address: (address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port).into(),
            protocol,
            source,
        })
    }

    fn at(address: SocketAddr, protocol: Protocol) -> io::Result<Self> {
        let kind = match protocol {
            Protocol::Tcp => SockType::Stream,
            Protocol::Udp => SockType::Datagram,
        };
        let socket = bound(address, kind)?;
        Ok(match protocol {
            Protocol::Tcp => {
                let socket = TcpSocket::from_std_stream(std::net::TcpStream::from(socket));
                Self::Tcp(socket.listen(BACKLOG)?)
            }
            Protocol::Udp => Self::Udp(UdpSocket::from_std(std::net::UdpSocket::from(socket))?),
        })
    }
}

fn bound(address: SocketAddr, kind: SockType) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() {
        AddressFamily::Inet
    } else {
        AddressFamily::Inet6
    };
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, kind, flags, None)?;
    if kind == SockType::Stream {
        // Connections of an earlier run that linger don't hold the port.
        setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    }
    if address.is_ipv6() {
        setsockopt(&socket, sockopt::Ipv6V6Only, &!address.ip().is_unspecified())?;
    }
    bind(socket.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(socket)
}
