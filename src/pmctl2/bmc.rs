//! `pmctl2 bmc`.

use clap::{Args, Subcommand};
use placemat2_engine::client::Client;

use super::{
    connect::Session,
    listing::{self, Column, FormatArg, field, items},
    node::ObjectFormat,
};

/// Subcommands of `pmctl2 bmc`
#[derive(Debug, Subcommand)]
pub enum Bmc {
    /// List BMCs
    List(FormatArg),
    /// Print everything known of the BMC of a node
    Show(Show),
}

/// Arguments of `pmctl2 bmc show`
#[derive(Debug, Args)]
pub struct Show {
    /// Name of the node
    #[arg(add = super::complete::nodes())]
    node: String,
    /// How to print
    #[arg(short = 'o', long = "output", value_name = "FORMAT", default_value = "json")]
    format: ObjectFormat,
}

const COLUMNS: &[Column] = &[
    Column {
        title: "NODE",
        cell: |bmc| field(bmc, "node"),
    },
    Column {
        title: "ADDRESS",
        cell: |bmc| field(bmc, "address"),
    },
    Column {
        title: "NETWORK",
        cell: |bmc| field(bmc, "network"),
    },
    Column {
        title: "ORIGIN",
        cell: |bmc| field(bmc, "origin"),
    },
    Column {
        title: "STATE",
        cell: |bmc| field(bmc, "state"),
    },
    Column {
        title: "SESSIONS",
        cell: |bmc| items(bmc, "sessions").count().to_string(),
    },
    Column {
        title: "BOOT",
        cell: |bmc| {
            bmc.get("boot_override")
                .map_or_else(String::new, |boot| field(boot, "target"))
        },
    },
    Column {
        title: "ERROR",
        cell: |bmc| field(bmc, "error"),
    },
];

impl Bmc {
    /// Does what the subcommand says.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        match self {
            Self::List(FormatArg { format }) => {
                listing::print(format, COLUMNS, &session.list(&Client::path(&["bmcs"])).await?)
            }
            Self::Show(Show { node, format }) => format.print(&session.get(&Client::path(&["bmcs", &node])).await?),
        }
    }
}
