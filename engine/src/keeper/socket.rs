//! The socket between engine and keeper: whole messages, with descriptors, in order (`SOCK_SEQPACKET`).

use std::{
    io::{self, IoSlice},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

use nix::{
    errno::Errno,
    libc,
    sys::socket::{
        AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, getsockopt, sendmsg, socketpair, sockopt,
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
    let mut control = [0_u64; CONTROL_WORDS];
    let mut slice = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: all zeros is a header of nothing (recvmsg(2)).
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = &raw mut slice;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control);
    let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
    let length = loop {
        // SAFETY: the header points to a buffer and to room for control messages, with their lengths.
        match Errno::result(unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, flags) }) {
            Ok(length) => break length.unsigned_abs(),
            Err(Errno::EINTR) => {}
            // The other end died with a message of ours unread.
            Err(Errno::ECONNRESET) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        }
    };
    // SAFETY: the kernel has just filled it in, and nobody else has looked at it.
    let fds = unsafe { descriptors(&header) };
    if header.msg_flags & libc::MSG_TRUNC != 0 {
        return Err(io::Error::from_raw_os_error(Errno::EMSGSIZE as i32));
    }
    Ok((length != 0).then_some((length, fds)))
}

/// Room for the control message with the most descriptors (`CMSG_SPACE` of cmsg(3)), aligned as its header is.
const CONTROL_WORDS: usize = (size_of::<libc::cmsghdr>() + MAX_FDS * size_of::<RawFd>()).div_ceil(size_of::<u64>());

/// Takes the descriptors that came with a message, also if not all did (`MSG_CTRUNC`): what is left lying stays open.
///
/// # Safety
/// The header must be as `recvmsg` left it, with its control messages, and their descriptors not yet owned.
unsafe fn descriptors(header: &libc::msghdr) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    // SAFETY: the macros of cmsg(3) stay within what the kernel has written.
    unsafe {
        let mut at = libc::CMSG_FIRSTHDR(header);
        while let Some(message) = at.as_ref() {
            if (message.cmsg_level, message.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let bytes = message.cmsg_len.saturating_sub(libc::CMSG_LEN(0) as usize);
                let numbers = libc::CMSG_DATA(at).cast::<[u8; size_of::<RawFd>()]>();
                let number = |index| OwnedFd::from_raw_fd(RawFd::from_ne_bytes(numbers.add(index).read()));
                fds.extend((0..bytes / size_of::<RawFd>()).map(number));
            }
            at = libc::CMSG_NXTHDR(header, at);
        }
    }
    fds
}

/// A buffer for [`receive`] that takes every message.
pub fn buffer() -> Vec<u8> {
    vec![0; MAX_MESSAGE]
}
