//! What a failed test leaves behind to be looked into.

use std::{
    fs,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use placemat2_engine::{plan::Plan, store::Store};

use crate::output;

/// How much of the end of a console's log is looked at, in bytes.
const TAIL: u64 = 16 * 1024;

/// How many of the last lines of a console are shown.
const LINES: usize = 10;

/// A directory of files about a test.
pub struct Bundle<'a> {
    /// The directory.
    pub directory: PathBuf,
    /// What the lab is made of.
    pub plan: &'a Plan,
}

impl Bundle<'_> {
    /// Writes what the lab was planned to be, how it is, and what has happened.
    pub fn write_state(&self, store: &Store) -> anyhow::Result<()> {
        let state = store.read(serde_json::to_vec_pretty)?;
        self.write("state.json", &state)?;
        self.write("events.json", &serde_json::to_vec_pretty(&store.events_after(0))?)?;
        self.write("plan.json", &serde_json::to_vec_pretty(self.plan)?)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let file = self.directory.join(name);
        let written = make_parent(&file).and_then(|()| fs::write(&file, content));
        written.with_context(|| format!("cannot write {}", file.display()))
    }

    /// Copies the logs of consoles, init scripts and apps, as far as there are any.
    pub fn copy_logs(&self) -> anyhow::Result<()> {
        for node in &self.plan.nodes {
            self.copy(&node.console_log, &format!("consoles/{}.log", node.name))?;
        }
        for namespace in &self.plan.namespaces {
            let init = self.plan.paths.log_dir.join(&namespace.name).join("init.log");
            if !namespace.init_scripts.is_empty() {
                self.copy(&init, &format!("apps/{}/init.log", namespace.name))?;
            }
            for app in &namespace.apps {
                self.copy(&app.log, &format!("apps/{}/{}.log", namespace.name, app.name))?;
            }
        }
        Ok(())
    }

    fn copy(&self, from: &Path, name: &str) -> anyhow::Result<()> {
        let to = self.directory.join(name);
        let copied = make_parent(&to).and_then(|()| fs::copy(from, &to));
        match copied {
            // What wrote nothing has no log.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            copied => copied
                .map(drop)
                .with_context(|| format!("cannot copy {} to {}", from.display(), to.display())),
        }
    }
}

fn make_parent(file: &Path) -> io::Result<()> {
    file.parent().map_or(Ok(()), fs::create_dir_all)
}

/// The last lines of a node's console, by its id; none of what is no node.
pub fn console_lines(plan: &Plan, id: &str) -> Vec<String> {
    let node = plan.nodes.iter().find(|node| node.id == id);
    let tail = node.and_then(|node| tail(&node.console_log).ok());
    output::last_lines(&tail.unwrap_or_default(), LINES)
}

fn tail(file: &Path) -> io::Result<Vec<u8>> {
    let mut file = fs::File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(bytes)
}
