//! The files that a lab file names.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

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
}
