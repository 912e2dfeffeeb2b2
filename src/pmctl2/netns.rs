//! `pmctl2 netns`.

use std::process::ExitCode;

use clap::Subcommand;
use placemat2_engine::client::Client;

use super::{
    connect::{Session, Value},
    exec::Exec,
    listing::{self, Column, FormatArg, field, items},
    shell,
};

/// Subcommands of `pmctl2 netns`
#[derive(Debug, Subcommand)]
pub enum Netns {
    /// List network namespaces
    List(FormatArg),
    /// Run a command in a network namespace, as `ip netns exec` does
    Exec(Exec),
    /// Open a shell in a network namespace
    Enter(shell::Enter),
}

const COLUMNS: &[Column] = &[
    Column {
        title: "NAME",
        cell: |namespace| field(namespace, "name"),
    },
    Column {
        title: "STATE",
        cell: |namespace| field(namespace, "state"),
    },
    Column {
        title: "INTERFACES",
        cell: interfaces,
    },
    Column {
        title: "APPS",
        cell: |namespace| {
            let apps = items(namespace, "apps").count();
            let running = items(namespace, "apps")
                .filter(|app| field(app, "phase") == "running")
                .count();
            if apps == 0 {
                String::new()
            } else {
                format!("{running} of {apps} running")
            }
        },
    },
    Column {
        title: "REASON",
        cell: |namespace| field(namespace, "reason"),
    },
];

/// `eth0@ext=10.0.0.2/24,fd00::2/64 eth1@rack0`
fn interfaces(namespace: &Value) -> String {
    let interfaces = items(namespace, "interfaces").map(|interface| {
        let (name, network) = (field(interface, "name"), field(interface, "network"));
        match field(interface, "addresses") {
            addresses if addresses.is_empty() => format!("{name}@{network}"),
            addresses => format!("{name}@{network}={addresses}"),
        }
    });
    interfaces.collect::<Vec<_>>().join(" ")
}

impl Netns {
    /// Does what the subcommand says.
    pub async fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        match self {
            Self::Exec(exec) => exec.become_command(),
            Self::Enter(enter) => enter.run(session).await,
            Self::List(FormatArg { format }) => {
                listing::print(format, COLUMNS, &session.list(&Client::path(&["netns"])).await?)?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}
