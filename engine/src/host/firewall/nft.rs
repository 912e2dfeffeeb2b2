//! Base chains of nftables.

use serde_json::{Value, json};

use super::{
    super::{
        lock::LockFile,
        program::{Program, ProgramError},
        record::Session,
        undo::Undo,
    },
    Chain, FirewallError, rules,
};

/// The base chains at the forward hook of the families that see routed packets.
pub(super) fn forward_chains(nft: &Program, work: &LockFile) -> Result<Vec<Chain>, ProgramError> {
    let listing = list(nft, work, &["-j", "list", "chains"])?;
    Ok(rules::objects(&listing, "chain").filter_map(Chain::from_json).collect())
}

/// Whether a chain drops what none of its rules accepts.
pub(super) fn drops(nft: &Program, chain: &Chain, work: &LockFile) -> Result<bool, ProgramError> {
    if chain.drop_policy {
        return Ok(true);
    }
    let command = command(&json!({"list": {"table": {"family": chain.family, "name": chain.table}}}));
    // Terse: without the elements of sets, which can be many.
    let listing = list(nft, work, &["-j", "-t", &command])?;
    Ok(rules::drops(&rules::from_nft(&listing), &chain.name))
}

/// Inserts accept rules for the links in front of a chain. That the chain belongs to a daemon which keeps it for itself is
/// only a warning: nobody but that daemon can change it.
pub(super) fn accept(
    nft: &Program,
    chain: &Chain,
    session: &mut Session<'_>,
    links: &[String],
    comment: &str,
    warnings: &mut Vec<String>,
) -> Result<(), FirewallError> {
    let inserts = links.iter().flat_map(|link| {
        ["iifname", "oifname"].map(|key| {
            json!({"insert": {"rule": {
                "family": chain.family,
                "table": chain.table,
                "chain": chain.name,
                "comment": comment,
                "expr": [{"match": {"op": "==", "left": {"meta": {"key": key}}, "right": link}}, {"accept": null}],
            }}})
        })
    });
    let command = json!({"nftables": inserts.collect::<Vec<_>>()}).to_string();
    session.record(&Undo::NftRules {
        family: chain.family.clone(),
        table: chain.table.clone(),
        chain: chain.name.clone(),
        comment: comment.to_owned(),
    })?;
    let args = ["-j", &command];
    let output = nft.run(session.work(), &args)?;
    if output.status.success() {
        return Ok(());
    }
    let owned = String::from_utf8_lossy(&output.stderr).contains("Operation not permitted");
    if owned {
        let Chain {
            family, table, name, ..
        } = chain;
        warnings.push(format!(
            "The chain {name} of the nftables table {family} {table} drops what is forwarded to and from the lab, and belongs \
             to a daemon that lets nobody else change it; allow {} there (firewalld: firewall-cmd --zone=trusted \
             --add-interface=NAME).",
            links.join(", "),
        ));
        return Ok(());
    }
    Err(nft.failure(&args, &output).into())
}

/// Removes the rules of a chain that carry exactly this comment; returns whether there were any.
pub(in super::super) fn delete(
    family: &str,
    table: &str,
    chain: &str,
    comment: &str,
    work: &LockFile,
) -> Result<bool, ProgramError> {
    let nft = Program::nft()?;
    // First whether the chain is still there: a firewall that was reloaded may have another one now, or none.
    let chains = list(&nft, work, &["-j", "list", "chains"])?;
    let is_it = |found: &&Value| {
        let has = |key: &str, value: &str| found.get(key).and_then(Value::as_str) == Some(value);
        has("family", family) && has("table", table) && has("name", chain)
    };
    if !rules::objects(&chains, "chain").any(|found| is_it(&found)) {
        return Ok(false);
    }
    let of_chain = json!({"list": {"chain": {"family": family, "table": table, "name": chain}}});
    let listing = list(&nft, work, &["-j", "-a", "-t", &command(&of_chain)])?;
    let deletes: Vec<Value> = rules::objects(&listing, "rule")
        .filter(|rule| rule.get("comment").and_then(Value::as_str) == Some(comment))
        .filter_map(|rule| rule.get("handle")?.as_u64())
        .map(|handle| json!({"delete": {"rule": {"family": family, "table": table, "chain": chain, "handle": handle}}}))
        .collect();
    if deletes.is_empty() {
        return Ok(false);
    }
    nft.expect(work, &["-j", &json!({"nftables": deletes}).to_string()])?;
    Ok(true)
}

fn command(command: &Value) -> String {
    json!({"nftables": [command]}).to_string()
}

fn list(nft: &Program, work: &LockFile, args: &[&str]) -> Result<Value, ProgramError> {
    let text = nft.expect(work, args)?;
    // An empty rule set is an empty text for some versions.
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|error| ProgramError::Output {
        command: nft.command(args),
        message: error.to_string(),
    })
}
