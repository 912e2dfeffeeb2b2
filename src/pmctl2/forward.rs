//! `pmctl2 forward`, as in placemat v2, and with UDP, addresses and counters.

use std::{net::IpAddr, str::FromStr};

use clap::{ArgAction, Args, Subcommand};
use placemat2_engine::{
    api::ForwardRequest,
    client::Client,
    spec::model::{Destination, Protocol},
};

use super::{
    connect::{Session, Value},
    listing::{self, Column, Format, field},
    meant,
};
use crate::{output, switch};

/// Subcommands of `pmctl2 forward`
#[derive(Debug, Subcommand)]
pub enum Forward {
    /// Let a port of the host lead to a host and port as a namespace sees them
    Add(Add),
    /// List forwards, by default as `LOCAL_PORT NETNS:HOST:PORT`
    List(List),
    /// End a forward with its connections
    Delete(Delete),
}

/// Arguments of `pmctl2 forward add`
#[derive(Debug, Args)]
#[command(
    after_help = "An IPv6 address stands in brackets: pmctl2 forward add 8080 external:[fd00::1]:80\n\nA host \
                        name is looked up inside the namespace at each connection. The forward goes with the lab; \
                        `forwards` of a NetworkNamespace in a lab file makes one that is there from the start."
)]
pub struct Add {
    /// Port of the host
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    local_port: u16,
    /// Where it leads: NETNS:HOST:PORT, for UDP NETNS:HOST:PORT/udp
    #[arg(add = super::complete::targets())]
    target: Target,
    /// Carry datagrams instead of connections
    #[arg(long)]
    udp: bool,
    /// Address of the host to listen on; without it all of them, IPv4 and IPv6
    #[arg(long)]
    address: Option<IpAddr>,
}

/// Arguments of `pmctl2 forward list`
#[derive(Debug, Args)]
pub struct List {
    /// How to print; without it as `LOCAL_PORT NETNS:HOST:PORT`
    #[arg(short = 'o', long = "output", value_name = "FORMAT")]
    format: Option<Format>,
    /// The same as -o json
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        action = ArgAction::Set,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        value_parser = switch::parse,
        conflicts_with = "format"
    )]
    json: bool,
}

/// Arguments of `pmctl2 forward delete`
#[derive(Debug, Args)]
pub struct Delete {
    /// Port of the host, for UDP PORT/udp
    #[arg(value_name = "LOCAL_PORT", add = super::complete::forwards())]
    local: Local,
    /// The forward of datagrams at that port
    #[arg(long)]
    udp: bool,
}

/// A port of the host, perhaps with `/udp` or `/tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Local {
    port: u16,
    protocol: Option<Protocol>,
}

impl FromStr for Local {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (port, protocol) = split_protocol(text)?;
        match port.parse() {
            Ok(port) if port > 0 => Ok(Self { port, protocol }),
            _ => Err(format!("{port:?} is no port: they are numbers from 1 to 65535")),
        }
    }
}

/// Takes `/udp` or `/tcp` from the end.
fn split_protocol(text: &str) -> Result<(&str, Option<Protocol>), String> {
    match text.rsplit_once('/') {
        Some((text, "udp")) => Ok((text, Some(Protocol::Udp))),
        Some((text, "tcp")) => Ok((text, Some(Protocol::Tcp))),
        Some((_, other)) => Err(format!("{other:?} is neither tcp nor udp")),
        None => Ok((text, None)),
    }
}

/// What `--udp` and what is written behind a port come to.
fn protocol(udp: bool, written: Option<Protocol>) -> anyhow::Result<Protocol> {
    match (udp, written) {
        (true, Some(Protocol::Tcp)) => anyhow::bail!("--udp and /tcp contradict each other"),
        (true, _) => Ok(Protocol::Udp),
        (false, written) => Ok(written.unwrap_or_default()),
    }
}

/// `NETNS:HOST:PORT`, perhaps with `/udp` or `/tcp`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    netns: String,
    to: Destination,
    protocol: Option<Protocol>,
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (text, protocol) = split_protocol(text)?;
        let (netns, to) = text.split_once(':').ok_or("it has to be NETNS:HOST:PORT")?;
        if netns.is_empty() {
            return Err("it has to begin with the name of a namespace".into());
        }
        Ok(Self {
            netns: netns.into(),
            to: to.parse().map_err(|error| format!("after the namespace, {error}"))?,
            protocol,
        })
    }
}

