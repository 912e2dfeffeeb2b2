//! The files that keep all that a guest wrote to its serial console: the log with its exact bytes, and an index that says
//! when they came.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    index::{self, Marker},
    reader::Reader,
};
use crate::{
    presence::if_there,
    store::{Level, Store},
};

/// How far a log is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// The position in the console up to which bytes were written, or given up.
    pub position: u64,
    /// The length of the log file; 0 as long as there is none of this lab.
    pub length: u64,
}

/// The index of a log.
pub fn index_path(log: &Path) -> PathBuf {
    log.with_extension("index")
}

/// Writes what `reader` reads to a file and tells through `logged` how far it got. A disk that is full or fails is told
/// of in one event; what it does not take is dropped, so that the console goes on.
pub(super) async fn keep(
    mut reader: Reader,
    path: PathBuf,
    logged: watch::Sender<Progress>,
    object: String,
    store: Store,
) {
    let mut file = LogFile::new(path.clone());
    let mut failing = false;
    while let Some(chunk) = reader.next().await {
        let writing = tokio::task::spawn_blocking(move || {
            let written = file.append(&chunk.bytes, Timestamp::now());
            (file, written)
        });
        // Only a runtime that is going down doesn't run it.
        let Ok((returned, written)) = writing.await else { return };
        file = returned;
        match written {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                let message = format!("The console log {} cannot be written: {error}.", path.display());
                store.event(Level::Warn, &object, "console", &message);
            }
            Err(_) => {}
        }
        logged.send_replace(Progress {
            position: reader.position(),
            length: file.length(),
        });
    }
}

/// The files of one lab's console; what an earlier lab left is kept aside with `.old` behind its name.
pub(super) struct LogFile {
    path: PathBuf,
    files: Option<Files>,
    /// What is at the path is ours.
    ours: bool,
    length: u64,
    marker: Marker,
}

struct Files {
    log: File,
    index: File,
}

impl LogFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            files: None,
            ours: false,
            length: 0,
            marker: Marker::default(),
        }
    }

    /// How many bytes the log holds.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Appends what was read at `time`, to files opened anew if the last time failed. Blocks.
    pub(super) fn append(&mut self, bytes: &[u8], time: Timestamp) -> io::Result<()> {
        let mut files = match self.files.take() {
            Some(files) => files,
            None => self.open()?,
        };
        // First, so that no byte is without its time.
        if let Some(mark) = self.marker.mark(self.length, time) {
            index::append(&mut files.index, mark)?;
        }
        files.log.write_all(bytes)?;
        self.length += bytes.len() as u64;
        self.files = Some(files);
        Ok(())
    }

    fn open(&mut self) -> io::Result<Files> {
        let index = index_path(&self.path);
        if !self.ours {
            if let Some(dir) = self.path.parent() {
                fs::create_dir_all(dir)?;
            }
            put_aside(&self.path)?;
            put_aside(&index)?;
            self.ours = true;
        }
        let open = |path: &Path| File::options().append(true).create(true).open(path);
        let files = Files {
            log: open(&self.path)?,
            index: open(&index)?,
        };
        // A write that failed may have left a part.
        self.length = files.log.metadata()?.len();
        index::trim(&files.index)?;
        Ok(files)
    }
}

/// Puts `.old` behind the name of a file, if there is one.
fn put_aside(path: &Path) -> io::Result<()> {
    let mut old = path.as_os_str().to_owned();
    old.push(".old");
    if_there(fs::rename(path, old)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lab_has_a_file_of_its_own_and_a_failure_loses_none_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lab/boot-0.console.log");
        let read = |name: &str| fs::read_to_string(dir.path().join("lab").join(name)).unwrap();
        let time = Timestamp::from_second(1).unwrap();
        for lab in ["first", "second"] {
            let mut log = LogFile::new(path.clone());
            log.append(lab.as_bytes(), time).unwrap();
            // As after a write that failed.
            log.files = None;
            log.append(b" lab", time).unwrap();
            assert_eq!(log.length(), lab.len() as u64 + 4);
        }
        assert_eq!(read("boot-0.console.log"), "second lab");
        assert_eq!(read("boot-0.console.log.old"), "first lab");
        assert!(dir.path().join("lab/boot-0.console.index.old").exists());
    }
}
