//! `pmctl2 logs`.

use anyhow::Context;
use clap::Args;
use placemat2_engine::{api::LogLine, client::Client};

use super::{app_name::AppName, connect::Session};
use crate::output;

/// Arguments of `pmctl2 logs`
#[derive(Debug, Args)]
pub struct Logs {
    /// The app, as `pmctl2 app list` names it
    #[arg(value_name = "NETNS/APP", add = super::complete::apps())]
    app: AppName,
    /// Go on with the lines that come, until the lab ends or this command is interrupted
    #[arg(short, long)]
    follow: bool,
    /// Only that many of the last lines
    #[arg(long, value_name = "LINES")]
    tail: Option<u64>,
    /// Say when each line was written, and put "!" before those of standard error
    #[arg(short, long)]
    timestamps: bool,
}

impl Logs {
    /// Prints lines until there are no more.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let AppName { netns, app } = &self.app;
        let mut path = Client::path(&["netns", netns, "apps", app, "log"]);
        path.push_str(if self.follow { "?follow=true" } else { "?follow=false" });
        if let Some(lines) = self.tail {
            path.extend(["&tail=", &lines.to_string()]);
        }
        let mut lines = session.stream(&path).await?;
        let mut expected = None;
        while let Some(line) = lines.next().await? {
            let line: LogLine = serde_json::from_str(&line).context("the lab sent a line that cannot be read")?;
            if let Some(lost) = expected
                .and_then(|expected| line.id.checked_sub(expected))
                .filter(|lost| *lost > 0)
            {
                output::note(
                    "pmctl2",
                    &format!("{lost} lines came too fast and are only in the app's log file"),
                );
            }
            expected = Some(line.id + 1);
            output::text(&self.render(&line))?;
        }
        Ok(())
    }

    fn render(&self, line: &LogLine) -> String {
        let LogLine { time, stream, text, .. } = line;
        if !self.timestamps {
            return format!("{text}\n");
        }
        let mark = if stream == "stderr" { '!' } else { ' ' };
        format!("{time:.3} {mark} {text}\n")
    }
}
