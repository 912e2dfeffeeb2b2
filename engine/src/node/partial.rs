//! Downloads under way: a file that holds the beginning of what is fetched, and the words by which its server knows it.
//!
//! Who works on one holds its lock, so that two labs that want the same image share one download. One that was given up or
//! cut off stays and is continued later, if the server gave a validator (RFC 9110, 8.8) by which it can tell that the rest
//! still belongs to the beginning.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use nix::fcntl::Flock;
use serde::{Deserialize, Serialize};

use super::{
    download::Target,
    lock::{self, Locked},
    part_file::place,
};
use crate::presence::if_there;

/// End the names of the beginning and of its validator.
const SUFFIX: &str = ".download";
const VALIDATOR_SUFFIX: &str = ".download.validator";
/// The longest validator that is kept or read, in bytes.
const MAX_VALIDATOR: u64 = 4096;
/// Tells one boot of this host from another.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The beginning of a download, for whoever holds it alone.
#[derive(Debug)]
pub(super) struct Partial {
    file: Flock<File>,
    path: PathBuf,
    validator_path: PathBuf,
    /// There is nothing of that name any more that is this one's.
    gone: bool,
}

/// What is kept beside the beginning.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// A strong entity tag or a date.
    validator: String,
    /// The boot in which the beginning was written: what was not on the disk yet when the host lost its power reads as
    /// zeros.
    boot: String,
}

impl Partial {
    /// Opens the beginning of what is to become `target`, with the directory it is in; `None` if somebody else works on
    /// it.
    pub(super) fn open(target: &Path, mode: u32) -> io::Result<Option<Self>> {
        Self::open_with(target, |path| lock::try_lock(path, mode))
    }

    /// The same, waiting for whoever works on it. Blocks.
    pub(super) fn wait(target: &Path, mode: u32) -> io::Result<Option<Self>> {
        Self::open_with(target, |path| lock::wait_lock(path, mode))
    }

    fn open_with(target: &Path, lock: impl Fn(&Path) -> io::Result<Locked>) -> io::Result<Option<Self>> {
        let path = lock::beside(target, SUFFIX)?;
        let validator_path = lock::beside(target, VALIDATOR_SUFFIX)?;
        Ok(match lock(&path)? {
            Locked::Mine(file) => Some(Self {
                file,
                path,
                validator_path,
                gone: false,
            }),
            Locked::Busy(_) => None,
        })
    }

    /// Puts the complete file into place. If there is one already, that stays.
    pub(super) fn commit(mut self, target: &Path) -> io::Result<()> {
        self.file.sync_data()?;
        if_there(fs::remove_file(&self.validator_path))?;
        // If it could not be put there, dropping removes it.
        self.gone = place(&self.path, target)?;
        Ok(())
    }

    /// Removes it: it is of no use any more.
    pub(super) fn discard(mut self) {
        self.remove();
    }

    fn remove(&mut self) {
        // While the lock is held: nobody else's is ever removed.
        drop(fs::remove_file(&self.validator_path));
        drop(fs::remove_file(&self.path));
        self.gone = true;
    }
}

impl Target for Partial {
    fn path(&self) -> &Path {
        &self.path
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn validator(&self) -> Option<String> {
        let file = File::open(&self.validator_path).ok()?;
        let mut text = vec![];
        io::Read::read_to_end(&mut io::Read::take(file, 2 * MAX_VALIDATOR), &mut text).ok()?;
        let kept: Kept = serde_json::from_slice(&text).ok()?;
        (kept.boot == boot()?).then_some(kept.validator)
    }

    fn restart(&self, validator: Option<&str>) -> io::Result<()> {
        // In this order: at no moment is there a beginning beside words that are not its own.
        self.file.set_len(0)?;
        let kept = validator
            .filter(|validator| validator.len() as u64 <= MAX_VALIDATOR)
            .zip(boot());
        match kept {
            Some((validator, boot)) => {
                let validator = validator.to_owned();
                fs::write(&self.validator_path, serde_json::to_vec(&Kept { validator, boot })?)
            }
            None => if_there(fs::remove_file(&self.validator_path)).map(drop),
        }
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        if bytes.iter().all(|byte| *byte == 0) {
            return self.file.set_len(position + bytes.len() as u64);
        }
        self.file.write_all_at(bytes, position)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let useless = || self.len().is_ok_and(|length| length == 0) || self.validator().is_none();
        if !self.gone && useless() {
            self.remove();
        }
    }
}

fn boot() -> Option<String> {
    let id = fs::read_to_string(BOOT_ID).ok()?;
    Some(id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::testing::names;

    #[test]
    fn what_can_be_continued_stays_and_the_rest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("cache/disk");
        let open = || Partial::open(&target, 0o644).unwrap().unwrap();
        let partial = open();
        partial.restart(Some("\"tag\"")).unwrap();
        partial.write_at(b"begin", 0).unwrap();
        assert!(Partial::open(&target, 0o644).unwrap().is_none());
        drop(partial);
        let partial = open();
        assert_eq!(
            (partial.len().unwrap(), partial.validator().as_deref()),
            (5, Some("\"tag\""))
        );
        partial.restart(None).unwrap();
        partial.write_at(b"begin", 0).unwrap();
        drop(partial);
        assert!(names(&dir.path().join("cache")).is_empty());
    }

    #[test]
    fn what_another_boot_wrote_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("disk");
        let partial = Partial::open(&target, 0o644).unwrap().unwrap();
        for text in [
            r#"{"validator": "x", "boot": "of yesterday"}"#,
            "{",
            "",
            &"[".repeat(100_000),
        ] {
            fs::write(&partial.validator_path, text).unwrap();
            assert_eq!(partial.validator(), None);
        }
    }

    #[test]
    fn a_complete_one_is_put_into_place_and_does_not_replace() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("disk");
        for text in ["first", "second"] {
            let partial = Partial::open(&target, 0o644).unwrap().unwrap();
            partial.restart(Some("x")).unwrap();
            partial.write_at(text.as_bytes(), 0).unwrap();
            partial.commit(&target).unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"first");
            assert_eq!(names(dir.path()), ["disk"]);
        }
    }
}
