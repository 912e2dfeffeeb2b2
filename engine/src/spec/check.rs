//! What only shows when all resources are known.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    hash::Hash,
    net::IpAddr,
};

use ipnet::IpNet;

use super::{
    context::{BmcClaim, Claim, Context, Reference},
    diagnostic::{Code, Finding, quote, quote_path},
    fields::Text,
    order,
    suggest::did_you_mean,
    tree::Mark,
};

/// How many names there may be for all of them to be told when one of them is not known.
const NAMED: usize = 5;

/// Checks references, prefixes, addresses and the files of apps against each other.
pub fn all(cx: &mut Context<'_>) {
    order::refer(cx);
    references(cx);
    order::check(cx);
    host_prefixes(cx);
    bmcs(cx);
    addresses(cx);
    shared_files(cx);
    ports(cx);
    macs(cx);
}

/// No two NICs may have one MAC, whatever their networks: one day somebody joins those.
fn macs(cx: &mut Context<'_>) {
    let mut first = HashMap::new();
    for claim in std::mem::take(&mut cx.macs) {
        if let Some(taken) = taken_before(&mut first, claim.mac, claim.mark) {
            let finding = Finding::error(Code::Conflict, claim.mark, "Two NICs have the same MAC.");
            cx.report(first_there(finding, taken, claim.mark, "It is first given here."));
        }
    }
}

/// The address of a BMC must lie in a network that is for them, and be nobody else's.
fn bmcs(cx: &mut Context<'_>) {
    let claims = std::mem::take(&mut cx.bmcs);
    let networks = std::mem::take(&mut cx.bmc_networks);
    let mut used: HashMap<IpAddr, Mark> = HashMap::new();
    // What has the same address on another network is somebody else.
    let on_theirs = |claim: &&Claim| networks.iter().any(|(name, _)| *name == claim.network);
    for claim in cx.host_addresses.iter().chain(&cx.addresses).filter(on_theirs) {
        used.entry(claim.address.addr()).or_insert(claim.mark);
    }
    for BmcClaim { node, address, mark } in claims {
        let within = networks.iter().any(|(_, network)| network.contains(&address));
        if !within && !cx.incomplete {
            let message = format!(
                "The address {address} of the BMC of node {} is in no network of type `bmc`.",
                quote(&node)
            );
            let hint = match networks.as_slice() {
                [] => "Add a Network of type `bmc` whose `address` has it in its prefix.".to_owned(),
                [(_, first), ..] => format!("An address in {} would do.", first.trunc()),
            };
            cx.report(Finding::error(Code::Address, mark, message).hint(hint));
        }
        if let Some(first) = used.insert(address, mark) {
            let message = format!(
                "The address {address} of the BMC of node {} is used twice.",
                quote(&node)
            );
            cx.report(Finding::error(Code::Address, mark, message).related(first, "It is first used here."));
        }
    }
}

/// No port of the host may lead to two places. As one can be added to or taken from a running lab by its port alone,
/// two forwards can't share it by listening on different addresses.
fn ports(cx: &mut Context<'_>) {
    let mut first = HashMap::new();
    for claim in std::mem::take(&mut cx.ports) {
        if let Some(taken) = taken_before(&mut first, (claim.protocol, claim.port), claim.mark) {
            let message = format!("The host's port {}/{} is forwarded twice.", claim.port, claim.protocol);
            let finding =
                Finding::error(Code::Conflict, claim.mark, message).hint("Give one of the forwards another port.");
            cx.report(first_there(finding, taken, claim.mark, "It is first taken here."));
        }
    }
}

/// Returns where something was taken first, if it was before; else it is taken here.
fn taken_before<K: Eq + Hash>(first: &mut HashMap<K, Mark>, taken: K, mark: Mark) -> Option<Mark> {
    match first.entry(taken) {
        Entry::Occupied(entry) => Some(*entry.get()),
        Entry::Vacant(entry) => {
            entry.insert(mark);
            None
        }
    }
}

/// Says where something was taken first. What an alias repeats is written in one place only.
fn first_there(finding: Finding, first: Mark, mark: Mark, message: &str) -> Finding {
    if first == mark {
        return finding.hint("It is written once, and an alias or a merge (`<<`) repeats it: write it out.");
    }
    finding.related(first, message)
}

