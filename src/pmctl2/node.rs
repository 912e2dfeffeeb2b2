//! `pmctl2 node`, as in placemat v2 where it had it.

use std::process::ExitCode;

use clap::{ArgAction, Args, Subcommand, ValueEnum};
use placemat2_engine::client::Client;
use serde_yaml::Value;

use super::{
    connect::Session,
    console_log::Log,
    enter::Enter,
    expect::Expect,
    listing::{self, Column, Format, field, items, ready, ready_reason},
    meant,
    power::Action,
    screenshot::Screenshot,
    typing::Type,
};
use crate::{output, switch};

/// Subcommands of `pmctl2 node`
#[derive(Debug, Subcommand)]
pub enum Node {
    /// List nodes, by default their names alone, one a line
    List(List),
    /// Print everything known of a node
    Show(Show),
    /// Act on the power of nodes, and wait until that is done
    Action(Action),
    /// Be at the serial console of a node
    Enter(Enter),
    /// Wait until something is written on the serial console of a node
    Expect(Expect),
    /// Type into the serial console of a node
    Type(Type),
    /// Print what was written on the serial console of a node, with time stamps
    Log(Log),
    /// Take a picture of the screen of a node
    Screenshot(Screenshot),
}

/// Arguments of `pmctl2 node list`
#[derive(Debug, Args)]
pub struct List {
    /// How to print
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "name")]
    format: Format,
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

/// Arguments of `pmctl2 node show`
#[derive(Debug, Args)]
pub struct Show {
    /// Name of the node
    #[arg(add = super::complete::nodes())]
    node: String,
    /// How to print
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "json")]
    format: ObjectFormat,
}

/// How one object is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ObjectFormat {
    /// The API's own answer
    Json,
    /// The same as YAML
    Yaml,
}

impl ObjectFormat {
    /// Prints one object.
    pub fn print(self, object: &Value) -> anyhow::Result<()> {
        match self {
            Self::Json => output::json(object),
            Self::Yaml => output::yaml(object),
        }
    }
}

const COLUMNS: &[Column] = &[
    Column {
        title: "NAME",
        cell: |node| field(node, "name"),
    },
    Column {
        title: "POWER",
        cell: |node| field(node, "power_status"),
    },
    Column {
        title: "READY",
        cell: ready,
    },
    Column {
        title: "CPU",
        cell: |node| field(node, "cpu"),
    },
    Column {
        title: "MEMORY",
        cell: |node| field(node, "memory"),
    },
    Column {
        title: "NETWORKS",
        cell: |node| {
            let networks = items(node, "nics").map(|nic| field(nic, "network"));
            networks.collect::<Vec<_>>().join(",")
        },
    },
    Column {
        title: "BMC",
        cell: |node| field(node, "bmc_address"),
    },
    Column {
        title: "CONSOLE",
        cell: |node| field(node, "socket_path"),
    },
    Column {
        title: "REASON",
        cell: |node| match field(node, "power_reason") {
            nothing if nothing.is_empty() => ready_reason(node),
            reason => reason,
        },
    },
];

impl Node {
    /// Does what the subcommand says.
    pub async fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let done = match self {
            Self::Enter(enter) => return enter.run(session).await,
            Self::Expect(expect) => expect.run(session).await,
            Self::Type(typing) => typing.run(session).await,
            Self::Log(log) => log.run(session).await,
            Self::Screenshot(screenshot) => screenshot.run(session).await,
            Self::List(list) => {
                let format = if list.json { Format::Json } else { list.format };
                let nodes = session.list(&Client::path(&["nodes"])).await?;
                listing::print(format, COLUMNS, &nodes)
            }
            Self::Show(show) => {
                let node = session.get(&Client::path(&["nodes", &show.node])).await;
                show.format.print(&meant::node(session, &show.node, node).await?)
            }
            Self::Action(action) => action.run(session).await,
        };
        done.map(|()| ExitCode::SUCCESS)
    }
}
