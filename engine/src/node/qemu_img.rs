//! The `qemu-img` program, and what else the making of images and volumes needs.

use std::{io, path::Path, sync::Arc, thread::available_parallelism};

use nix::sys::signal::Signal;
use serde::Deserialize;
use tokio::{io::AsyncReadExt, net::unix::pipe, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use super::{download::Patience, output::Output};
use crate::{
    host::installed,
    keeper::{Command, Exit, Keeper, KeeperError, Process},
    store::Store,
};

/// The most `qemu-img` may say, in bytes.
const MAX_ANSWER: u64 = 1 << 20;

/// What the making of images and volumes needs of the lab. Cheap to clone.
#[derive(Clone)]
pub struct PrepareEnv {
    pub(super) store: Store,
    pub(super) cancel: CancellationToken,
    pub(super) patience: Patience,
    keeper: Keeper,
    /// One for each disk being made at the same time: with more than that all become slower.
    places: Arc<Semaphore>,
}

/// What goes wrong with `qemu-img`.
#[derive(Debug, thiserror::Error)]
pub enum QemuImgError {
    /// It could not be started.
    #[error("{}{}", .0, .0.advice(". Is it installed (Debian's qemu-utils)?"))]
    Start(#[from] KeeperError),
    /// It failed, in its own words.
    #[error("{0}")]
    Failed(String),
    /// Its output could not be read.
    #[error("cannot read what qemu-img says: {0}")]
    Io(#[from] io::Error),
    /// It said what it never should.
    #[error("qemu-img said what is not understood: {0}")]
    Answer(#[from] serde_json::Error),
    /// The lab is going down.
    #[error("the lab is going down")]
    Cancelled,
}

/// What `qemu-img info` tells of a disk.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(super) struct DiskInfo {
    /// `qcow2`, `raw`, ...
    pub format: String,
    /// The file it is an overlay on.
    #[serde(rename = "backing-filename")]
    pub backing: Option<String>,
}

impl PrepareEnv {
    /// `cancel` ends all that is under way, with an error.
    pub fn new(store: Store, keeper: Keeper, cancel: CancellationToken) -> Self {
        let places = available_parallelism().map_or(2, |cpus| cpus.get() * 2);
        Self {
            store,
            cancel,
            patience: Patience::default(),
            keeper,
            places: Arc::new(Semaphore::new(places)),
        }
    }

    /// The same with other limits for downloads.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// The same with a token that is also cancelled alone.
    pub(super) fn child(&self) -> Self {
        let cancel = self.cancel.child_token();
        Self { cancel, ..self.clone() }
    }

    /// Probes a disk. Works on one that is in use.
    pub(super) async fn disk_info(&self, disk: &Path) -> Result<DiskInfo, QemuImgError> {
        let mut command = command("info");
        command.args.extend(["--force-share", "--output=json"].map(Into::into));
        command.args.push(disk.into());
        Ok(serde_json::from_slice(&self.run(command).await?)?)
    }

    /// Makes an empty disk.
    pub(super) async fn create_disk(&self, disk: &Path, format: &str, size: &str) -> Result<(), QemuImgError> {
        let mut command = command("create");
        command.args.extend(["-q", "-f", format].map(Into::into));
        command.args.extend([disk.into(), size.into()]);
        self.run(command).await.map(drop)
    }

    /// Makes a qcow2 overlay.
    pub(super) async fn create_overlay(&self, disk: &Path, backing: &Path, format: &str) -> Result<(), QemuImgError> {
        let mut command = command("create");
        command
            .args
            .extend(["-q", "-f", "qcow2", "-F", format, "-b"].map(Into::into));
        command.args.extend([backing.into(), disk.into()]);
        self.run(command).await.map(drop)
    }

    /// Copies a disk of that format, with all it is an overlay on, into one qcow2 file.
    pub(super) async fn convert(&self, from: &Path, format: &str, to: &Path) -> Result<(), QemuImgError> {
        let mut command = command("convert");
        command.args.extend(["-q", "-f", format, "-O", "qcow2"].map(Into::into));
        command.args.extend([from.into(), to.into()]);
        self.run(command).await.map(drop)
    }

    /// Waits for its turn to work on a disk; `None` when the lab goes down.
    pub(super) async fn place(&self) -> Option<impl Drop + Send + use<>> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => None,
            place = self.places.clone().acquire_owned() => place.ok(),
        }
    }

    async fn run(&self, mut command: Command) -> Result<Vec<u8>, QemuImgError> {
        let Some(_place) = self.place().await else {
            return Err(QemuImgError::Cancelled);
        };
        let (output, stderr) = Output::pipe(None)?;
        let (stdout, end) = io::pipe()?;
        command.stdout = Some(end.into());
        command.stderr = Some(stderr);
        let mut process = KilledOnDrop(self.keeper.spawn(command).await?);
        let mut answer = vec![];
        let stdout = pipe::Receiver::from_owned_fd(stdout.into())?;
        let work = async {
            stdout.take(MAX_ANSWER).read_to_end(&mut answer).await?;
            Ok::<_, io::Error>(process.0.wait().await)
        };
        let exit = tokio::select! {
            exit = work => exit?,
            () = self.cancel.cancelled() => return Err(QemuImgError::Cancelled),
        };
        if exit == Exit::Code(0) {
            return Ok(answer);
        }
        let words = output.finish().await;
        Err(QemuImgError::Failed(match (words.as_str(), exit) {
            ("", Exit::Code(code)) => format!("qemu-img ended with exit code {code}"),
            ("", Exit::Signal(signal)) => format!("qemu-img was killed by signal {signal}"),
            _ => words,
        }))
    }
}

fn command(what: &str) -> Command {
    let mut command = Command::new(installed::find("qemu-img").unwrap_or_else(|| "qemu-img".into()));
    command.args.push(what.into());
    command
}

/// A process nobody waits for any more has no reason to go on; one that has ended takes no signal.
struct KilledOnDrop(Process);

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        self.0.signal(Signal::SIGKILL);
    }
}
