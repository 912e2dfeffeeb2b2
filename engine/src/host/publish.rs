//! Namespaces by name: symbolic links in `/run/netns` to descriptors of the engine, as `ip netns exec`, `ip -n` and
//! `nsenter --net=` follow them. They dangle as soon as the engine is dead.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{
    claims::Claims,
    record::{RecordError, Recorder},
    undo::{Refusal, Undo, remove_symlink},
    whose,
};
use crate::presence::if_there;

/// Why a namespace can't be given its name.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The name is in use.
    #[error(
        "The namespace name {name} is already taken by {path}; remove that (ip netns delete {name}), or rename the namespace \
         in the lab file."
    )]
    Taken {
        /// The name.
        name: String,
        /// The file that has it.
        path: PathBuf,
    },
    /// The name is in use by a running lab.
    #[error(
        "The namespace name {name} is already taken by {}, process {pid} ({path}); stop that lab, or rename the namespace in \
         the lab file.",
        lab.as_ref().map_or("a running lab".to_owned(), |lab| format!("the running lab {lab}"))
    )]
    Live {
        /// The name.
        name: String,
        /// The link that has it.
        path: PathBuf,
        /// The process it points to.
        pid: u32,
        /// The lab of that process, if it has told its name.
        lab: Option<String>,
    },
    /// The kernel refused.
    #[error("The namespace {name} cannot be made known as {path}: {source}.")]
    System {
        /// The name.
        name: String,
        /// The link.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Makes a namespace known as `netns_dir/name`: a symbolic link to `target`, a `/proc/PID/fd/N` of this process. The directory
/// is made if it is missing, and removed by the last lab that used it if a lab made it.
///
/// A link of a dead engine is replaced; anything else under that name is left alone and an error. A few file system calls;
/// blocks while somebody else changes the directory.
pub fn publish_netns(recorder: &Recorder, netns_dir: &Path, name: &str, target: &Path) -> Result<(), PublishError> {
    let path = netns_dir.join(name);
    let system = |source| PublishError::System {
        name: name.to_owned(),
        path: path.clone(),
        source,
    };
    let plain_name = Path::new(name).file_name().is_some_and(|file| file == name);
    if !plain_name {
        return Err(system(io::Error::from(io::ErrorKind::InvalidInput)));
    }
    claim_dir(recorder, netns_dir, &system)?;
    let undo = Undo::Netns {
        path: path.clone(),
        target: target.to_owned(),
    };
    recorder.make(&undo, || {
        let _lock = lock_dir(netns_dir).map_err(system)?;
        match owner(&path).map_err(system)? {
            Owner::Nobody => {}
            Owner::DeadEngine => fs::remove_file(&path).map_err(system)?,
            Owner::Engine(pid) => {
                let lab = whose::lab_of_namespace(netns_dir, name);
                let (name, path) = (name.to_owned(), path.clone());
                return Err(PublishError::Live { name, path, pid, lab });
            }
            Owner::Other => {
                let (name, path) = (name.to_owned(), path.clone());
                return Err(PublishError::Taken { name, path });
            }
        }
        symlink(target, &path).map_err(system)
    })
}

/// Takes a name back if the link still points to `target`; returns whether it was there.
pub(super) fn withdraw(path: &Path, target: &Path) -> Result<bool, Refusal> {
    let dir = path.parent().unwrap_or(path);
    let Some(_lock) = if_there(lock_dir(dir))? else {
        return Ok(false);
    };
    remove_symlink(path, target)
}

fn claim_dir(
    recorder: &Recorder,
    netns_dir: &Path,
    system: &impl Fn(io::Error) -> PublishError,
) -> Result<(), PublishError> {
    /// The second of two namespaces that get their names at once would find the directory there, and take it for one that no lab made.
    static CLAIMING: Mutex<()> = Mutex::new(());
    let _turn = CLAIMING.lock().unwrap_or_else(PoisonError::into_inner);
    let open = || Claims::open(recorder.root()).map_err(|refusal| system(refusal.into()));
    if !open()?.concerns_directory(recorder.lab(), netns_dir) {
        return Ok(());
    }
    let undo = Undo::SharedDirectory {
        path: netns_dir.to_owned(),
    };
    // The lock of the record comes before that of the claims, as everywhere.
    recorder.make(&undo, || {
        open()?.claim_directory(recorder.lab(), netns_dir).map_err(system)
    })
}

/// `ip netns add` takes the same lock.
fn lock_dir(dir: &Path) -> io::Result<File> {
    let dir = File::open(dir)?;
    dir.lock()?;
    Ok(dir)
}

/// Who has a name.
enum Owner {
    Nobody,
    Engine(u32),
    DeadEngine,
    Other,
}

fn owner(path: &Path) -> io::Result<Owner> {
    match fs::read_link(path) {
        Ok(target) => {
            let Some(pid) = engine_of(&target) else {
                return Ok(Owner::Other);
            };
            // A descriptor of a namespace reads as `net:[INODE]`. The process id may be another process's by now, which has
            // something else under that number or nothing.
            let live = match fs::read_link(&target) {
                Ok(found) => found.as_os_str().as_encoded_bytes().starts_with(b"net:["),
                // Whoever may not look can't tell.
                Err(error) => error.kind() != io::ErrorKind::NotFound,
            };
            Ok(if live { Owner::Engine(pid) } else { Owner::DeadEngine })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Owner::Nobody),
        // EINVAL: no symbolic link.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(Owner::Other),
        Err(error) => Err(error),
    }
}

/// Whether a name is a link of an engine that died, which the start of a lab replaces.
pub(super) fn is_left_behind(path: &Path) -> bool {
    matches!(owner(path), Ok(Owner::DeadEngine))
}

/// Returns the engine that has a name and runs.
pub(super) fn engine(path: &Path) -> Option<u32> {
    match owner(path) {
        Ok(Owner::Engine(pid)) => Some(pid),
        _ => None,
    }
}

/// The process of a `/proc/PID/fd/N`.
fn engine_of(target: &Path) -> Option<u32> {
    let (pid, fd) = target.to_str()?.strip_prefix("/proc/")?.split_once("/fd/")?;
    fd.parse::<u32>().ok()?;
    pid.parse().ok()
}
