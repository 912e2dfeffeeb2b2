//! The directory of a running lab, `/run/placemat2/LAB`: whoever holds its lock is the lab's one engine, and its record
//! tells what has to be undone when that engine is gone.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use super::{
    lock::{LockFile, Part, RootLock, make_private_dir},
    record::{self, RecordError, Recorder, Report},
    undo::{Context, Undo},
};
use crate::{plan::check_lab_name, presence::if_there};

/// Prefix of directories that are being removed.
const DOOMED: &str = ".gone-";

/// What goes wrong with a lab directory.
#[derive(Debug, thiserror::Error)]
pub enum LabDirError {
    /// Another engine has the lab.
    #[error(
        "The lab {lab} is already running{}; stop it, or give this one another name with --name.",
        .pid.map(|pid| format!(" as process {pid}")).unwrap_or_default()
    )]
    Running {
        /// The lab.
        lab: String,
        /// Its engine.
        pid: Option<u32>,
    },
    /// `cleanup` was asked for a lab that never was, or is gone without a trace.
    #[error("There is nothing left of a lab {lab} in {root}.")]
    Unknown {
        /// The lab.
        lab: String,
        /// Where it was looked for.
        root: PathBuf,
    },
    /// A name that can't be that of a directory.
    #[error("{lab:?} can't be the name of a lab: {reason}; --name gives a lab another one.")]
    Name {
        /// The name.
        lab: String,
        /// What is wrong with it, as a clause.
        reason: &'static str,
    },
    /// Somebody removed the directory, and another engine has it now.
    #[error(
        "The lab directory {path} was removed while the lab ran, and process {} has made it anew for a lab of the same name: \
         what this one had made on the host is left, as the other may use it. End that one, too.",
        .pid.unwrap_or_default()
    )]
    Replaced {
        /// The directory.
        path: PathBuf,
        /// Whose it is now.
        pid: Option<u32>,
    },
    /// The kernel refused something.
    #[error("The lab directory {path} cannot be used: {source}{}.", remedy(.source))]
    System {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The record of the lab, or of a dead run of it, could not be used.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// A lab that has or had a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabEntry {
    /// Its name.
    pub lab: String,
    /// Its directory.
    pub path: PathBuf,
    /// Whether its engine lives.
    pub live: bool,
    /// Its engine's process id, or that of the last one.
    pub pid: Option<u32>,
}

/// What [`cleanup`] did.
#[derive(Debug, Default)]
pub struct Cleanup {
    /// What was undone, by lab.
    pub cleaned: Vec<(String, Report)>,
    /// Labs that run and were not touched.
    pub running: Vec<LabEntry>,
    /// Labs whose directory or record could not be used, and why.
    pub failed: Vec<(String, LabDirError)>,
}

/// The directory of a lab that this process is the engine of. Dropping it gives the lab up as a crash would: what is
/// recorded stays until somebody undoes it; [`LabDir::release`] is the orderly way.
#[derive(Debug)]
pub struct LabDir {
    context: Context,
    path: PathBuf,
    lock: LockFile,
    recorder: Recorder,
    found: Report,
}

