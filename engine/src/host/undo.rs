//! The things a lab makes on the host that don't vanish with it, and how each is undone: only if it still is what the lab
//! made, and as often as one likes.

use std::{
    fmt,
    fs::{self, File},
    io,
    os::fd::AsRawFd,
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket, sockopt::PeerCredentials},
};
use serde::{Deserialize, Serialize};

use super::{
    claims::Claims, firewall, lock::LockFile, program::ProgramError, publish, stray_link, stray_process, sysctl,
};
use crate::presence::{if_there, is_at};

/// Something a lab makes, with all that is needed to undo it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "made", rename_all = "kebab-case")]
pub enum Undo {
    /// A namespace's name under `/run/netns`: a symbolic link.
    Netns {
        /// The link.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// A symbolic link (to a pseudo terminal, for example).
    Symlink {
        /// The link.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// A stream socket's file.
    Socket {
        /// The file.
        path: PathBuf,
    },
    /// Hidden files in a directory whose names end so and on which nobody holds a lock of flock(2): what a crash leaves of files that
    /// somebody has or makes.
    Unlocked {
        /// The directory.
        directory: PathBuf,
        /// How their names may end.
        suffixes: Vec<String>,
    },
    /// A directory that other labs may use too, removed by the last of them if it is empty.
    SharedDirectory {
        /// The directory.
        path: PathBuf,
    },
    /// A sysctl that must be on for as long as some lab needs it.
    Sysctl {
        /// Path below `/proc/sys`.
        path: String,
    },
    /// A rule in a chain of iptables.
    IptablesRule {
        /// `iptables-nft`, `ip6tables-legacy`, ...
        program: String,
        /// Chain and rule as the program takes them after `-I`, `-C` or `-D`.
        rule: Vec<String>,
    },
    /// Rules in a chain of nftables.
    NftRules {
        /// `ip`, `ip6` or `inet`.
        family: String,
        /// The table.
        table: String,
        /// The chain.
        chain: String,
        /// The comment that marks the lab's rules.
        comment: String,
    },
    /// The processes of one run of the lab. Its keeper kills them; this is for those that outlived both keeper and engine.
    Processes {
        /// The mark of the run, random.
        mark: String,
    },
    /// A link in the host's namespace. The kernel removes it along with the fabric, but does so after the engine has ended.
    HostLink {
        /// Name of the link.
        name: String,
        /// Its MAC address, as text.
        mac: String,
    },
}

/// Whose things are undone.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// Directory of all labs, `/run/placemat2`.
    pub(super) root: PathBuf,
    /// Name of the lab.
    pub(super) lab: String,
    /// The engine that made them, if it is known. Its sockets can still seem to be listened on while it dies: the kernel
    /// closes its descriptors one after another, and a program it was about to start has them for a moment longer.
    pub(super) engine: Option<u32>,
}

impl Context {
    /// The context of a lab directory; `None` for a path that can't be one.
    pub(super) fn of(lab_dir: &Path) -> Option<Self> {
        Some(Self {
            root: lab_dir.parent()?.to_owned(),
            lab: lab_dir.file_name()?.to_str()?.to_owned(),
            engine: None,
        })
    }

    /// The lab's directory.
    pub(super) fn lab_dir(&self) -> PathBuf {
        self.root.join(&self.lab)
    }
}

/// How an undoing went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// It was there and is gone, or was set back.
    Removed(String),
    /// It was gone already, or never made.
    Nothing,
    /// Something else is there now, which is left alone: why.
    Left(String),
}

/// Something could not be undone.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// A file, directory, socket, link or sysctl.
    #[error("Cannot remove {what}: {source}.")]
    System {
        /// What should have gone.
        what: String,
        /// Why it did not.
        source: io::Error,
    },
    /// A firewall rule.
    #[error("Cannot remove a rule of the lab from the firewall: {0}")]
    Program(#[from] ProgramError),
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Netns { path, .. } => write!(f, "namespace name {}", path.display()),
            Self::Symlink { path, .. } => write!(f, "symbolic link {}", path.display()),
            Self::Socket { path } => write!(f, "socket {}", path.display()),
            Self::Unlocked { directory, .. } => write!(f, "unfinished files in {}", directory.display()),
            Self::SharedDirectory { path } => write!(f, "directory {}", path.display()),
            Self::Sysctl { path } => write!(f, "setting of sysctl {}", path.replace('/', ".")),
            Self::IptablesRule { program, rule } => write!(f, "rule `{program} -I {}`", rule.join(" ")),
            Self::NftRules {
                family, table, chain, ..
            } => write!(f, "rules in the nftables chain {family} {table} {chain}"),
            Self::Processes { .. } => f.write_str("processes"),
            Self::HostLink { name, .. } => write!(f, "link {name}"),
        }
    }
}

