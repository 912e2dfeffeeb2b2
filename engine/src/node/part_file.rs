//! Files that appear complete or not at all: made under another name in the same directory, then renamed into place.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, Flock, FlockArg, RenameFlags, renameat2},
};

use crate::presence::if_there;

/// Ends the name of a file that is being made. Who makes it holds a lock on it: one without a lock was left by a crash.
pub(super) const SUFFIX: &str = ".part";

/// A file being made. Dropped before it is complete, it is removed.
pub(super) struct PartFile {
    file: Flock<File>,
    path: PathBuf,
    target: PathBuf,
}

impl PartFile {
    /// Begins to make `target`, with the directories it is in, and removes what crashes left of earlier attempts.
    /// Blocks.
    pub(super) fn create(target: &Path, mode: u32) -> io::Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let (Some(dir), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file name"));
        };
        fs::create_dir_all(dir)?;
        // Held while a file has its name but not yet its lock, so that nobody takes it for a leftover.
        let _dir_lock = lock(File::open(dir)?, FlockArg::LockExclusive)?;
        let mut prefix = OsString::from(".");
        prefix.push(name);
        prefix.push(".");
        remove_leftovers(dir, &prefix)?;
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        prefix.push(format!("{}-{count}{SUFFIX}", std::process::id()));
        let path = dir.join(prefix);
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&path)?;
        let file = lock(file, FlockArg::LockExclusiveNonblock)?;
        let target = target.to_owned();
        Ok(Self { file, path, target })
    }

    /// Where it is for now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Puts the complete file into place. If somebody else was faster, theirs stays.
    pub(super) fn commit(self) -> io::Result<()> {
        // If it could not be put there, dropping removes it.
        place(&self.path, &self.target).map(drop)
    }

    /// Puts the complete file into the place of another.
    pub(super) fn replace(self) -> io::Result<()> {
        // If it could not be put there, dropping removes it.
        fs::rename(&self.path, &self.target)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // After the rename there is nothing of this name.
        drop(fs::remove_file(&self.path));
    }
}

/// Puts a complete file into place. If there is one already, that stays, and this tells `false`.
pub(super) fn place(file: &Path, target: &Path) -> io::Result<bool> {
    match renameat2(AT_FDCWD, file, AT_FDCWD, target, RenameFlags::RENAME_NOREPLACE) {
        Ok(()) => Ok(true),
        Err(Errno::EEXIST) => Ok(false),
        // File systems that don't know the flag.
        Err(Errno::EINVAL) => fs::rename(file, target).map(|()| true),
        Err(error) => Err(error.into()),
    }
}

fn lock(file: File, how: FlockArg) -> io::Result<Flock<File>> {
    Flock::lock(file, how).map_err(|(_, error)| error.into())
}

fn remove_leftovers(dir: &Path, prefix: &OsStr) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if !name.as_bytes().starts_with(prefix.as_bytes()) || !name.as_bytes().ends_with(SUFFIX.as_bytes()) {
            continue;
        }
        // Whatever it is, opening it must not wait or lead elsewhere.
        let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
        let Ok(file) = File::options().read(true).custom_flags(flags).open(entry.path()) else {
            continue;
        };
        remove_leftover(file, &entry.path())?;
    }
    Ok(())
}

/// Removes a file that nobody makes any more. Whoever made it may have put it into place, or given it up, since it was opened.
fn remove_leftover(file: File, path: &Path) -> io::Result<()> {
    match lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(_lock) => if_there(fs::remove_file(path)).map(drop),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::node::testing::names;

    #[test]
    fn a_file_is_there_only_when_complete() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("deep/er/root.img");
        let part = PartFile::create(&target, 0o600).unwrap();
        part.file().write_all(b"disk").unwrap();
        assert!(!target.exists());
        part.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"disk");
        assert_eq!(names(&dir.path().join("deep/er")), ["root.img"]);
    }

    #[test]
    fn a_file_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(PartFile::create(&dir.path().join("root.img"), 0o600).unwrap());
        assert!(names(dir.path()).is_empty());
    }

    #[test]
    fn what_is_completed_while_it_is_looked_at_is_no_leftover() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("root.img");
        let part = PartFile::create(&target, 0o600).unwrap();
        let path = part.path().to_owned();
        let opened = File::open(&path).unwrap();
        remove_leftover(opened.try_clone().unwrap(), &path).unwrap();
        assert!(path.exists());
        part.commit().unwrap();
        remove_leftover(opened, &path).unwrap();
        assert_eq!(names(dir.path()), ["root.img"]);
    }

    #[test]
    fn leftovers_of_a_crash_go_and_files_being_made_stay() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("root.img");
        fs::write(dir.path().join(".root.img.1-0.part"), "half").unwrap();
        fs::write(dir.path().join(".other.img.1-0.part"), "half").unwrap();
        let first = PartFile::create(&target, 0o600).unwrap();
        let second = PartFile::create(&target, 0o600).unwrap();
        assert_eq!(names(dir.path()).len(), 3);
        first.file().write_all(b"first").unwrap();
        first.commit().unwrap();
        second.commit().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"first");
        assert_eq!(names(dir.path()), [".other.img.1-0.part", "root.img"]);
    }
}
