//! The files that a lab file names.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use nix::unistd::{AccessFlags, access};

/// What was found at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Missing,
    /// A directory.
    Directory,
    /// Anything else.
    File {
        /// Whether this process may read it.
        readable: bool,
        /// Whether somebody may execute it.
        executable: bool,
    },
    /// It can't be told, for this reason.
    Unknown(String),
}

/// Tells what is at a path; tests give answers without a disk.
pub trait Files {
    /// Returns what is at an absolute path, symbolic links followed.
    fn find(&self, path: &Path) -> Found;

    /// Returns what a file holds, but not much more than `limit` bytes of it. Where there is no disk, there is nothing to read.
    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let _ = (path, limit);
        Err(io::ErrorKind::NotFound.into())
    }

    /// Returns the one path of a file that may have several, as far as that can be told.
    fn identity(&self, path: &Path) -> PathBuf {
        let mut identity = PathBuf::new();
        for component in path.components() {
            match component {
                Component::CurDir => {}
                Component::ParentDir => {
                    identity.pop();
                }
                other => identity.push(other),
            }
        }
        identity
    }
}

/// The real file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn find(&self, path: &Path) -> Found {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Found::Directory,
            Ok(metadata) => Found::File {
                readable: access(path, AccessFlags::R_OK).is_ok(),
                executable: metadata.permissions().mode() & 0o111 != 0,
            },
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Found::Missing
            }
            Err(error) => Found::Unknown(error.to_string()),
        }
    }

    fn read(&self, path: &Path, limit: usize) -> io::Result<Vec<u8>> {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut bytes = Vec::new();
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn identity(&self, path: &Path) -> PathBuf {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
    }
}
