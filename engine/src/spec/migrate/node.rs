//! Nodes: the kinds of volumes that are gone.

use std::rc::Rc;

use super::{
    Migration,
    edit::{entry, items, mapping, scalar, text},
};
use crate::spec::{
    diagnostic::quote,
    tree::{Entry, Node, Value},
};

/// Returns what a node becomes; `None` if it stays as it is.
pub fn migrate(migration: &mut Migration<'_>, node: &Node) -> Option<Rc<Node>> {
    let gone = |volume: &Rc<Node>| matches!(text(volume, "kind"), Some("vvfat" | "lv"));
    let volumes = items(node, "volumes");
    let first = volumes.iter().position(gone)?;
    let name = text(node, "name").unwrap_or_default();
    let disks_behind = volumes.iter().skip(first + 1).any(|volume| !gone(volume));
    let made: Vec<_> = volumes
        .iter()
        .map(|volume| match text(volume, "kind") {
            Some("vvfat") => shared(migration, volume, name, disks_behind),
            Some("lv") => raw(migration, volume, name),
            _ => Rc::clone(volume),
        })
        .collect();
    let Value::Mapping(entries) = &node.value else {
        return None;
    };
    let made = Rc::new(Node::new(node.mark, Value::Sequence(made)));
    let entries = entries.iter().map(|Entry { key, value }| Entry {
        key: Rc::clone(key),
        value: match key.scalar() {
            Some(key) if key.eq_ignore_ascii_case("volumes") => Rc::clone(&made),
            _ => Rc::clone(value),
        },
    });
    Some(Rc::new(Node::new(node.mark, Value::Mapping(entries.collect()))))
}

/// A directory that the guest saw as a FAT disk is shared over 9p.
fn shared(migration: &mut Migration<'_>, volume: &Node, node: &str, disks_behind: bool) -> Rc<Node> {
    let name = text(volume, "name").unwrap_or_default();
    let folder = text(volume, "folder").unwrap_or_default();
    let path = match migration.folders.get(folder) {
        Some(known) => known.path.clone(),
        None => migration.absolute(folder, volume.mark),
    };
    let moved = if disks_behind {
        " It is no disk any more, so those behind it have other names than before."
    } else {
        ""
    };
    migration.remark(
        volume.mark,
        &format!(
            "Node {}: the volume {} was a FAT disk; the guest has to mount it with {} now.{moved}",
            quote(node),
            quote(name),
            quote(&format!("mount -t 9p {name} DIRECTORY"))
        ),
    );
    mapping(vec![
        ("kind", scalar("hostPath")),
        ("name", scalar(name)),
        ("path", scalar(&path.display().to_string())),
    ])
}

/// A logical volume becomes a file.
fn raw(migration: &mut Migration<'_>, volume: &Node, node: &str) -> Rc<Node> {
    let name = text(volume, "name").unwrap_or_default();
    let group = text(volume, "vg").unwrap_or_default();
    migration.remark(
        volume.mark,
        &format!(
            "Node {}: the volume {} was in the volume group {}; it is an empty file in the data directory now, or where a `device-class` says.",
            quote(node),
            quote(name),
            quote(group)
        ),
    );
    let mut pairs = vec![("kind", scalar("raw")), ("name", scalar(name))];
    pairs.extend(entry(volume, "size").map(|size| ("size", Rc::clone(size))));
    pairs.push(("format", scalar("raw")));
    pairs.extend(entry(volume, "cache").map(|cache| ("cache", Rc::clone(cache))));
    mapping(pairs)
}
