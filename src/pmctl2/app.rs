//! `pmctl2 app`.

use clap::Subcommand;
use placemat2_engine::client::Client;

use super::{
    connect::{Session, Value},
    listing::{self, Column, FormatArg, field, items, moment, ready, ready_reason},
};

/// Subcommands of `pmctl2 app`
#[derive(Debug, Subcommand)]
pub enum App {
    /// List the apps of all namespaces, named as `pmctl2 logs` takes them
    List(FormatArg),
}

const COLUMNS: &[Column] = &[
    Column {
        title: "APP",
        cell: |app| format!("{}/{}", field(app, "netns"), field(app, "name")),
    },
    Column {
        title: "PHASE",
        cell: |app| field(app, "phase"),
    },
    Column {
        title: "READY",
        cell: ready,
    },
    Column {
        title: "PID",
        cell: |app| field(app, "pid"),
    },
    Column {
        title: "RESTARTS",
        cell: |app| field(app, "restarts"),
    },
    Column {
        title: "STARTED",
        cell: |app| moment(app, "started_at"),
    },
    Column {
        title: "LAST END",
        cell: last_end,
    },
    Column {
        title: "REASON",
        cell: ready_reason,
    },
];

fn last_end(app: &Value) -> String {
    let ends = [("error", ""), ("signal", "signal "), ("exit_code", "exit code ")];
    let ends = ends.into_iter().map(|(name, prefix)| (prefix, field(app, name)));
    let mut ends = ends.filter(|(_, value)| !value.is_empty());
    ends.next()
        .map(|(prefix, value)| format!("{prefix}{value}"))
        .unwrap_or_default()
}

impl App {
    /// Does what the subcommand says.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let Self::List(FormatArg { format }) = self;
        let namespaces = session.list(&Client::path(&["netns"])).await?;
        let apps: Vec<Value> = namespaces.iter().flat_map(apps_of).collect();
        listing::print(format, COLUMNS, &apps)
    }
}

/// The apps of a namespace, each with a first key `netns` that says where it belongs.
fn apps_of(namespace: &Value) -> impl Iterator<Item = Value> {
    items(namespace, "apps").map(|app| {
        let netns = namespace.get("name").cloned().unwrap_or_default();
        let own = app.as_mapping().into_iter().flatten();
        let own = own.map(|(key, value)| (key.clone(), value.clone()));
        Value::Mapping(std::iter::once(("netns".into(), netns)).chain(own).collect())
    })
}