const COLUMNS: &[Column] = &[
    Column {
        title: "PORT",
        cell: |forward| field(forward, "local_port"),
    },
    Column {
        title: "PROTOCOL",
        cell: |forward| field(forward, "protocol"),
    },
    Column {
        title: "ADDRESS",
        cell: |forward| match field(forward, "address") {
            all if all.is_empty() => "*".into(),
            address => address,
        },
    },
    Column {
        title: "TO",
        cell: target,
    },
    Column {
        title: "ACTIVE",
        cell: |forward| field(forward, "active"),
    },
    Column {
        title: "CONNECTIONS",
        cell: |forward| field(forward, "connections"),
    },
    Column {
        title: "FAILED",
        cell: |forward| field(forward, "failed"),
    },
    Column {
        title: "BYTES IN",
        cell: |forward| field(forward, "bytes_in"),
    },
    Column {
        title: "BYTES OUT",
        cell: |forward| field(forward, "bytes_out"),
    },
    Column {
        title: "LAST ERROR",
        cell: |forward| field(forward, "last_error"),
    },
];

/// `NETNS:HOST:PORT`
fn target(forward: &Value) -> String {
    let host = field(forward, "remote_host");
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    format!("{}:{host}:{}", field(forward, "netns"), field(forward, "remote_port"))
}

/// What stands behind ports, as `Local` and `Target` take it. placemat v2 had no UDP.
fn suffix(forward: &Value) -> &'static str {
    match field(forward, "protocol").as_str() {
        "udp" => "/udp",
        _ => "",
    }
}

/// As placemat v2 listed forwards.
fn line(forward: &Value) -> String {
    let target = listing::clean(&target(forward));
    format!("{} {target}{}\n", field(forward, "local_port"), suffix(forward))
}

/// By which `delete` knows a forward.
fn name(forward: &Value) -> String {
    format!("{}{}\n", field(forward, "local_port"), suffix(forward))
}

/// Adds to the answer that there is no such forward that the port has one of the other protocol.
async fn other_protocol(session: &Session, port: u16, error: anyhow::Error) -> anyhow::Error {
    let forwards = session.list(&Client::path(&["forwards"])).await.unwrap_or_default();
    let port = port.to_string();
    match forwards.iter().find(|forward| field(forward, "local_port") == port) {
        Some(other) => anyhow::anyhow!("{error} There is one of {port}/{}.", field(other, "protocol")),
        None => error,
    }
}

impl Forward {
    /// Does what the subcommand says.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => {
                let protocol = protocol(add.udp, add.target.protocol)?;
                let request = ForwardRequest {
                    local_port: add.local_port,
                    netns: add.target.netns,
                    remote_host: add.target.to.host().to_owned(),
                    remote_port: add.target.to.port(),
                    protocol,
                    address: add.address,
                };
                session.post_json(&Client::path(&["forwards"]), &request).await
            }
            Self::List(list) => {
                let forwards = session.list(&Client::path(&["forwards"])).await?;
                match (list.json, list.format) {
                    (true, _) => listing::print(Format::Json, COLUMNS, &forwards),
                    (false, Some(Format::Name)) => output::text(&forwards.iter().map(name).collect::<String>()),
                    (false, Some(format)) => listing::print(format, COLUMNS, &forwards),
                    (false, None) => output::text(&forwards.iter().map(line).collect::<String>()),
                }
            }
            Self::Delete(Delete { local, udp }) => {
                let protocol = protocol(udp, local.protocol)?;
                let path = Client::path(&["forwards", &local.port.to_string()]);
                let query = match protocol {
                    Protocol::Udp => "?protocol=udp",
                    Protocol::Tcp => "",
                };
                match session.delete(&format!("{path}{query}")).await {
                    Err(error) if meant::is_unknown(&error) => Err(other_protocol(session, local.port, error).await),
                    done => done,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_as_people_write_them() {
        let target: Target = "external:10.72.32.0:80".parse().unwrap();
        assert_eq!((target.netns.as_str(), target.protocol), ("external", None));
        assert_eq!(target.to.to_string(), "10.72.32.0:80");
        let target: Target = "dns:[fd00::53]:53/udp".parse().unwrap();
        assert_eq!(target.to.host(), "fd00::53");
        assert_eq!(target.protocol, Some(Protocol::Udp));
    }

    #[test]
    fn a_port_may_have_its_protocol() {
        let local = |text: &str| text.parse::<Local>();
        assert_eq!(
            local("53"),
            Ok(Local {
                port: 53,
                protocol: None
            })
        );
        assert_eq!(local("53/udp").unwrap().protocol, Some(Protocol::Udp));
        for wrong in ["0", "65536", "x", "53/sctp", "/udp"] {
            assert!(local(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, error) in [
            ("external", "it has to be NETNS:HOST:PORT"),
            (":10.0.0.1:80", "it has to begin with the name of a namespace"),
            ("external:80", "after the namespace, it has to be HOST:PORT"),
            (
                "external:fd00::1:80",
                "after the namespace, an IPv6 address has to stand in brackets, as in [fd00::1]:80",
            ),
            ("external:10.0.0.1:80/sctp", "\"sctp\" is neither tcp nor udp"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap_err(), error, "{text}");
        }
    }
}
