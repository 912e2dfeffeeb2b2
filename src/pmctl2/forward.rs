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
    /// Port of the host
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    local_port: u16,
    /// The forward of datagrams at that port
    #[arg(long)]
    udp: bool,
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
        let (text, protocol) = match text.rsplit_once('/') {
            Some((text, "udp")) => (text, Some(Protocol::Udp)),
            Some((text, "tcp")) => (text, Some(Protocol::Tcp)),
            Some((_, other)) => return Err(format!("{other:?} is neither tcp nor udp")),
            None => (text, None),
        };
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

/// As placemat v2 listed forwards; it had no UDP.
fn line(forward: &Value) -> String {
    let protocol = match field(forward, "protocol").as_str() {
        "udp" => "/udp",
        _ => "",
    };
    let target = listing::clean(&target(forward));
    format!("{} {target}{protocol}\n", field(forward, "local_port"))
}

impl Forward {
    /// Does what the subcommand says.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        match self {
            Self::Add(add) => {
                let protocol = match (add.udp, add.target.protocol) {
                    (true, Some(Protocol::Tcp)) => anyhow::bail!("--udp and /tcp contradict each other"),
                    (true, _) => Protocol::Udp,
                    (false, protocol) => protocol.unwrap_or_default(),
                };
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
                    (false, Some(format)) => listing::print(format, COLUMNS, &forwards),
                    (false, None) => output::text(&forwards.iter().map(line).collect::<String>()),
                }
            }
            Self::Delete(Delete { local_port, udp }) => {
                let path = Client::path(&["forwards", &local_port.to_string()]);
                let query = if udp { "?protocol=udp" } else { "" };
                session.delete(&format!("{path}{query}")).await
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