/// Every name used must be defined.
fn references(cx: &mut Context<'_>) {
    if cx.incomplete {
        return;
    }
    for Reference { category, name, mark } in std::mem::take(&mut cx.references) {
        let known = cx.defined.get(&category);
        if cx.unsure.contains(&name) || known.is_some_and(|names| names.contains_key(&name)) {
            continue;
        }
        let noun = category.noun();
        let finding = Finding::error(
            Code::UnknownReference,
            mark,
            format!("There is no {noun} {}.", quote(&name)),
        );
        let hint = if cx.collector.is_full() {
            None
        } else {
            did_you_mean(&name, known.into_iter().flatten().map(|(name, _)| name.as_str()))
        };
        let finding = match known.map_or(0, BTreeMap::len) {
            0 => finding.hint(format!(
                "The lab files define no {noun} at all: name all files on the command line, or `include` them."
            )),
            count => match hint {
                None if count <= NAMED => {
                    let names = known.into_iter().flatten().map(|(name, _)| quote(name));
                    finding.hint(format!(
                        "The lab files define {}.",
                        names.collect::<Vec<_>>().join(", ")
                    ))
                }
                hint => finding.maybe_hint(hint),
            },
        };
        cx.report(finding);
    }
}

/// No two interfaces of the host may have prefixes that overlap. Sorted by prefix, those that overlap stand below those they are
/// part of, so one walk with the chain of prefixes around the current one finds them.
fn host_prefixes(cx: &mut Context<'_>) {
    let mut claims = std::mem::take(&mut cx.host_addresses);
    claims.sort_by_key(|claim| (claim.address.trunc(), claim.mark));
    let mut around: Vec<&Claim> = Vec::new();
    for claim in &claims {
        while around
            .last()
            .is_some_and(|outer| !outer.address.contains(&claim.address.trunc()))
        {
            around.pop();
        }
        if let Some(outer) = around.last() {
            let (first, second) = if outer.mark < claim.mark {
                (*outer, claim)
            } else {
                (claim, *outer)
            };
            let relation = if first.address.trunc() == second.address.trunc() {
                "is also"
            } else {
                "overlaps"
            };
            let message = format!(
                "The prefix {} of network {} {relation} that of network {}, and the host can route it to one only.",
                second.address.trunc(),
                quote(&second.network),
                quote(&first.network)
            );
            cx.report(Finding::error(Code::PrefixOverlap, second.mark, message).related(
                first.mark,
                format!("Network {} has {}.", quote(&first.network), first.address.trunc()),
            ));
        }
        around.push(claim);
    }
    cx.host_addresses = claims;
}

/// Warns of addresses outside their network's prefix and of addresses used twice on one network.
fn addresses(cx: &mut Context<'_>) {
    let host = std::mem::take(&mut cx.host_addresses);
    let claims = std::mem::take(&mut cx.addresses);
    let prefixes: HashMap<&str, IpNet> = host
        .iter()
        .map(|claim| (claim.network.as_str(), claim.address))
        .collect();
    for Claim { network, address, mark } in &claims {
        let Some(prefix) = prefixes.get(network.as_str()) else {
            continue;
        };
        let same_family = prefix.addr().is_ipv4() == address.addr().is_ipv4();
        if same_family && !prefix.contains(&address.addr()) {
            let message = format!(
                "The address {} is outside of {}, the prefix of network {}.",
                address.addr(),
                prefix.trunc(),
                quote(network)
            );
            cx.report(Finding::warning(Code::Address, *mark, message));
        }
    }
    let mut used: HashMap<(&str, IpAddr), Mark> = HashMap::new();
    for Claim { network, address, mark } in host.iter().chain(&claims) {
        let address = address.addr();
        let Some(first) = used.insert((network, address), *mark) else {
            continue;
        };
        let (first, second) = if first < *mark { (first, *mark) } else { (*mark, first) };
        let message = format!("The address {address} is used twice on network {}.", quote(network));
        cx.report(Finding::warning(Code::Address, second, message).related(first, "It is first used here."));
    }
}

