//! A keeper's hold on the lab of its engine: while it has it, nobody takes the lab over, so that what the dead engine
//! started and made is gone before the next one begins.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    labdir,
    lock::{LockFile, Part},
    record::{self, RecordError, Report},
    undo::Context,
};
use crate::presence::if_there;

/// Held by a keeper from its start to its end. To be taken before the first process of the lab is started.
#[derive(Debug)]
pub struct KeeperLock {
    lab_dir: PathBuf,
    /// Process id of the engine: a new one that waits for this keeper has put its own in the file.
    engine: Option<u32>,
    lock: LockFile,
}

impl KeeperLock {
    /// Takes the lock of a lab directory. Fails if another keeper has it, or the engine is dead already and the lab in other
    /// hands.
    pub fn take(lab_dir: &Path) -> io::Result<Self> {
        let lock = LockFile::open(lab_dir)?;
        if lock.try_take(Part::Keeper)? && lock.is_current()? {
            Ok(Self {
                lab_dir: lab_dir.to_owned(),
                engine: lock.pid(),
                lock,
            })
        } else {
            Err(io::Error::other("the lab has a keeper already"))
        }
    }

    /// Undoes what the engine has changed on the host and removes the lab directory. Only for an engine that is dead, after
    /// every process of the lab is gone. Blocks, and needs no runtime.
    ///
    /// Whether the engine's own lock is still held is not asked: the kernel closes the descriptors of a dying process one
    /// after another, and a program it was about to start may have them for a moment longer. A new engine may hold it, too,
    /// but waits for this keeper before it looks at anything.
    pub fn undo(self) -> Result<Report, RecordError> {
        let failed = |source| RecordError::File {
            path: self.lab_dir.clone(),
            source,
        };
        let Some(mut context) = Context::of(&self.lab_dir) else {
            return Err(failed(io::ErrorKind::InvalidInput.into()));
        };
        context.engine = self.engine;
        let Some(work) = if_there(LockFile::open(&self.lab_dir)).map_err(failed)? else {
            // The engine released the lab in order before it died.
            return Ok(Report::default());
        };
        work.take(Part::Work).map_err(failed)?;
        // Another engine's by now if the own one released it, but could not wait for this keeper.
        if !self.lock.is_current().map_err(failed)? || !work.is_current().map_err(failed)? {
            return Ok(Report::default());
        }
        let (report, _) = record::replay(&context, &work)?;
        if report.errors.is_empty() {
            labdir::remove(&context).map_err(failed)?;
        }
        Ok(report)
    }
}
