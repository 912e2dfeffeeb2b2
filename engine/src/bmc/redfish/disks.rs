//! How large a machine's disks are, read from the files that hold them.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use crate::{blocking, bmc::Identity};

/// The first bytes of a qcow2 file.
const QCOW2: [u8; 4] = *b"QFI\xfb";

/// The sizes of a machine's disks; they don't change once the disks are made.
#[derive(Debug)]
pub struct Disks {
    paths: Vec<PathBuf>,
    sizes: Mutex<Vec<Option<u64>>>,
}

impl Disks {
    /// The disks of that machine, which need not be there yet.
    pub fn new(identity: &Identity) -> Self {
        let paths: Vec<_> = identity.volumes.iter().map(|volume| volume.path.clone()).collect();
        Self {
            sizes: Mutex::new(vec![None; paths.len()]),
            paths,
        }
    }

    /// The size of the disk of that index in bytes, once it was looked at.
    pub fn size(&self, index: usize) -> Option<u64> {
        let sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        sizes.get(index).copied().flatten()
    }

    /// Looks at the disks whose size is not known yet.
    pub async fn look(&self) {
        if (0..self.paths.len()).all(|index| self.size(index).is_some()) {
            return;
        }
        let paths = self.paths.clone();
        let sizes = blocking::run(move || paths.iter().map(|path| size_of(path)).collect()).await;
        *self.sizes.lock().unwrap_or_else(PoisonError::into_inner) = sizes;
    }
}

/// The size that a guest sees of a disk.
fn size_of(path: &Path) -> Option<u64> {
    let mut file = File::open(path).ok()?;
    let mut head = [0; 32];
    if file.read_exact(&mut head).is_ok() && head.starts_with(&QCOW2) {
        let size = head[24..].try_into().ok()?;
        return Some(u64::from_be_bytes(size));
    }
    // Also right for block devices, whose metadata tell no size.
    file.seek(SeekFrom::End(0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_qcow2_and_raw_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("disk");
        assert_eq!(size_of(&path), None);
        std::fs::write(&path, vec![0; 5000]).unwrap();
        assert_eq!(size_of(&path), Some(5000));
        let mut qcow2 = vec![0; 104];
        qcow2[..4].copy_from_slice(&QCOW2);
        qcow2[24..32].copy_from_slice(&(10_u64 << 30).to_be_bytes());
        std::fs::write(&path, qcow2).unwrap();
        assert_eq!(size_of(&path), Some(10 << 30));
    }
}
