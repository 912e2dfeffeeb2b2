//! Checksums of files.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

/// How much of a file is read at once, in bytes.
const READ_SIZE: usize = 256 * 1024;

/// The SHA-256 of a file in hex; `None` if cancelled. Blocks.
pub(super) fn sha256(file: &Path, cancel: &CancellationToken) -> io::Result<Option<String>> {
    let mut file = File::open(file)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; READ_SIZE];
    while !cancel.is_cancelled() {
        match file.read(&mut piece) {
            Ok(0) => return Ok(Some(format!("{:x}", Bytes::copy_from_slice(&hash.finalize())))),
            Ok(length) => hash.update(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
