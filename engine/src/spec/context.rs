//! What is shared by all that read and check: the sources, the findings, and what was defined and referred to so far.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    net::IpAddr,
    path::{Component, Path, PathBuf},
};

use ipnet::IpNet;

use super::{
    destination::Protocol,
    diagnostic::{Code, Collector, Finding, quote, quote_path},
    disk::{Files, Found},
    fields::Text,
    model::{Object, Place, Until},
    source::Sources,
    suggest::did_you_mean,
    tree::Mark,
};

/// What a name can name across all files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// A network.
    Network,
    /// A network namespace.
    Namespace,
    /// A disk image.
    Image,
    /// A directory for volumes.
    DeviceClass,
    /// A virtual machine.
    Node,
}

impl Category {
    /// Returns what messages call it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Namespace => "namespace",
            Self::Image => "image",
            Self::DeviceClass => "device class",
            Self::Node => "node",
        }
    }
}

/// A name used somewhere that must be defined somewhere.
pub struct Reference {
    /// What it names.
    pub category: Category,
    /// The name.
    pub name: String,
    /// Where it is used.
    pub mark: Mark,
}

/// An address wanted on a network.
pub struct Claim {
    /// Name of the network.
    pub network: String,
    /// The address with its prefix length.
    pub address: IpNet,
    /// Where it is written.
    pub mark: Mark,
}

/// A port of the host that a forward listens on.
pub struct PortClaim {
    /// What the forward carries.
    pub protocol: Protocol,
    /// The port.
    pub port: u16,
    /// Where it is written.
    pub mark: Mark,
}

/// A MAC that a NIC is given.
pub struct MacClaim {
    /// The MAC.
    pub mac: [u8; 6],
    /// Where it is written.
    pub mark: Mark,
}

/// A file that an app is told to write its process id to, or to listen on.
pub struct SharedFile {
    /// The file, absolute.
    pub path: PathBuf,
    /// Namespace of the app.
    pub namespace: String,
    /// Name of the app.
    pub app: String,
    /// Where it is written.
    pub mark: Mark,
}

/// The address of a BMC.
pub struct BmcClaim {
    /// The node whose BMC it is.
    pub node: String,
    /// The address.
    pub address: IpAddr,
    /// Where it is written.
    pub mark: Mark,
}

/// An entry of `depends-on`.
pub struct Wait {
    /// What waits.
    pub waiter: Object,
    /// For what it waits.
    pub object: Object,
    /// How far that must be.
    pub until: Until,
    /// Where it is written.
    pub mark: Mark,
}

/// State of one load.
pub struct Context<'a> {
    /// The lab files.
    pub sources: &'a Sources,
    /// Where the lab's relative paths start.
    pub base_dir: &'a Path,
    /// What is wrong so far.
    pub collector: Collector,
    /// Where each name was defined first.
    pub defined: BTreeMap<Category, BTreeMap<String, Mark>>,
    /// Names whose resource is broken beyond knowing what it is; nobody is told that they don't exist.
    pub unsure: HashSet<String>,
    /// Whether some resource may have been missed, so that a name not defined means nothing.
    pub incomplete: bool,
    /// Names used.
    pub references: Vec<Reference>,
    /// Addresses of the host's interfaces.
    pub host_addresses: Vec<Claim>,
    /// Addresses in namespaces.
    pub addresses: Vec<Claim>,
    /// Ports of the host.
    pub ports: Vec<PortClaim>,
    /// Addresses of BMCs.
    pub bmcs: Vec<BmcClaim>,
    /// Names and prefixes of the networks that BMCs can have addresses in.
    pub bmc_networks: Vec<(String, IpNet)>,
    /// MACs of NICs.
    pub macs: Vec<MacClaim>,
    /// Files that apps write.
    pub shared_files: Vec<SharedFile>,
    /// Names of apps, by namespace.
    pub apps: BTreeMap<String, BTreeSet<String>>,
    /// Nodes that are not powered on with the lab.
    pub idle: HashSet<String>,
    /// Things whose readiness is looked at from a namespace.
    pub lookouts: Vec<(Object, String)>,
    /// What waits for what.
    pub waits: Vec<Wait>,
    files: &'a dyn Files,
}

impl<'a> Context<'a> {
    /// Begins a load.
    pub fn new(sources: &'a Sources, base_dir: &'a Path, files: &'a dyn Files) -> Self {
        Self {
            sources,
            base_dir,
            collector: Collector::default(),
            defined: BTreeMap::new(),
            unsure: HashSet::new(),
            incomplete: false,
            references: Vec::new(),
            host_addresses: Vec::new(),
            addresses: Vec::new(),
            ports: Vec::new(),
            bmcs: Vec::new(),
            bmc_networks: Vec::new(),
            macs: Vec::new(),
            shared_files: Vec::new(),
            apps: BTreeMap::new(),
            idle: HashSet::new(),
            lookouts: Vec::new(),
            waits: Vec::new(),
            files,
        }
    }

    /// Takes a finding.
    pub fn report(&mut self, finding: Finding) {
        self.collector.add(finding, self.sources);
    }

    /// Returns the place a mark begins at.
    pub fn place(&self, mark: Mark) -> Place {
        self.sources.place(mark)
    }

