//! Directories shared over virtio-fs: a virtiofsd process for each, which starts before QEMU and ends with it.
//!
//! What it is handed, and the order of things, are those of virtiofsd(1): it listens on a socket that it inherits, serves
//! one QEMU, and ends when that closes its connection.

use std::{os::fd::OwnedFd, path::Path, time::Duration};

use super::{NodeError, listener::connected, output::Output};
use crate::{
    blocking,
    keeper::{Command, Keeper, Process},
    plan::{self, Virtiofs, VolumeSource},
};

/// Number of the listening socket in virtiofsd.
const SOCKET_FD: i32 = 3;
/// How long virtiofsd has to end once QEMU has; it ends by itself when its connection does.
const END_LIMIT: Duration = Duration::from_secs(1);
/// Not every virtiofsd can forbid writing: a mount of its own does, in a mount namespace of its own.
const READ_ONLY: &str = r#"mount --bind -- "$1" "$1" && mount -o remount,bind,ro -- "$1" && shift && exec "$@""#;

/// A running virtiofsd.
pub(super) struct Share {
    volume: String,
    process: Process,
    output: Output,
}

impl Share {
    /// Starts what serves a volume, with the end of its connection that is QEMU's and the number it has there. `None` if
    /// QEMU serves the volume itself.
    pub(super) async fn start(
        node: &str,
        volume: &plan::Volume,
        keeper: &Keeper,
        debug: bool,
    ) -> Result<Option<(Self, (OwnedFd, i32))>, NodeError> {
        let VolumeSource::Directory {
            writable,
            virtiofs: Some(virtiofs),
        } = &volume.source
        else {
            return Ok(None);
        };
        let io_error = |source| NodeError::Io {
            node: node.into(),
            what: format!("share {} as volume `{}`", volume.path.display(), volume.name),
            source,
        };
        let socket = virtiofs.socket.clone();
        let sockets = blocking::run(move || connected(&socket)).await;
        let (listening, connection) = sockets.map_err(io_error)?;
        let name = format!("{node} virtiofsd {}", volume.name);
        let (output, stderr) = Output::pipe(debug.then_some(name)).map_err(io_error)?;
        let mut command = command(virtiofs, &volume.path, *writable);
        command.stdout = Some(stderr.try_clone().map_err(io_error)?);
        command.stderr = Some(stderr);
        command.fds = vec![(listening, SOCKET_FD)];
        let process = keeper.spawn(command).await.map_err(|source| NodeError::Virtiofsd {
            node: node.into(),
            volume: volume.name.clone(),
            source,
        })?;
        let share = Self {
            volume: volume.name.clone(),
            process,
            output,
        };
        Ok(Some((share, (connection, virtiofs.fd))))
    }

    /// Waits for its end, for somebody who doesn't hold it: what that means, in a sentence.
    pub(super) fn lost(&self) -> impl Future<Output = String> + Send + use<> {
        let (ended, volume) = (self.process.ended(), self.volume.clone());
        async move {
            format!(
                "virtiofsd, which serves its volume `{volume}`, {}: until its power is cycled, the guest waits in vain for \
                 what it does there",
                ended.await
            )
        }
    }

    /// Ends virtiofsd and returns its last words, with the volume's name; nothing if it said nothing.
    pub(super) async fn finish(mut self) -> String {
        // It was told to end by QEMU's closing; the signal is for the case that QEMU never started.
        self.process.stop(END_LIMIT).await;
        match self.output.finish().await.trim() {
            "" => String::new(),
            words => format!("virtiofsd of volume `{}`: {words}", self.volume),
        }
    }
}

fn command(virtiofs: &Virtiofs, directory: &Path, writable: bool) -> Command {
    // Spelled as both virtiofsds take it, that of QEMU before 8.0 and that written in Rust.
    let mut args = vec![format!("--fd={SOCKET_FD}").into(), "-o".into()];
    args.push(format!("source={},cache=auto", directory.display()).into());
    let program = &virtiofs.program;
    if writable {
        let mut command = Command::new(program);
        command.args = args;
        return command;
    }
    let mut command = Command::new("unshare");
    command.args = ["--mount", "--", "sh", "-ec", READ_ONLY, "sh"].map(Into::into).into();
    command.args.extend([directory.into(), program.into()]);
    command.args.extend(args);
    command
}
