//! Chains of iptables: the FORWARD chains it keeps in nftables, which only it may change or it no longer understands its own
//! table, and those of the old kernel interface.

use std::fs;

use super::{
    super::{
        lock::LockFile,
        program::{Program, ProgramError},
        record::Session,
        undo::Undo,
    },
    Chain, FirewallError, rules,
};

/// Seconds to wait for the lock that the programs of the old interface share.
const WAIT: [&str; 2] = ["-w", "30"];

/// How iptables ends when a rule or its chain is not there: `OTHER_PROBLEM` of its sources.
const ABSENT: i32 = 1;

/// Copies of one rule removed at most.
const MAX_COPIES: usize = 64;

/// One of the iptables programs.
#[derive(Debug)]
pub(super) struct Iptables {
    program: Program,
}

/// The iptables program that keeps a chain of nftables; `None` if the chain is none of its own, or it is not installed.
pub(super) fn owner(chain: &Chain, work: &LockFile) -> Result<Option<Iptables>, ProgramError> {
    if chain.table != "filter" || chain.name != "FORWARD" {
        return Ok(None);
    }
    let name = match chain.family.as_str() {
        "ip" => "iptables",
        "ip6" => "ip6tables",
        _ => return Ok(None),
    };
    let Some(program) = find(name, Flavour::Nft, work)? else {
        return Ok(None);
    };
    // It refuses a table that somebody has made with nft in a way it can't express.
    let understands = program.run(work, &list_args())?.status.success();
    Ok(understands.then_some(Iptables { program }))
}

/// The programs whose old kernel interface has a filter table in this network namespace. They are not even asked otherwise:
/// asking makes the table.
pub(super) fn legacy(work: &LockFile) -> Result<Vec<Iptables>, ProgramError> {
    let mut found = Vec::new();
    for (name, tables) in [("iptables", "ip_tables_names"), ("ip6tables", "ip6_tables_names")] {
        let tables = fs::read_to_string(format!("/proc/thread-self/net/{tables}")).unwrap_or_default();
        if !tables.lines().any(|table| table == "filter") {
            continue;
        }
        if let Some(program) = find(name, Flavour::Legacy, work)? {
            found.push(Iptables { program });
        }
    }
    Ok(found)
}

impl Iptables {
    /// Name of the program.
    pub(super) fn program(&self) -> String {
        self.program.name()
    }

    /// Whether the FORWARD chain drops what none of its rules accepts. For tables of the old interface only: of one in
    /// nftables, nft knows more than iptables does.
    pub(super) fn drops(&self, work: &LockFile) -> Result<bool, ProgramError> {
        let (chains, policies) = rules::from_iptables(&self.program.expect(work, &list_args())?);
        let policy = policies.get("FORWARD").is_some_and(|policy| policy == "DROP");
        Ok(policy || rules::drops(&chains, "FORWARD"))
    }

    /// Inserts accept rules for the links in front of the FORWARD chain.
    pub(super) fn accept(
        &self,
        session: &mut Session<'_>,
        links: &[String],
        comment: &str,
    ) -> Result<(), FirewallError> {
        for (link, side) in links.iter().flat_map(|link| [(link, "-i"), (link, "-o")]) {
            let rule = [
                "FORWARD",
                side,
                link,
                "-m",
                "comment",
                "--comment",
                comment,
                "-j",
                "ACCEPT",
            ];
            session.record(&Undo::IptablesRule {
                program: self.program.name(),
                rule: rule.map(str::to_owned).to_vec(),
            })?;
            self.program.expect(session.work(), &command("-I", &rule))?;
        }
        Ok(())
    }
}

/// Removes a rule as often as it is there; returns whether it was.
pub(in super::super) fn delete(program: &str, rule: &[String], work: &LockFile) -> Result<bool, ProgramError> {
    let program = Program::find(program).ok_or_else(|| ProgramError::Missing {
        program: program.to_owned(),
        package: "iptables",
    })?;
    let rule: Vec<&str> = rule.iter().map(String::as_str).collect();
    let mut removed = false;
    for _ in 0..MAX_COPIES {
        if !is_there(&program, &rule, work)? {
            break;
        }
        program.expect(work, &command("-D", &rule))?;
        removed = true;
    }
    Ok(removed)
}

/// Whether a rule is there. A program that was killed or did not get its lock (status 4) has not said that it is not.
fn is_there(program: &Program, rule: &[&str], work: &LockFile) -> Result<bool, ProgramError> {
    let check = command("-C", rule);
    let output = program.run(work, &check)?;
    match output.status.code() {
        Some(0) => Ok(true),
        Some(ABSENT) => Ok(false),
        _ => Err(program.failure(&check, &output)),
    }
}

fn command<'a>(action: &'a str, rule: &[&'a str]) -> Vec<&'a str> {
    WAIT.into_iter().chain([action]).chain(rule.iter().copied()).collect()
}

fn list_args() -> Vec<&'static str> {
    WAIT.into_iter().chain(["-S"]).collect()
}

/// The two interfaces of the kernel that iptables programs are made for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flavour {
    Nft,
    Legacy,
}

/// Finds `NAME-nft` or `NAME-legacy`, or `NAME` if that is of this flavour: `iptables v1.8.9 (nf_tables)`.
fn find(name: &str, flavour: Flavour, work: &LockFile) -> Result<Option<Program>, ProgramError> {
    let suffix = if flavour == Flavour::Nft { "nft" } else { "legacy" };
    if let Some(program) = Program::find(&format!("{name}-{suffix}")) {
        return Ok(Some(program));
    }
    let Some(program) = Program::find(name) else {
        return Ok(None);
    };
    let version = program.run(work, &["--version"])?.stdout;
    // Before 1.8 there was one flavour, and the version did not name it.
    let is_nft = String::from_utf8_lossy(&version).contains("nf_tables");
    Ok((is_nft == (flavour == Flavour::Nft)).then_some(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_not_there_only_if_the_program_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let lock = LockFile::create(dir.path()).unwrap();
        let rule = ["FORWARD", "-j", "ACCEPT"].map(str::to_owned);
        // One ends as iptables does without a match, the other as something that did not get as far as looking.
        assert!(!delete("false", &rule, &lock).unwrap());
        let error = delete("sh", &rule, &lock).unwrap_err();
        assert!(matches!(error, ProgramError::Failed { .. }), "{error}");
    }
}
