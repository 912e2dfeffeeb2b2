//! `pmctl2 events`.

use anyhow::Context;
use clap::Args;
use placemat2_engine::client::Client;

use super::{
    connect::{Session, Value},
    listing::{self, Column, Format, FormatArg, clean, field, moment},
};
use crate::output;

/// Arguments of `pmctl2 events`
#[derive(Debug, Args)]
#[command(after_help = "With --follow, -o json prints one object a line and -o yaml one document for each event.")]
pub struct Events {
    /// Go on with the events that come, until the lab ends or this command is interrupted
    #[arg(short, long)]
    follow: bool,
    /// Only events with a higher id than this
    #[arg(long, value_name = "ID")]
    after: Option<u64>,
    #[command(flatten)]
    format: FormatArg,
}

const COLUMNS: &[Column] = &[
    Column {
        title: "ID",
        cell: |event| field(event, "id"),
    },
    Column {
        title: "TIME",
        cell: |event| moment(event, "time"),
    },
    Column {
        title: "LEVEL",
        cell: |event| field(event, "level"),
    },
    Column {
        title: "OBJECT",
        cell: |event| field(event, "object"),
    },
    Column {
        title: "KIND",
        cell: |event| field(event, "kind"),
    },
    Column {
        title: "MESSAGE",
        cell: |event| field(event, "message"),
    },
];

impl Events {
    /// Prints the events.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let mut path = Client::path(&["events"]);
        if let Some(id) = self.after {
            path.extend(["?after=", &id.to_string()]);
        }
        if !self.follow {
            return listing::print(self.format.format, COLUMNS, &session.list(&path).await?);
        }
        let mut lines = session.stream(&path).await?;
        while let Some(line) = lines.next().await? {
            let event: Value = serde_json::from_str(&line).context("the lab sent an event that cannot be read")?;
            match self.format.format {
                Format::Name => output::text(&format!("{}\n", field(&event, "id")))?,
                Format::Table => output::text(&row(&event))?,
                Format::Json => output::text(&format!("{line}\n"))?,
                Format::Yaml => {
                    output::text("---\n")?;
                    output::yaml(&event)?;
                }
            }
        }
        Ok(())
    }
}

/// One line of a table whose further lines are not known yet.
fn row(event: &Value) -> String {
    let cell = |name| clean(&field(event, name));
    format!(
        "{:<5} {} {:5} {:24} {}\n",
        cell("id"),
        clean(&moment(event, "time")),
        cell("level"),
        cell("object"),
        cell("message")
    )
}
