//! `pmctl2 node expect`: waits until the guest has written what is expected.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use placemat2_engine::client::{Client, Tunnel};
use regex::bytes::Regex;
use tokio::{io::AsyncReadExt as _, time::timeout};

use super::connect::Session;
use crate::output::{self, Visible};

/// The longest line that is looked at, in bytes; of a longer one, the end.
const LINE: usize = 64 * 1024;

/// How long the rest of a line that matches already may take, in order to print the whole of it.
const REST: Duration = Duration::from_millis(100);

/// The most that is told of what was last seen, in bytes.
const SEEN: usize = 200;

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
    /// How many seconds it may take
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    timeout: f64,
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

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if Duration::try_from_secs_f64(seconds).is_ok() => Ok(seconds),
        _ => Err("not a number of seconds".into()),
    }
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
        let found = timeout(
            Duration::from_secs_f64(self.timeout),
            search(&mut console, &mut matcher),
        )
        .await;
        match found {
            Ok(line) => output::line(&line.with_context(|| format!("the console of {}", self.node))?),
            Err(_) => bail!(
                "{:?} was not on the console of {} within {} s; what was last seen: {}",
                matcher.pattern.as_str(),
                self.node,
                self.timeout,
                matcher.last_seen(),
            ),
        }
    }
}

async fn search(console: &mut Tunnel, matcher: &mut Matcher) -> anyhow::Result<Vec<u8>> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let count = console.read(&mut buffer).await?;
        if count == 0 {
            bail!(
                "it was closed before {:?} came; what was last seen: {}",
                matcher.pattern.as_str(),
                matcher.last_seen()
            );
        }
        match matcher.take(&buffer[..count]) {
            Found::Nothing => {}
            Found::Line(line) => return Ok(line),
            Found::Begin => {
                // Whatever comes of it, what is there matches.
                let _ = timeout(REST, rest(console, matcher)).await;
                return Ok(matcher.line.clone());
            }
        }
    }
}

/// Reads up to the end of the line.
async fn rest(console: &mut Tunnel, matcher: &mut Matcher) {
    while let Ok(byte) = console.read_u8().await {
        if byte == b'\n' || matcher.line.len() >= LINE {
            break;
        }
        matcher.line.push(byte);
    }
    matcher.line.truncate(without_end(&matcher.line).len());
}

/// What was found in what has come.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    /// This line matches.
    Line(Vec<u8>),
    /// The last line has no end yet and matches already.
    Begin,
}

/// Looks for a line in a stream of bytes, and keeps no more than one line of it.
struct Matcher {
    pattern: Regex,
    /// The line that has no end yet.
    line: Vec<u8>,
    /// The one before, for whoever wants to know what came instead.
    before: Vec<u8>,
}

impl Matcher {
    fn new(pattern: Regex) -> Self {
        Self {
            pattern,
            line: Vec::new(),
            before: Vec::new(),
        }
    }

    /// Looks at what came next.
    fn take(&mut self, bytes: &[u8]) -> Found {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() > LINE {
                self.line.drain(..self.line.len() - LINE / 2);
            }
            let line = without_end(&self.line);
            let complete = piece.ends_with(b"\n");
            if self.pattern.is_match(line) {
                return if complete {
                    Found::Line(line.to_vec())
                } else {
                    Found::Begin
                };
            }
            if complete {
                self.line.truncate(line.len());
                let line = std::mem::take(&mut self.line);
                if !line.is_empty() {
                    self.before = line;
                }
            }
        }
        Found::Nothing
    }

    /// What came last, for people.
    fn last_seen(&self) -> String {
        let last = if self.line.is_empty() { &self.before } else { &self.line };
        let shown = &last[last.len().saturating_sub(SEEN)..];
        if shown.is_empty() {
            return "nothing".into();
        }
        format!("{:?}", Visible::all(shown))
    }
}

/// A line without its end, of which serial consoles have a few.
fn without_end(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| ![b'\r', b'\n'].contains(byte));
    &line[..end.map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(pattern: &str, pieces: &[&[u8]]) -> Found {
        let mut matcher = Matcher::new(Regex::new(pattern).unwrap());
        let found = pieces.iter().map(|piece| matcher.take(piece));
        found
            .into_iter()
            .find(|found| *found != Found::Nothing)
            .unwrap_or(Found::Nothing)
    }

    #[test]
    fn lines_and_prompts_are_found() {
        let boot: [&[u8]; 3] = [b"Linux ver", b"sion 6.1\r\r\nboot-0 lo", b"gin: "];
        assert_eq!(
            found("^Linux version [0-9.]+$", &boot),
            Found::Line(b"Linux version 6.1".into())
        );
        assert_eq!(found("^boot-0 login: $", &boot), Found::Begin);
        assert_eq!(found("6.1.*login", &boot), Found::Nothing, "not across lines");
    }

    #[test]
    fn a_line_without_end_takes_no_more_memory_for_ever() {
        let mut matcher = Matcher::new(Regex::new("needle").unwrap());
        for _ in 0..100 {
            assert_eq!(matcher.take(&[b'x'; 16 * 1024]), Found::Nothing);
            assert!(matcher.line.len() <= LINE);
        }
        assert_eq!(matcher.take(b"need"), Found::Nothing);
        assert_eq!(matcher.take(b"le"), Found::Begin);
    }

    #[test]
    fn what_came_instead_is_told() {
        let mut matcher = Matcher::new(Regex::new("never").unwrap());
        assert_eq!(matcher.last_seen(), "nothing");
        matcher.take(b"\x1b[31mpanic\r\n");
        assert_eq!(matcher.last_seen(), "\"^[[31mpanic\"");
        matcher.take(b"login: ");
        assert_eq!(matcher.last_seen(), "\"login: \"");
    }

    proptest! {
        #[test]
        fn the_first_line_is_found_however_bytes_come(text in "[ab\r\n]{0,60}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            let expected = text.split('\n').find(|line| line.contains("aba"));
            match found("aba", &pieces) {
                Found::Nothing => prop_assert_eq!(expected, None),
                Found::Line(line) => prop_assert_eq!(String::from_utf8(line).unwrap(), expected.unwrap().trim_end_matches('\r')),
                Found::Begin => prop_assert!(expected.is_some()),
            }
        }
    }
}
