//! `pmctl2 link`.

use clap::Subcommand;
use placemat2_engine::client::Client;

use super::{
    connect::Session,
    listing::{self, Column, FormatArg, field},
};

/// Subcommands of `pmctl2 link`
#[derive(Debug, Subcommand)]
pub enum Link {
    /// List links with what went over them, as their ends count it: the host, namespaces and guests
    List(FormatArg),
}

const COLUMNS: &[Column] = &[
    Column {
        title: "LINK",
        cell: |link| field(link, "id"),
    },
    Column {
        title: "UP",
        cell: |link| field(link, "up"),
    },
    Column {
        title: "RX BYTES",
        cell: |link| field(link, "rx_bytes"),
    },
    Column {
        title: "TX BYTES",
        cell: |link| field(link, "tx_bytes"),
    },
    Column {
        title: "RX PACKETS",
        cell: |link| field(link, "rx_packets"),
    },
    Column {
        title: "TX PACKETS",
        cell: |link| field(link, "tx_packets"),
    },
];

impl Link {
    /// Does what the subcommand says.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let Self::List(FormatArg { format }) = self;
        listing::print(format, COLUMNS, &session.list(&Client::path(&["links"])).await?)
    }
}
