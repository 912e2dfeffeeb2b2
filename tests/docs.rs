//! The documentation says what is so: its labs are valid, the commands and options it names exist, the reference is current.
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

use placemat2::reference;

const PLACEMAT2: &str = env!("CARGO_BIN_EXE_placemat2");

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

/// The words of a command line of ours in a piece of code: behind `sudo`, settings of variables and the like, up to what
/// belongs to the shell or to somebody else.
fn own_words(code: &str) -> Option<Vec<&str>> {
    let mut words = code.split_whitespace();
    words
        .find(|word| matches!(*word, "placemat2" | "pmctl2"))
        .map(|program| {
            let ends = |word: &&str| {
                matches!(*word, "--" | "|" | "&&" | "||" | ";" | "&" | "#" | ">" | "\\") || word.starts_with('#')
            };
            std::iter::once(program)
                .chain(words.take_while(|word| !ends(word)))
                .collect()
        })
}

/// Whether a word can only be meant as that of a command: no file, no placeholder, no name of something in a lab.
fn is_command_word(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-')
}

/// Checks a command line against the definitions; returns how many commands and options were looked up.
fn check(words: &[&str], page: &Path) -> usize {
    let [placemat2, pmctl2] = reference::commands();
    let mut command = if words[0] == "pmctl2" { &pmctl2 } else { &placemat2 };
    let mut looked_up = 0;
    for word in &words[1..] {
        let word = word.trim_matches(|c: char| matches!(c, '`' | '[' | ']' | ')' | '(' | ',' | '.' | ':' | ';'));
        if let Some(option) = long_options(word).into_iter().next() {
            let name = option.trim_start_matches('-');
            let known = command.get_arguments().any(|argument| {
                let all = argument.get_long_and_visible_aliases().unwrap_or_default();
                all.contains(&name)
            });
            assert!(
                known || name == "help" || name == "version",
                "{}: {words:?} names {option}",
                page.display()
            );
            looked_up += 1;
        } else if let Some(found) = command.find_subcommand(word) {
            command = found;
            looked_up += 1;
        } else if is_command_word(word) && command.is_subcommand_required_set() {
            panic!(
                "{}: {words:?}: `{}` has no command `{word}`",
                page.display(),
                command.get_name()
            );
        }
    }
    looked_up
}

/// The long options in a text.
fn long_options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words
        .filter(|word| word.starts_with("--") && word.len() > 3)
        .map(str::to_owned)
        .collect()
}

/// Every option of both commands and their subcommands.
fn all_options() -> BTreeSet<String> {
    let mut options = BTreeSet::from(["--help".to_owned(), "--version".to_owned()]);
    let mut waiting = reference::commands().to_vec();
    while let Some(command) = waiting.pop() {
        let longs = command.get_arguments().filter_map(clap::Arg::get_long);
        options.extend(longs.map(|long| format!("--{long}")));
        waiting.extend(command.get_subcommands().cloned());
    }
    options
}

#[test]
fn commands_and_options_exist() {
    let either = all_options();
    assert!(
        either.contains("--mtu-probe") && either.contains("--endpoint"),
        "{either:?}"
    );
    let mut looked_up = 0;
    for (path, page) in pages() {
        let lines = blocks(&page).into_iter().flat_map(|block| block.lines);
        // Every second piece between backticks is code.
        let spans = page.split('`').skip(1).step_by(2).map(str::to_owned);
        for code in lines.chain(spans) {
            // An option that stands alone belongs to one of the two.
            if code.starts_with("--") {
                for option in long_options(&code) {
                    assert!(either.contains(&option), "{}: `{code}` names {option}", path.display());
                }
            }
            if let Some(words) = own_words(&code) {
                looked_up += check(&words, &path);
            }
        }
    }
    assert!(looked_up >= 50, "only {looked_up} commands and options were found");
}

#[test]
fn the_check_of_commands_finds_what_does_not_exist() {
    let fails = |line: &str| {
        let words = own_words(line).unwrap();
        std::panic::catch_unwind(|| check(&words, Path::new("x.md"))).is_err()
    };
    assert!(fails("pmctl2 nodes list") && fails("sudo pmctl2 node lists") && fails("pmctl2 node list --all"));
    assert!(fails("placemat2 ui --mtv 3 dc.yml") && fails("pmctl2 node list --mtu 3"));
    assert!(
        !fails("sudo env PATH=x placemat2 ui --mtu 1400 dc.yml") && !fails("pmctl2 netns exec r -- ip --json route")
    );
}

#[test]
fn the_command_reference_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/commands.md");
    let page = reference::page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&file).unwrap_or_default() == page,
        "docs/commands.md is not what the commands say: write it anew with UPDATE_DOCS=1 cargo test --test docs"
    );
}

#[test]
fn every_command_and_subcommand_has_a_manual_page() {
    let dir = tempfile::tempdir().unwrap();
    let written = Command::new(PLACEMAT2).arg("man").arg(dir.path()).output().unwrap();
    assert!(written.status.success(), "{written:?}");
    let page = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    assert!(page("placemat2.1").contains(".SH NAME"));
    assert!(page("pmctl2-node-list.1").contains("List nodes"));
    let pages = fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(pages, reference::commands().iter().map(count).sum::<usize>());
}

/// A command and those below it, without `help`.
fn count(command: &clap::Command) -> usize {
    let below = command.get_subcommands().filter(|command| command.get_name() != "help");
    1 + below.map(count).sum::<usize>()
}