impl Undo {
    /// Undoes it. The caller holds the work lock `work`.
    pub(super) fn undo(&self, context: &Context, work: &LockFile) -> Result<Undone, UndoError> {
        let result = match self {
            Self::Netns { path, target } => publish::withdraw(path, target),
            Self::Symlink { path, target } => remove_symlink(path, target),
            Self::Socket { path } => remove_socket(path, context.engine),
            Self::Unlocked { directory, suffixes } => remove_unlocked(directory, suffixes).map_err(Refusal::from),
            Self::SharedDirectory { path } => {
                Claims::open(&context.root).and_then(|mut claims| claims.release_directory(&context.lab, path))
            }
            Self::Sysctl { path } => sysctl::release(context, path),
            Self::Processes { mark } => stray_process::kill(mark),
            Self::HostLink { name, mac } => stray_link::remove(context, name, mac),
            Self::IptablesRule { program, rule } => {
                return Ok(self.removed_if(firewall::iptables::delete(program, rule, work)?));
            }
            Self::NftRules {
                family,
                table,
                chain,
                comment,
            } => return Ok(self.removed_if(firewall::nft::delete(family, table, chain, comment, work)?)),
        };
        match result {
            Ok(true) => Ok(Undone::Removed(self.to_string())),
            Ok(false) => Ok(Undone::Nothing),
            Err(Refusal::Other(why)) => Ok(Undone::Left(format!("{self}: {why}"))),
            Err(Refusal::Io(source)) => Err(UndoError::System {
                what: self.to_string(),
                source,
            }),
        }
    }

    fn removed_if(&self, removed: bool) -> Undone {
        if removed {
            Undone::Removed(self.to_string())
        } else {
            Undone::Nothing
        }
    }
}

/// Why a thing is still there.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It is not, or no longer, the lab's.
    Other(&'static str),
    /// The kernel refused.
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Other(why) => Self::other(why),
            Refusal::Io(error) => error,
        }
    }
}

impl From<Errno> for Refusal {
    fn from(errno: Errno) -> Self {
        Self::Io(errno.into())
    }
}

/// Removes a symbolic link that points to `target`; returns whether it was there.
pub(super) fn remove_symlink(path: &Path, target: &Path) -> Result<bool, Refusal> {
    match fs::read_link(path) {
        Ok(found) if found == target => Ok(remove(path)?),
        Ok(_) => Err(Refusal::Other("it points elsewhere now")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        // EINVAL: something that is not a symbolic link.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            Err(Refusal::Other("it is no symbolic link any more"))
        }
        Err(error) => Err(error.into()),
    }
}

fn remove_socket(path: &Path, engine: Option<u32>) -> Result<bool, Refusal> {
    let Some(metadata) = look(path)? else { return Ok(false) };
    if !metadata.file_type().is_socket() {
        return Err(Refusal::Other("it is no socket any more"));
    }
    let listener = listener(path)?;
    if listener.is_some() && listener != engine {
        return Err(Refusal::Other("a process listens on it"));
    }
    // Whoever took the path over in the meantime has made another file.
    match look(path)? {
        Some(now) if (now.dev(), now.ino()) == (metadata.dev(), metadata.ino()) => Ok(remove(path)?),
        Some(_) => Err(Refusal::Other("another socket took its place")),
        None => Ok(false),
    }
}

/// Removes hidden files that nobody has locked; returns whether there were any.
fn remove_unlocked(directory: &Path, suffixes: &[String]) -> io::Result<bool> {
    let Some(dir) = if_there(File::open(directory))? else {
        return Ok(false);
    };
    // Who makes such a file has this lock until the file has its own.
    dir.lock()?;
    let mut removed = false;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with('.') || !suffixes.iter().any(|suffix| name.ends_with(suffix)) {
            continue;
        }
        // Whatever it is, opening it must not wait or lead elsewhere.
        let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
        let file = File::options().read(true).custom_flags(flags).open(entry.path());
        // It may be gone, or be no file at all.
        let Ok(file) = file else { continue };
        if file.try_lock().is_ok() && is_at(&file, &entry.path())? {
            removed |= remove(&entry.path())?;
        }
    }
    Ok(removed)
}

/// Removes an empty directory; returns whether it was there.
pub(super) fn remove_directory(path: &Path) -> Result<bool, Refusal> {
    match fs::remove_dir(path) {
        Ok(()) => Ok(true),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => Ok(false),
            io::ErrorKind::DirectoryNotEmpty => Err(Refusal::Other("it is not empty")),
            io::ErrorKind::NotADirectory => Err(Refusal::Other("it is no directory any more")),
            // `ip netns add` mounts /run/netns onto itself.
            io::ErrorKind::ResourceBusy => Err(Refusal::Other("it is a mount point now")),
            _ => Err(error.into()),
        },
    }
}

fn look(path: &Path) -> io::Result<Option<fs::Metadata>> {
    if_there(fs::symlink_metadata(path))
}

/// Removes what is no directory; returns whether it was there: somebody else may have been faster.
fn remove(path: &Path) -> io::Result<bool> {
    Ok(if_there(fs::remove_file(path))?.is_some())
}

/// The process that listens on a socket's file, 0 if it can't be told; `None` if there is none.
fn listener(path: &Path) -> Result<Option<u32>, Refusal> {
    let address = UnixAddr::new(path)?;
    // Non-blocking: a listener whose queue is full answers EAGAIN instead of making us wait.
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let client = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    match connect(client.as_raw_fd(), &address) {
        Ok(()) => {
            // The listener's, as of its listen(2): unix(7).
            let peer = getsockopt(&client, PeerCredentials)?;
            Ok(Some(u32::try_from(peer.pid()).unwrap_or(0)))
        }
        Err(Errno::ECONNREFUSED | Errno::ENOENT) => Ok(None),
        // EAGAIN: its queue is full. EPROTOTYPE: it is bound, but of another type.
        Err(Errno::EAGAIN | Errno::EPROTOTYPE) => Ok(Some(0)),
        Err(errno) => Err(errno.into()),
    }
}
