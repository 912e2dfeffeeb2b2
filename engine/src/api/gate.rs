//! Who may speak to the API: a web page the user happens to look at may not, and neither may who has but the password of a BMC.
//!
//! A page can make a browser send requests to loopback in two ways: from its own origin (the browser then says so in
//! `Origin`), or by letting its own host name resolve to 127.0.0.1 (DNS rebinding; the `Host` is then that name). So a `Host` that is an
//! address, as whoever comes through a forwarded port has any, may in, and a name only if it is known to be this server's.
//!
//! A BMC sends events and fetches media for its users, from this host and to any URL. It marks what it sends.

use std::{net::IpAddr, sync::Arc};

use axum::http::{HeaderValue, StatusCode, Version, header, request::Parts, uri::Authority};

use super::answer::ApiError;
use crate::bmc::ERRAND;

/// Through which door a connection came in.
#[derive(Clone, Copy, Debug)]
pub enum Gate {
    /// The unix socket: its file mode decided already who may come, and no browser can.
    Unix,
    /// TCP.
    Tcp,
}

/// The names of this server besides `localhost`.
#[derive(Clone, Debug, Default)]
pub struct Names(Arc<[String]>);

impl From<Vec<String>> for Names {
    fn from(names: Vec<String>) -> Self {
        Self(names.into())
    }
}

impl Gate {
    /// Refuses a request whose `Host` is not one of ours (TCP only) or whose `Origin` is another than that `Host`, and what a
    /// BMC sends for one of its users.
    pub fn check(self, request: &Parts, names: &Names) -> Result<(), ApiError> {
        if request.headers.contains_key(ERRAND) {
            return Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "A BMC sends no events to the lab's API and fetches nothing from it: its users have no say in the lab.",
            ));
        }
        let mut hosts = request.headers.get_all(header::HOST).iter();
        let (host, second) = (hosts.next(), hosts.next());
        if second.is_some() {
            return Err(bad_request("The request has more than one Host header."));
        }
        if let Self::Tcp = self {
            // HTTP/1.0 knows of none, and browsers don't speak it.
            if host.is_none() && request.version > Version::HTTP_10 {
                return Err(bad_request("The request has no Host header."));
            }
            // An absolute request target has a host of its own, which takes precedence (RFC 9112, section 3.2.2).
            let target = request.uri.authority();
            let own_host = host.is_none_or(|host| names.own_host(host));
            if !own_host || target.is_some_and(|target| !names.own_authority(target)) {
                return Err(ApiError::new(
                    StatusCode::FORBIDDEN,
                    "The Host of the request is no name of this server that it knows of: use localhost, an IP address or the \
                     host's name, or start the lab with --allow-host NAME.",
                ));
            }
        }
        let own_origin = |origin: &HeaderValue| {
            let authority = origin.as_bytes().strip_prefix(b"http://");
            host.is_some_and(|host| authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host.as_bytes())))
        };
        if request.headers.get_all(header::ORIGIN).iter().all(own_origin) {
            Ok(())
        } else {
            Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "Requests made by web pages of another origin are refused.",
            ))
        }
    }
}

fn bad_request(message: &str) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, message)
}

impl Names {
    fn own_host(&self, host: &HeaderValue) -> bool {
        Authority::try_from(host.as_bytes()).is_ok_and(|authority| self.own_authority(&authority))
    }

    /// Any port will do: it is another one at the near end of an SSH tunnel, and says nothing about who resolved the name.
    fn own_authority(&self, authority: &Authority) -> bool {
        let host = authority.host();
        // What is taken for the host may be a part of what was sent: `[::1]` of `[::1].example`, `localhost` of `me@localhost`.
        let port = authority.as_str().strip_prefix(host);
        let is_port = |port: &str| port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
        if !port.is_some_and(|port| port.is_empty() || is_port(port)) {
            return false;
        }
        let own = |name: &str| host.eq_ignore_ascii_case(name);
        if own("localhost") || self.0.iter().any(|name| own(name)) {
            return true;
        }
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        literal.unwrap_or(host).parse::<IpAddr>().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_name_that_could_be_rebound_may_in(name in "[a-z0-9.:@\\[\\]%-]{0,12}\\.example(:[0-9]{1,6})?") {
            prop_assert_eq!(host(&name), 403);
        }

        #[test]
        fn no_host_panics(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(host) = HeaderValue::from_bytes(&bytes) {
                names().own_host(&host);
            }
        }
    }

