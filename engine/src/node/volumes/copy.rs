//! Copies of files that take as little room and time as the file system allows.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::fd::AsRawFd,
    path::Path,
};

use nix::{
    errno::Errno,
    unistd::{Whence, lseek},
};
use tokio_util::sync::CancellationToken;

use super::VolumeFault;

/// How much is copied between two looks at whether the lab goes down, in bytes.
const PIECE: u64 = 64 << 20;

nix::ioctl_write_int!(
    /// `FICLONE` of linux/fs.h: makes a file share all blocks of another.
    ficlone,
    0x94,
    9
);

/// Copies a file into an empty one: sharing its blocks where the file system can, else without its holes.
pub(super) fn copy(from: &Path, to: &File, cancel: &CancellationToken) -> Result<(), VolumeFault> {
    let unreadable = |source| VolumeFault::Read {
        file: from.into(),
        source,
    };
    let source = File::open(from).map_err(unreadable)?;
    let size = source.metadata().map_err(unreadable)?.len();
    if clone(&source, to).is_ok() {
        return Ok(());
    }
    let mut position = 0;
    while let Some((start, end)) = next_data(&source, position, size).map_err(unreadable)? {
        position = end.min(start + PIECE);
        if cancel.is_cancelled() {
            return Err(VolumeFault::Cancelled);
        }
        (&source).seek(SeekFrom::Start(start)).map_err(unreadable)?;
        (&mut &*to).seek(SeekFrom::Start(start))?;
        let length = position - start;
        if io::copy(&mut (&source).take(length), &mut &*to)? < length {
            return Err(unreadable(io::ErrorKind::UnexpectedEof.into()));
        }
    }
    Ok(to.set_len(size)?)
}

#[allow(
    clippy::cast_sign_loss,
    clippy::cast_lossless,
    reason = "a descriptor is never negative"
)]
fn clone(from: &File, to: &File) -> nix::Result<()> {
    // SAFETY: both descriptors are open for the length of the call, and the kernel touches no memory of ours.
    unsafe { ficlone(to.as_raw_fd(), from.as_raw_fd() as nix::sys::ioctl::ioctl_param_type) }.map(drop)
}

/// The next stretch at or after `position` that is no hole.
fn next_data(file: &File, position: u64, size: u64) -> io::Result<Option<(u64, u64)>> {
    if position >= size {
        return Ok(None);
    }
    let seek = |position: u64, whence| {
        let offset = i64::try_from(position).map_err(|_| Errno::EOVERFLOW)?;
        lseek(file, offset, whence).map(|found| u64::try_from(found).unwrap_or(size))
    };
    match seek(position, Whence::SeekData) {
        Ok(start) => Ok(Some((start, seek(start, Whence::SeekHole)?.min(size)))),
        // Nothing but a hole is left.
        Err(Errno::ENXIO) => Ok(None),
        // A file system without holes.
        Err(Errno::EINVAL) => Ok(Some((position, size))),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::*;

    fn copied(source: &Path) -> File {
        let to = tempfile::tempfile().unwrap();
        copy(source, &to, &CancellationToken::new()).unwrap();
        to
    }

    #[test]
    fn holes_stay_holes() {
        let source = tempfile::NamedTempFile::new().unwrap();
        source.as_file().write_all_at(b"begin", 0).unwrap();
        source.as_file().write_all_at(b"middle", 5 << 20).unwrap();
        source.as_file().set_len(50 << 20).unwrap();
        let copy = copied(source.path());
        let metadata = copy.metadata().unwrap();
        assert_eq!(metadata.len(), 50 << 20);
        assert!(metadata.blocks() * 512 < 1 << 20);
        let mut bytes = [0; 6];
        copy.read_exact_at(&mut bytes, 5 << 20).unwrap();
        assert_eq!(&bytes, b"middle");
        copy.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!(&bytes, b"begin\0");
    }

    #[test]
    fn an_empty_file_is_copied() {
        let source = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(copied(source.path()).metadata().unwrap().len(), 0);
    }

    #[test]
    fn a_missing_source_is_named_and_cancelling_ends_it() {
        let to = tempfile::tempfile().unwrap();
        let error = copy(Path::new("/nonexistent/ovmf.fd"), &to, &CancellationToken::new()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("cannot read /nonexistent/ovmf.fd: No such file")
        );
        let source = tempfile::NamedTempFile::new().unwrap();
        source.as_file().write_all_at(b"x", 0).unwrap();
        let cancel = CancellationToken::new();
        cancel.cancel();
        let result = copy(source.path(), &to, &cancel);
        // A file system that can share blocks is done before it looks.
        assert!(matches!(result, Ok(()) | Err(VolumeFault::Cancelled)));
    }
}
