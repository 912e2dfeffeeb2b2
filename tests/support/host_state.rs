//! What a lab could leave on its host, listed so that two moments can be compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

/// How deep `/tmp` and `/run` are listed.
const MAX_DEPTH: usize = 6;

/// A listing of the host: links, addresses, routes, namespaces, firewall rules, mounts, processes, files and sysctls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostState {
    /// Lines by what they are about, in the order the host gives them.
    sections: BTreeMap<&'static str, Vec<String>>,
}

impl HostState {
    /// Lists the host as it is now. Counters, lifetimes and whatever else changes by itself is left out.
    pub fn capture() -> Self {
        let sections = [
            // First, as the programs started below are processes, too.
            ("process", processes()),
            ("link", links()),
            ("address", without_lifetimes(&output("ip", &["-oneline", "address"]))),
            (
                "route",
                without_lifetimes(&output("ip", &["-4", "route", "show", "table", "all"])),
            ),
            (
                "route6",
                without_lifetimes(&output("ip", &["-6", "route", "show", "table", "all"])),
            ),
            ("rule", lines(&output("ip", &["-4", "rule"]))),
            ("rule6", lines(&output("ip", &["-6", "rule"]))),
            ("namespace", namespaces()),
            ("nft", lines(&output("nft", &["--stateless", "list", "ruleset"]))),
            ("iptables", saved("iptables-save")),
            ("ip6tables", saved("ip6tables-save")),
            ("iptables-legacy", legacy("iptables-legacy-save", "ip_tables_names")),
            ("ip6tables-legacy", legacy("ip6tables-legacy-save", "ip6_tables_names")),
            ("mount", mounts()),
            ("file", files(&["/tmp", "/run"])),
            ("sysctl", sysctls()),
        ];
        Self {
            sections: sections.into(),
        }
    }

    /// What is different in `later`, a line each: `+link: ...` came, `-link: ...` went, `~nft: ...` is in another place.
    /// Empty if nothing is.
    pub fn diff(&self, later: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        for (section, before) in &self.sections {
            let after = later.sections.get(section).map(Vec::as_slice).unwrap_or_default();
            if before == after {
                continue;
            }
            let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
            for line in before {
                *counts.entry(line).or_default() -= 1;
            }
            for line in after {
                *counts.entry(line).or_default() += 1;
            }
            counts.retain(|_, count| *count != 0);
            if counts.is_empty() {
                let moved = before.iter().zip(after).find(|(one, other)| one != other);
                let line = moved.map(|(_, line)| line.as_str()).unwrap_or_default();
                differences.push(format!("~{section}: {line}"));
            }
            for (line, count) in counts {
                let sign = if count > 0 { '+' } else { '-' };
                differences.extend((0..count.abs()).map(|_| format!("{sign}{section}: {line}")));
            }
        }
        differences
    }
}

fn links() -> Vec<String> {
    // A queue length or state that changes with traffic is not listed by `ip link` without -statistics.
    lines(&output("ip", &["-oneline", "-details", "link"]))
}

/// Without what tells when an address or route expires.
fn without_lifetimes(text: &str) -> Vec<String> {
    let timed = ["valid_lft", "preferred_lft", "expires"];
    let strip = |line: &str| {
        let mut words = Vec::new();
        let mut all = line.split_whitespace();
        while let Some(word) = all.next() {
            if timed.contains(&word) {
                all.next();
            } else {
                words.push(word);
            }
        }
        words.join(" ")
    };
    text.lines().map(strip).collect()
}

/// Names in /run/netns with where they point, and every network namespace that a process is in or holds open.
fn namespaces() -> Vec<String> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        found.insert(format!("{} -> {}", entry.path().display(), target.display()));
    }
    for process in pids() {
        let of_process = fs::read_dir(format!("/proc/{process}/fd"))
            .into_iter()
            .flatten()
            .flatten();
        let descriptors = of_process.map(|entry| entry.path());
        for path in descriptors.chain([format!("/proc/{process}/ns/net").into()]) {
            let target = fs::read_link(path).unwrap_or_default().display().to_string();
            if target.starts_with("net:[") {
                found.insert(target);
            }
        }
    }
    found.into_iter().collect()
}

/// What an `iptables-save` prints, without its comments and the counters of chains.
fn saved(program: &str) -> Vec<String> {
    let text = output(program, &[]);
    let rules = text.lines().filter(|line| !line.starts_with('#'));
    rules
        .map(|line| match line.split_once(" [") {
            Some((chain, _)) if line.starts_with(':') => chain.to_owned(),
            _ => line.to_owned(),
        })
        .collect()
}

/// The same of the old interface, if this network namespace has it: asking would make its tables otherwise.
fn legacy(program: &str, tables: &str) -> Vec<String> {
    let tables = fs::read_to_string(format!("/proc/self/net/{tables}")).unwrap_or_default();
    if tables.is_empty() { Vec::new() } else { saved(program) }
}

/// Mounts without the two ids of each.
fn mounts() -> Vec<String> {
    // A thread that only entered the mount namespace has no `self` in its `/proc`.
    let own = fs::read_to_string("/proc/self/mountinfo");
    let text = own
        .or_else(|_| fs::read_to_string("/proc/1/mountinfo"))
        .unwrap_or_default();
    let without_ids = |line: &str| line.splitn(3, ' ').nth(2).unwrap_or_default().to_owned();
    text.lines().map(without_ids).collect()
}

/// Process id and name of every process that is neither a thread of the kernel nor dead (a machine's init may not wait
/// for orphans).
fn processes() -> Vec<String> {
    let describe = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // `PID (NAME) STATE PPID ...`; threads of the kernel are children of process 2.
        let (name, rest) = (stat.find('(')?, stat.rfind(')')?);
        let mut fields = stat[rest + 1..].split_whitespace();
        let (state, parent) = (fields.next()?, fields.next()?);
        let of_kernel = pid == 2 || parent == "2";
        (!of_kernel && state != "Z").then(|| format!("{pid} {}", &stat[name + 1..rest]))
    };
    pids().into_iter().filter_map(describe).collect()
}

fn pids() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids
}

/// Names, types and targets below some directories.
fn files(directories: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for directory in directories {
        list(Path::new(directory), MAX_DEPTH, &mut found);
    }
    found.sort();
    found
}

fn list(directory: &Path, depth: usize, found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        let name = path.display();
        if kind.is_dir() {
            found.push(format!("{name}/"));
            if depth > 1 {
                list(&path, depth - 1, found);
            }
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).unwrap_or_default();
            found.push(format!("{name} -> {}", target.display()));
        } else {
            found.push(name.to_string());
        }
    }
}

/// Forwarding and what the kernel changes along with it.
fn sysctls() -> Vec<String> {
    let root = Path::new("/proc/sys/net");
    let mut paths = vec![root.join("ipv4/ip_forward")];
    for conf in ["ipv4/conf", "ipv6/conf"] {
        for interface in fs::read_dir(root.join(conf)).into_iter().flatten().flatten() {
            paths.extend(["forwarding", "accept_redirects", "rp_filter"].map(|name| interface.path().join(name)));
        }
    }
    paths.sort();
    let value = |path: &Path| {
        Some(format!(
            "{} = {}",
            path.display(),
            fs::read_to_string(path).ok()?.trim()
        ))
    };
    paths.iter().filter_map(|path| value(path)).collect()
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// What a program prints; nothing if it is not installed.
fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).env("LC_ALL", "C").output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default()
}