    /// Notes that a name is taken; a second taker is an error.
    pub fn define(&mut self, category: Category, name: Text<'_>) {
        let taken = self.defined.entry(category).or_default();
        if let Some(&first) = taken.get(name.text) {
            let message = format!("There is another {} {}.", category.noun(), quote(name.text));
            self.report(already_named(message, name, first));
        } else {
            taken.insert(name.text.to_owned(), name.mark);
        }
    }

    /// Notes that a name is used and returns it.
    pub fn refer(&mut self, category: Category, name: Text<'_>) -> String {
        self.references.push(Reference {
            category,
            name: name.text.to_owned(),
            mark: name.mark,
        });
        name.text.to_owned()
    }

    /// Notes that an object's readiness is looked at from a namespace.
    pub fn looks_from(&mut self, object: &Object, namespace: Text<'_>) {
        self.lookouts.push((object.clone(), namespace.text.to_owned()));
    }

    /// Complains of a value that is not one of those allowed.
    pub fn not_one_of(&mut self, what: &str, value: Text<'_>, allowed: &[&str]) {
        let choices = allowed
            .iter()
            .map(|choice| format!("`{choice}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let finding = Finding::error(
            Code::InvalidValue,
            value.mark,
            format!("{what} can't be {}.", quote(value.text)),
        )
        .hint(format!("It is one of {choices}."))
        .maybe_hint(did_you_mean(value.text, allowed.iter().copied()));
        self.report(finding);
    }

    /// Returns a path of a lab file as an absolute one.
    pub fn absolute(&self, path: &str) -> PathBuf {
        let joined = self.base_dir.join(path);
        joined
            .components()
            .filter(|component| *component != Component::CurDir)
            .collect()
    }

    /// Returns the absolute path of a file that must exist and be readable.
    pub fn readable_file(&mut self, what: &str, path: Text<'_>) -> PathBuf {
        self.file(what, path, false)
    }

    /// Where files are.
    pub fn files(&self) -> &dyn Files {
        self.files
    }

    /// Returns the absolute path of a file that must exist and be executable.
    pub fn executable_file(&mut self, what: &str, path: Text<'_>) -> PathBuf {
        self.file(what, path, true)
    }

    fn file(&mut self, what: &str, path: Text<'_>, to_execute: bool) -> PathBuf {
        let absolute = self.absolute(path.text);
        let shown = quote_path(&absolute);
        let (problem, hint) = match self.files.find(&absolute) {
            Found::Missing => {
                let base = quote_path(self.base_dir);
                let hint = (!Path::new(path.text).is_absolute())
                    .then(|| format!("Relative paths start at the directory of the first lab file, {base}."));
                (format!("{what} does not exist: {shown}."), hint)
            }
            Found::Directory => (format!("{what} is a directory: {shown}."), None),
            Found::Unknown(reason) => (format!("{what} can't be looked at: {shown}: {reason}."), None),
            Found::File { executable: false, .. } if to_execute => (
                format!("{what} is not executable: {shown}."),
                Some("Make it so with `chmod +x`.".to_owned()),
            ),
            Found::File { readable: false, .. } if !to_execute => {
                (format!("{what} can't be read by this user: {shown}."), None)
            }
            Found::File { .. } => return absolute,
        };
        self.report(Finding::error(Code::File, path.mark, problem).maybe_hint(hint));
        absolute
    }

    /// Returns an address with its prefix length.
    pub fn cidr(&mut self, what: &str, text: Text<'_>) -> Option<IpNet> {
        if let Ok(net) = text.text.parse::<IpNet>() {
            let Some(problem) = unassignable(net.addr()) else {
                return Some(net);
            };
            let message = format!("{what} can't be {}: {problem}.", quote(text.text));
            self.report(
                Finding::error(Code::InvalidValue, text.mark, message)
                    .hint("It is the address of one interface, such as `10.0.0.1/24` or `fd00::1/64`."),
            );
            return None;
        }
        let message = format!("{what} is not an address with a prefix length: {}.", quote(text.text));
        let finding = Finding::error(Code::InvalidValue, text.mark, message);
        self.report(match text.text.parse::<IpAddr>() {
            Ok(IpAddr::V4(address)) => finding.hint(format!("Add the prefix length, as in `{address}/24`.")),
            Ok(IpAddr::V6(address)) => finding.hint(format!("Add the prefix length, as in `{address}/64`.")),
            Err(_) => finding.hint("It looks like `10.0.0.1/24` or `fd00::1/64`."),
        });
        None
    }
}

/// Returns why no interface of a lab can have an address (RFC 6890 and RFC 5771; RFC 4291, 2.5 and 2.7), as a clause.
fn unassignable(address: IpAddr) -> Option<&'static str> {
    if address.is_unspecified() {
        Some("it stands for no address at all")
    } else if address.is_loopback() {
        Some("it leads back to whoever uses it")
    } else if address.is_multicast() {
        Some("it is that of a group")
    } else {
        None
    }
}

/// Says that a name is taken, and where that was done.
pub fn already_named(message: String, name: Text<'_>, first: Mark) -> Finding {
    Finding::error(Code::DuplicateName, name.mark, message)
        .related(first, "The name is first given here.")
        .hint("Give one of them another name.")
}
