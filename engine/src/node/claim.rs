//! Claims on the files of nodes: a disk, a UEFI variable store or the state of a TPM belongs to one running lab at a time.
//!
//! QEMU and swtpm lock their files too, but their messages name neither lab nor node, and come after minutes of downloads.
//! A claim is a lock (`flock(2)`) on a small file beside the claimed one, which names the owner; it is gone when the engine
//! is, however that ended.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use nix::fcntl::Flock;

use super::{
    lock::{self, Locked},
    part_file,
};
use crate::{
    blocking,
    plan::{Node, Plan},
};

/// Ends the name of the file that names an owner.
pub(super) const SUFFIX: &str = ".owner";
/// Whose a file is may everybody read.
const MODE: u32 = 0o644;
/// The longest owner file that is read, in bytes.
const MAX_OWNER: u64 = 4096;

/// Why a file can't be had.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// It is another lab's.
    #[error(
        "node `{node}`: {object} at {path} is in use by {owner}. Stop that, or keep this lab's files elsewhere \
         (--data-dir or a DeviceClass)"
    )]
    InUse {
        /// The node.
        node: String,
        /// What of it: ``volume `root` ``, `its TPM's state`.
        object: String,
        /// The file or directory.
        path: PathBuf,
        /// Whose it is: ``node `boot-0` of lab `dc` ``.
        owner: String,
    },
    /// The owner could not be written down.
    #[error("node `{node}`: cannot claim {object} at {path}: {source}")]
    Io {
        /// The node.
        node: String,
        /// What of it.
        object: String,
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The files of a lab's nodes, claimed until this is dropped.
#[derive(Debug, Default)]
pub struct Claims {
    _held: Vec<Claim>,
}

/// Claims all files of a lab's nodes, or none of them if one is another lab's.
pub async fn claim_files(plan: &Plan) -> Result<Claims, ClaimError> {
    let wanted: Vec<_> = plan.nodes.iter().flat_map(|node| wanted(&plan.lab, node)).collect();
    let held = blocking::run(move || wanted.into_iter().map(Wanted::claim).collect::<Result<_, _>>()).await?;
    Ok(Claims { _held: held })
}

/// The directories of the files that [`claim_files`] claims.
pub fn directories(plan: &Plan) -> BTreeSet<PathBuf> {
    let wanted = plan.nodes.iter().flat_map(|node| wanted(&plan.lab, node));
    wanted
        .filter_map(|wanted| wanted.path.parent().map(Path::to_owned))
        .collect()
}

/// How the names of files there end that a crash may leave, each hidden and locked by whoever has it.
pub fn leftover_suffixes() -> Vec<String> {
    [SUFFIX, part_file::SUFFIX].map(str::to_owned).into()
}

/// A file that a node must have for itself.
struct Wanted {
    lab: String,
    node: String,
    object: String,
    path: PathBuf,
}

fn wanted(lab: &str, node: &Node) -> Vec<Wanted> {
    let volumes = node
        .disks()
        .map(|volume| (format!("volume `{}`", volume.name), &volume.path));
    let nvram = node
        .nvram
        .iter()
        .map(|nvram| ("the UEFI variables".to_owned(), &nvram.path));
    let tpm = node
        .tpm
        .iter()
        .map(|tpm| ("the state of the TPM".to_owned(), &tpm.state_dir));
    let all = volumes.chain(nvram).chain(tpm);
    all.map(|(object, path)| Wanted {
        lab: lab.into(),
        node: node.name.clone(),
        object,
        path: path.clone(),
    })
    .collect()
}

impl Wanted {
    fn claim(self) -> Result<Claim, ClaimError> {
        let owner = format!("node `{}` of lab `{}`", self.node, self.lab);
        let Self { node, object, path, .. } = self;
        match Claim::take(&path, &owner) {
            Ok(Ok(claim)) => Ok(claim),
            Ok(Err(owner)) => Err(ClaimError::InUse {
                node,
                object,
                path,
                owner,
            }),
            Err(source) => Err(ClaimError::Io {
                node,
                object,
                path,
                source,
            }),
        }
    }
}

/// A claimed file.
#[derive(Debug)]
struct Claim {
    path: PathBuf,
    _file: Flock<File>,
}

impl Claim {
    /// Claims a file that need not exist, making the directories it is to be in; the owner if it is claimed.
    fn take(target: &Path, owner: &str) -> io::Result<Result<Self, String>> {
        let path = lock::beside(target, SUFFIX)?;
        let file = match lock::try_lock(&path, MODE)? {
            Locked::Mine(file) => file,
            Locked::Busy(file) => return Ok(Err(read_owner(&file))),
        };
        file.set_len(0)?;
        file.write_all_at(owner.as_bytes(), 0)?;
        Ok(Ok(Self { path, _file: file }))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // The lock is still held: whoever opens the file now finds it gone once it has the lock.
        drop(fs::remove_file(&self.path));
    }
}

fn read_owner(file: &File) -> String {
    let mut owner = vec![];
    // An owner that is only about to write its name has none yet; nor has one that can't be read.
    let read = file.take(MAX_OWNER).read_to_end(&mut owner);
    match String::from_utf8(owner) {
        Ok(owner) if read.is_ok() && !owner.is_empty() && !owner.contains(char::is_control) => owner,
        _ => "another lab".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(path: &Path, owner: &str) -> Result<Claim, String> {
        Claim::take(path, owner).unwrap()
    }

    #[test]
    fn a_file_has_one_owner_who_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("boot-0/root.img");
        let first = take(&disk, "node `boot-0` of lab `one`").unwrap();
        assert_eq!(take(&disk, "two").unwrap_err(), "node `boot-0` of lab `one`");
        let other = take(&dir.path().join("boot-0/data.img"), "two").unwrap();
        drop(first);
        drop(take(&disk, "two").unwrap());
        drop(other);
        assert_eq!(fs::read_dir(dir.path().join("boot-0")).unwrap().count(), 0);
    }

    #[test]
    fn what_a_crash_left_is_no_claim() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("root.img");
        fs::write(dir.path().join(".root.img.owner"), "node `a-longer-name` of lab `dead`").unwrap();
        let _claim = take(&disk, "me").unwrap();
        assert_eq!(take(&disk, "two").unwrap_err(), "me");
    }

    #[test]
    fn an_owner_without_a_proper_name_is_another_lab() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("root.img");
        for name in ["", "\u{1b}[2J", &"x\n".repeat(9000)] {
            let _claim = take(&disk, name).unwrap();
            assert_eq!(take(&disk, "two").unwrap_err(), "another lab");
        }
    }

    #[test]
    fn many_who_want_one_file_have_it_one_after_another() {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("root.img");
        let inside = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        if let Ok(claim) = take(&disk, "one of many") {
                            use std::sync::atomic::Ordering::SeqCst;
                            assert_eq!(inside.fetch_add(1, SeqCst), 0);
                            inside.fetch_sub(1, SeqCst);
                            drop(claim);
                        }
                    }
                });
            }
        });
    }
}
