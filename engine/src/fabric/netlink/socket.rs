//! A netlink socket that sends requests many at a time.

use std::{collections::HashMap, io, os::fd::BorrowedFd};

use netlink_sys::{SocketAddr, protocols::NETLINK_ROUTE};
use tokio_util::sync::CancellationToken;

use super::{
    encode,
    reply::{self, Body},
    request::Request,
};

/// Requests sent at a time. The kernel carries them out before the send returns, so this also bounds how long an
/// interruption has to wait, and the answers must fit the socket's receive buffer (some 270 of them do by default).
const CHUNK: usize = 64;

/// Enough for any answer: a link is described in some 2 KiB, more with many attributes.
pub(super) const ANSWER: usize = 32 * 1024;

/// Namespaces that requests refer to.
pub struct Namespaces<'a> {
    /// The engine's own.
    pub host: BorrowedFd<'a>,
    /// The lab's, by name.
    pub lab: HashMap<&'a str, BorrowedFd<'a>>,
}

impl<'a> Namespaces<'a> {
    /// Returns those for requests that refer to no namespace but their own and the host's.
    pub fn host_only(host: BorrowedFd<'a>) -> Self {
        Self {
            host,
            lab: HashMap::new(),
        }
    }
}

/// What goes wrong with a batch of requests.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// The batch was interrupted between two chunks.
    #[error("interrupted")]
    Cancelled,
    /// The kernel refused a request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The socket failed.
    #[error("{operation}: {source}")]
    Socket {
        /// What was being done.
        operation: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
}

/// A request the kernel refused.
#[derive(Debug, thiserror::Error)]
#[error("{operation} {object}: {source}{}", .detail.as_deref().map(|words| format!(" ({words})")).unwrap_or_default())]
pub struct Refusal {
    /// A verb, such as `make`.
    pub operation: &'static str,
    /// What it was about, such as `the bridge "lan"`.
    pub object: String,
    /// The kind of link it needed, if that is what was to be made.
    pub kind: Option<&'static str>,
    /// The kernel's answer.
    pub source: io::Error,
    /// The kernel's words.
    pub detail: Option<String>,
}

/// A socket of the namespace its maker's thread was in. All requests go there, whichever thread sends them.
pub struct Socket {
    pub(super) socket: netlink_sys::Socket,
    pub(super) sequence: u32,
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace.
    pub fn open() -> Result<Self, NetlinkError> {
        let failed = |source| NetlinkError::Socket {
            operation: "open a socket",
            source,
        };
        let mut socket = netlink_sys::Socket::new(NETLINK_ROUTE).map_err(failed)?;
        socket.bind_auto().map_err(failed)?;
        socket.connect(&SocketAddr::new(0, 0)).map_err(failed)?;
        // Answers without the request, with words: both came with Linux 4.12 and are not needed.
        let _ = socket.set_cap_ack(true);
        let _ = socket.set_ext_ack(true);
        Ok(Self { socket, sequence: 0 })
    }

    /// Sends requests in order and returns the index of each link that a `Find` found, by the request's position.
    ///
    /// Ends at the first chunk with a refusal; what was carried out before and after it in that chunk stays. Requests of
    /// later chunks are not sent, nor are they once `cancel` is set.
    pub fn run(
        &mut self,
        requests: &[Request],
        namespaces: &Namespaces,
        cancel: &CancellationToken,
    ) -> Result<HashMap<usize, u32>, NetlinkError> {
        let mut found = HashMap::new();
        for (n, chunk) in requests.chunks(CHUNK).enumerate() {
            if cancel.is_cancelled() {
                return Err(NetlinkError::Cancelled);
            }
            self.run_chunk(chunk, n * CHUNK, namespaces, &mut found)?;
        }
        Ok(found)
    }

    /// Sends one chunk. Only the last request asks for an answer in any case: requests are carried out in order, and
    /// a refusal is always told.
    fn run_chunk(
        &mut self,
        chunk: &[Request],
        offset: usize,
        namespaces: &Namespaces,
        found: &mut HashMap<usize, u32>,
    ) -> Result<(), NetlinkError> {
        let first = self.sequence.wrapping_add(1);
        let mut bytes = Vec::with_capacity(chunk.len() * 256);
        for (i, request) in chunk.iter().enumerate() {
            self.sequence = self.sequence.wrapping_add(1);
            let ack = i + 1 == chunk.len();
            encode::append(request, self.sequence, ack, namespaces, &mut bytes)
                .ok_or_else(|| refusal(request, io::Error::from_raw_os_error(libc::ENOENT), None))?;
        }
        self.socket.send(&bytes, 0).map_err(|source| NetlinkError::Socket {
            operation: "send requests",
            source,
        })?;
        let mut refused = None;
        let mut answer = Vec::with_capacity(ANSWER);
        loop {
            answer.clear();
            // The kernel has answered by now, so an empty queue means that an answer was lost.
            self.socket
                .recv(&mut answer, libc::MSG_DONTWAIT)
                .map_err(|source| NetlinkError::Socket {
                    operation: "receive answers",
                    source,
                })?;
            for reply in reply::parse(&answer) {
                let i = usize::try_from(reply.sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
                // What is not about this chunk is late news of an earlier, failed one.
                let Some(request) = chunk.get(i) else { continue };
                let finished = i + 1 == chunk.len() && matches!(reply.body, Body::Done | Body::Refused(..));
                match reply.body {
                    Body::Link(index) => {
                        found.insert(offset + i, index);
                    }
                    Body::Refused(error, words) => {
                        let nothing = error.raw_os_error() == Some(libc::ENODEV) && request.may_find_nothing();
                        if !nothing && refused.is_none() {
                            refused = Some(refusal(request, error, words));
                        }
                    }
                    Body::Done | Body::Other => {}
                }
                if finished {
                    return refused.map_or(Ok(()), Err);
                }
            }
        }
    }
}

fn refusal(request: &Request, source: io::Error, detail: Option<String>) -> NetlinkError {
    NetlinkError::Refused(Refusal {
        operation: request.operation(),
        object: request.object(),
        kind: request.kind(),
        source,
        detail,
    })
}
