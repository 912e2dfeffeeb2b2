//! The record of a lab: what it has changed on the host that can't vanish by itself, written down *before* it is changed.
//!
//! It is a file in the lab directory with one JSON object a line, only ever appended to. A line cut short by the end of
//! its writer is of no meaning: what it tells of has not been made.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    lock::{LockFile, Part},
    stray_process,
    undo::{Context, Undo, UndoError, Undone},
};
use crate::presence::if_there;

/// Name of the record in a lab directory.
const FILE: &str = "record";

/// A record beyond this many bytes is not read further: a lab makes some hundred entries of some hundred bytes.
const MAX_BYTES: u64 = 64 << 20;

/// What goes wrong with the record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It could not be read or written.
    #[error("The record {path} cannot be used: {source}; make sure that its file system is writable and not full.")]
    File {
        /// The record.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The lab is already being taken down.
    #[error("The lab is being taken down, nothing more can be made for it.")]
    Closed,
}

/// What undoing a record did.
#[derive(Debug, Default)]
pub struct Report {
    /// What was removed or set back, each as a sentence without its full stop.
    pub removed: Vec<String>,
    /// Sysctls among that, by their names with dots.
    pub set_back: Vec<String>,
    /// What was left alone because it is no longer what the lab made.
    pub left: Vec<String>,
    /// What could not be undone. It stays in the record.
    pub errors: Vec<UndoError>,
}

/// Writes down what is about to be made on the host. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    context: Context,
    /// `None` once the lab is being taken down.
    file: Mutex<Option<File>>,
}

impl Recorder {
    /// Starts a record that holds `entries`, in place of one that may be there.
    pub(super) fn start(context: Context, entries: &[Undo]) -> Result<Self, RecordError> {
        let path = context.lab_dir().join(FILE);
        let file = rewrite(&path, entries).map_err(|source| RecordError::File { path, source })?;
        let file = Mutex::new(Some(file));
        Ok(Self {
            shared: Arc::new(Shared { context, file }),
        })
    }

    /// Name of the lab.
    pub fn lab(&self) -> &str {
        &self.shared.context.lab
    }

    /// Directory of all labs.
    pub(super) fn root(&self) -> &Path {
        &self.shared.context.root
    }

    /// Writes down what would undo a thing, then makes the thing. The lab is not taken down in between: whoever does so
    /// waits. Fails without making anything once the lab is being taken down.
    pub fn make<T, E: From<RecordError>>(&self, undo: &Undo, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let mut file = self.lock();
        self.append(&mut file, undo)?;
        make()
    }

    /// Writes down that what the lab starts will have a mark in its environment; returns the variable and its value.
    pub fn mark_processes(&self) -> Result<(&'static str, String), RecordError> {
        let failed = |source| RecordError::File {
            path: self.shared.context.lab_dir().join(FILE),
            source,
        };
        let (variable, mark) = stray_process::mark().map_err(failed)?;
        let undo = Undo::Processes { mark: mark.clone() };
        self.make(&undo, || Ok((variable, mark)))
    }

    /// Begins a piece of work done by programs: nothing of the lab is undone as long as the session lives, nor before the
    /// programs that inherited its lock have ended.
    pub(super) fn begin(&self) -> Result<Session<'_>, RecordError> {
        let file = self.lock();
        let lab_dir = self.shared.context.lab_dir();
        let work = LockFile::open(&lab_dir).and_then(|lock| lock.take(Part::Work).map(|()| lock));
        Ok(Session {
            recorder: self,
            file,
            work: work.map_err(|source| RecordError::File { path: lab_dir, source })?,
        })
    }

    /// Refuses further entries, once whoever is making something is done with it. Returns the record, open.
    pub(super) fn close(&self) -> Option<File> {
        self.lock().take()
    }

    fn append(&self, file: &mut Option<File>, undo: &Undo) -> Result<(), RecordError> {
        let file = file.as_mut().ok_or(RecordError::Closed)?;
        // One write: a reader after a crash sees the whole line or a part that does not parse.
        line(undo)
            .and_then(|line| file.write_all(line.as_bytes()))
            .map_err(|source| RecordError::File {
                path: self.shared.context.lab_dir().join(FILE),
                source,
            })
    }

    /// A panic while the lock was held left at worst an entry for something that was not made.
    fn lock(&self) -> MutexGuard<'_, Option<File>> {
        self.shared.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of work on the host in which programs take part.
