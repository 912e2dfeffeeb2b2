//! Masquerading for a lab: one nftables table of its own.
//!
//! The table has the `owner` flag: it belongs to the netlink socket that made it, nobody else can change it, and the kernel
//! removes it when that socket closes. `nft -i`, kept running as a child, holds the socket; it ends when its standard input
//! does, or when it is killed. Needs Linux 5.12 and nftables 0.9.9.

use std::{fmt::Write, io, time::Duration};

use ipnet::IpNet;
use sha1::{Digest, Sha1};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::unix::pipe,
    time::timeout,
};

use super::installed;
use crate::keeper::{Command, Exit, Keeper, KeeperError, Process};

/// How long `nft` may take to make the table or to end. It waits for the kernel's transaction lock at worst.
const LIMIT: Duration = Duration::from_secs(30);

/// What is read from `nft` at most, in bytes: the table of some hundred prefixes.
const MAX_OUTPUT: u64 = 1 << 20;

/// Why the NAT table can't be made.
#[derive(Debug, thiserror::Error)]
pub enum NatError {
    /// `nft` is not installed.
    #[error(
        "The program nft, needed for networks with use-nat, is not installed; install the package nftables (apt-get install nftables)."
    )]
    Missing,
    /// It could not be started.
    #[error("The program nft, needed for networks with use-nat, cannot be started: {0}")]
    Start(KeeperError),
    /// It could not be talked to.
    #[error("The program nft, needed for networks with use-nat, cannot be talked to: {0}")]
    Io(#[from] io::Error),
    /// It refused the table.
    #[error(
        "The NAT table {table} cannot be made: nft says: {message}. It needs Linux 5.12 with nftables and NAT, and nftables \
         0.9.9."
    )]
    Refused {
        /// The table.
        table: String,
        /// In nft's own words.
        message: String,
    },
    /// It did not answer.
    #[error("The program nft did not answer within {} seconds while it made the NAT table {table}.", LIMIT.as_secs())]
    Silent {
        /// The table.
        table: String,
    },
}

/// The NAT table of a running lab. It is gone as soon as this is dropped, or this process is dead.
pub struct Nat {
    nft: Process,
    dialogue: Dialogue<pipe::Receiver, pipe::Sender>,
}

impl Nat {
    /// Masquerades what comes from these prefixes and goes elsewhere.
    pub async fn start(keeper: &Keeper, lab: &str, prefixes: &[IpNet]) -> Result<Self, NatError> {
        let (stdin, to_nft) = io::pipe()?;
        let (from_nft, stdout) = io::pipe()?;
        let mut command = Command::new(installed::find("nft").ok_or(NatError::Missing)?);
        command.args = vec!["-i".into()];
        command.env = vec![("LC_ALL".into(), "C".into())];
        command.stdin = Some(stdin.into());
        command.stderr = Some(stdout.try_clone()?.into());
        command.stdout = Some(stdout.into());
        let nft = keeper.spawn(command).await.map_err(NatError::Start)?;
        let output = pipe::Receiver::from_owned_fd(from_nft.into())?;
        let input = pipe::Sender::from_owned_fd(to_nft.into())?;
        let mut dialogue = Dialogue::new(output, input);
        dialogue.make(&table_name(lab), prefixes).await?;
        Ok(Self { nft, dialogue })
    }

    /// Waits until `nft` has ended, which it does not do by itself: the lab has lost its NAT then.
    pub fn ended(&self) -> impl Future<Output = Exit> + Send + use<> {
        self.nft.ended()
    }

    /// Removes the table, and returns when it is gone.
    pub async fn stop(mut self) -> Exit {
        drop(self.dialogue);
        if let Ok(exit) = timeout(LIMIT, self.nft.wait()).await {
            return exit;
        }
        self.nft.signal(nix::sys::signal::Signal::SIGKILL);
        self.nft.wait().await
    }
}