/// Warns of files that apps of different namespaces are told to write: they share one file system.
fn shared_files(cx: &mut Context<'_>) {
    let files = std::mem::take(&mut cx.shared_files);
    let mut first_users = HashMap::new();
    for file in &files {
        let first = *first_users.entry(&file.path).or_insert(file);
        if first.namespace == file.namespace {
            continue;
        }
        let message = format!(
            "App {} of namespace {} is given {}, which app {} of namespace {} uses as well; namespaces share the host's files.",
            quote(&file.app),
            quote(&file.namespace),
            quote_path(&file.path),
            quote(&first.app),
            quote(&first.namespace)
        );
        cx.report(
            Finding::warning(Code::SharedFile, file.mark, message)
                .related(first.mark, "It is first used here.")
                .hint("Put the namespace's name into the file's name."),
        );
    }
}

/// Options whose value is a pid file or a control socket, whatever the program.
const FILE_OPTIONS: &[&str] = &[
    "--pid",
    "--pid-file",
    "--pid_file",
    "--pidfile",
    "--control-socket",
    "--ctl",
    "--vty_socket",
];
/// Short ones mean different things to different programs.
const FILE_OPTIONS_OF_PROGRAMS: &[(&str, &str)] = &[
    ("bird", "-s"),
    ("bird", "-P"),
    ("bird6", "-s"),
    ("bird6", "-P"),
    ("dnsmasq", "-x"),
    ("haproxy", "-p"),
    ("keepalived", "-p"),
];
/// Endings of names that say so by themselves.
const FILE_ENDINGS: &[&str] = &[".pid", ".ctl"];

/// Returns the files among an app's arguments that it writes its process id to, or listens on for control.
pub fn written_files<'t>(command: &[Text<'t>]) -> Vec<(&'t str, Mark)> {
    let Some((program, arguments)) = command.split_first() else {
        return Vec::new();
    };
    let program = program.text.rsplit('/').next().unwrap_or_default();
    let short = |option: &str| FILE_OPTIONS_OF_PROGRAMS.contains(&(program, option));
    let mut files = Vec::new();
    let mut after_option = false;
    for argument in arguments {
        let text = argument.text;
        // `--option=value`, `-ovalue` or a word of its own.
        let (option, value) = match text.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, value),
            _ => text
                .split_at_checked(2)
                .filter(|(option, _)| short(option))
                .unwrap_or(("", text)),
        };
        let named = after_option || FILE_OPTIONS.contains(&option) || short(option);
        let telling = FILE_ENDINGS.iter().any(|ending| value.ends_with(ending));
        if !value.is_empty() && !value.starts_with('-') && (named || telling) {
            files.push((value, argument.mark));
        }
        after_option = FILE_OPTIONS.contains(&text) || short(text);
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(command: &str) -> Vec<&str> {
        let words: Vec<Text<'_>> = command
            .split(' ')
            .map(|text| Text {
                text,
                mark: Mark::default(),
            })
            .collect();
        written_files(&words).into_iter().map(|(file, _)| file).collect()
    }

    #[test]
    fn pid_files_and_control_sockets_are_found() {
        assert_eq!(
            files("/usr/sbin/bird -f -s /run/a.sock -P /run/b"),
            ["/run/a.sock", "/run/b"]
        );
        assert_eq!(files("bird -s/run/a -c x.conf"), ["/run/a"]);
        assert_eq!(
            files("dnsmasq --pid-file=/run/c --port=0 -x /run/d"),
            ["/run/c", "/run/d"]
        );
        assert_eq!(files("frr --vty_socket /run/e --pid_file /run/f"), ["/run/e", "/run/f"]);
        assert_eq!(
            files("anything /run/g.pid --lock=/run/h.ctl"),
            ["/run/g.pid", "/run/h.ctl"]
        );
    }

    #[test]
    fn other_arguments_are_left_alone() {
        for command in [
            "curl -s http://example.com/",
            "su -s /bin/sh",
            "bird -s",
            "dnsmasq -x -k",
            "bird",
            "x --pid-file= -f",
        ] {
            assert_eq!(files(command), [""; 0], "{command}");
        }
    }
}
