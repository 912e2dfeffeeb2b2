//! Programs installed on this host.

use std::{
    env,
    ffi::OsStr,
    io::Read as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use nix::{
    errno::Errno,
    sys::{prctl::set_pdeathsig, signal::Signal},
    unistd::{AccessFlags, access, getpid, getppid},
};

use crate::plan::{QemuProgram, QemuVersion};

/// Where to look if there is no PATH.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where distributions install virtiofsd: that written in Rust, that of QEMU before 8.0.
const VIRTIOFSD_PATH: &str = "/usr/libexec:/usr/lib/qemu:/usr/lib/virtiofsd:/usr/lib";

/// Looked into after PATH, which may lack these: that of a user who came by `su`, for example.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// How much of what QEMU prints for a version is read, in bytes.
const MAX_ANSWER: u64 = 4096;

/// What makes QEMU print its version.
const VERSION: [&str; 1] = ["--version"];

/// The same, but only if it was built with the sandbox.
const SANDBOXED_VERSION: [&str; 3] = ["-sandbox", "on", "--version"];

/// Returns the absolute path of a program in PATH or the directories of system programs.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    find_in(name, &path).or_else(|| find_in(name, OsStr::new(SYSTEM_PATH)))
}

fn find_in(name: &str, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        // An empty entry means the working directory, which root does not want to run programs from.
        .filter(|directory| !directory.as_os_str().is_empty())
        .filter_map(|directory| std::path::absolute(directory.join(name)).ok())
        .find(|program| {
            // A path that isn't UTF-8 could not be printed in a plan.
            program.to_str().is_some() && program.is_file() && access(program, AccessFlags::X_OK).is_ok()
        })
}

/// Returns virtiofsd. Distributions keep it out of PATH: nobody but a manager of virtual machines starts it.
pub(super) fn virtiofsd() -> Option<PathBuf> {
    find("virtiofsd").or_else(|| find_in("virtiofsd", OsStr::new(VIRTIOFSD_PATH)))
}

/// QEMU, while it prints its version. Dropping this ends it.
pub struct AskedQemu {
    program: PathBuf,
    /// `None` if it could not be started.
    process: Option<Child>,
}

/// Begins to ask QEMU for x86-64 for its version, which takes longer than all else; `None` if there is no QEMU.
pub fn ask_qemu() -> Option<AskedQemu> {
    let program = find("qemu-system-x86_64")?;
    let process = ask(&program, &SANDBOXED_VERSION);
    Some(AskedQemu { program, process })
}

/// Starts QEMU to print its version; `None` if it can't be started.
fn ask(program: &Path, arguments: &[&str]) -> Option<Child> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    command.stdout(Stdio::piped());
    // A start that is stopped or killed now does not wait for the answer: QEMU must not outlive it.
    let us = getpid();
    let die_with_us = move || {
        set_pdeathsig(Signal::SIGKILL)?;
        // Who asked may have died before that.
        if getppid() == us {
            Ok(())
        } else {
            Err(Errno::ESRCH.into())
        }
    };
    // SAFETY: between fork and exec only system calls are made that take no lock and no memory.
    unsafe { command.pre_exec(die_with_us) };
    let process = command.spawn().inspect_err(|error| {
        tracing::warn!("The version of `{}` can't be asked for: {error}.", program.display());
    });
    process.ok()
}

impl AskedQemu {
    /// Returns QEMU with the version it tells. Blocks until it has printed it.
    pub(super) fn answer(mut self) -> QemuProgram {
        let mut version = self.version();
        let sandbox = version.is_some();
        if !sandbox {
            // It may have been built without the sandbox, and says nothing but that.
            self.end();
            self.process = ask(&self.program, &VERSION);
            version = self.version();
        }
        QemuProgram {
            program: std::mem::take(&mut self.program),
            version,
            sandbox,
        }
    }

    fn version(&mut self) -> Option<QemuVersion> {
        let output = self.process.as_mut()?.stdout.take()?;
        let mut text = String::new();
        // What isn't text has no version in it.
        output.take(MAX_ANSWER).read_to_string(&mut text).ok()?;
        parse_version(&text)
    }

    fn end(&mut self) {
        if let Some(process) = &mut self.process {
            // It may have ended by itself, which is as good.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for AskedQemu {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads the version out of `QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)`.
fn parse_version(text: &str) -> Option<QemuVersion> {
    let mut words = text.split_whitespace().skip_while(|word| *word != "version");
    let numbers = words.nth(1)?.trim_end_matches(|c: char| !c.is_ascii_digit());
    let mut parts = numbers.split('.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part[..digits].parse().ok()
    });
    Some(QemuVersion {
        major: parts.next()??,
        minor: parts.next()??,
        micro: parts.next().flatten().unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_distributions_print_them() {
        let version = |major, minor, micro| Some(QemuVersion { major, minor, micro });
        assert_eq!(
            parse_version("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)\nCopyright"),
            version(7, 2, 22)
        );
        assert_eq!(
            parse_version("QEMU emulator version 10.0.50 (v9.2.0-1-g00)"),
            version(10, 0, 50)
        );
        assert_eq!(
            parse_version("QEMU emulator version 5.2-rc1, Copyright"),
            version(5, 2, 0)
        );
        assert_eq!(parse_version("QEMU emulator version"), None);
        assert_eq!(parse_version("QEMU emulator version unknown"), None);
        assert_eq!(parse_version(""), None);
    }

    #[test]
    fn only_executables_are_programs() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("tool"), "").unwrap();
        assert_eq!(find_in("tool", directory.path().as_os_str()), None);
        assert_eq!(find_in("tool", OsStr::new("")), None);
        assert_eq!(find_in("sh", OsStr::new("/nonexistent:/bin")), Some("/bin/sh".into()));
    }
}
