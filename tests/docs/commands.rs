//! Commands and options in the documentation exist, and can be given so.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use clap::error::ErrorKind;
use placemat2::reference;

use super::{
    PLACEMAT2,
    pages::{Block, blocks, pages, spans},
};

/// The pages, and the manual pages, which have the texts of `--help`, too.
fn all_pages() -> Vec<(PathBuf, String)> {
    let dir = tempfile::tempdir().unwrap();
    let written = Command::new(PLACEMAT2).arg("man").arg(dir.path()).output().unwrap();
    assert!(written.status.success(), "{written:?}");
    let manuals = fs::read_dir(dir.path()).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap().replace("\\-", "-");
        (path, text)
    });
    pages().into_iter().chain(manuals).collect()
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
    for (path, page) in all_pages() {
        let lines = blocks(&page).into_iter().flat_map(|block| block.lines);
        let spans = spans(&page).map(str::to_owned);
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

/// The command lines of ours in a line for a shell, each up to what belongs to the shell. Nothing of a line that no shell would read.
fn command_lines(line: &str) -> Vec<Vec<String>> {
    let Some(words) = shlex::split(line) else {
        return Vec::new();
    };
    let ours = |word: &str| matches!(word.rsplit('/').next(), Some("placemat2" | "pmctl2"));
    // Behind these stands the name of something else.
    let names = |word: &str| matches!(word, "-t" | "-u" | "install" | "-p");
    let begins = |index: usize| {
        let before = index.checked_sub(1).and_then(|before| words.get(before));
        ours(&words[index]) && !before.is_some_and(|before| names(before))
    };
    let ends = |word: &String| {
        matches!(word.as_str(), "|" | "&&" | "||" | ";" | "&")
            || word.starts_with(['>', '<'])
            || word.starts_with("2>")
            || word.ends_with(';')
    };
    (0..words.len())
        .filter(|index| begins(*index))
        .map(|index| {
            let program = words[index].rsplit('/').next().unwrap().to_owned();
            let rest = words[index + 1..].iter().take_while(|word| !ends(word));
            std::iter::once(program).chain(rest.cloned()).collect()
        })
        .collect()
}

/// What the definitions say of a command line; `complete` if it is one that could be typed.
fn parse(words: &[String], complete: bool) -> Result<(), String> {
    let [placemat2, pmctl2] = reference::commands();
    let command = if words[0] == "pmctl2" { pmctl2 } else { placemat2 };
    let Err(error) = command.try_get_matches_from(words) else {
        return Ok(());
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(()),
        // In a sentence, a command is often named without what it takes.
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            if !complete =>
        {
            Ok(())
        }
        _ => Err(error.to_string()),
    }
}

/// Whether a piece of code is a pattern of command lines rather than one of them.
fn is_pattern(code: &str) -> bool {
    code.contains(['[', '…', '<']) || code.contains("...")
}

#[test]
fn command_lines_can_be_typed() {
    let mut parsed = 0;
    let mut wrong = Vec::new();
    for (path, page) in all_pages() {
        let shell = blocks(&page).into_iter().filter(Block::is_shell);
        let lines = shell.flat_map(|block| block.command_lines()).map(|line| (line, true));
        let spans = spans(&page).map(|code| (code.to_owned(), false));
        for (code, complete) in lines.chain(spans) {
            for words in command_lines(&code) {
                if is_pattern(&code) {
                    continue;
                }
                parsed += 1;
                if let Err(error) = parse(&words, complete) {
                    wrong.push(format!("{}: {words:?}: {error}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(parsed >= 150, "only {parsed} command lines were found");
}

#[test]
fn command_lines_are_found_in_what_shells_read() {
    let found = |line: &str| {
        let lines = command_lines(line).into_iter();
        lines.map(|words| words.join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(
        found("sudo env A=b target/debug/placemat2 test lab.yml -- pmctl2 wait --all && echo 'all | off'"),
        ["placemat2 test lab.yml -- pmctl2 wait --all", "pmctl2 wait --all"]
    );
    assert_eq!(
        found("printf 'a\\r' | pmctl2 node enter server # its console"),
        ["pmctl2 node enter server"]
    );
    assert!(found("docker build -t placemat2 .").is_empty() && found("don't").is_empty());
    let typed = |line: &str| parse(&command_lines(line)[0], true).is_ok();
    assert!(typed("pmctl2 wait a b/c --for console='login: $' --timeout 2m"));
    assert!(
        !typed("pmctl2 wait --all --timeout soon") && !typed("pmctl2 node enter") && !typed("placemat2 plan --mtu 3 x")
    );
}
