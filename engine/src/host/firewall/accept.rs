//! Looking at all chains of the host's firewall, and opening those that are shut.

use super::{
    super::{
        lock::LockFile,
        program::{Program, ProgramError},
        record::Recorder,
    },
    FirewallError,
    chain::Chain,
    iptables, nft,
};
use crate::blocking;

/// Accepts what is forwarded to and from these links of the host, wherever its firewall would drop it. Returns sentences
/// about chains that would drop it and can't be changed.
pub async fn accept(recorder: &Recorder, links: &[String]) -> Result<Vec<String>, FirewallError> {
    let (recorder, links) = (recorder.clone(), links.to_vec());
    blocking::run(move || accept_blocking(&recorder, &links)).await
}

/// Does what [`accept`] does on the calling thread, in its network namespace.
pub fn accept_blocking(recorder: &Recorder, links: &[String]) -> Result<Vec<String>, FirewallError> {
    if links.is_empty() {
        return Ok(Vec::new());
    }
    // `*` is a wildcard for nft and `+` for iptables.
    if let Some(link) = links.iter().find(|link| link.ends_with(['*', '+'])) {
        return Err(FirewallError::Pattern { link: link.clone() });
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
pub fn dropping() -> Result<Vec<String>, FirewallError> {
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
