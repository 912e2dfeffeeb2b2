//! Reading a console's log back, with time stamps, while it grows.

use std::{
    collections::VecDeque,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    index::{Index, Mark},
    log::{Progress, index_path},
    stamper::Stamper,
};
use crate::blocking;

/// The most that is read of the log at once, in bytes.
const PIECE: usize = 64 * 1024;

/// All that a guest wrote since the lab was started.
#[derive(Debug)]
pub struct History {
    log: PathBuf,
    progress: watch::Receiver<Progress>,
}

impl History {
    pub(super) fn new(log: &Path, progress: watch::Receiver<Progress>) -> Self {
        Self {
            log: log.to_owned(),
            progress,
        }
    }

    /// Reads it from that time on, or from the start; with `follow`, goes on with what comes.
    pub fn lines(&self, since: Option<Timestamp>, follow: bool) -> Lines {
        Lines {
            log: self.log.clone(),
            progress: self.progress.clone(),
            since,
            follow,
            source: None,
        }
    }
}

/// The log as text: before each line the time at which its first byte was read, then the guest's bytes as they are.
#[derive(Debug)]
pub struct Lines {
    log: PathBuf,
    progress: watch::Receiver<Progress>,
    since: Option<Timestamp>,
    follow: bool,
    /// `None` until there is a log.
    source: Option<Source>,
}

impl Lines {
    /// The next piece of text; `None` at its end. Not cancel safe.
    pub async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            // Only what is ours: until this lab's first byte, the file is that of an earlier one.
            let end = self.progress.borrow_and_update().length;
            if end > 0 {
                let (log, since) = (self.log.clone(), self.since);
                let source = self.source.take();
                let (source, text) = blocking::run(move || {
                    let mut source = match source {
                        Some(source) => source,
                        None => Source::open(&log, since, end)?,
                    };
                    let text = source.read(end)?;
                    Ok::<_, io::Error>((source, text))
                })
                .await?;
                self.source = Some(source);
                if !text.is_empty() {
                    return Ok(Some(text.into()));
                }
            }
            if !self.follow {
                return Ok(None);
            }
            // An error: the console is closed. Once round again for what came just before.
            self.follow = self.progress.changed().await.is_ok();
        }
    }
}

/// The files, and how far they have been read.
#[derive(Debug)]
struct Source {
    log: File,
    index: Index,
    position: u64,
    /// Number of the next mark to be read.
    next_mark: u64,
    /// Read, and not used yet.
    marks: VecDeque<Mark>,
    stamper: Stamper,
}

impl Source {
    fn open(log: &Path, since: Option<Timestamp>, end: u64) -> io::Result<Self> {
        let index = Index::new(File::open(index_path(log))?);
        let (mut position, mut next_mark) = (0, 0);
        if let Some(since) = since {
            let first = index.first_since(since)?;
            position = if first < index.len()? {
                index.get(first)?.position
            } else {
                end
            };
            // What comes soon after the last mark shares it.
            next_mark = first.saturating_sub(1);
        }
        Ok(Self {
            log: File::open(log)?,
            index,
            position,
            next_mark,
            marks: VecDeque::new(),
            stamper: Stamper::default(),
        })
    }

    /// The next piece before `end`, empty if there is none.
    fn read(&mut self, end: u64) -> io::Result<Vec<u8>> {
        let left = usize::try_from(end.saturating_sub(self.position)).unwrap_or(PIECE);
        let mut bytes = vec![0; left.min(PIECE)];
        let count = self.log.read_at(&mut bytes, self.position)?;
        bytes.truncate(count);
        let end = self.position + count as u64;
        let known = self.index.len()?;
        while self.next_mark < known && self.marks.back().is_none_or(|mark| mark.position < end) {
            self.marks.push_back(self.index.get(self.next_mark)?);
            self.next_mark += 1;
        }
        let mut text = Vec::with_capacity(count + count / 2);
        self.stamper.stamp(self.position, &bytes, &mut self.marks, &mut text);
        self.position = end;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::log::LogFile;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    struct Fixture {
        _dir: tempfile::TempDir,
        file: LogFile,
        progress: watch::Sender<Progress>,
        history: History,
    }

    impl Fixture {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("boot-0.console.log");
            let (progress, receiver) = watch::channel(Progress::default());
            Self {
                history: History::new(&path, receiver),
                file: LogFile::new(path),
                _dir: dir,
                progress,
            }
        }

        fn write(&mut self, second: i64, text: &str) {
            self.file.append(text.as_bytes(), at(second)).unwrap();
            let length = self.file.length();
            self.progress.send_replace(Progress {
                position: length,
                length,
            });
        }

        async fn all(&self, since: Option<i64>) -> String {
            let mut lines = self.history.lines(since.map(at), false);
            let mut text = vec![];
            while let Some(piece) = lines.next().await.unwrap() {
                text.extend(piece);
            }
            String::from_utf8(text).unwrap()
        }
    }

    #[tokio::test]
    async fn what_came_since_a_time_is_found() {
        let mut fixture = Fixture::new();
        assert_eq!(fixture.all(None).await, "");
        fixture.write(10, "one\ntwo\n");
        fixture.write(20, "login: ");
        fixture.write(30, "root\n");
        let all = "1970-01-01T00:00:10.000Z one\n1970-01-01T00:00:10.000Z two\n1970-01-01T00:00:20.000Z login: root\n";
        assert_eq!(fixture.all(None).await, all);
        assert_eq!(fixture.all(Some(20)).await, "1970-01-01T00:00:20.000Z login: root\n");
        assert_eq!(fixture.all(Some(21)).await, "1970-01-01T00:00:30.000Z root\n");
        assert_eq!(fixture.all(Some(31)).await, "");
    }

    #[tokio::test]
    async fn following_goes_on_until_the_console_is_closed() {
        let mut fixture = Fixture::new();
        let mut lines = fixture.history.lines(None, true);
        let mut later = fixture.history.lines(Some(at(15)), true);
        fixture.write(10, "one\n");
        assert_eq!(lines.next().await.unwrap().unwrap(), "1970-01-01T00:00:10.000Z one\n");
        fixture.write(20, "two");
        assert_eq!(lines.next().await.unwrap().unwrap(), "1970-01-01T00:00:20.000Z two");
        assert_eq!(later.next().await.unwrap().unwrap(), "1970-01-01T00:00:20.000Z two");
        fixture.write(30, "\n");
        drop(fixture.progress);
        assert_eq!(lines.next().await.unwrap().unwrap(), "\n");
        assert_eq!(lines.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_long_log_comes_in_pieces() {
        let mut fixture = Fixture::new();
        let line = "x".repeat(1000) + "\n";
        for second in 0..300 {
            fixture.write(second, &line);
        }
        let mut lines = fixture.history.lines(None, false);
        let mut total = 0;
        while let Some(piece) = lines.next().await.unwrap() {
            assert!(piece.len() <= PIECE * 2);
            total += piece.len();
        }
        assert_eq!(total, 300 * (1001 + 25));
    }
}
