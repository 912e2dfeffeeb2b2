//! Tells a service manager how far the engine is: `sd_notify(3)` without systemd's library.
//!
//! Nothing here fails: the engine is the same whether somebody listens or not.

use std::{
    env,
    ffi::OsStr,
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
};

/// Says that everything is up (`READY=1`).
pub fn ready() {
    notify("READY=1");
}

/// Says that the lab is being taken down (`STOPPING=1`).
pub fn stopping() {
    notify("STOPPING=1");
}

/// Sends one assignment to the socket named by `$NOTIFY_SOCKET`, if there is one.
fn notify(assignment: &str) {
    let Some(socket) = env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else {
        return;
    };
    if let Err(error) = send(&socket, assignment) {
        tracing::warn!(
            "cannot tell the service manager {assignment:?} at {}: {error}",
            socket.display()
        );
    }
}

/// The name is a path, or begins with `@` if the socket is in the abstract name space.
fn send(socket: &OsStr, assignment: &str) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let datagrams = UnixDatagram::unbound()?;
    // A service manager that does not read must not hold the engine up.
    datagrams.set_nonblocking(true)?;
    datagrams.send_to_addr(assignment.as_bytes(), &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(listener: &UnixDatagram) -> String {
        let mut buffer = [0; 100];
        let length = listener.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn a_socket_in_the_file_system() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let listener = UnixDatagram::bind(&path).unwrap();
        send(path.as_os_str(), "READY=1").unwrap();
        assert_eq!(received(&listener), "READY=1");
    }

    #[test]
    fn a_socket_in_the_abstract_name_space() {
        let name = format!("placemat2-notify-test-{}", std::process::id());
        let listener = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        send(OsStr::new(&format!("@{name}")), "STOPPING=1").unwrap();
        assert_eq!(received(&listener), "STOPPING=1");
    }

    #[test]
    fn nobody_there_is_an_error_of_send_alone() {
        assert!(send(OsStr::new("/nonexistent/notify"), "READY=1").is_err());
        assert!(send(OsStr::new(&"x".repeat(300)), "READY=1").is_err());
    }
}
