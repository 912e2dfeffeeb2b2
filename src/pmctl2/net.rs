//! `pmctl2 net`.

use clap::Subcommand;
use placemat2_engine::client::Client;

use super::{
    connect::Session,
    listing::{self, Column, FormatArg, field, items},
};

/// Subcommands of `pmctl2 net`
#[derive(Debug, Subcommand)]
pub enum Net {
    /// List networks
    List(FormatArg),
}

const COLUMNS: &[Column] = &[
    Column {
        title: "NAME",
        cell: |network| field(network, "name"),
    },
    Column {
        title: "TYPE",
        cell: |network| field(network, "type"),
    },
    Column {
        title: "STATE",
        cell: |network| field(network, "state"),
    },
    Column {
        title: "ADDRESS",
        cell: |network| field(network, "address"),
    },
    Column {
        title: "NAT",
        cell: |network| field(network, "nat"),
    },
    Column {
        title: "SHAPE",
        cell: |network| field(network, "shape"),
    },
    Column {
        title: "MTU",
        cell: |network| field(network, "mtu"),
    },
    Column {
        title: "LINKS",
        cell: |network| items(network, "links").count().to_string(),
    },
];

impl Net {
    /// Does what the subcommand says.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let Self::List(FormatArg { format }) = self;
        listing::print(format, COLUMNS, &session.list(&Client::path(&["networks"])).await?)
    }
}
