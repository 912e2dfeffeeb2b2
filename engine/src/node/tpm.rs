//! The TPM of a node: an swtpm process that starts before QEMU and ends with it.

use std::{fs, os::fd::OwnedFd, path::Path, time::Duration};

use super::{NodeError, listener::connected, output::Output};
use crate::{
    blocking,
    keeper::{Command, Keeper, Process},
    plan,
};

/// Number of the control socket in swtpm.
const CONTROL_FD: i32 = 3;
/// How long swtpm has to end once QEMU has; it ends by itself when its connection does.
const END_LIMIT: Duration = Duration::from_secs(1);

/// A running TPM emulator.
pub(super) struct TpmEmulator {
    process: Process,
    output: Output,
}

impl TpmEmulator {
    /// Starts swtpm, with the end of its connection that is QEMU's and the number it has there.
    pub(super) async fn start(
        node: &str,
        tpm: &plan::Tpm,
        keeper: &Keeper,
        debug: bool,
    ) -> Result<(Self, (OwnedFd, i32)), NodeError> {
        let io_error = |path: &Path, source| NodeError::Io {
            node: node.into(),
            what: format!("prepare its TPM at {}", path.display()),
            source,
        };
        let (state_dir, socket) = (tpm.state_dir.clone(), tpm.socket.clone());
        let prepare = move || {
            fs::create_dir_all(state_dir)?;
            connected(&socket)
        };
        let prepared = blocking::run(prepare).await;
        let (control, connection) = prepared.map_err(|source| io_error(&tpm.state_dir, source))?;
        let (output, stderr) =
            Output::pipe(debug.then(|| format!("{node} swtpm"))).map_err(|source| io_error(&tpm.state_dir, source))?;
        let mut command = Command::new(&tpm.program);
        let state = format!("dir={}", tpm.state_dir.display());
        let control_option = format!("type=unixio,fd={CONTROL_FD}");
        let args = [
            "socket",
            "--tpm2",
            "--terminate",
            "--tpmstate",
            &state,
            "--ctrl",
            &control_option,
        ];
        command.args = args.map(Into::into).into();
        command.stderr = Some(stderr);
        command.fds = vec![(control, CONTROL_FD)];
        let process = keeper.spawn(command).await.map_err(|source| NodeError::Swtpm {
            node: node.into(),
            source,
        })?;
        Ok((Self { process, output }, (connection, tpm.fd)))
    }

    /// Ends swtpm and returns its last words.
    pub(super) async fn finish(mut self) -> String {
        // It was told to end by QEMU's closing; the signal is for the case that QEMU never connected.
        self.process.stop(END_LIMIT).await;
        self.output.finish().await
    }
}
