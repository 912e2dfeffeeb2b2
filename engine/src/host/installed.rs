//! Programs installed on this host.

use std::{
    env,
    ffi::OsStr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::{
    errno::Errno,
    sys::{prctl::set_pdeathsig, signal::Signal},
    unistd::{AccessFlags, access, getpid, getppid},
};

use crate::plan::{QemuProgram, QemuVersion};

/// Where to look if there is no PATH.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Looked into after PATH, which may lack these: that of a user who came by `su`, for example.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/sbin:/sbin";

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

/// Returns QEMU for x86-64, with the version it tells. Blocks while QEMU starts and prints it.
pub(super) fn qemu() -> Option<QemuProgram> {
    let program = find("qemu-system-x86_64")?;
    let version = qemu_version(&program);
    Some(QemuProgram { program, version })
}

fn qemu_version(program: &Path) -> Option<QemuVersion> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stderr(Stdio::null());
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
    match command.output() {
        Ok(output) => parse_version(&String::from_utf8_lossy(&output.stdout)),
        Err(error) => {
            tracing::warn!("The version of `{}` can't be asked for: {error}.", program.display());
            None
        }
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
