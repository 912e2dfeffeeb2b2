//! Where a lab's API answers.

use std::{fmt, path::PathBuf, str::FromStr};

use hyper::Uri;

/// Where placemat v2 listened, and where a lab listens unless `--listen-addr` says otherwise.
pub const DEFAULT_ENDPOINT: &str = "http://localhost:10808";

/// Where a lab's API answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// A host (name or address, without brackets) and a port.
    Tcp(String, u16),
}

/// Text that names no endpoint.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an endpoint: give one such as {DEFAULT_ENDPOINT} or unix:///run/placemat2/LAB/api.sock")]
pub struct EndpointError(String);

impl Default for Endpoint {
    fn default() -> Self {
        Self::Tcp("localhost".into(), 10808)
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let malformed = || EndpointError(text.to_owned());
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err(malformed())
            };
        }
        let uri: Uri = text.parse().map_err(|_| malformed())?;
        let authority = uri.authority().ok_or_else(malformed)?;
        let plain = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
        if !plain || authority.as_str().contains('@') {
            return Err(malformed());
        }
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => 80,
            _ => authority.port_u16().ok_or_else(malformed)?,
        };
        let host = authority.host();
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        Ok(Self::Tcp(literal.unwrap_or(host).to_owned(), port))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp(..) => write!(f, "http://{}", self.host()),
        }
    }
}

impl Endpoint {
    /// The `Host` to send: host and port as a URL has them.
    pub(super) fn host(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".into(),
            Self::Tcp(host, port) if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp(host, port) => format!("{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_taken_is_written_as_it_reads(text in "(http://|unix:///?|https://)?[ -~é]{0,30}") {
            if let Ok(endpoint) = text.parse::<Endpoint>() {
                prop_assert_eq!(endpoint.to_string().parse(), Ok(endpoint));
            }
        }
    }

    #[test]
    fn endpoints_as_people_write_them() {
        let tcp = |host: &str, port| Endpoint::Tcp(host.into(), port);
        let cases = [
            (DEFAULT_ENDPOINT, Endpoint::default()),
            ("http://localhost:10808/", tcp("localhost", 10808)),
            ("http://10.0.0.1", tcp("10.0.0.1", 80)),
            ("http://[::1]:8080", tcp("::1", 8080)),
            ("unix:///run/x.sock", Endpoint::Unix("/run/x.sock".into())),
        ];
        for (text, endpoint) in cases {
            assert_eq!(text.parse(), Ok(endpoint), "{text}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        for text in ["http://localhost:10808", "http://[::1]:8080", "unix:///run/x.sock"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let others = [
            "",
            "localhost:10808",
            "https://localhost:10808",
            "http://",
            "http://localhost:10808/api",
            "http://localhost:10808/?x",
            "http://localhost:99999",
            "http://user@localhost",
            "unix://run/x.sock",
        ];
        for text in others {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
