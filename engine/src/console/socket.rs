//! The unix socket through which users' programs reach a console.

use std::{
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{fs::FileTypeExt, net},
    },
    path::Path,
};

use nix::{
    errno::Errno,
    sys::{
        socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, listen, socket},
        stat::{Mode, fchmod},
    },
};

/// Binds a listening, non-blocking socket of mode 0600. What a dead process left at that path is replaced; a socket
/// that is in use is not.
pub fn bind_private(path: &Path) -> io::Result<net::UnixListener> {
    let address = UnixAddr::new(path)?;
    if is_dead(path, &address)? {
        std::fs::remove_file(path)?;
    }
    let socket = unix_socket()?;
    // The file that bind makes takes its mode from the socket: it is never open to others, not even for a moment.
    fchmod(&socket, Mode::S_IRUSR | Mode::S_IWUSR)?;
    bind(socket.as_raw_fd(), &address)?;
    listen(&socket, Backlog::new(16)?)?;
    Ok(net::UnixListener::from(socket))
}

/// Whether [`bind_private`] would find what it can't replace.
pub fn check_place(path: &Path) -> io::Result<()> {
    let address = UnixAddr::new(path)?;
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(found) if !found.file_type().is_socket() => Err(io::Error::other(
            "something that is no socket has that name; remove it, or name another directory with --run-dir",
        )),
        Ok(_) if is_dead(path, &address)? => Ok(()),
        Ok(_) => Err(io::Error::other(
            "somebody listens there, another lab perhaps; name another directory with --run-dir",
        )),
    }
}

/// Whether there is a socket that nobody listens on.
fn is_dead(path: &Path, address: &UnixAddr) -> io::Result<bool> {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    Ok(is_socket && connect(unix_socket()?.as_raw_fd(), address) == Err(Errno::ECONNREFUSED))
}

fn unix_socket() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    Ok(socket(AddressFamily::Unix, SockType::Stream, flags, None)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_socket_is_private_and_replaces_a_dead_one_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("boot-0.socket");
        let first = bind_private(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(bind_private(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(first);
        bind_private(&path).unwrap();
    }

    #[test]
    fn a_file_of_somebody_else_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("boot-0.socket");
        std::fs::write(&path, "precious").unwrap();
        assert!(bind_private(&path).is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }
}
