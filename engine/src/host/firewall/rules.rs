//! Whether a chain drops packets that none of its rules names, worked out from as much of the rules as that takes.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

/// Chains with their rules, in order, by name.
pub(super) type Chains = BTreeMap<String, Vec<Rule>>;

/// What a rule means to a packet that it has no condition for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// It has conditions, or no verdict: goes on.
    Passes,
    /// Accepts everything.
    Accepts,
    /// Drops or rejects everything.
    Drops,
    /// Ends the chain without a verdict.
    Returns,
    /// Everything goes through another chain, and comes back if that has no verdict.
    Jumps(String),
    /// Everything goes on in another chain.
    Goes(String),
}

/// Whether a chain drops everything that no rule with a condition accepts, leaving its policy aside.
pub(super) fn drops(chains: &Chains, chain: &str) -> bool {
    verdict(chains, chain, &mut HashSet::new()) == Some(false)
}

/// Whether a chain accepts or drops everything; `None` if neither. Visits each chain once, which also bounds the depth: a
/// chain that is seen again has no verdict of its own.
fn verdict<'a>(chains: &'a Chains, chain: &str, seen: &mut HashSet<&'a str>) -> Option<bool> {
    let (name, rules) = chains.get_key_value(chain)?;
    if !seen.insert(name) || seen.len() > MAX_DEPTH {
        return None;
    }
    for rule in rules {
        match rule {
            Rule::Passes => {}
            Rule::Accepts => return Some(true),
            Rule::Drops => return Some(false),
            Rule::Returns => return None,
            Rule::Goes(other) => return verdict(chains, other, seen),
            Rule::Jumps(other) => {
                if let verdict @ Some(_) = verdict(chains, other, seen) {
                    return verdict;
                }
            }
        }
    }
    None
}

/// Chains visited at most. The kernel allows a jump stack of 16 but thousands of chains beside each other (Kubernetes makes
/// them), nearly all of them behind conditions.
const MAX_DEPTH: usize = 256;

/// Reads what `iptables -S` prints.
pub(super) fn from_iptables(text: &str) -> (Chains, BTreeMap<String, String>) {
    let mut chains = Chains::new();
    let mut policies = BTreeMap::new();
    for line in text.lines() {
        let words = words(line);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["-P", chain, policy, ..] => {
                policies.insert((*chain).to_owned(), (*policy).to_owned());
            }
            ["-A", chain, rule @ ..] => {
                chains.entry((*chain).to_owned()).or_default().push(iptables_rule(rule));
            }
            _ => {}
        }
    }
    (chains, policies)
}

fn iptables_rule(words: &[&str]) -> Rule {
    match words {
        ["-m", "comment", "--comment", _, rest @ ..] => iptables_rule(rest),
        ["-j", "ACCEPT"] => Rule::Accepts,
        ["-j", "DROP" | "REJECT", ..] => Rule::Drops,
        ["-j", "RETURN"] => Rule::Returns,
        // Any other target with options of its own (LOG, MARK) passes; a user's chain has none.
        ["-j", chain] => Rule::Jumps((*chain).to_owned()),
        ["-g", chain] => Rule::Goes((*chain).to_owned()),
        _ => Rule::Passes,
    }
}

/// Splits a line as iptables quotes it: words in double quotes, with a backslash before quotes and backslashes in them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().extend(chars.next()),
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Reads the rules in nft's JSON listing of a table.
pub(super) fn from_nft(listing: &Value) -> Chains {
    let mut chains = Chains::new();
    for rule in objects(listing, "rule") {
        let chain = rule.get("chain").and_then(Value::as_str);
        let statements = rule.get("expr").and_then(Value::as_array);
        if let (Some(chain), Some(statements)) = (chain, statements) {
            chains.entry(chain.to_owned()).or_default().push(nft_rule(statements));
        }
    }
    chains
}

/// The objects of one kind in a listing by nft.
pub(super) fn objects<'a>(listing: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let all = listing.get("nftables").and_then(Value::as_array).into_iter().flatten();
    all.filter_map(move |object| object.get(kind))
}

fn nft_rule(statements: &[Value]) -> Rule {
    for statement in statements {
        let Some((name, value)) = statement.as_object().and_then(|object| object.iter().next()) else {
            return Rule::Passes;
        };
        let target = || {
            value
                .get("target")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        return match name.as_str() {
            "counter" | "log" | "comment" => continue,
            "accept" => Rule::Accepts,
            "drop" | "reject" => Rule::Drops,
            "return" => Rule::Returns,
            "jump" => Rule::Jumps(target()),
            "goto" => Rule::Goes(target()),
            // What iptables-nft leaves in its own words.
            "xt" => match value.get("name").and_then(Value::as_str) {
                Some("comment") => continue,
                Some("REJECT" | "DROP") => Rule::Drops,
                _ => Rule::Passes,
            },
            _ => Rule::Passes,
        };
    }
    Rule::Passes
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn iptables_drops(text: &str) -> bool {
        drops(&from_iptables(text).0, "FORWARD")
    }

    #[test]
    fn a_final_drop_counts_and_a_conditional_one_does_not() {
        assert!(iptables_drops(
            "-P FORWARD ACCEPT\n-A FORWARD -i docker0 -j ACCEPT\n-A FORWARD -j DROP\n"
        ));
        assert!(iptables_drops(
            "-A FORWARD -m comment --comment \"all \\\"the\\\" rest\" -j REJECT --reject-with icmp-port-unreachable"
        ));
        assert!(!iptables_drops(
            "-P FORWARD ACCEPT\n-A FORWARD -o virbr0 -j REJECT --reject-with icmp-port-unreachable\n"
        ));
        assert!(!iptables_drops("-A FORWARD -j ACCEPT\n-A FORWARD -j DROP\n"));
        assert!(!iptables_drops("-A FORWARD -j LOG --log-prefix \"x \"\n"));
    }

    #[test]
    fn chains_are_followed_and_loops_end() {
        assert!(iptables_drops(
            "-N deny\n-A FORWARD -j deny\n-A deny -j LOG --log-prefix x\n-A deny -j DROP\n"
        ));
        assert!(!iptables_drops(
            "-N user\n-A FORWARD -j user\n-A user -j RETURN\n-A user -j DROP\n"
        ));
        assert!(!iptables_drops(
            "-A FORWARD -g user\n-A FORWARD -j DROP\n-A user -i lo -j DROP\n"
        ));
        assert!(!iptables_drops("-A FORWARD -j a\n-A a -j b\n-A b -j a\n"));
    }

    #[test]
    fn policies_are_read() {
        let (_, policies) = from_iptables("-P INPUT ACCEPT\n-P FORWARD DROP\n");
        assert_eq!(policies["FORWARD"], "DROP");
    }

    #[test]
    fn rules_of_nft_are_understood() {
        let drop = [
            json!({"counter": {"packets": 0, "bytes": 0}}),
            json!({"log": {"prefix": "x"}}),
            json!({"reject": null}),
        ];
        assert_eq!(nft_rule(&drop), Rule::Drops);
        let conditional = [json!({"match": {"op": "=="}}), json!({"drop": null})];
        assert_eq!(nft_rule(&conditional), Rule::Passes);
        assert_eq!(
            nft_rule(&[json!({"jump": {"target": "deny"}})]),
            Rule::Jumps("deny".into())
        );
        assert_eq!(
            nft_rule(&[json!({"limit": {"rate": 1}}), json!({"drop": null})]),
            Rule::Passes
        );
        assert_eq!(nft_rule(&[json!("notrack")]), Rule::Passes);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text: String) {
            drops(&from_iptables(&text).0, "FORWARD");
        }
    }
}
