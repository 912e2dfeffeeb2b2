//! Locks of a lab directory: three bytes of one file, each taken for a reason of its own.
//!
//! They are open file description locks (`fcntl(2)`, F_OFD_SETLK): unlike `flock(2)` they can be asked about without being
//! taken, so that a listing of labs never makes a starting engine believe that its lab is running, and they go when the
//! last process that holds the description is gone, however it went.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::{
        fd::AsFd,
        unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    sys::memfd::{MFdFlags, memfd_create},
};

use crate::presence::{if_there, is_at};

/// Name of the lock file in a lab directory; it holds the engine's process id as text.
const FILE: &str = "lock";

/// How often a directory is made again that somebody has removed in between.
const MAX_RACES: usize = 100;

/// What is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Held by the engine for as long as it lives.
    Life,
    /// Held by the keeper for as long as it lives: a new engine waits until the processes of the old one are gone.
    Keeper,
    /// Held while a recorded thing is made by a program, or undone. The program inherits it, so that nobody undoes what a
    /// program that outlives a dead engine is just about to do.
    Work,
}

impl Part {
    fn range(self, kind: libc::c_int) -> libc::flock {
        let start = match self {
            Self::Life => 0,
            Self::Keeper => 1,
            Self::Work => 2,
        };
        // The constants are small and fit; their C types just differ between libc's definitions.
        #[allow(clippy::cast_possible_truncation)]
        libc::flock {
            l_type: kind as libc::c_short,
            l_whence: libc::SEEK_SET as libc::c_short,
            l_start: start,
            l_len: 1,
            l_pid: 0,
        }
    }
}

/// The lock file of a lab directory, open. Locks belong to this opening of the file and its duplicates.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
    path: PathBuf,
}

impl LockFile {
    /// Opens the lock file of a lab directory and makes it if it is missing.
    pub(super) fn create(lab_dir: &Path) -> io::Result<Self> {
        Self::open_with(lab_dir, true)
    }

    /// Opens the lock file of a lab directory.
    pub(super) fn open(lab_dir: &Path) -> io::Result<Self> {
        Self::open_with(lab_dir, false)
    }

    /// For programs that only look, for no lab: nobody else knows of it.
    pub(super) fn of_nobody() -> io::Result<Self> {
        let file = memfd_create("placemat2-lock", MFdFlags::MFD_CLOEXEC)?.into();
        Ok(Self {
            file,
            path: PathBuf::new(),
        })
    }

    fn open_with(lab_dir: &Path, create: bool) -> io::Result<Self> {
        let path = lab_dir.join(FILE);
        // `std` opens with O_CLOEXEC.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(create)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)?;
        Ok(Self { file, path })
    }

    /// Takes a lock if nobody else holds it; returns whether it is held now.
    pub(super) fn try_take(&self, part: Part) -> io::Result<bool> {
        match fcntl(self.file.as_fd(), FcntlArg::F_OFD_SETLK(&part.range(libc::F_WRLCK))) {
            Ok(_) => Ok(true),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes a lock, waiting for whoever holds it.
    pub(super) fn take(&self, part: Part) -> io::Result<()> {
        loop {
            match fcntl(self.file.as_fd(), FcntlArg::F_OFD_SETLKW(&part.range(libc::F_WRLCK))) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Gives a lock back.
    pub(super) fn give_back(&self, part: Part) -> io::Result<()> {
        fcntl(self.file.as_fd(), FcntlArg::F_OFD_SETLK(&part.range(libc::F_UNLCK)))?;
        Ok(())
    }

    /// Whether somebody else holds a lock.
    pub(super) fn held_elsewhere(&self, part: Part) -> io::Result<bool> {
        let mut range = part.range(libc::F_WRLCK);
        fcntl(self.file.as_fd(), FcntlArg::F_OFD_GETLK(&mut range))?;
        Ok(libc::c_int::from(range.l_type) != libc::F_UNLCK)
    }

    /// Whether the file is still the one in the lab directory, and not one whose directory has been removed meanwhile.
    pub(super) fn is_current(&self) -> io::Result<bool> {
        is_at(&self.file, &self.path)
    }

    /// Writes this process's id, for the messages of others.
    pub(super) fn write_pid(&self) -> io::Result<()> {
        let text = format!("{}\n", std::process::id());
        self.file.set_len(0)?;
        self.file.write_all_at(text.as_bytes(), 0)
    }

    /// The process id in the file, if there is one.
    pub(super) fn pid(&self) -> Option<u32> {
        let mut text = [0; 16];
        let len = self.file.read_at(&mut text, 0).ok()?;
        std::str::from_utf8(&text[..len]).ok()?.trim().parse().ok()
    }

    /// A duplicate that shares the locks, to be inherited by a program.
    pub(super) fn duplicate(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

/// Holds the lock of the directory all lab directories lie in, while something all labs share is read or changed.
#[derive(Debug)]
pub(super) struct RootLock {
    _dir: File,
}

impl RootLock {
    /// Makes the directory if it is missing and waits for the lock.
    pub(super) fn take(root: &Path) -> io::Result<Self> {
        loop {
            make_private_dir(root)?;
            let Some(dir) = if_there(File::open(root))? else {
                continue;
            };
            dir.lock()?;
            // The last lab to end may have removed the directory while this one waited.
            if is_at(&dir, root)? {
                return Ok(Self { _dir: dir });
            }
        }
    }
}

/// Makes a directory of mode 0700 and its parents; one that exists stays as it is.
pub(super) fn make_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    // Another lab's end may remove a directory between two looks at it. That happens a few times at worst.
    for _ in 0..MAX_RACES {
        match builder.create(path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists) => {}
            other => return other,
        }
    }
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_locked_apart_and_can_be_asked_about() {
        let dir = tempfile::tempdir().unwrap();
        let one = LockFile::create(dir.path()).unwrap();
        let two = LockFile::open(dir.path()).unwrap();
        assert!(one.try_take(Part::Life).unwrap());
        assert!(!two.try_take(Part::Life).unwrap());
        assert!(two.held_elsewhere(Part::Life).unwrap());
        assert!(!one.held_elsewhere(Part::Life).unwrap());
        assert!(!two.held_elsewhere(Part::Work).unwrap());
        assert!(two.try_take(Part::Work).unwrap());
        one.give_back(Part::Life).unwrap();
        assert!(two.try_take(Part::Life).unwrap());
    }

    #[test]
    fn a_duplicate_keeps_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let one = LockFile::create(dir.path()).unwrap();
        one.take(Part::Work).unwrap();
        let duplicate = one.duplicate().unwrap();
        drop(one);
        let two = LockFile::open(dir.path()).unwrap();
        assert!(!two.try_take(Part::Work).unwrap());
        drop(duplicate);
        assert!(two.try_take(Part::Work).unwrap());
    }

    #[test]
    fn the_pid_is_there_for_others() {
        let dir = tempfile::tempdir().unwrap();
        let lock = LockFile::create(dir.path()).unwrap();
        assert_eq!(lock.pid(), None);
        lock.write_pid().unwrap();
        assert_eq!(LockFile::open(dir.path()).unwrap().pid(), Some(std::process::id()));
        assert!(lock.is_current().unwrap());
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        assert!(!lock.is_current().unwrap());
    }
}
