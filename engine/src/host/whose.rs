//! Which running lab has a namespace's name or a link of this host, so that whoever wants the same one can be told.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::{
    labdir::LabDir,
    publish,
    record::entries,
    undo::{Context, Undo},
};
use crate::plan::lab_of_fabric;

/// Returns the lab whose engine has given a namespace its name in `netns_dir`; `None` if it is nobody's, or that lab has just begun.
pub fn lab_of_namespace(netns_dir: &Path, name: &str) -> Option<String> {
    let engine = |name: &Path| publish::engine(&netns_dir.join(name));
    let pid = engine(Path::new(name))?;
    // An engine has one lab, and tells its name by that of the fabric.
    let entries = fs::read_dir(netns_dir).ok()?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| lab_of_fabric(name).is_some() && engine(Path::new(name)) == Some(pid))
        .find_map(|name| lab_of_fabric(&name).map(str::to_owned))
}

/// Returns those of the namespaces that belong to a running lab, each with its lab.
pub(super) fn namespaces<'a>(
    netns_dir: &Path,
    names: impl IntoIterator<Item = &'a String>,
) -> BTreeMap<String, String> {
    let lab = |name: &String| Some((name.clone(), lab_of_namespace(netns_dir, name)?));
    names.into_iter().filter_map(lab).collect()
}

/// Returns those of the links that belong to a running lab, each with its lab. Only root learns of any.
pub(super) fn links(labs: &Path, links: &BTreeSet<String>) -> BTreeMap<String, String> {
    let labs = LabDir::list(labs).unwrap_or_default();
    let made = labs.into_iter().filter(|lab| lab.live).flat_map(|lab| {
        let made = Context::of(&lab.path).and_then(|context| entries(&context).ok());
        let links = made.unwrap_or_default().into_iter().filter_map(|made| match made {
            Undo::HostLink { name, .. } => Some(name),
            _ => None,
        });
        links.map(move |link| (link, lab.lab.clone())).collect::<Vec<_>>()
    });
    made.filter(|(link, _)| links.contains(link)).collect()
}
