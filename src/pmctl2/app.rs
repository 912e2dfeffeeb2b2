//! `pmctl2 app`.

use clap::Subcommand;
use futures::future::join_all;
use placemat2_engine::client::Client;

use super::{
    app_name::AppName,
    connect::{Session, Value},
    each,
    listing::{self, Column, FormatArg, field, items, moment, ready, ready_reason},
};

/// Subcommands of `pmctl2 app`
#[derive(Debug, Subcommand)]
pub enum App {
    /// List the apps of all namespaces, named as `pmctl2 logs` takes them
    List(FormatArg),
    /// Start apps anew: end what runs of them, as the end of the lab does, and start them, whatever their restart policy
    Restart {
        /// The apps, as `pmctl2 app list` names them
        #[arg(value_name = "NETNS/APP", required = true, add = super::complete::apps())]
        apps: Vec<AppName>,
    },
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
        match self {
            Self::List(FormatArg { format }) => {
                let namespaces = session.list(&Client::path(&["netns"])).await?;
                let apps: Vec<Value> = namespaces.iter().flat_map(apps_of).collect();
                listing::print(format, COLUMNS, &apps)
            }
            Self::Restart { apps } => {
                let each = apps.iter().map(|name| {
                    let path = Client::path(&["netns", &name.netns, "apps", &name.app, "restart"]);
                    async move { (name.to_string(), session.post(&path).await) }
                });
                each::tell("restart", "apps", join_all(each).await)
            }
        }
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
