//! What labs share on the host: the first that needs it makes it, the last that goes sets it back, in whatever order they
//! end, and also if they crash.
//!
//! The claims are a file beside the lab directories, changed only under the lock of that directory. A claim of a lab whose
//! engine is dead counts for nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    labdir,
    lock::RootLock,
    undo::{Refusal, remove_directory},
};
use crate::presence::if_there;

/// Name of the file; no lab's name begins with a dot.
const FILE: &str = ".claims";
/// Name of the file that is about to replace it.
const NEXT: &str = ".claims.new";

/// A sysctl that labs have claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sysctl {
    /// Its value before the first of them came.
    pub(super) before: String,
    /// Values, by path below `/proc/sys`, that the kernel changes along with it.
    pub(super) along: BTreeMap<String, String>,
    /// The labs.
    pub(super) labs: BTreeSet<String>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Content {
    sysctls: BTreeMap<String, Sysctl>,
    directories: BTreeMap<PathBuf, BTreeSet<String>>,
}

/// The claims of all labs, locked.
#[derive(Debug)]
pub(super) struct Claims {
    root: PathBuf,
    content: Content,
    _lock: RootLock,
}

impl Claims {
    /// Waits for the lock and reads the claims.
    pub(super) fn open(root: &Path) -> Result<Self, Refusal> {
        let lock = RootLock::take(root)?;
        // Left by somebody who was killed before it was complete: whoever writes it holds the lock.
        if_there(fs::remove_file(root.join(NEXT)))?;
        let content = if_there(fs::read(root.join(FILE)))?.map_or_else(Content::default, |bytes| {
            serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                // It is only ever replaced as a whole, so somebody else has been here; nothing can be known from it.
                tracing::warn!(%error, path = %root.join(FILE).display(), "the claims of other labs are unreadable and ignored");
                Content::default()
            })
        });
        Ok(Self {
            root: root.to_owned(),
            content,
            _lock: lock,
        })
    }

    /// Claims a sysctl for a lab. `read` tells what is there before the first claim.
    pub(super) fn claim_sysctl(
        &mut self,
        lab: &str,
        path: &str,
        read: impl FnOnce() -> io::Result<Sysctl>,
    ) -> io::Result<()> {
        let sysctl = match self.content.sysctls.remove(path) {
            Some(sysctl) => sysctl,
            None => read()?,
        };
        let sysctl = self.content.sysctls.entry(path.to_owned()).or_insert(sysctl);
        sysctl.labs.retain(|other| labdir::is_live(&self.root.join(other)));
        sysctl.labs.insert(lab.to_owned());
        self.save()
    }

    /// Gives a lab's claim on a sysctl back. If it was the last, `restore` sets the sysctl back; returns whether that was so
    /// and anything was changed.
    pub(super) fn release_sysctl(
        &mut self,
        lab: &str,
        path: &str,
        restore: impl FnOnce(&Sysctl) -> Result<bool, Refusal>,
    ) -> Result<bool, Refusal> {
        let Some(sysctl) = self.content.sysctls.get_mut(path) else {
            return Ok(false);
        };
        sysctl.labs.remove(lab);
        sysctl.labs.retain(|other| labdir::is_live(&self.root.join(other)));
        let mut result = Ok(false);
        if sysctl.labs.is_empty() {
            result = restore(sysctl);
            if !matches!(result, Err(Refusal::Io(_))) {
                self.content.sysctls.remove(path);
            }
        }
        self.save()?;
        result
    }

    /// Whether a lab that wants to use a directory has to claim it: it is missing, or another lab made it.
    pub(super) fn concerns_directory(&self, lab: &str, path: &Path) -> bool {
        match self.content.directories.get(path) {
            Some(claimed) => !claimed.contains(lab) || !path.is_dir(),
            None => !path.is_dir(),
        }
    }

    /// Claims a directory for a lab and makes it (0755) if it is missing.
    pub(super) fn claim_directory(&mut self, lab: &str, path: &Path) -> io::Result<()> {
        let claimed = self.content.directories.entry(path.to_owned()).or_default();
        if claimed.insert(lab.to_owned()) {
            self.save()?;
        }
        match fs::create_dir(path) {
            // Not left to the umask: everybody may look namespaces up.
            Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o755)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Gives a lab's claim on a directory back. The last one removes it; returns whether that was so.
    pub(super) fn release_directory(&mut self, lab: &str, path: &Path) -> Result<bool, Refusal> {
        let Some(claimed) = self.content.directories.get_mut(path) else {
            return Ok(false);
        };
        claimed.remove(lab);
        claimed.retain(|other| labdir::is_live(&self.root.join(other)));
        let mut result = Ok(false);
        if claimed.is_empty() {
            result = remove_directory(path);
            if !matches!(result, Err(Refusal::Io(_))) {
                self.content.directories.remove(path);
            }
        }
        self.save()?;
        result
    }

    fn save(&self) -> io::Result<()> {
        let path = self.root.join(FILE);
        if self.content == Content::default() {
            return if_there(fs::remove_file(&path)).map(drop);
        }
        let new = self.root.join(NEXT);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(&serde_json::to_vec(&self.content)?)?;
        fs::rename(new, path)
    }
}