#[derive(Debug)]
pub(super) struct Session<'a> {
    recorder: &'a Recorder,
    file: MutexGuard<'a, Option<File>>,
    work: LockFile,
}

impl Session<'_> {
    /// Writes down what would undo the next thing that is made.
    pub(super) fn record(&mut self, undo: &Undo) -> Result<(), RecordError> {
        self.recorder.append(&mut self.file, undo)
    }

    /// The lock that programs inherit.
    pub(super) fn work(&self) -> &LockFile {
        &self.work
    }
}

/// Undoes every entry of a lab's record, the last one first, and leaves those in it that failed; returns them, too. The
/// caller holds the work lock `work`.
pub(super) fn replay(context: &Context, work: &LockFile) -> Result<(Report, Vec<Undo>), RecordError> {
    let path = context.lab_dir().join(FILE);
    let failed = |source| RecordError::File {
        path: path.clone(),
        source,
    };
    let (report, mut remaining) = undo(read(&path).map_err(failed)?, context, work);
    remaining.reverse();
    rewrite(&path, &remaining).map_err(failed)?;
    Ok((report, remaining))
}

/// Undoes every entry of a record that has lost its name, if it is there.
pub(super) fn replay_lost(record: Option<File>, context: &Context) -> io::Result<Report> {
    let Some(mut record) = record else {
        return Ok(Report::default());
    };
    record.seek(SeekFrom::Start(0))?;
    let (report, _) = undo(read_from(record)?, context, &LockFile::of_nobody()?);
    Ok(report)
}

/// Undoes entries, the last one first; returns those that failed in that order.
fn undo(entries: Vec<Undo>, context: &Context, work: &LockFile) -> (Report, Vec<Undo>) {
    let mut report = Report::default();
    let mut remaining = Vec::new();
    for entry in entries.into_iter().rev() {
        match entry.undo(context, work) {
            Ok(Undone::Removed(what)) => {
                report.removed.push(what);
                if let Undo::Sysctl { path } = &entry {
                    report.set_back.push(path.replace('/', "."));
                }
            }
            Ok(Undone::Nothing) => {}
            Ok(Undone::Left(why)) => report.left.push(why),
            Err(error) => {
                report.errors.push(error);
                remaining.push(entry);
            }
        }
    }
    (report, remaining)
}

/// The entries of a lab's record, oldest first.
pub(super) fn entries(context: &Context) -> io::Result<Vec<Undo>> {
    read(&context.lab_dir().join(FILE))
}

/// The entries of a record, oldest first; none if there is no record.
fn read(path: &Path) -> io::Result<Vec<Undo>> {
    if_there(File::open(path))?.map_or_else(|| Ok(Vec::new()), read_from)
}

fn read_from(file: File) -> io::Result<Vec<Undo>> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(parse(&bytes))
}

fn parse(bytes: &[u8]) -> Vec<Undo> {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines
        .filter_map(|line| match serde_json::from_slice(line) {
            Ok(entry) => Some(entry),
            Err(error) => {
                tracing::debug!(%error, line = %String::from_utf8_lossy(line), "an entry of a record is skipped");
                None
            }
        })
        .collect()
}

/// Replaces the record in one step and returns it open for appending, and for reading it when it has lost its name.
fn rewrite(path: &Path, entries: &[Undo]) -> io::Result<File> {
    let new = path.with_extension("new");
    if_there(fs::remove_file(&new))?;
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    let text = entries.iter().map(line).collect::<io::Result<String>>()?;
    file.write_all(text.as_bytes())?;
    fs::rename(&new, path)?;
    Ok(file)
}

fn line(undo: &Undo) -> io::Result<String> {
    Ok(serde_json::to_string(undo)? + "\n")
}
