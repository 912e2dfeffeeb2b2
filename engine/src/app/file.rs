//! Log files on disk: rotated by size, written by one thread, so that a slow disk never holds up the runtime.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{mpsc, oneshot};

use crate::{
    presence::if_there,
    store::{Level, Store},
};

/// Size at which a file is put aside.
const MAX_SIZE: u64 = 10 * 1024 * 1024;

/// How many files are kept of a log, the current one among them.
const FILES: u32 = 5;

/// How many writes may wait for the disk, over all logs. Each is what one read of a pipe gave, so this is a few MiB at
/// worst.
const QUEUE: usize = 16;

/// The log files of a lab and the thread that writes them. Cheap to clone; the thread ends with the last clone and log.
#[derive(Clone)]
pub struct LogFiles {
    queue: mpsc::Sender<Job>,
}

enum Job {
    Write(Arc<Mutex<Rotated>>, Vec<u8>),
    Flush(oneshot::Sender<()>),
}

impl LogFiles {
    /// Starts the thread. The store gets an event when a file cannot be written.
    pub fn start(store: Store) -> io::Result<Self> {
        let (queue, mut jobs) = mpsc::channel(QUEUE);
        std::thread::Builder::new().name("log-files".into()).spawn(move || {
            while let Some(job) = jobs.blocking_recv() {
                match job {
                    Job::Write(file, bytes) => file
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .write_or_drop(&bytes, &store),
                    // Whoever waited may have gone.
                    Job::Flush(done) => drop(done.send(())),
                }
            }
        })?;
        Ok(Self { queue })
    }

    /// Returns when everything written before is with the kernel.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue.send(Job::Flush(done)).await.is_ok() {
            // An error means that the thread died; then nothing waits to be written.
            let _ = flushed.await;
        }
    }

    /// The file of one log.
    pub(super) fn open(&self, path: PathBuf, object: &str) -> LogFile {
        LogFile {
            file: Arc::new(Mutex::new(Rotated::new(path, object.to_owned(), MAX_SIZE))),
            queue: self.queue.clone(),
        }
    }
}

/// The file of one log, written by the thread of [`LogFiles`].
pub struct LogFile {
    file: Arc<Mutex<Rotated>>,
    queue: mpsc::Sender<Job>,
}

impl LogFile {
    /// Has whole lines written. Waits while the queue is full.
    pub async fn write(&self, lines: Vec<u8>) {
        // Without the thread there is no file; the lines in memory go on.
        let _ = self.queue.send(Job::Write(self.file.clone(), lines)).await;
    }
}

/// `PATH`, and `PATH.1` (younger) to `PATH.4` (older).
struct Rotated {
    path: PathBuf,
    object: String,
    max_size: u64,
    /// Opened with the first line, and again if that failed.
    file: Option<File>,
    size: u64,
    /// Lines that could not be written since the last one that could.
    lost: usize,
}

impl Rotated {
    fn new(path: PathBuf, object: String, max_size: u64) -> Self {
        Self {
            path,
            object,
            max_size,
            file: None,
            size: 0,
            lost: 0,
        }
    }

    /// Writes whole lines. If that fails they are dropped, with one event until it works again.
    fn write_or_drop(&mut self, lines: &[u8], store: &Store) {
        let note = match self.lost {
            0 => String::new(),
            lost => format!(
                "{} placemat2 {lost} lines before this one could not be written\n",
                jiff::Timestamp::now()
            ),
        };
        match self.write(&[note.as_bytes(), lines].concat()) {
            Ok(()) => self.lost = 0,
            Err(error) => {
                if self.lost == 0 {
                    let message = format!(
                        "cannot write {}: {error}; output is dropped until that works again",
                        self.path.display()
                    );
                    store.event(Level::Warn, &self.object, "log", &message);
                }
                self.lost += lines.split_inclusive(|byte| *byte == b'\n').count();
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        if self.file.is_none() {
            self.open()?;
        }
        if self.size > 0 && self.size + length > self.max_size {
            self.rotate()?;
        }
        if let Some(file) = &mut self.file {
            file.write_all(bytes).inspect_err(|_| {
                // No half lines. If this fails, too, one is left.
                let _ = file.set_len(self.size);
            })?;
            self.size += length;
        }
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        // Of no effect on a file. A FIFO in its place that nobody reads must not hold up the logs of the others.
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&self.path)?;
        self.size = file.metadata()?.len();
        self.file = Some(file);
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.file = None;
        for number in (1..FILES).rev() {
            let from = if number == 1 {
                self.path.clone()
            } else {
                numbered(&self.path, number - 1)
            };
            if_there(fs::rename(from, numbered(&self.path, number)))?;
        }
        self.open()
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::State;

    #[test]
    fn files_are_rotated_by_size() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/app.log");
        let mut file = Rotated::new(path.clone(), String::new(), 10);
        for number in 0..20 {
            file.write(format!("{number:03}\n").as_bytes()).unwrap();
        }
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!(read(&path), "018\n019\n");
        assert_eq!(read(&numbered(&path, 1)), "016\n017\n");
        assert_eq!(read(&numbered(&path, 4)), "010\n011\n");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 5);

        // A later run goes on where the earlier one ended.
        let mut file = Rotated::new(path.clone(), String::new(), 10);
        file.write(b"new\n").unwrap();
        assert_eq!(read(&path), "new\n");
        assert_eq!(read(&numbered(&path, 1)), "018\n019\n");
    }

    #[test]
    fn a_fifo_that_nobody_reads_holds_up_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("app.log");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let store = Store::new(State::default());
        let mut file = Rotated::new(fifo, "app/ns/app".into(), 1000);
        file.write_or_drop(b"one\n", &store);
        let events = store.events_after(0);
        assert!(events[0].message.contains("output is dropped"), "{events:?}");
    }

    #[test]
    fn what_cannot_be_written_is_dropped_with_one_event() {
        let dir = tempfile::tempdir().unwrap();
        let obstacle = dir.path().join("obstacle");
        fs::write(&obstacle, "").unwrap();
        let store = Store::new(State::default());
        let mut file = Rotated::new(obstacle.join("app.log"), "app/ns/app".into(), 1000);
        file.write_or_drop(b"one\ntwo\n", &store);
        file.write_or_drop(b"three\n", &store);
        let events = store.events_after(0);
        assert_eq!(events.len(), 1);
        assert_eq!(
            (events[0].level, events[0].object.as_str()),
            (Level::Warn, "app/ns/app")
        );
        fs::remove_file(&obstacle).unwrap();
        file.write_or_drop(b"four\n", &store);
        file.write_or_drop(b"five\n", &store);
        let text = fs::read_to_string(obstacle.join("app.log")).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[0].ends_with("placemat2 3 lines before this one could not be written"),
            "{text}"
        );
        assert_eq!(lines[1..], ["four", "five"]);
        assert_eq!(store.events_after(0).len(), 1);
    }
}
