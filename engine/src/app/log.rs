//! The output of an app: a rotated file, and the last lines in memory for whoever follows it.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::file::{LogFile, LogFiles};

/// How many lines are kept in memory.
const MAX_LINES: usize = 2_000;

/// How many bytes of text are kept in memory; the last line is kept whatever its length.
const MAX_BYTES: usize = 256 * 1024;

/// The output of an app: a rotated file and a bounded ring of lines in memory.
pub struct AppLog {
    ring: Mutex<Ring>,
    last_id: watch::Sender<u64>,
    file: LogFile,
}

/// One line of output.
#[derive(Clone, Debug)]
pub struct Line {
    /// Grows by one with each line, from 1.
    pub id: u64,
    /// When it was read.
    pub time: Timestamp,
    /// `stdout` or `stderr`; `output` where the two are one pipe (init scripts).
    pub stream: &'static str,
    /// Without its newline; at most 64 KiB before invalid UTF-8 is replaced.
    pub text: String,
}

#[derive(Default)]
struct Ring {
    last_id: u64,
    bytes: usize,
    lines: VecDeque<Arc<Line>>,
}

impl AppLog {
    /// A log that is kept in `path`, too, which is made with the first line. Trouble with the file is told as an event of
    /// `object` (`app/NAMESPACE/NAME`).
    pub fn open(path: PathBuf, object: &str, files: &LogFiles) -> Arc<Self> {
        Arc::new(Self {
            ring: Mutex::default(),
            last_id: watch::Sender::new(0),
            file: files.open(path, object),
        })
    }

    /// Adds one line. Waits while the disk is far behind.
    pub async fn push(&self, stream: &'static str, text: &[u8]) {
        let mut batch = Batch::new(stream);
        batch.add(text);
        self.commit(batch).await;
    }

    /// Adds lines read at one time. Waits while the disk is far behind, so that a flood is slowed down and not hoarded.
    pub(super) async fn commit(&self, batch: Batch) {
        if batch.texts.is_empty() {
            return;
        }
        let last_id = {
            let mut ring = self.lock();
            for text in batch.texts {
                ring.push(batch.time, batch.stream, text);
            }
            ring.last_id
        };
        // Not within the ring's lock: a reader may ask for lines while it borrows the watched value. So another batch may
        // have come first with a higher id.
        self.last_id.send_if_modified(|current| {
            let newer = last_id > *current;
            *current = last_id.max(*current);
            newer
        });
        self.file.write(batch.raw).await;
    }

    /// The lines with an id above `after`, oldest first, at most `max`; those that fell out of memory are left out.
    pub fn lines_after(&self, after: u64, max: usize) -> Vec<Arc<Line>> {
        let ring = self.lock();
        let first = ring.lines.partition_point(|line| line.id <= after);
        ring.lines.range(first..).take(max).cloned().collect()
    }

    /// The last `max` lines.
    pub fn tail(&self, max: usize) -> Vec<Arc<Line>> {
        let ring = self.lock();
        let first = ring.lines.len().saturating_sub(max);
        ring.lines.range(first..).cloned().collect()
    }

    /// Holds the id of the last line; `changed()` waits for more.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.last_id.subscribe()
    }

    /// A panic while the lock was held left a shorter ring at worst.
    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn push(&mut self, time: Timestamp, stream: &'static str, text: String) {
        self.last_id += 1;
        self.bytes += text.len();
        self.lines.push_back(Arc::new(Line {
            id: self.last_id,
            time,
            stream,
            text,
        }));
        while self.lines.len() > MAX_LINES || (self.bytes > MAX_BYTES && self.lines.len() > 1) {
            if let Some(oldest) = self.lines.pop_front() {
                self.bytes -= oldest.text.len();
            }
        }
    }
}

/// Lines that were read at one time from one stream.
pub(super) struct Batch {
    time: Timestamp,
    stream: &'static str,
    /// What comes before each line in the file.
    prefix: String,
    texts: Vec<String>,
    raw: Vec<u8>,
}

impl Batch {
    /// An empty one, for lines that are read now.
    pub fn new(stream: &'static str) -> Self {
        let time = Timestamp::now();
        Self {
            time,
            stream,
            prefix: format!("{time:.6} {stream} "),
            texts: Vec::new(),
            raw: Vec::new(),
        }
    }

    /// Adds a line without its newline.
    pub fn add(&mut self, line: &[u8]) {
        self.texts.push(String::from_utf8_lossy(line).into_owned());
        self.raw.extend_from_slice(self.prefix.as_bytes());
        self.raw.extend_from_slice(line);
        self.raw.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{State, Store};

    fn log(dir: &tempfile::TempDir) -> (Arc<AppLog>, LogFiles) {
        let files = LogFiles::start(Store::new(State::default())).unwrap();
        (AppLog::open(dir.path().join("ns/app.log"), "app/ns/app", &files), files)
    }

    #[tokio::test]
    async fn lines_are_kept_in_memory_and_on_disk() {
        let dir = tempfile::tempdir().unwrap();
        let (log, files) = log(&dir);
        let mut watch = log.watch();
        log.push("stdout", b"one").await;
        log.push("stderr", b"two \xff").await;
        watch.changed().await.unwrap();
        assert_eq!(*watch.borrow(), 2);
        let texts = |lines: Vec<Arc<Line>>| lines.iter().map(|line| line.text.clone()).collect::<Vec<_>>();
        assert_eq!(texts(log.tail(9)), ["one", "two \u{fffd}"]);
        assert_eq!(texts(log.tail(1)), ["two \u{fffd}"]);
        assert_eq!(texts(log.lines_after(0, 1)), ["one"]);
        assert_eq!(texts(log.lines_after(1, 9)), ["two \u{fffd}"]);
        assert!(log.lines_after(2, 9).is_empty());
        files.flush().await;
        let file = std::fs::read(dir.path().join("ns/app.log")).unwrap();
        let lines: Vec<_> = file.split(|byte| *byte == b'\n').collect();
        assert!(lines[0].ends_with(b"Z stdout one"), "{file:?}");
        assert!(lines[1].ends_with(b"Z stderr two \xff"), "{file:?}");
    }

    #[tokio::test]
    async fn memory_is_bounded_by_lines_and_by_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let (log, _files) = log(&dir);
        let mut batch = Batch::new("stdout");
        for _ in 0..MAX_LINES + 7 {
            batch.add(b"x");
        }
        log.commit(batch).await;
        let lines = log.tail(usize::MAX);
        assert_eq!((lines.len(), lines[0].id), (MAX_LINES, 8));
        for _ in 0..10 {
            log.push("stdout", &vec![b'x'; 60_000]).await;
        }
        assert_eq!(log.tail(usize::MAX).len(), MAX_BYTES / 60_000);
        log.push("stdout", &vec![0xff; 200_000]).await;
        assert_eq!(log.tail(usize::MAX).len(), 1);
    }
}
