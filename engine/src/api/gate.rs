//! Who may speak to the API: a web page the user happens to look at may not, and neither may who has but the password of a BMC.
//!
//! A page can make a browser send requests to loopback in two ways: from its own origin (the browser then says so in
//! `Origin`), or by letting its own host name resolve to 127.0.0.1 (DNS rebinding; the `Host` is then that name).
//!
//! A BMC sends events and fetches media for its users, from this host and to any URL. It marks what it sends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::http::{HeaderValue, StatusCode, header, request::Parts, uri::Authority};

use super::answer::ApiError;
use crate::bmc::ERRAND;

/// Through which door a connection came in.
#[derive(Clone, Copy, Debug)]
pub enum Gate {
    /// The unix socket: its file mode decided already who may come, and no browser can.
    Unix,
    /// TCP, at this address of the host.
    Tcp(IpAddr),
}

impl Gate {
    /// Refuses a request whose `Host` is not one of ours (TCP only) or whose `Origin` is another than that `Host`, and what a
    /// BMC sends for one of its users.
    pub fn check(self, request: &Parts) -> Result<(), ApiError> {
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
        if let Self::Tcp(local) = self {
            let host = host.ok_or_else(|| bad_request("The request has no Host header."))?;
            // An absolute request target has a host of its own, which takes precedence (RFC 9112, section 3.2.2).
            let target = request.uri.authority();
            if !own_host(host, local) || target.is_some_and(|target| !own_authority(target, local)) {
                return Err(ApiError::new(
                    StatusCode::FORBIDDEN,
                    "The Host of the request is not one of this server: use localhost, 127.0.0.1, [::1] or the \
                     address it listens on.",
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

fn own_host(host: &HeaderValue, local: IpAddr) -> bool {
    Authority::try_from(host.as_bytes()).is_ok_and(|authority| own_authority(&authority, local))
}

/// Any port will do: it is another one at the near end of an SSH tunnel, and says nothing about who resolved the name.
fn own_authority(authority: &Authority, local: IpAddr) -> bool {
    let host = authority.host();
    let port_is_sane = authority.as_str().len() == host.len() || authority.port_u16().is_some();
    if !port_is_sane || authority.as_str().contains('@') {
        return false;
    }
    if host.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    literal.unwrap_or(host).parse::<IpAddr>().is_ok_and(|address| {
        let own = [
            Ipv4Addr::LOCALHOST.into(),
            Ipv6Addr::LOCALHOST.into(),
            local.to_canonical(),
        ];
        own.contains(&address.to_canonical())
    })
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
                own_host(&host, Ipv4Addr::LOCALHOST.into());
            }
        }
    }

    fn check(gate: Gate, target: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::get(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        gate.check(&parts)
            .map_or_else(|error| error.status().as_u16(), |()| 200)
    }

    fn host(host: &str) -> u16 {
        check(Gate::Tcp("10.1.2.3".parse().unwrap()), "/nodes", &[("host", host)])
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
            "10.1.2.4",
            "0.0.0.0",
            "user@localhost",
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
        let gate = Gate::Tcp(Ipv4Addr::LOCALHOST.into());
        assert_eq!(check(gate, "http://localhost/nodes", &[("host", "localhost")]), 200);
        assert_eq!(check(gate, "http://evil.example/nodes", &[("host", "localhost")]), 403);
    }

    #[test]
    fn host_must_be_there_once() {
        let gate = Gate::Tcp(Ipv4Addr::LOCALHOST.into());
        assert_eq!(check(gate, "/nodes", &[]), 400);
        assert_eq!(
            check(gate, "/nodes", &[("host", "localhost"), ("host", "evil.example")]),
            400
        );
    }

    #[test]
    fn only_the_own_origin_may_in() {
        let gate = Gate::Tcp(Ipv4Addr::LOCALHOST.into());
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
        let gate = Gate::Tcp(Ipv4Addr::LOCALHOST.into());
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