    fn names() -> Names {
        vec!["dchost".to_owned(), "lab.example.org".to_owned()].into()
    }

    fn check(gate: Gate, target: &str, headers: &[(&str, &str)]) -> u16 {
        check_of(Version::HTTP_11, gate, target, headers)
    }

    fn check_of(version: Version, gate: Gate, target: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::get(target).version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        gate.check(&parts, &names())
            .map_or_else(|error| error.status().as_u16(), |()| 200)
    }

    fn host(host: &str) -> u16 {
        check(Gate::Tcp, "/nodes", &[("host", host)])
    }

    #[test]
    fn own_hosts_with_or_without_port_may_in() {
        for own in [
            "localhost",
            "LocalHost:10808",
            "127.0.0.1",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:80",
            "10.1.2.3:9",
            // Forwarded from there.
            "198.51.100.7",
            "[2001:db8::7]:10808",
            "dchost:10808",
            "DCHost",
            "lab.example.org",
        ] {
            assert_eq!(host(own), 200, "{own}");
        }
    }

    #[test]
    fn other_hosts_are_refused() {
        let others = [
            "evil.example",
            "localhost.evil.example",
            "evil.example:10808",
            "127.0.0.1.evil.example",
            "otherhost",
            "dchost.evil.example",
            "10.1.2.3.4",
            "user@localhost",
            "[::1].example:1",
            "localhost:port",
            "localhost:99999",
            "::1",
            "",
            " ",
            "localhost/",
        ];
        for other in others {
            assert_eq!(host(other), 403, "{other}");
        }
    }

    #[test]
    fn an_absolute_target_counts_as_well() {
        let gate = Gate::Tcp;
        assert_eq!(check(gate, "http://localhost/nodes", &[("host", "localhost")]), 200);
        assert_eq!(check(gate, "http://evil.example/nodes", &[("host", "localhost")]), 403);
    }

    #[test]
    fn host_must_be_there_once() {
        let gate = Gate::Tcp;
        assert_eq!(check(gate, "/nodes", &[]), 400);
        assert_eq!(check_of(Version::HTTP_10, gate, "/nodes", &[]), 200);
        let foreign = check_of(Version::HTTP_10, gate, "/nodes", &[("host", "evil.example")]);
        let page = check_of(Version::HTTP_10, gate, "/nodes", &[("origin", "http://evil.example")]);
        assert_eq!((foreign, page), (403, 403));
        assert_eq!(
            check(gate, "/nodes", &[("host", "localhost"), ("host", "evil.example")]),
            400
        );
    }

    #[test]
    fn only_the_own_origin_may_in() {
        let gate = Gate::Tcp;
        let origin = |origin| check(gate, "/nodes", &[("host", "localhost:10808"), ("origin", origin)]);
        assert_eq!(origin("http://localhost:10808"), 200);
        for foreign in [
            "http://localhost",
            "http://localhost:3000",
            "https://localhost:10808",
            "null",
            "",
            "http://evil",
        ] {
            assert_eq!(origin(foreign), 403, "{foreign}");
        }
    }

    #[test]
    fn what_a_bmc_sends_for_a_user_may_not_in() {
        let gate = Gate::Tcp;
        let errand = ("placemat2-bmc-errand", "1");
        assert_eq!(check(gate, "/nodes", &[("host", "127.0.0.1:10808"), errand]), 403);
        assert_eq!(check(Gate::Unix, "/nodes", &[errand]), 403);
    }

    #[test]
    fn the_unix_socket_takes_any_host_but_no_foreign_origin() {
        assert_eq!(check(Gate::Unix, "/nodes", &[]), 200);
        assert_eq!(check(Gate::Unix, "/nodes", &[("host", "whatever")]), 200);
        assert_eq!(
            check(
                Gate::Unix,
                "/nodes",
                &[("host", "x"), ("origin", "http://evil.example")]
            ),
            403
        );
        assert_eq!(check(Gate::Unix, "/nodes", &[("origin", "http://evil.example")]), 403);
    }
}
