//! Where a forward leads: `HOST:PORT` as a namespace sees it, written as in placemat v2's `NETNS:HOST:PORT`.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Longest host name in bytes (RFC 1035, section 2.3.4, without the root's dot).
const NAME_BYTES: usize = 253;

/// What a forward carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Connections.
    #[default]
    Tcp,
    /// Datagrams.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}

/// A host and a port as they are seen from inside a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// An address (without brackets) or a name to be looked up inside the namespace.
    host: String,
    /// The port.
    port: u16,
}

/// Why a text is no destination, as a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// No colon before the port, or nothing before it.
    #[error("it has to be HOST:PORT")]
    Form,
    /// More than one colon outside of brackets.
    #[error("an IPv6 address has to stand in brackets, as in [fd00::1]:80")]
    Brackets,
    /// Neither an address nor a name.
    #[error("its host is neither an address nor a host name")]
    Host,
    /// No port.
    #[error("its port is not a number from 1 to 65535")]
    Port,
}

impl Destination {
    /// Returns the destination of a host (without brackets) and a port.
    pub fn new(host: &str, port: u16) -> Result<Self, DestinationError> {
        if port == 0 {
            return Err(DestinationError::Port);
        }
        if host.parse::<IpAddr>().is_err() && !is_scoped(host) && !is_name(host) {
            return Err(DestinationError::Host);
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }

    /// The host: an address without brackets, or a name.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, if nothing has to be looked up.
    pub fn address(&self) -> Option<SocketAddr> {
        let address: IpAddr = self.host.parse().ok()?;
        Some((address, self.port).into())
    }
}

/// Whether this is an IPv6 address with the link it is on: `fe80::1%eth0`.
fn is_scoped(host: &str) -> bool {
    host.split_once('%').is_some_and(|(address, link)| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        address.parse::<Ipv6Addr>().is_ok() && !link.is_empty() && link.chars().all(plain)
    })
}

/// Whether this can be looked up. All digits and dots would be an address that went wrong.
fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    host.len() <= NAME_BYTES
        && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
        && host.contains(|c: char| !c.is_ascii_digit() && c != '.')
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let (host, port) = text.rsplit_once(':').ok_or(DestinationError::Form)?;
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(literal) if literal.contains(':') => literal,
            Some(_) => return Err(DestinationError::Host),
            None if host.contains(':') => return Err(DestinationError::Brackets),
            None => host,
        };
        if host.is_empty() {
            return Err(DestinationError::Form);
        }
        Self::new(host, parse_port(port).ok_or(DestinationError::Port)?)
    }
}

/// Returns a port written in decimal; none is 0.
pub fn parse_port(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port != 0)
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Serialize for Destination {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_taken_is_written_as_it_reads(text in "\\[?[a-z0-9.:%_-]{0,24}\\]?:?[0-9]{0,6}") {
            if let Ok(destination) = text.parse::<Destination>() {
                prop_assert_eq!(destination.to_string().parse(), Ok(destination));
            }
        }

        #[test]
        fn every_address_is_taken(address: IpAddr, port in 1..=u16::MAX) {
            let socket = SocketAddr::new(address, port);
            let destination: Destination = socket.to_string().parse().unwrap();
            prop_assert_eq!(destination.address(), Some(socket));
        }
    }

    #[test]
    fn destinations_as_people_write_them() {
        for (text, host, port) in [
            ("10.72.32.0:80", "10.72.32.0", 80),
            ("[fd00::1]:443", "fd00::1", 443),
            ("[fe80::1%eth0]:22", "fe80::1%eth0", 22),
            ("www.example.com:8080", "www.example.com", 8080),
            ("boot_0:65535", "boot_0", 65535),
        ] {
            let destination: Destination = text.parse().unwrap();
            assert_eq!((destination.host(), destination.port()), (host, port));
            assert_eq!(destination.to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        use DestinationError::{Brackets, Form, Host, Port};
        for (text, error) in [
            ("", Form),
            ("10.0.0.1", Form),
            (":80", Form),
            ("fd00::1:80", Brackets),
            ("[10.0.0.1]:80", Host),
            ("10.0.0.256:80", Host),
            ("a b:80", Host),
            ("-x:80", Host),
            ("a..b:80", Host),
            ("10.0.0.1:0", Port),
            ("10.0.0.1:65536", Port),
            ("10.0.0.1:+80", Port),
            ("10.0.0.1:http", Port),
            ("10.0.0.1:", Port),
        ] {
            assert_eq!(text.parse::<Destination>(), Err(error), "{text}");
        }
    }
}
