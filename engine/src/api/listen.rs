//! The sockets the API is served on.

use std::{
    fs::{self, DirBuilder, Permissions},
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::{
        fs::{DirBuilderExt, FileTypeExt, PermissionsExt},
        net::UnixStream,
    },
    path::{Path, PathBuf},
};

use tokio::net::{TcpListener, TcpSocket, UnixListener};

/// Where the API listens unless `--listen-addr` says otherwise: loopback, as placemat v2 did.
pub const DEFAULT_LISTEN_ADDR: &str = "127.0.0.1:10808";

/// Connections the kernel keeps waiting for us.
const BACKLOG: u32 = 1024;

/// Why a socket cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The text is no address.
    #[error(
        "{0:?} is not an address to listen on: give --listen-addr as ADDRESS:PORT, such as {DEFAULT_LISTEN_ADDR}, \
         [::1]:10808 or localhost:10808"
    )]
    Address(String),
    /// Somebody else listens there.
    #[error("{0} is taken by another program (another lab?): give another port with --listen-addr")]
    Taken(SocketAddr),
    /// The kernel refused.
    #[error("cannot listen on {address} (--listen-addr): {source}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Another engine answers there.
    #[error("{0} is in use: a lab of that name is running; stop it, or give this one another with --name")]
    Running(PathBuf),
    /// Something that must not be replaced is in the way.
    #[error("{0} is in the way and is not a socket: remove it")]
    NotASocket(PathBuf),
    /// Others could get at the socket.
    #[error("{path} is open to other users (mode {mode:04o}): make it 0700")]
    OpenDirectory {
        /// The socket's directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A system call failed.
    #[error("cannot make the socket {path}: {source}")]
    Unix {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenAddr {
    /// `IP:PORT`.
    One(SocketAddr),
    /// `localhost:PORT`: both loopback addresses.
    Loopback(u16),
    /// `:PORT`: all addresses, as in placemat v2.
    All(u16),
}

impl ListenAddr {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, BindError> {
        if let Ok(address) = text.parse() {
            return Ok(Self::One(address));
        }
        let malformed = || BindError::Address(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
        // `parse` alone would take "+80".
        if !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        let port = port.parse().map_err(|_| malformed())?;
        match host {
            "localhost" => Ok(Self::Loopback(port)),
            "" => Ok(Self::All(port)),
            _ => Err(malformed()),
        }
    }
}

/// Listens on a TCP address, as [`ListenAddr`] reads it. Needs a tokio runtime.
pub fn bind_tcp(addr: &str) -> Result<Vec<TcpListener>, BindError> {
    match ListenAddr::parse(addr)? {
        ListenAddr::One(address) => Ok(vec![bind(address)?]),
        ListenAddr::Loopback(port) => {
            let first = bind((Ipv4Addr::LOCALHOST, port).into())?;
            let port = first.local_addr().map_or(port, |address| address.port());
            let second = unless_no_ipv6(bind((Ipv6Addr::LOCALHOST, port).into()))?;
            Ok([first].into_iter().chain(second).collect())
        }
        ListenAddr::All(port) => match unless_no_ipv6(bind((Ipv6Addr::UNSPECIFIED, port).into()))? {
            Some(dual) => Ok(vec![dual]),
            None => Ok(vec![bind((Ipv4Addr::UNSPECIFIED, port).into())?]),
        },
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    let listen = || {
        let socket = match address.ip() {
            IpAddr::V4(_) => TcpSocket::new_v4(),
            IpAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    listen().map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => BindError::Taken(address),
        _ => BindError::Tcp { address, source },
    })
}

/// A host may have IPv6 turned off.
fn unless_no_ipv6(bound: Result<TcpListener, BindError>) -> Result<Option<TcpListener>, BindError> {
    match bound {
        Err(BindError::Tcp { source, .. })
            if matches!(source.raw_os_error(), Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT)) =>
        {
            Ok(None)
        }
        other => other.map(Some),
    }
}

/// Listens on a unix socket of mode 0660, in a directory of mode 0700 that is made if missing. A socket that nobody
/// listens on any more is replaced. Needs a tokio runtime.
pub fn bind_unix(path: &Path) -> Result<UnixListener, BindError> {
    let failed = |source| BindError::Unix {
        path: path.to_owned(),
        source,
    };
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(failed)?;
        let mode = fs::metadata(directory).map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            let path = directory.to_owned();
            return Err(BindError::OpenDirectory { path, mode });
        }
    }
    remove_stale(path)?;
    let listener = UnixListener::bind(path).map_err(failed)?;
    fs::set_permissions(path, Permissions::from_mode(0o660)).map_err(failed)?;
    Ok(listener)
}

fn remove_stale(path: &Path) -> Result<(), BindError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Ok(found) if !found.file_type().is_socket() => return Err(BindError::NotASocket(path.to_owned())),
        _ => {}
    }
    if UnixStream::connect(path).is_ok() {
        return Err(BindError::Running(path.to_owned()));
    }
    fs::remove_file(path).map_err(|source| BindError::Unix {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_addresses_are_taken() {
        let malformed = [
            "bogus",
            "",
            ":",
            "bogus:80",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:x",
            "127.0.0.1:+0",
            "127.0.0.1:99999",
            "::1:80:x",
            "localhost",
            "localhost:-1",
        ];
        for text in malformed {
            assert!(matches!(bind_tcp(text), Err(BindError::Address(_))), "{text}");
        }
        let message = bind_tcp("bogus").unwrap_err().to_string();
        assert!(message.contains("--listen-addr"), "{message}");
    }

    #[tokio::test]
    async fn a_taken_port_is_told() {
        let first = bind_tcp("127.0.0.1:0").unwrap();
        let address = first[0].local_addr().unwrap();
        let message = bind_tcp(&address.to_string()).unwrap_err().to_string();
        assert!(message.contains(&address.to_string()), "{message}");
        assert!(message.contains("--listen-addr"), "{message}");
    }

    #[tokio::test]
    async fn names_for_loopback_and_for_everything() {
        let loopback = bind_tcp("localhost:0").unwrap();
        let port = loopback[0].local_addr().unwrap().port();
        for listener in &loopback {
            let address = listener.local_addr().unwrap();
            assert!(address.ip().is_loopback());
            assert_eq!(address.port(), port);
        }
        let all = bind_tcp(":0").unwrap();
        assert!(all[0].local_addr().unwrap().ip().is_unspecified());
    }

    #[tokio::test]
    async fn the_socket_is_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/lab/api.sock");
        let listener = bind_unix(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&path), 0o660);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert!(matches!(bind_unix(&path), Err(BindError::Running(_))));
        drop(listener);
        bind_unix(&path).unwrap();
    }

    #[tokio::test]
    async fn what_is_in_the_way_stays() {
        let directory = tempfile::tempdir().unwrap();
        let chmod = |mode| fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
        chmod(0o700);
        let path = directory.path().join("api.sock");
        fs::write(&path, "precious").unwrap();
        assert!(matches!(bind_unix(&path), Err(BindError::NotASocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        chmod(0o750);
        assert!(matches!(bind_unix(&path), Err(BindError::OpenDirectory { .. })));
        let long = directory.path().join("x".repeat(200));
        chmod(0o700);
        let message = bind_unix(&long).unwrap_err().to_string();
        assert!(message.contains("xxx"), "{message}");
    }
}
