//! Short runs of the host's own programs (`nft`, `iptables`): they know their rule sets better than anybody else.

use std::{
    io,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use super::{installed, lock::LockFile};

/// What goes wrong with a program of the host.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not installed.
    #[error("The program {program} is not installed; install the package {package} (apt-get install {package}).")]
    Missing {
        /// The program.
        program: String,
        /// The Debian package it is in.
        package: &'static str,
    },
    /// It could not be started.
    #[error("The program {program} cannot be run: {source}.")]
    Run {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It failed.
    #[error("The command `{command}` failed: {message}")]
    Failed {
        /// The command as a shell would take it.
        command: String,
        /// What it printed, or its exit status if that was nothing.
        message: String,
    },
    /// What it printed is not what it should be.
    #[error("The command `{command}` printed something unexpected: {message}.")]
    Output {
        /// The command.
        command: String,
        /// What is wrong.
        message: String,
    },
}

/// A program of the host that was found.
#[derive(Clone, Debug)]
pub(super) struct Program {
    path: PathBuf,
}

impl Program {
    /// Looks a program up in PATH and the system's directories.
    pub(super) fn find(name: &str) -> Option<Self> {
        installed::find(name).map(|path| Self { path })
    }

    /// Looks up `nft`.
    pub(super) fn nft() -> Result<Self, ProgramError> {
        Self::find("nft").ok_or_else(|| ProgramError::Missing {
            program: "nft".into(),
            package: "nftables",
        })
    }

    /// Its name without the directory.
    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Runs it and returns what it printed, whether it failed or not. The program inherits `work` (as its standard
    /// input, which none of these programs reads), so that its lock is held until the program is done even if this
    /// process is killed. It is in a process group of its own: Ctrl-C is for the engine, which then still needs what it
    /// has begun to be done to the end.
    pub(super) fn run(&self, work: &LockFile, args: &[&str]) -> Result<Output, ProgramError> {
        let failed = |source| ProgramError::Run {
            program: self.name(),
            source,
        };
        Command::new(&self.path)
            .args(args)
            .env("LC_ALL", "C")
            .stdin(Stdio::from(work.duplicate().map_err(failed)?))
            .process_group(0)
            .output()
            .map_err(failed)
    }

    /// Runs it and returns its standard output; that it fails is an error.
    pub(super) fn expect(&self, work: &LockFile, args: &[&str]) -> Result<String, ProgramError> {
        let output = self.run(work, args)?;
        if !output.status.success() {
            return Err(self.failure(args, &output));
        }
        String::from_utf8(output.stdout).map_err(|_| ProgramError::Output {
            command: self.command(args),
            message: "it is not UTF-8".into(),
        })
    }

    /// The error for a run that failed.
    pub(super) fn failure(&self, args: &[&str], output: &Output) -> ProgramError {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let message = match stderr.trim() {
            "" => format!("it ended with {}", output.status),
            text => text.to_owned(),
        };
        ProgramError::Failed {
            command: self.command(args),
            message,
        }
    }

    /// The command line for messages.
    pub(super) fn command(&self, args: &[&str]) -> String {
        let mut text = self.name();
        for arg in args {
            text.push(' ');
            text.push_str(arg);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{super::lock::Part, *};

    #[test]
    fn programs_are_found_run_and_their_failures_told() {
        let dir = tempfile::tempdir().unwrap();
        let lock = LockFile::create(dir.path()).unwrap();
        let sh = Program::find("sh").unwrap();
        assert_eq!(sh.expect(&lock, &["-c", "echo hello"]).unwrap(), "hello\n");
        let error = sh.expect(&lock, &["-c", "echo no such chain >&2; exit 1"]).unwrap_err();
        assert!(error.to_string().ends_with("failed: no such chain"), "{error}");
        assert!(Program::find("no-such-program-anywhere").is_none());
    }

    #[test]
    fn ctrl_c_does_not_reach_a_program() {
        let dir = tempfile::tempdir().unwrap();
        let lock = LockFile::create(dir.path()).unwrap();
        // There is no such group unless the shell leads one.
        let script = "kill -0 -$$";
        Program::find("sh").unwrap().expect(&lock, &["-c", script]).unwrap();
    }

    #[test]
    fn a_program_holds_the_lock_of_who_started_it() {
        let dir = tempfile::tempdir().unwrap();
        let lock = LockFile::create(dir.path()).unwrap();
        lock.take(Part::Work).unwrap();
        let marker = dir.path().join("marker");
        // The subshell goes on in the background after the shell has ended, with a duplicate of its input.
        let script = format!(
            "exec 3<&0; (sleep 0.3; echo done > {}) >/dev/null 2>&1 &",
            marker.display()
        );
        Program::find("sh").unwrap().expect(&lock, &["-c", &script]).unwrap();
        drop(lock);
        LockFile::open(dir.path()).unwrap().take(Part::Work).unwrap();
        assert_eq!(std::fs::read_to_string(marker).unwrap(), "done\n");
    }
}
