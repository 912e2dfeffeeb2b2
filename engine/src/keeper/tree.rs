//! Which processes have which parent, from `/proc`.
//!
//! `/proc/PID/task/TID/children` would be cheaper but is an option of the kernel (`CONFIG_PROC_CHILDREN`) that not every
//! kernel has.

use std::{fs, io};

/// A child of some process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    pub pid: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
}

/// The children of the process `parent`, zombies among them.
pub fn children(parent: i32) -> io::Result<Vec<Child>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that has gone meanwhile is nobody's child.
        let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else {
            continue;
        };
        if let Some([of, group, session]) = parse(&stat)
            && of == parent
        {
            found.push(Child { pid, group, session });
        }
    }
    Ok(found)
}

/// Parent, process group and session in a `/proc/PID/stat`, see proc(5): `PID (NAME) STATE PPID PGRP SESSION ...`, where
/// the name may hold anything.
fn parse(stat: &[u8]) -> Option<[i32; 3]> {
    let end_of_name = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(&stat[end_of_name + 1..]).ok()?;
    let mut fields = rest.split_ascii_whitespace().skip(1).map(str::parse);
    let mut next = || fields.next()?.ok();
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_does_not_confuse() {
        assert_eq!(parse(b"7 (a) R 9 9 (\n) S 1 2 3 4 5"), Some([1, 2, 3]));
        assert_eq!(parse(b"7 (\xff) S 1 2"), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn a_child_is_found() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let found = children(i32::try_from(std::process::id()).unwrap()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found.iter().any(|found| found.pid == pid), "{found:?}");
    }
}