/// A conversation with `nft -i`: commands one way, listings and errors the other.
pub(super) struct Dialogue<R, W> {
    output: BufReader<tokio::io::Take<R>>,
    /// `None` once there is nothing more to say; nft ends then.
    input: Option<W>,
    /// All that nft has printed.
    said: String,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Dialogue<R, W> {
    pub(super) fn new(output: R, input: W) -> Self {
        Self {
            output: BufReader::new(output.take(MAX_OUTPUT)),
            input: Some(input),
            said: String::new(),
        }
    }

    /// Makes the table and returns when the kernel has it.
    pub(super) async fn make(&mut self, table: &str, prefixes: &[IpNet]) -> Result<(), NatError> {
        let script = format!("{}\nlist table inet {table}\n", table_text(table, prefixes));
        let answer = async {
            if self.ask(&script).await? {
                return Ok(());
            }
            // nft ends with its input, and has said all by then.
            self.input = None;
            while self.read_line().await?.is_some() {}
            Err(NatError::Refused {
                table: table.to_owned(),
                message: first_error(&self.said),
            })
        };
        match timeout(LIMIT, answer).await {
            Ok(result) => result,
            Err(_) => Err(NatError::Silent {
                table: table.to_owned(),
            }),
        }
    }

    /// Sends commands of which the last lists a table, and reads until the end of that listing; returns whether it came
    /// without an error before it. After an error it may come all the same, of a table that is somebody else's.
    async fn ask(&mut self, script: &str) -> io::Result<bool> {
        let input = self.input.take();
        let write = async {
            let Some(mut input) = input else { return Ok(None) };
            match input.write_all(script.as_bytes()).await {
                // nft has ended; what it said before tells why.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
                _ => Ok(Some(input)),
            }
        };
        // Both at once: nft does not read on while nobody reads what it prints.
        let (input, listed) = tokio::try_join!(write, self.listed())?;
        self.input = input;
        Ok(listed)
    }

    async fn listed(&mut self) -> io::Result<bool> {
        while let Some(line) = self.read_line().await? {
            if line.trim_end() == "}" {
                return Ok(true);
            }
            if line.starts_with("Error:") {
                return Ok(false);
            }
        }
        Ok(false)
    }

    async fn read_line(&mut self) -> io::Result<Option<&str>> {
        let mut line = String::new();
        if self.output.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let start = self.said.len();
        self.said.push_str(&line);
        Ok(Some(&self.said[start..]))
    }
}

/// The first of the errors in nft's output, on one line and without the command it quotes.
fn first_error(text: &str) -> String {
    let error = text
        .lines()
        .find_map(|line| line.split_once("Error:").map(|(_, error)| error.trim()));
    match error {
        Some(error) => error.to_owned(),
        None if text.trim().is_empty() => "nothing, it just ended".to_owned(),
        None => text.trim().replace('\n', " "),
    }
}

/// Name of a lab's table: an identifier of nftables that no other lab has.
pub(super) fn table_name(lab: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let readable: String = lab.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if readable == lab {
        return format!("placemat2_{readable}");
    }
    // Other names can look the same once their dashes and dots are gone. No plain name takes this form, since a table name
    // made from one has a letter or digit after its first underscore.
    let digest = Sha1::digest(lab);
    let mut name = "placemat2__".to_owned();
    for byte in &digest[..4] {
        // Writing to a string does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name + "_" + &readable
}

/// The command, on one line, that makes the table in one transaction.
pub(super) fn table_text(table: &str, prefixes: &[IpNet]) -> String {
    let mut text = format!(
        // 100 is srcnat, by a name that not every version knows in this family.
        "add table inet {table} {{ flags owner; chain postrouting {{ type nat hook postrouting priority 100; policy accept;"
    );
    for prefix in prefixes {
        let family = if prefix.addr().is_ipv4() { "ip" } else { "ip6" };
        let prefix = prefix.trunc();
        // Writing to a string does not fail.
        let _ = write!(text, " {family} saddr {prefix} {family} daddr != {prefix} masquerade;");
    }
    text + " }; }"
}
