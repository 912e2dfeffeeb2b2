//! Asks this host what a plan needs to know. Works without root; changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    net::IpAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use nix::{
    ifaddrs::{InterfaceAddress, getifaddrs},
    net::if_::{if_nameindex, if_nametoindex},
    sys::socket::SockaddrStorage,
};
use thiserror::Error;

pub use super::installed::{AskedQemu, ask_qemu};
use super::{device, firmware, installed, publish, user, whose};
use crate::{
    plan::{Facts, KeptPower, Mtu, Options, disk_dirs, nvram_file, power_file},
    presence::if_there,
    spec::model::Spec,
};

/// Why the host could not be asked.
#[derive(Debug, Error)]
pub enum FactsError {
    /// The kernel did not list its links.
    #[error("The links of this host can't be listed: {0}. Check the limits on open files and memory of this process.")]
    Links(#[source] nix::Error),
    /// The kernel did not list its addresses.
    #[error(
        "The addresses of this host can't be listed: {0}. Check the limits on open files and memory of this process."
    )]
    Addresses(#[source] nix::Error),
    /// The names of the namespaces could not be read.
    #[error("The network namespaces in `{}` can't be listed: {source}. Make the directory readable.", path.display())]
    Namespaces {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Returns what the plan of a lab needs to know of this host. Blocks for as long as QEMU takes to print its version,
/// unless that was asked for before.
pub fn gather(spec: &Spec, options: &Options, mtu: Mtu, qemu: Option<AskedQemu>) -> Result<Facts, FactsError> {
    let mut facts = gather_for_any(spec, options, mtu)?;
    if !spec.nodes.is_empty() {
        gather_for_nodes(spec, options, qemu, &mut facts);
    }
    Ok(facts)
}

/// Returns what [`gather`] does, and what only nodes need even if the lab has none.
pub fn gather_all(spec: &Spec, options: &Options, mtu: Mtu, qemu: Option<AskedQemu>) -> Result<Facts, FactsError> {
    let mut facts = gather_for_any(spec, options, mtu)?;
    gather_for_nodes(spec, options, qemu, &mut facts);
    Ok(facts)
}

/// Asks what every lab needs.
fn gather_for_any(spec: &Spec, options: &Options, mtu: Mtu) -> Result<Facts, FactsError> {
    let netns_dir = spec.base_dir.join(&options.netns_dir);
    let (links, namespaces) = (links(spec).map_err(FactsError::Links)?, namespaces(&netns_dir)?);
    // Whose they are is of interest only for those that this lab wants.
    let wanted = spec.namespaces.iter().map(|namespace| &namespace.name);
    let taken = wanted.filter(|name| namespaces.contains(*name));
    Ok(Facts {
        kvm: Err("no node needs it".to_owned()),
        vhost_net: false,
        tun: false,
        qemu: None,
        qemu_user: None,
        swtpm: None,
        virtiofsd: None,
        firmware: Vec::new(),
        nvram: BTreeMap::new(),
        power: BTreeMap::new(),
        buffered_only: BTreeSet::new(),
        mtu,
        labs_of_links: whose::links(&spec.base_dir.join(&options.lab_root), &links),
        labs_of_namespaces: whose::namespaces(&netns_dir, taken),
        links,
        prefixes: prefixes().map_err(FactsError::Addresses)?,
        namespaces,
    })
}

/// Asks what only nodes need.
fn gather_for_nodes(spec: &Spec, options: &Options, qemu: Option<AskedQemu>, facts: &mut Facts) {
    facts.qemu_user = options.qemu_user.as_deref().and_then(user::find);
    facts.kvm = device::kvm(facts.qemu_user.as_ref());
    facts.vhost_net = device::is_there("/dev/vhost-net");
    facts.tun = device::is_there("/dev/net/tun");
    facts.qemu = qemu.or_else(ask_qemu).map(AskedQemu::answer);
    facts.swtpm = installed::find("swtpm");
    facts.virtiofsd = installed::virtiofsd();
    facts.firmware = firmware::installed();
    facts.buffered_only = disk_dirs(spec, options)
        .into_iter()
        .filter(|directory| device::refuses_direct_io(directory))
        .collect();
    let data_dir = spec.base_dir.join(&options.data_dir);
    let stores = spec
        .nodes
        .iter()
        .filter(|node| node.uefi)
        .map(|node| nvram_file(&data_dir, &node.name));
    facts.nvram = stores
        .filter_map(|store| Some((fs::metadata(&store).ok()?.len(), store)))
        .map(|(size, store)| (store, size))
        .collect();
    let files = spec.nodes.iter().map(|node| power_file(&data_dir, &node.name));
    facts.power = files
        .filter_map(|file| Some((kept_power(&file)?, file)))
        .map(|(kept, file)| (file, kept))
        .collect();
}

/// What is kept of a node's power, if anything is.
fn kept_power(file: &Path) -> Option<KeptPower> {
    let read = if_there(fs::read(file)).transpose()?;
    let kept = read.and_then(|bytes| Ok(serde_json::from_slice(&bytes)?));
    kept.inspect_err(|error| {
        let file = file.display();
        tracing::warn!(
            "{file} can't be read, by which a node would be powered on or not: {error}. Its lab file decides"
        );
    })
    .ok()
}

/// Lists the names of the host's links, and those of the lab's names that are alternative names of a link.
fn links(spec: &Spec) -> nix::Result<BTreeSet<String>> {
    let listed = if_nameindex()?;
    let names = listed.iter().map(|link| link.name().to_string_lossy().into_owned());
    let taken = spec
        .networks
        .iter()
        .map(|network| &network.name)
        .filter(|name| if_nametoindex(name.as_str()).is_ok());
    Ok(names.chain(taken.cloned()).collect())
}

fn prefixes() -> nix::Result<Vec<(String, IpNet)>> {
    Ok(getifaddrs()?
        .filter_map(|interface| Some((interface.interface_name.clone(), prefix(&interface)?)))
        .collect())
}

fn prefix(interface: &InterfaceAddress) -> Option<IpNet> {
    let address = ip(interface.address.as_ref()?)?;
    let mask = ip(interface.netmask.as_ref()?)?;
    IpNet::with_netmask(address, mask).ok()
}

fn ip(address: &SockaddrStorage) -> Option<IpAddr> {
    let v4 = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
}

/// Lists the names under `/run/netns`. No such directory: none.
fn namespaces(directory: &Path) -> Result<BTreeSet<String>, FactsError> {
    let fail = |source| FactsError::Namespaces {
        path: directory.to_owned(),
        source,
    };
    let Some(entries) = if_there(fs::read_dir(directory)).map_err(fail)? else {
        return Ok(BTreeSet::new());
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry.map_err(fail)?;
        if !publish::is_left_behind(&entry.path()) {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::plan::MtuSource;
    use std::os::fd::AsRawFd as _;

    #[test]
    fn names_of_dead_engines_do_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("bind-mount"), "").unwrap();
        symlink("/proc/self/ns/net", at("alive")).unwrap();
        // No process has this number: the kernel's limit is 2^22.
        symlink("/proc/4194305/fd/7", at("dead")).unwrap();
        let other = fs::File::open(directory.path()).unwrap();
        let taken_over = format!("/proc/{}/fd/{}", std::process::id(), other.as_raw_fd());
        symlink(taken_over, at("number-taken-over")).unwrap();
        symlink("/nowhere", at("not-ours")).unwrap();
        let names = namespaces(directory.path()).unwrap();
        assert_eq!(
            names.iter().map(String::as_str).collect::<Vec<_>>(),
            ["alive", "bind-mount", "not-ours"]
        );
        assert!(namespaces(&at("missing")).unwrap().is_empty());
        assert!(matches!(
            namespaces(&at("bind-mount")),
            Err(FactsError::Namespaces { .. })
        ));
    }

    #[test]
    fn the_host_is_asked() {
        let spec = crate::plan::testing::Lab::new("one").node("n", &[]).spec();
        let mtu = Mtu {
            value: None,
            source: MtuSource::Default,
        };
        let facts = gather(&spec, &Options::default(), mtu, None).unwrap();
        assert!(facts.links.contains("lo"));
        let down = fs::read_to_string("/sys/class/net/lo/flags").is_ok_and(|flags| flags.trim() == "0x8");
        assert!(
            down || facts
                .prefixes
                .contains(&("lo".to_owned(), "127.0.0.1/8".parse().unwrap()))
        );
    }
}
