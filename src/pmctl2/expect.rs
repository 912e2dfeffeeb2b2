//! `pmctl2 node expect`: waits until the guest has written what is expected.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use placemat2_engine::{
    client::{Client, Tunnel},
    console::{Found, Matcher, without_end},
    duration,
};
use regex::bytes::Regex;
use tokio::{io::AsyncReadExt as _, time::timeout};

use super::connect::Session;
use crate::output::{self, Visible};

/// The longest line that is printed, in bytes.
const LINE: usize = 64 * 1024;

/// How long the rest of a line that matches already may take, in order to print the whole of it.
const REST: Duration = Duration::from_millis(100);

/// Arguments of `pmctl2 node expect`
#[derive(Debug, Args)]
#[command(
    after_help = "Prints the line that matches. Lines are matched one by one, the last one also while it has no end: prompts \
                  have none. The syntax is that of Rust's crate regex, and the guest's bytes are taken as they are, colours and \
                  all.\n\nExit status 1 if it does not come in time."
)]
pub struct Expect {
    /// Name of the node
    #[arg(add = super::complete::nodes())]
    node: String,
    /// What is expected in a line
    #[arg(value_name = "REGEX")]
    pattern: Regex,
    /// How long it may take: seconds, or such as 500ms, 90s, 5m
    #[arg(long, value_name = "DURATION", default_value = "60", value_parser = duration::parse)]
    timeout: Duration,
    /// Where to begin
    #[arg(long, value_enum, default_value_t = Since::Screen)]
    since: Since,
}

/// Where to begin.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Since {
    /// With the oldest that is in memory: 64 KiB are kept
    Start,
    /// With the last screenful
    Screen,
    /// With what comes
    Now,
}

impl Expect {
    /// Prints the first line that matches.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let since = match self.since {
            Since::Start => "start",
            Since::Screen => "screen",
            Since::Now => "now",
        };
        let path = Client::path(&["nodes", &self.node, "console"]);
        let mut console = session.tunnel(&format!("{path}?readonly=true&since={since}")).await?;
        let mut matcher = Matcher::new(self.pattern);
        let found = timeout(self.timeout, search(&mut console, &mut matcher)).await;
        match found {
            Ok(line) => output::line(&line.with_context(|| format!("the console of {}", self.node))?),
            Err(_) => bail!(
                "{:?} was not on the console of {} within {} s; what was last seen: {}",
                matcher.pattern(),
                self.node,
                self.timeout.as_secs_f64(),
                last_seen(&matcher),
            ),
        }
    }
}

/// Returns the first line that matches.
pub async fn search(console: &mut Tunnel, matcher: &mut Matcher) -> anyhow::Result<Vec<u8>> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = console.read(&mut buffer).await?;
        if count == 0 {
            bail!(
                "it was closed before {:?} came; what was last seen: {}",
                matcher.pattern(),
                last_seen(matcher)
            );
        }
        match matcher.take(&buffer[..count]) {
            Found::Nothing => {}
            Found::Line(line) => return Ok(line),
            Found::Begin => {
                let mut line = matcher.line().to_vec();
                // Whatever comes of it, what is there matches.
                let _ = timeout(REST, rest(console, &mut line)).await;
                line.truncate(without_end(&line).len());
                return Ok(line);
            }
        }
    }
}

/// Reads up to the end of the line.
async fn rest(console: &mut Tunnel, line: &mut Vec<u8>) {
    while let Ok(byte) = console.read_u8().await {
        if byte == b'\n' || line.len() >= LINE {
            break;
        }
        line.push(byte);
    }
}

/// What came last, for people.
fn last_seen(matcher: &Matcher) -> String {
    match matcher.last_seen() {
        [] => "nothing".into(),
        shown => format!("{:?}", Visible::all(shown)),
    }
}