impl LabDir {
    /// Makes this process the engine of a lab: makes its directory below `root` (both 0700), takes its lock, waits until the
    /// processes of a dead run are gone, and undoes what the record of that run lists.
    ///
    /// Blocks while a dead run is being undone. What could not be undone is in [`LabDir::found`] and stays in the record.
    pub fn acquire(root: &Path, lab: &str) -> Result<Self, LabDirError> {
        check_name(lab)?;
        let mut context = Context {
            root: root.to_owned(),
            lab: lab.to_owned(),
            engine: None,
        };
        let path = context.lab_dir();
        let failed = |source| LabDirError::System {
            path: path.clone(),
            source,
        };
        remove_doomed(root);
        loop {
            make_private_dir(&path).map_err(failed)?;
            let Some(lock) = if_there(LockFile::create(&path)).map_err(failed)? else {
                // Somebody has just removed the directory.
                continue;
            };
            if !lock.try_take(Part::Life).map_err(failed)? {
                let lab = lab.to_owned();
                return Err(LabDirError::Running { lab, pid: lock.pid() });
            }
            context.engine = lock.pid();
            lock.write_pid().map_err(failed)?;
            if !lock.try_take(Part::Keeper).map_err(failed)? {
                tracing::info!(lab, "waiting until the processes of a dead run of this lab are gone");
                lock.take(Part::Keeper).map_err(failed)?;
            }
            lock.give_back(Part::Keeper).map_err(failed)?;
            let Some(work) = if_there(LockFile::open(&path)).map_err(failed)? else {
                continue;
            };
            work.take(Part::Work).map_err(failed)?;
            if !lock.is_current().map_err(failed)? || !work.is_current().map_err(failed)? {
                continue;
            }
            let (found, remaining) = record::replay(&context, &work)?;
            context.engine = Some(std::process::id());
            let recorder = Recorder::start(context.clone(), &remaining)?;
            return Ok(Self {
                context,
                path,
                lock,
                recorder,
                found,
            });
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lab's name.
    pub fn lab(&self) -> &str {
        &self.context.lab
    }

    /// What was undone of a dead run when this one took the lab.
    pub fn found(&self) -> &Report {
        &self.found
    }

    /// To write down what is about to be made on the host.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Undoes everything that was recorded and removes the directory, and that of all labs if it is the last. From the
    /// first moment on, whoever still wants to make something on the host for this lab gets an error. Blocks.
    ///
    /// If something could not be undone, the directory stays with a record of just that. If the directory is gone, what was
    /// recorded is undone all the same.
    pub fn release(self) -> Result<Report, LabDirError> {
        let record = self.recorder.close();
        let failed = |source| LabDirError::System {
            path: self.path.clone(),
            source,
        };
        let Some(work) = if_there(LockFile::open(&self.path)).map_err(failed)? else {
            let report = record::replay_lost(record, &self.context).map_err(failed)?;
            // Else it was a keeper that lost its engine's voice, took it for dead and has done all this.
            if !report.removed.is_empty() {
                let path = self.path.display();
                tracing::warn!("the lab directory {path} was removed while the lab ran; all that it lists is undone");
            }
            remove_if_empty(&self.context.root).map_err(failed)?;
            return Ok(report);
        };
        if !self.lock.is_current().map_err(failed)? {
            let (path, pid) = (self.path, work.pid());
            return Err(LabDirError::Replaced { path, pid });
        }
        work.take(Part::Work).map_err(failed)?;
        let (report, _) = record::replay(&self.context, &work)?;
        if report.errors.is_empty() {
            remove(&self.context).map_err(failed)?;
        }
        drop(self.lock);
        Ok(report)
    }

    /// The labs that have a directory below `root`, sorted by name.
    pub fn list(root: &Path) -> Result<Vec<LabEntry>, LabDirError> {
        let failed = |source| LabDirError::System {
            path: root.to_owned(),
            source,
        };
        let Some(entries) = if_there(fs::read_dir(root)).map_err(failed)? else {
            return Ok(Vec::new());
        };
        let mut labs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Ok(lab) = entry.file_name().into_string() else {
                continue;
            };
            let path = entry.path();
            if check_lab_name(&lab).is_err() || !path.is_dir() {
                continue;
            }
            let lock = LockFile::open(&path).ok();
            labs.push(LabEntry {
                lab,
                live: is_live(&path),
                pid: lock.and_then(|lock| lock.pid()),
                path,
            });
        }
        labs.sort_by(|one, other| one.lab.cmp(&other.lab));
        Ok(labs)
    }
}

/// Undoes what is left of one dead lab, or of all. Refuses a lab that runs; of all labs, those that run are left alone and
/// reported, and one that fails does not keep the others from it. Blocks.
pub fn cleanup(root: &Path, lab: Option<&str>) -> Result<Cleanup, LabDirError> {
    let mut result = Cleanup::default();
    let labs = LabDir::list(root)?;
    if let Some(lab) = lab {
        check_name(lab)?;
        if !labs.iter().any(|entry| entry.lab == lab) {
            return Err(LabDirError::Unknown {
                lab: lab.to_owned(),
                root: root.to_owned(),
            });
        }
        result.cleaned.push((lab.to_owned(), clean(root, lab)?));
        return Ok(result);
    }
    for entry in labs {
        match clean(root, &entry.lab) {
            Ok(report) => result.cleaned.push((entry.lab, report)),
            Err(LabDirError::Running { .. }) => result.running.push(entry),
            Err(error) => result.failed.push((entry.lab, error)),
        }
    }
    // An engine can be killed when it has made no more than this.
    remove_doomed(root);
    remove_if_empty(root).map_err(|source| LabDirError::System {
        path: root.to_owned(),
        source,
    })?;
    Ok(result)
}

/// Being the lab's engine for a moment is all it takes: nobody else is then, and what is left of a dead run gets undone.
fn clean(root: &Path, lab: &str) -> Result<Report, LabDirError> {
    let mut dir = LabDir::acquire(root, lab)?;
    let mut report = std::mem::take(&mut dir.found);
    let rest = dir.release()?;
    // What failed the first time was tried again, and has failed or gone now.
    report.errors = rest.errors;
    report.removed.extend(rest.removed);
    report.left.extend(rest.left);
    Ok(report)
}

/// Whether some engine holds a lab directory.
pub(super) fn is_live(lab_dir: &Path) -> bool {
    LockFile::open(lab_dir).is_ok_and(|lock| lock.held_elsewhere(Part::Life).unwrap_or(true))
}

/// Removes a lab directory whose work lock the caller holds, and the directory of all labs if it is empty then.
pub(super) fn remove(context: &Context) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let doomed = context.root.join(format!("{DOOMED}{}-{count}", std::process::id()));
    let _lock = RootLock::take(&context.root)?;
    // In one step: whoever opens the lock file from now on opens that of a new directory.
    if if_there(fs::rename(context.lab_dir(), &doomed))?.is_none() {
        return Ok(());
    }
    // A lab that starts sweeps such directories, too.
    if_there(fs::remove_dir_all(&doomed))?;
    remove_if_empty(&context.root)
}

