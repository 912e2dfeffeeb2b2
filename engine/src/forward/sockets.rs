//! Sockets that belong to a namespace.
//!
//! A socket belongs to the network namespace of the thread that makes it, for good. So one thread per namespace in use
//! makes the sockets, and whoever asked for one connects and carries it on the runtime's own threads.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    os::fd::{AsFd as _, OwnedFd},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use nix::{
    sched::{CloneFlags, setns},
    sys::socket::{AddressFamily, SockFlag, SockType, socket},
};
use tokio::{
    net::{TcpSocket, TcpStream, UdpSocket},
    sync::{Semaphore, oneshot},
    time::timeout,
};

use super::ForwardError;
use crate::{accept::keep_alive, fabric::Netns, host::enter::enter, spec::model::Destination};

/// How long connecting may take. Shorter than the kernel's own two minutes: who connects to a forward has been told
/// already that the connection stands.
const CONNECT_TIME: Duration = Duration::from_secs(30);

/// How long looking up a name may take.
const LOOKUP_TIME: Duration = Duration::from_secs(15);

/// Lookups at a time in one namespace: each blocks a thread.
const LOOKUPS: usize = 8;

/// Makes sockets inside one namespace. The thread behind it, and its hold on the namespace, end with this.
#[derive(Debug)]
pub struct Sockets {
    netns: Arc<Netns>,
    wanted: mpsc::Sender<Order>,
    lookups: Arc<Semaphore>,
}

#[derive(Debug)]
struct Order {
    family: AddressFamily,
    kind: SockType,
    answer: oneshot::Sender<io::Result<OwnedFd>>,
}

impl Sockets {
    /// Starts the thread for a namespace.
    pub fn new(netns: Arc<Netns>) -> Result<Self, ForwardError> {
        let (wanted, orders) = mpsc::channel::<Order>();
        let inside = Arc::clone(&netns);
        let work = move || {
            let entered = setns(inside.as_fd(), CloneFlags::CLONE_NEWNET);
            drop(inside);
            for order in orders {
                let made = entered.and_then(|()| {
                    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
                    socket(order.family, order.kind, flags, None)
                });
                // Who asked may have given up.
                let _ = order.answer.send(made.map_err(io::Error::from));
            }
        };
        let started = thread::Builder::new().name("netns-sockets".into()).spawn(work);
        started.map_err(|source| ForwardError::Socket {
            netns: netns.name().to_owned(),
            source,
        })?;
        Ok(Self {
            netns,
            wanted,
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
        })
    }

    /// The namespace's name.
    pub fn name(&self) -> &str {
        self.netns.name()
    }

    /// Connects to a destination, at each of its addresses in turn.
    pub async fn tcp(&self, to: &Destination) -> Result<TcpStream, ForwardError> {
        let mut failure = None;
        for address in self.addresses(to).await? {
            let socket = self.socket(address, SockType::Stream).await?;
            let connecting = async {
                let socket = TcpSocket::from_std_stream(std::net::TcpStream::from(socket));
                let stream = socket.connect(address).await?;
                keep_alive(&stream)?;
                Ok(stream)
            };
            match timeout(CONNECT_TIME, connecting).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => failure = Some(error),
                Err(_) => failure = Some(io::ErrorKind::TimedOut.into()),
            }
        }
        let failure = failure.unwrap_or_else(|| io::ErrorKind::NotFound.into());
        Err(ForwardError::connect(self.name(), to, failure))
    }

    /// Makes a datagram socket whose only peer is a destination.
    pub async fn udp(&self, to: &Destination) -> Result<UdpSocket, ForwardError> {
        let mut failure = None;
        for address in self.addresses(to).await? {
            let socket = self.socket(address, SockType::Datagram).await?;
            let connecting = async {
                let socket = UdpSocket::from_std(std::net::UdpSocket::from(socket))?;
                socket.connect(address).await?;
                Ok(socket)
            };
            match connecting.await {
                Ok(socket) => return Ok(socket),
                Err(error) => failure = Some(error),
            }
        }
        let failure = failure.unwrap_or_else(|| io::ErrorKind::NotFound.into());
        Err(ForwardError::connect(self.name(), to, failure))
    }

    async fn socket(&self, address: SocketAddr, kind: SockType) -> Result<OwnedFd, ForwardError> {
        let family = if address.is_ipv4() {
            AddressFamily::Inet
        } else {
            AddressFamily::Inet6
        };
        let (answer, made) = oneshot::channel();
        // The thread ends only with `self`; a panic in it is told as one that ended.
        let _ = self.wanted.send(Order { family, kind, answer });
        let made = made
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the thread in it has ended")));
        made.map_err(|source| ForwardError::Socket {
            netns: self.name().to_owned(),
            source,
        })
    }

    /// Returns the addresses of a destination, looked up as a program started by `ip netns exec` would.
    async fn addresses(&self, to: &Destination) -> Result<Vec<SocketAddr>, ForwardError> {
        if let Some(address) = to.address() {
            return Ok(vec![address]);
        }
        let failed = |source| ForwardError::Lookup {
            netns: self.name().to_owned(),
            host: to.host().to_owned(),
            source,
        };
        let looked_up = timeout(LOOKUP_TIME, self.look_up(to)).await;
        looked_up
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(failed)
    }

    async fn look_up(&self, to: &Destination) -> io::Result<Vec<SocketAddr>> {
        let permit = Arc::clone(&self.lookups)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (answer, found) = oneshot::channel();
        let (netns, host, port) = (Arc::clone(&self.netns), to.host().to_owned(), to.port());
        thread::Builder::new().name("netns-lookup".into()).spawn(move || {
            let entered = enter(netns.as_fd(), netns.name());
            let found = entered
                .map_err(io::Error::other)
                .and_then(|()| Ok((host.as_str(), port).to_socket_addrs()?.collect()));
            let _ = answer.send(found);
            drop(permit);
        })?;
        found.await.map_err(io::Error::other)?
    }
}
