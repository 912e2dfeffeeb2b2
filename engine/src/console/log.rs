//! The file that keeps all that a guest wrote to its serial console.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

use tokio::sync::watch;

use super::hub::Reader;
use crate::store::{Level, Store};

/// Writes what `reader` reads to a file and tells through `logged` how far it got. A disk that is full or fails is told
/// of in one event; what it does not take is dropped, so that the console goes on.
pub(super) async fn keep(mut reader: Reader, path: PathBuf, logged: watch::Sender<u64>, object: String, store: Store) {
    let mut file = LogFile::new(path.clone());
    let mut failing = false;
    while let Some(chunk) = reader.next().await {
        let writing = tokio::task::spawn_blocking(move || {
            let written = file.append(&chunk.bytes);
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
        logged.send_replace(reader.position());
    }
}

/// The file of one lab's console; what an earlier lab left is kept aside with `.old` behind its name.
struct LogFile {
    path: PathBuf,
    file: Option<File>,
    /// What is at the path is ours.
    ours: bool,
}

impl LogFile {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            file: None,
            ours: false,
        }
    }

    /// Appends, to a file opened anew if the last time failed. Blocks.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        file.write_all(bytes)?;
        self.file = Some(file);
        Ok(())
    }

    fn open(&mut self) -> io::Result<File> {
        if !self.ours {
            if let Some(dir) = self.path.parent() {
                fs::create_dir_all(dir)?;
            }
            let mut old = self.path.as_os_str().to_owned();
            old.push(".old");
            match fs::rename(&self.path, old) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let file = File::options().append(true).create(true).open(&self.path)?;
        self.ours = true;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lab_has_a_file_of_its_own_and_a_failure_loses_none_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lab/boot-0.console.log");
        let read = |name: &str| fs::read_to_string(dir.path().join("lab").join(name)).unwrap();
        for lab in ["first", "second"] {
            let mut log = LogFile::new(path.clone());
            log.append(lab.as_bytes()).unwrap();
            // As after a write that failed.
            log.file = None;
            log.append(b" lab").unwrap();
        }
        assert_eq!(read("boot-0.console.log"), "second lab");
        assert_eq!(read("boot-0.console.log.old"), "first lab");
    }
}
