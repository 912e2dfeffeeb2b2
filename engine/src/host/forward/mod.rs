//! Forwarding to and from a lab where the host's firewall would drop it (Docker, firewalld, ufw, a careful administrator).
//!
//! A packet must be accepted by every base chain at the forward hook. Into each of those that would drop what no rule of
//! theirs knows, accept rules for the lab's interfaces are inserted in front of all others, marked with the lab's name, and
//! exactly those are removed later. Chains that accept by themselves are not touched.
//!
//! This module knows of firewalls only; what the interfaces are is the business of others.

pub(super) mod iptables;
pub(super) mod nft;
mod rules;

use serde_json::Value;

use super::{
    lock::LockFile,
    program::{Program, ProgramError},
    record::{RecordError, Recorder},
};
use crate::blocking;

/// Why forwarding can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// `nft` or `iptables` failed.
    #[error("Forwarding to and from the lab cannot be allowed in the host's firewall: {0}")]
    Program(#[from] ProgramError),
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A name that a firewall takes for a pattern.
    #[error(
        "The network {link} cannot be let through the host's firewall, for which its name is a pattern; rename the network."
    )]
    Pattern {
        /// The link.
        link: String,
    },
}

/// Accepts what is forwarded to and from these links of the host, wherever its firewall would drop it. Returns sentences
/// about chains that would drop it and can't be changed.
pub async fn accept(recorder: &Recorder, links: &[String]) -> Result<Vec<String>, ForwardError> {
    let (recorder, links) = (recorder.clone(), links.to_vec());
    blocking::run(move || accept_blocking(&recorder, &links)).await
}

/// Does what [`accept`] does on the calling thread, in its network namespace.
pub fn accept_blocking(recorder: &Recorder, links: &[String]) -> Result<Vec<String>, ForwardError> {
    if links.is_empty() {
        return Ok(Vec::new());
    }
    // `*` is a wildcard for nft and `+` for iptables.
    if let Some(link) = links.iter().find(|link| link.ends_with(['*', '+'])) {
        return Err(ForwardError::Pattern { link: link.clone() });
    }
    let mut session = recorder.begin()?;
    let comment = comment(recorder.lab());
    let nft = Program::nft()?;
    let chains = nft::forward_chains(&nft, session.work())?;
    let mut warnings = Vec::new();
    for chain in &chains {
        if !nft::drops(&nft, chain, session.work())? {
            continue;
        }
        match iptables::owner(chain, session.work())? {
            Some(iptables) => iptables.accept(&mut session, links, &comment)?,
            None => nft::accept(&nft, chain, &mut session, links, &comment, &mut warnings)?,
        }
    }
    for legacy in iptables::legacy(session.work())? {
        if legacy.drops(session.work())? {
            legacy.accept(&mut session, links, &comment)?;
        }
    }
    Ok(warnings)
}

/// Names the chains that drop what is forwarded and that none of their rules accepts. Blocks.
pub fn dropping() -> Result<Vec<String>, ForwardError> {
    let nft = Program::nft()?;
    let work = LockFile::of_nobody().map_err(|source| ProgramError::Run {
        program: nft.name(),
        source,
    })?;
    let mut dropping = Vec::new();
    for chain in nft::forward_chains(&nft, &work)? {
        if nft::drops(&nft, &chain, &work)? {
            let Chain {
                family, table, name, ..
            } = chain;
            dropping.push(format!("the chain {name} of the nftables table {family} {table}"));
        }
    }
    for legacy in iptables::legacy(&work)? {
        if legacy.drops(&work)? {
            dropping.push(format!("the FORWARD chain of {}", legacy.program()));
        }
    }
    Ok(dropping)
}

/// What marks the rules of a lab.
fn comment(lab: &str) -> String {
    format!("placemat2:{lab}")
}

/// A base chain at the forward hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    family: String,
    table: String,
    name: String,
    drop_policy: bool,
}

impl Chain {
    /// From nft's JSON; `None` if it is another kind of chain.
    fn from_json(chain: &Value) -> Option<Self> {
        let text = |key: &str| chain.get(key)?.as_str().map(str::to_owned);
        let family = text("family")?;
        let routed = matches!(family.as_str(), "ip" | "ip6" | "inet");
        if !routed || text("hook")? != "forward" {
            return None;
        }
        Some(Self {
            family,
            table: text("table")?,
            name: text("name")?,
            drop_policy: text("policy").is_some_and(|policy| policy == "drop"),
        })
    }
}
