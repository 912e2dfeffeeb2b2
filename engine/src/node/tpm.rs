//! The TPM of a node: an swtpm process that starts before QEMU and ends with it.

use std::{fs, io, os::fd::OwnedFd, path::Path, time::Duration};

use super::{NodeError, listener::connected, output::Output};
use crate::{
    blocking,
    keeper::{Command, Keeper, Process},
    plan,
};

/// Number of the control socket in swtpm.
const CONTROL_FD: i32 = 3;
/// How the names of the files begin in which swtpm keeps the state of a TPM 2.0.
const STATE_PREFIX: &[u8] = b"tpm2-";
/// How long swtpm has to end once QEMU has; it ends by itself when its connection does.
const END_LIMIT: Duration = Duration::from_secs(1);

/// A running TPM emulator.
pub(super) struct TpmEmulator {
    process: Process,
    output: Output,
}

impl TpmEmulator {
    /// Starts swtpm, with the end of its connection that is QEMU's and the number it has there. `clear`: it is to have
    /// forgotten all that it was ever given.
    pub(super) async fn start(
        node: &str,
        tpm: &plan::Tpm,
        keeper: &Keeper,
        clear: bool,
        debug: bool,
    ) -> Result<(Self, (OwnedFd, i32)), NodeError> {
        let io_error = |path: &Path, source| NodeError::Io {
            node: node.into(),
            what: format!("prepare its TPM at {}", path.display()),
            source,
        };
        let (state_dir, socket) = (tpm.state_dir.clone(), tpm.socket.clone());
        let prepare = move || {
            fs::create_dir_all(&state_dir)?;
            if clear {
                forget(&state_dir)?;
            }
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

    /// Waits for its end, for somebody who doesn't hold it: what that means, in a sentence.
    pub(super) fn lost(&self) -> impl Future<Output = String> + Send + use<> {
        let ended = self.process.ended();
        async move {
            format!(
                "swtpm, its TPM, {}: until its power is cycled, the guest has no TPM",
                ended.await
            )
        }
    }

    /// Ends swtpm and returns its last words.
    pub(super) async fn finish(mut self) -> String {
        // It was told to end by QEMU's closing; the signal is for the case that QEMU never connected.
        self.process.stop(END_LIMIT).await;
        self.output.finish().await
    }
}

/// Removes the state that swtpm keeps: without it, it makes a new TPM. Directories and locks stay.
fn forget(state_dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(state_dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.file_name().as_encoded_bytes().starts_with(STATE_PREFIX) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::testing::names;

    #[test]
    fn all_that_a_tpm_knows_is_forgotten_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["tpm2-00.permall", "tpm2-00.volatilestate", ".lock", "notes"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        forget(dir.path()).unwrap();
        assert_eq!(names(dir.path()), [".lock", "notes"]);
    }
}
