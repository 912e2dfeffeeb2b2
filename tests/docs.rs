//! The documentation says what is so: its labs are valid, the options it names exist.
//!
//! A lab in the documentation is a fenced block that begins with "```yaml lab", or an indented one that begins with `kind:`.

#![cfg(test)]

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

const PLACEMAT2: &str = env!("CARGO_BIN_EXE_placemat2");
const PMCTL2: &str = env!("CARGO_BIN_EXE_pmctl2");

/// Files that the labs of the documentation name.
const FILES: [&str; 7] = [
    "common.yml",
    "guest.qcow2",
    "target/guest/guest.qcow2",
    "user-data.yml",
    "network-config.yml",
    "setup.sh",
    "leaf1.conf",
];

/// Every page with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let pages = docs.chain(["README.md", "CHANGELOG.md"].map(|name| root.join(name)));
    let mut pages: Vec<_> = pages
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect();
    pages.sort();
    pages
}

/// A piece of code: what stands behind the fence (nothing for an indented block), and its lines.
struct Block {
    info: String,
    lines: Vec<String>,
}

/// The blocks of code of a page, fenced and indented.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fenced = false;
    let mut indented = false;
    for line in page.lines() {
        if let Some(info) = line.strip_prefix("```") {
            fenced = !fenced;
            if fenced {
                let info = info.to_owned();
                blocks.push(Block { info, lines: vec![] });
            }
            continue;
        }
        let code = if fenced {
            Some(line)
        } else if indented && line.is_empty() {
            Some("")
        } else {
            line.strip_prefix("    ")
        };
        if code.is_some() && !fenced && !indented {
            let info = String::new();
            blocks.push(Block { info, lines: vec![] });
        }
        indented = code.is_some() && !fenced;
        if let (Some(code), Some(block)) = (code, blocks.last_mut()) {
            block.lines.push(code.to_owned());
        }
    }
    blocks
}

#[test]
fn labs_are_valid() {
    let dir = tempfile::tempdir().unwrap();
    for name in FILES {
        let file = dir.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        // A lab that includes one finds nothing in it.
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut labs = 0;
    for (path, page) in pages() {
        for block in blocks(&page) {
            let indented_lab =
                block.info.is_empty() && block.lines.first().is_some_and(|line| line.starts_with("kind:"));
            if block.info != "yaml lab" && !indented_lab {
                continue;
            }
            labs += 1;
            // What follows a lab in the same indented block, after an empty line, is no part of it.
            let lab: Vec<&str> = block
                .lines
                .iter()
                .map(String::as_str)
                .take_while(|line| !line.is_empty())
                .collect();
            fs::write(dir.path().join("lab.yml"), lab.join("\n") + "\n").unwrap();
            let checked = Command::new(PLACEMAT2)
                .args(["validate", "--strict", "lab.yml"])
                .current_dir(dir.path())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&checked.stdout);
            assert!(checked.status.success(), "a lab in {}:\n{said}", path.display());
        }
    }
    assert!(labs >= 4, "only {labs} labs were found");
}

/// Every long option that the help of a program and its subcommands names.
fn options(program: &str) -> BTreeSet<String> {
    let mut options = BTreeSet::new();
    let mut waiting = vec![Vec::<String>::new()];
    while let Some(command) = waiting.pop() {
        let output = Command::new(program).args(&command).arg("--help").output().unwrap();
        assert!(output.status.success(), "{program} {command:?} --help");
        let help = String::from_utf8(output.stdout).unwrap();
        options.extend(long_options(&help));
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in commands.take_while(|line| line.starts_with("  ")) {
            // Further lines of a description are indented deeper.
            let word = line[2..].split(' ').next().unwrap_or_default();
            if !word.is_empty() && word != "help" {
                waiting.push([command.as_slice(), &[word.to_owned()]].concat());
            }
        }
    }
    options
}

/// The long options in a text.
fn long_options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words
        .filter(|word| word.starts_with("--") && word.len() > 3)
        .map(str::to_owned)
        .collect()
}

#[test]
fn options_exist() {
    let (placemat2, pmctl2) = (options(PLACEMAT2), options(PMCTL2));
    let either = &placemat2 | &pmctl2;
    assert!(
        placemat2.contains("--mtu-probe") && pmctl2.contains("--endpoint"),
        "{either:?}"
    );
    let mut checked = 0;
    for (path, page) in pages() {
        let lines = blocks(&page).into_iter().flat_map(|block| block.lines);
        // Every second piece between backticks is code.
        let spans = page.split('`').skip(1).step_by(2).map(str::to_owned);
        for code in lines.chain(spans) {
            let code = code.trim_start().trim_start_matches("sudo ");
            // What comes behind `--` is somebody else's command.
            let own = code.split(" -- ").next().unwrap_or_default();
            let known = match own.split_whitespace().next().unwrap_or_default() {
                "placemat2" => &placemat2,
                "pmctl2" => &pmctl2,
                word if word.starts_with("--") && word.len() > 2 => &either,
                _ => continue,
            };
            for option in long_options(own) {
                checked += 1;
                assert!(known.contains(&option), "{}: `{code}` names {option}", path.display());
            }
        }
    }
    assert!(checked >= 5, "only {checked} options were found");
}
