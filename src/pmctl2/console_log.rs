//! `pmctl2 node log`: what the guest wrote to its serial console, with time stamps.

use std::str::FromStr;

use anyhow::anyhow;
use clap::Args;
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use placemat2_engine::{client::Client, duration};

use super::connect::Session;
use crate::output::{self, Visible};

/// Arguments of `pmctl2 node log`
#[derive(Debug, Args)]
#[command(
    after_help = "Before each line stands the time at which its first byte was read, in UTC and always 24 characters, and a blank. The \
                  rest are the guest's bytes as they are; on a terminal, control characters are shown and not sent."
)]
pub struct Log {
    /// Name of the node
    #[arg(add = super::complete::nodes())]
    node: String,
    /// Go on with what comes, until the lab ends or this command is interrupted
    #[arg(short, long)]
    follow: bool,
    /// Only what was written since: 10m, 1h30m, 2026-11-26T10:00:00Z, or 2026-11-26T10:00 by this host's clock
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
}

/// A point in time, or how long ago it was.
#[derive(Clone, Copy, Debug)]
struct Since(Timestamp);

impl FromStr for Since {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        if let Ok(time) = text.parse() {
            return Ok(Self(time));
        }
        let unknown = || anyhow!("neither a time such as 2026-11-26T10:00:00Z nor how long ago it was, such as 10m");
        if let Ok(ago) = duration::parse(text) {
            return Ok(Self(Timestamp::now().checked_sub(ago).map_err(|_| unknown())?));
        }
        let local: DateTime = text.parse().map_err(|_| unknown())?;
        Ok(Self(TimeZone::system().to_timestamp(local).map_err(|_| unknown())?))
    }
}

impl Log {
    /// Prints until there is no more.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let mut path = Client::path(&["nodes", &self.node, "console", "log"]);
        path.push_str(if self.follow { "?follow=true" } else { "?follow=false" });
        if let Some(Since(time)) = self.since {
            path.extend(["&since=", &time.to_string()]);
        }
        let mut pieces = session.with(async |client| client.pieces(&path).await).await?;
        let mut visible = output::stdout_is_terminal().then(Visible::default);
        while let Some(piece) = pieces.next().await? {
            match &mut visible {
                Some(visible) => output::text(&visible.next(&piece))?,
                None => output::bytes(&piece)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_people_write_them() {
        let since = |text: &str| text.parse::<Since>().map(|Since(time)| time);
        let exact = since("2026-11-26T10:00:00Z").unwrap();
        assert_eq!(since("2026-11-26T11:00:00+01:00").unwrap(), exact);
        for ago in ["10m", "10min", "PT10M", "0.5h", "600"] {
            let time = since(ago).unwrap();
            let seconds = Timestamp::now().duration_since(time).as_secs();
            assert!((600..=1801).contains(&seconds), "{ago}: {seconds}");
        }
        assert!(since("2026-11-26T10:00").is_ok() && since("2026-11-26 10:00:30").is_ok());
        for wrong in ["", "yesterday", "-10", "2026-13-01T00:00"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
