//! `docs/commands.md`.

use std::fmt::{self, Write as _};

use clap::{Arg, ArgAction, Command};

const HEAD: &str = "\
# Commands

Made from the commands' own definitions, which `--help` prints, too; `man placemat2` and `man pmctl2-node-list` have the same as manual
pages (`placemat2 man` writes them where no package did).

## Exit status

| status | of | means |
| --- | --- | --- |
| 0 | both | done; also if whoever read the output had seen enough (`\u{7c} head`) |
| 1 | both | failed: standard error says what, where, and what to do |
| 2 | both | wrong command line; nothing was done |
| that of the command | `pmctl2 netns exec`, `pmctl2 netns enter`, `placemat2 test` | the command ended with it |
| 126, 127 | `pmctl2 netns exec`, `placemat2 test` | the command could not be run, or was not found |
| 3, 4 | `pmctl2 wait` | not in time; it can't come any more |
| 120 | `placemat2 test` | the lab can't be built as it is written |
| 121, 122 | `placemat2 test` | the lab did not come up; something did not get ready (in time) |
| 123 | `placemat2 test` | the lab could not go on, or not be taken down |
| 129, 130, 143 | `placemat2 test` | SIGHUP, SIGINT or SIGTERM came |

`placemat2 doctor` ends with 1 if something stands in a lab's way, `placemat2 validate` if a file has a mistake.

## Output

JSON is indented on terminals, and else on one line, without blanks between. Colour is used on terminals only, and nowhere if `NO_COLOR` is set and not empty. `--quiet` leaves out what is no error.
";

/// Returns the page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for command in super::commands() {
        // Writing to a string does not fail.
        let _ = write_command(&mut page, &command, 2);
    }
    page
}

fn write_command(page: &mut String, command: &Command, level: usize) -> fmt::Result {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    writeln!(page, "\n{} {name}\n", "#".repeat(level))?;
    if let Some(about) = command.get_long_about().or_else(|| command.get_about()) {
        writeln!(page, "{}\n", sentence(&about.to_string()))?;
    }
    let usage = command.clone().render_usage().to_string();
    for line in usage
        .trim_start_matches("Usage:")
        .lines()
        .filter(|line| !line.trim().is_empty())
    {
        writeln!(page, "    {}", line.trim())?;
    }
    // What holds for every subcommand is told once.
    let own = |arg: &&Arg| level == 2 || !arg.is_global_set();
    let told = |arg: &&Arg| !arg.is_hide_set() && !matches!(arg.get_id().as_str(), "help" | "version");
    let mut first = true;
    for arg in command.get_arguments().filter(own).filter(told) {
        if first {
            writeln!(page)?;
            first = false;
        }
        writeln!(page, "- {}", argument(arg))?;
    }
    for subcommand in command.get_subcommands() {
        if !subcommand.is_hide_set() {
            write_command(page, subcommand, level + 1)?;
        }
    }
    Ok(())
}

/// An argument or option with its help, values and default.
fn argument(arg: &Arg) -> String {
    let values: Vec<String> = (arg.get_value_names().unwrap_or_default().iter())
        .map(ToString::to_string)
        .collect();
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let names = [
        arg.get_short().map(|short| format!("-{short}")),
        arg.get_long().map(|long| format!("--{long}")),
    ];
    let mut spelled = names.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if takes_value && arg.is_require_equals_set() {
        spelled.extend(["[=", &values.join(" "), "]"]);
    } else if takes_value {
        if !spelled.is_empty() {
            spelled.push(' ');
        }
        spelled += &values.join(" ");
    }
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let mut text = format!(
        "`{spelled}`: {}",
        sentence(&help.map(ToString::to_string).unwrap_or_default())
    );
    let possible: Vec<String> = (arg.get_possible_values().iter())
        .filter(|value| !value.is_hide_set())
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    if takes_value && !possible.is_empty() {
        text.extend([format!(" One of {}.", possible.join(", "))]);
    }
    let defaults: Vec<_> = (arg.get_default_values().iter())
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    if takes_value && !arg.is_hide_default_value_set() && !defaults.is_empty() {
        text.extend([format!(" Default: {}.", defaults.join(" "))]);
    }
    if let Some(variable) = arg.get_env() {
        text.extend([format!(" Also in the environment: `{}`.", variable.to_string_lossy())]);
    }
    text
}

/// Help texts of one line may end without a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim().replace("\n\n", "\n");
    if text.ends_with(['.', ']', ':']) {
        text
    } else {
        text + "."
    }
}
