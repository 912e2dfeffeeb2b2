//! Pods, whose apps ran in containers, as network namespaces, whose apps are programs of the host.

use std::{path::Path, rc::Rc};

use super::{
    Migration,
    edit::{entry, items, keys, list, mapping, scalar, text},
};
use crate::spec::{
    diagnostic::{quote, quote_path},
    tree::{Mark, Node},
};

/// Where a container saw a directory of the host.
struct Mount {
    target: String,
    folder: String,
}

/// Returns the namespace that a pod becomes.
pub fn migrate(migration: &mut Migration<'_>, pod: &Node) -> Rc<Node> {
    let mut pairs = vec![("kind", scalar("NetworkNamespace"))];
    for key in ["name", "interfaces", "init-scripts"] {
        pairs.extend(entry(pod, key).map(|value| (key, Rc::clone(value))));
    }
    let apps: Vec<_> = items(pod, "apps")
        .iter()
        .map(|node| app(migration, pod, node))
        .collect();
    if !apps.is_empty() {
        pairs.push(("apps", list(apps)));
    }
    let known = ["kind", "name", "interfaces", "init-scripts", "apps", "volumes"];
    for (key, mark) in keys(pod) {
        if !known.iter().any(|known| known.eq_ignore_ascii_case(key)) {
            migration.remark(
                mark,
                &format!(
                    "The key {} of a Pod means nothing to a NetworkNamespace and is left out.",
                    quote(key)
                ),
            );
        }
    }
    mapping(pairs)
}

fn app(migration: &mut Migration<'_>, pod: &Node, app: &Node) -> Rc<Node> {
    let name = text(app, "name").unwrap_or_default();
    let mounts = mounts(migration, pod, app, name);
    let mut pairs: Vec<_> = entry(app, "name")
        .map(|name| ("name", Rc::clone(name)))
        .into_iter()
        .collect();
    pairs.push(("command", list(vec![command(migration, app, name, &mounts)])));
    let args = items(app, "args").iter().map(|argument| match argument.scalar() {
        Some(text) => scalar(&on_host(text, &mounts)),
        None => Rc::clone(argument),
    });
    let args: Vec<_> = args.collect();
    if !args.is_empty() {
        pairs.push(("args", list(args)));
    }
    pairs.extend(entry(app, "env").map(|env| ("env", Rc::clone(env))));
    left_out(migration, app, name);
    mapping(pairs)
}

/// Returns the program of an app.
fn command(migration: &mut Migration<'_>, app: &Node, name: &str, mounts: &[Mount]) -> Rc<Node> {
    let image = entry(app, "image");
    let from = image.and_then(|image| image.scalar()).unwrap_or_default();
    if let Some(exec) = text(app, "exec") {
        let program = on_host(exec, mounts);
        let message = format!(
            "App {}: {} came from the image {}; it must be installed on the host now.",
            quote(name),
            quote(&program),
            quote(from)
        );
        migration.remark(image.map_or(app.mark, |image| image.mark), &message);
        return scalar(&program);
    }
    // `docker://quay.io/someone/bird:2.0` most likely runs bird.
    let last = from.rsplit('/').next().unwrap_or_default();
    let guess = last
        .split([':', '@'])
        .next()
        .filter(|guess| !guess.is_empty())
        .unwrap_or(name);
    let message = format!(
        "App {}: what the image {} runs by itself is not known here; {} is a guess. Install the program on the host, and write the whole command.",
        quote(name),
        quote(from),
        quote(guess)
    );
    migration.remark(image.map_or(app.mark, |image| image.mark), &message);
    scalar(guess)
}

/// Returns what an app saw of the host; says what it saw else.
fn mounts(migration: &mut Migration<'_>, pod: &Node, app: &Node, name: &str) -> Vec<Mount> {
    let mut mounts = Vec::new();
    for mount in items(app, "mount") {
        let (volume, target) = (
            text(mount, "volume").unwrap_or_default(),
            text(mount, "target").unwrap_or_default(),
        );
        let found = items(pod, "volumes")
            .iter()
            .find(|known| text(known, "name") == Some(volume));
        let folder = found.and_then(|found| entry(found, "folder"));
        let shown = quote_path(Path::new(target));
        let Some(folder) = folder.and_then(|folder| Some((folder.scalar()?, folder.mark))) else {
            let message = format!(
                "App {}: the volume {} was a directory of its own at {shown}; all namespaces share the host's files now, so give the app a path that \
                 no other uses.",
                quote(name),
                quote(volume)
            );
            migration.remark(mount.mark, &message);
            continue;
        };
        let folder = migration.absolute(folder.0, folder.1).display().to_string();
        let message = format!(
            "App {}: what it saw at {shown} is {} on the host. Its arguments are changed where they name it; a path that the program has built in, or reads from a \
             file, is not.",
            quote(name),
            quote_path(Path::new(&folder))
        );
        migration.remark(mount.mark, &message);
        mounts.push(Mount {
            target: target.to_owned(),
            folder,
        });
    }
    // A mount within another goes before it.
    mounts.sort_by_key(|mount| std::cmp::Reverse(mount.target.len()));
    mounts
}

/// Returns a word of a command as it is on the host: a path, alone or after `=`, below a directory that was mounted.
fn on_host(word: &str, mounts: &[Mount]) -> String {
    let (option, path) = match word.split_once('=') {
        Some((option, path)) if option.starts_with('-') => (format!("{option}="), path),
        _ => (String::new(), word),
    };
    for Mount { target, folder } in mounts {
        if let Ok(rest) = Path::new(path).strip_prefix(target) {
            return format!("{option}{}", Path::new(folder).join(rest).display())
                .trim_end_matches('/')
                .to_owned();
        }
    }
    word.to_owned()
}

/// Says which keys have no counterpart.
fn left_out(migration: &mut Migration<'_>, app: &Node, name: &str) {
    for (key, mark) in keys(app) {
        let reason = match key.to_ascii_lowercase().as_str() {
            "name" | "image" | "exec" | "args" | "env" | "mount" => continue,
            "user" | "group" => "apps run as root; begin `command` with `setpriv` or `runuser` to change that",
            "caps-retain" => "apps have all capabilities; begin `command` with `setpriv` to drop some",
            "readonly-rootfs" => "apps see the host's file system",
            _ => "it means nothing to an app",
        };
        remark_key(migration, name, key, mark, reason);
    }
}

fn remark_key(migration: &mut Migration<'_>, app: &str, key: &str, mark: Mark, reason: &str) {
    migration.remark(
        mark,
        &format!("App {}: {} is left out: {reason}.", quote(app), quote(key)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_host() {
        let mounts = [("/etc/bird/local", "/lab/local"), ("/etc/bird", "/lab/bird")].map(|(target, folder)| Mount {
            target: target.to_owned(),
            folder: folder.to_owned(),
        });
        for (word, host) in [
            ("/etc/bird/bird.conf", "/lab/bird/bird.conf"),
            ("/etc/bird/local/a", "/lab/local/a"),
            ("/etc/bird", "/lab/bird"),
            ("--config=/etc/bird/x", "--config=/lab/bird/x"),
            ("/etc/birds", "/etc/birds"),
            ("A=/etc/bird/x", "A=/etc/bird/x"),
            ("-f", "-f"),
        ] {
            assert_eq!(on_host(word, &mounts), host, "{word}");
        }
    }
}
