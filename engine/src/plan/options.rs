//! What the user chose on the command line, as far as a plan depends on it.

use std::path::{Path, PathBuf};

use super::LABS_DIR;

/// What the user chose. Relative directories count from the directory of the first lab file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `--name`: the lab's name instead of the first file's stem.
    pub name: Option<String>,
    /// `--run-dir`: where the serial consoles' sockets go.
    pub run_dir: PathBuf,
    /// `--data-dir`: where volumes, UEFI variables and TPM states are kept.
    pub data_dir: PathBuf,
    /// `--cache-dir`: where downloaded images are kept.
    pub cache_dir: PathBuf,
    /// `--log-dir`: each lab logs to a directory of its own in it.
    pub log_dir: PathBuf,
    /// Where each lab has its private directory.
    pub lab_root: PathBuf,
    /// Where namespaces appear by name.
    pub netns_dir: PathBuf,
    /// `--accel`: how QEMU runs the guests' code.
    pub accel: AccelChoice,
    /// `--qemu-user`: the user QEMU runs as; that of the engine if none.
    pub qemu_user: Option<String>,
    /// `--graphic`: QEMU with its window beside the serial console.
    pub graphic: bool,
}

impl Options {
    /// Returns the cache directory used when none was given: one in the home of whoever called `sudo`, so that
    /// downloads outlive a data directory that scripts remove, else the data directory.
    pub fn default_cache_dir(data_dir: &Path, sudo_user: Option<&str>) -> PathBuf {
        match sudo_user {
            Some(user) if !user.is_empty() && !user.contains('/') => {
                Path::new("/home").join(user).join("placemat_data")
            }
            _ => data_dir.to_owned(),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        let data_dir = PathBuf::from("/var/scratch/placemat");
        Self {
            name: None,
            run_dir: "/tmp".into(),
            cache_dir: data_dir.clone(),
            data_dir,
            log_dir: "/var/log/placemat2".into(),
            lab_root: LABS_DIR.into(),
            netns_dir: "/run/netns".into(),
            accel: AccelChoice::default(),
            qemu_user: None,
            graphic: false,
        }
    }
}

/// How QEMU shall run the guests' code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccelChoice {
    /// KVM where it works, else TCG.
    #[default]
    Auto,
    /// KVM or nothing.
    Kvm,
    /// TCG, even where KVM works.
    Tcg,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_in_the_home_of_who_called_sudo() {
        let data = Path::new("/data");
        assert_eq!(
            Options::default_cache_dir(data, Some("ada")),
            Path::new("/home/ada/placemat_data")
        );
        assert_eq!(Options::default_cache_dir(data, None), data);
        assert_eq!(Options::default_cache_dir(data, Some("")), data);
        assert_eq!(Options::default_cache_dir(data, Some("../etc")), data);
    }
}
