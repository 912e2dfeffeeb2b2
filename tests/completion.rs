//! Completions in the shells that people use, on a terminal: they type, press Tab, and see what the lab has. A script answers for
//! the lab.

#![cfg(test)]

#[path = "support/pty.rs"]
#[allow(dead_code, reason = "the parts that a shell needs not")]
mod pty;
#[allow(dead_code, reason = "what completions do not ask for")]
mod scripted;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use pty::Pty;
use scripted::Server;
use tempfile::TempDir;

/// What the shells say when they wait for a command line.
const PROMPT: &str = "next>";

/// A directory with the files that shells load by themselves, and a home without settings.
struct Installed {
    dir: TempDir,
    server: Server,
}

impl Installed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/completions");
        let written = Command::new(script).arg(programs()).arg(dir.path()).output().unwrap();
        assert!(written.status.success(), "{written:?}");
        let server = Server::start();
        Self { dir, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A shell at its prompt, with nothing but the completions; `None` (and a word on stderr) if it is not installed.
    fn shell(&self, program: &str, arguments: &[&str]) -> Option<Pty> {
        let found = env::split_paths(&env::var_os("PATH").unwrap()).any(|dir| dir.join(program).exists());
        if !found {
            eprintln!("skipped: {program} is not installed");
            return None;
        }
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env(
                "PATH",
                format!("{}:{}", programs().display(), env::var("PATH").unwrap()),
            )
            .env("HOME", self.dir.path())
            .env("ZDOTDIR", self.dir.path())
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("PLACEMAT2_ENDPOINT", &self.server.endpoint)
            .env_remove("PLACEMAT2_LAB");
        let mut shell = Pty::start(command, (100, 30));
        shell.expect(PROMPT);
        Some(shell)
    }
}

fn programs() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_pmctl2")).parent().unwrap()
}

/// Types the beginning of a command line, then the keys that complete it; a shell of its own knows nothing of what came before.
fn complete(mut shell: Pty, typed: &str, keys: &str, wanted: &[&str]) {
    shell.send(typed);
    shell.expect(typed.trim_end());
    shell.send(keys);
    shell.until(&format!("{typed:?} completed to {wanted:?}"), 60, |screen| {
        wanted.iter().all(|word| screen.contains(word))
    });
}

/// Commands, options and names of what runs; `list` are the keys that show what there is.
fn completes(shell: impl Fn() -> Option<Pty>, list: &str) {
    for (typed, keys, wanted) in [
        ("pmctl2 node show bo", "\t", ["pmctl2 node show boot-0"].as_slice()),
        ("pmctl2 node show ", list, &["boot-0", "rack0-node1"]),
        ("pmctl2 logs operation/bi", "\t", &["pmctl2 logs operation/bird"]),
        ("pmctl2 netns ex", "\t", &["pmctl2 netns exec"]),
        ("pmctl2 node ", list, &["action", "expect"]),
        ("pmctl2 wait --ti", "\t", &["pmctl2 wait --timeout"]),
        ("placemat2 val", "\t", &["placemat2 validate"]),
        ("placemat2 test --arti", "\t", &["placemat2 test --artifacts"]),
    ] {
        let Some(shell) = shell() else { return };
        complete(shell, typed, keys, wanted);
    }
}

#[test]
fn bash() {
    let installed = Installed::new();
    let start = format!(
        "PS1='{PROMPT} '; bind 'set bell-style none'; for file in {}/*; do source $file; done\n",
        installed.path("bash").display()
    );
    fs::write(installed.path("start"), start).unwrap();
    let start = installed.path("start");
    let arguments = ["--rcfile", start.to_str().unwrap(), "-i"];
    completes(|| installed.shell("bash", &arguments), "\t\t");
}

#[test]
fn zsh() {
    let installed = Installed::new();
    let start = format!(
        "PS1='{PROMPT} '; RPS1=; fpath=({} $fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=1000\n",
        installed.path("zsh").display()
    );
    fs::write(installed.path(".zshrc"), start).unwrap();
    completes(|| installed.shell("zsh", &["-d", "-i"]), "\t");
}

#[test]
fn fish() {
    let installed = Installed::new();
    let completions = installed.path("config/fish/completions");
    fs::create_dir_all(completions.parent().unwrap()).unwrap();
    fs::rename(installed.path("fish"), completions).unwrap();
    let start = format!(
        "function fish_prompt; echo -n '{PROMPT} '; end; set -g fish_greeting; set -g fish_autosuggestion_enabled 0\n"
    );
    fs::write(installed.path("config/fish/config.fish"), start).unwrap();
    completes(|| installed.shell("fish", &["-i"]), "\t");
}
