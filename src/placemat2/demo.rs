//! The demo data centre by its name: `demo` instead of a lab file.
//!
//! What comes with placemat2 stays as it is. The lab runs from a copy below the data directory, where its routers have their
//! control sockets, with a guest image that is made of Debian packages there.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, bail};
use tokio::process::Command;

use super::cli::{DATA_DIR, PlanOptions};
use crate::output;

/// What stands for its lab file.
const NAME: &str = "demo";

/// Where what it is made from lies, as seen from the directory of this program: installed, or built from source.
const SOURCES: [&str; 2] = ["../share/placemat2/demo", "../../assets/demo"];

/// Makes it, or makes it current, if a lab file is named `demo` and there is no such file. Nothing is made any more once this
/// is dropped.
pub async fn make(args: &PlanOptions) -> anyhow::Result<()> {
    if !args.files.iter().any(|file| is_name(file)) {
        return Ok(());
    }
    let program = env::current_exe().context("cannot find out where this program is")?;
    let sources = SOURCES.map(|source| program.parent().unwrap_or(Path::new("/")).join(source));
    let Some(source) = sources.iter().find(|source| source.join("prepare").exists()) else {
        let [installed, _] = &sources;
        bail!(
            "there is no file `{NAME}`, and the demo did not come with this program: {} is missing",
            installed.display()
        );
    };
    let output = if output::is_quiet() {
        Stdio::null()
    } else {
        std::io::stderr().into()
    };
    // One that is killed has its present step end by itself; the next begins with what it left.
    let status = Command::new(source.join("prepare"))
        .arg(place(args))
        .stdin(Stdio::null())
        .stdout(output)
        .kill_on_drop(true)
        .status()
        .await
        .context("cannot make the demo")?;
    if !status.success() {
        bail!("the demo could not be made ({status}); what went wrong stands above");
    }
    Ok(())
}

/// The same options with the lab file that was made, if `demo` is named: its disks are apart from those of other labs.
pub fn found(args: &PlanOptions) -> anyhow::Result<PlanOptions> {
    let mut args = args.clone();
    let place = place(&args);
    if replace(&mut args.files, &place)? {
        // Where it was made: from where the user is.
        args.data_dir = std::path::absolute(&place).context("cannot find out where the demo is")?;
    }
    Ok(args)
}

/// The same files with the lab file that was made in the default place, if `demo` is named.
pub fn found_by_default(files: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = files.to_vec();
    replace(&mut files, &Path::new(DATA_DIR).join(NAME))?;
    Ok(files)
}

/// Puts the lab file in `place` where `demo` is named; returns whether it is.
fn replace(files: &mut [PathBuf], place: &Path) -> anyhow::Result<bool> {
    let lab_file = place.join("dc.yml");
    let mut named = false;
    for file in files.iter_mut().filter(|file| is_name(file)) {
        if !lab_file.exists() {
            bail!(
                "there is no file `{NAME}`, and the demo is not made yet in {}: `placemat2 run {NAME}`, `ui` and `test` make it",
                place.display()
            );
        }
        file.clone_from(&lab_file);
        named = true;
    }
    Ok(named)
}

/// Whether a file is the demo by its name.
pub fn is_name(file: &Path) -> bool {
    file == Path::new(NAME) && (!file.exists() || file.is_dir())
}

fn place(args: &PlanOptions) -> PathBuf {
    args.data_dir.join(NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_stands_for_what_was_made() {
        let place = tempfile::tempdir().unwrap();
        let mut files = vec![PathBuf::from("other.yml"), PathBuf::from(NAME)];
        assert!(replace(&mut files, place.path()).is_err());
        std::fs::write(place.path().join("dc.yml"), "").unwrap();
        assert!(replace(&mut files, place.path()).unwrap());
        assert_eq!(files, [PathBuf::from("other.yml"), place.path().join("dc.yml")]);
        assert!(!replace(&mut files, place.path()).unwrap());
    }
}
