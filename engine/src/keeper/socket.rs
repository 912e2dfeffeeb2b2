//! The socket between engine and keeper: whole messages, with descriptors, in order (`SOCK_SEQPACKET`).

use std::{
    io::{self, IoSlice, IoSliceMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use nix::{
    errno::Errno,
    sys::socket::{
        AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, getsockopt, recvmsg, sendmsg,
        socketpair, sockopt,
    },
};

use super::wire::MAX_MESSAGE;

/// How many descriptors the kernel passes with one message (`SCM_MAX_FD`).
pub const MAX_FDS: usize = 253;

/// The two ends of a new socket, both closed on exec.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)?;
    Ok((one, other))
}

/// A duplicate of stdin if that is a keeper's socket.
pub fn from_stdin() -> Option<OwnedFd> {
    let stdin = io::stdin();
    let is_ours = getsockopt(&stdin, sockopt::SockType) == Ok(SockType::SeqPacket);
    is_ours.then(|| stdin.as_fd().try_clone_to_owned().ok()).flatten()
}

/// Sends one message without waiting; `WouldBlock` if there is no room for it now.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], fds: &[RawFd]) -> io::Result<()> {
    let rights = [ControlMessage::ScmRights(fds)];
    let control = if fds.is_empty() { &[][..] } else { &rights[..] };
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    loop {
        match sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(bytes)], control, flags, None) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Takes one message without waiting: its length in `buffer` and its descriptors. `Ok(None)`: the other end is closed.
///
/// A process at its limit of open files gets fewer descriptors than were sent.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<(usize, Vec<OwnedFd>)>> {
    let mut control = nix::cmsg_space!([RawFd; MAX_FDS]);
    let mut slices = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let message = loop {
        match recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut control), flags) {
            Ok(message) => break message,
            Err(Errno::EINTR) => {}
            // The other end died with a message of ours unread.
            Err(Errno::ECONNRESET) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        }
    };
    let mut fds = Vec::new();
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = control {
            // SAFETY: the kernel has just made these descriptors for this message; nobody else knows them.
            fds.extend(raw.into_iter().map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
        }
    }
    if message.flags.contains(MsgFlags::MSG_TRUNC) {
        return Err(io::Error::from_raw_os_error(Errno::EMSGSIZE as i32));
    }
    Ok((message.bytes != 0).then_some((message.bytes, fds)))
}

/// A buffer for [`receive`] that takes every message.
pub fn buffer() -> Vec<u8> {
    vec![0; MAX_MESSAGE]
}