/// Removes the directory of all labs if it is empty and can be removed. It can't where somebody else made it: as a mount point (a
/// volume of a container), or in a directory that is not to be changed.
fn remove_if_empty(root: &Path) -> io::Result<()> {
    use io::ErrorKind::{DirectoryNotEmpty, NotFound, PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    let stays = [
        DirectoryNotEmpty,
        NotFound,
        PermissionDenied,
        ReadOnlyFilesystem,
        ResourceBusy,
    ];
    match fs::remove_dir(root) {
        Err(error) if !stays.contains(&error.kind()) => Err(error),
        _ => Ok(()),
    }
}

/// What to do about the kernel's refusal, if that is plain.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; placemat2 must run as root",
        _ => "",
    }
}

/// Removes what a process that was killed while it removed a lab directory has left.
fn remove_doomed(root: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        if entry.file_name().as_encoded_bytes().starts_with(DOOMED.as_bytes())
            && let Err(error) = if_there(fs::remove_dir_all(entry.path()))
        {
            tracing::warn!(%error, path = %entry.path().display(), "cannot remove what is left of a lab directory");
        }
    }
}

fn check_name(lab: &str) -> Result<(), LabDirError> {
    check_lab_name(lab).map_err(|reason| LabDirError::Name {
        lab: lab.to_owned(),
        reason,
    })
}

/// The records of living labs other than `context`'s.
pub(super) fn other_live_records(context: &Context) -> Vec<Undo> {
    let labs = LabDir::list(&context.root).unwrap_or_default();
    labs.into_iter()
        .filter(|entry| entry.live && entry.lab != context.lab)
        .filter_map(|entry| Context::of(&entry.path))
        .flat_map(|other| record::entries(&other).unwrap_or_default())
        .collect()
}
