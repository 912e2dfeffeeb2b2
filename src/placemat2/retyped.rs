//! What was typed, as arguments again: for another process with the same options.

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgMatches, Args, Command, parser::ValueSource};

/// Returns those of the typed arguments that are in `T`, in an order of their own. Files stand last, behind `--`.
pub fn arguments<T: Args>(typed: &ArgMatches) -> Vec<OsString> {
    let wanted = T::augment_args(Command::new("wanted"));
    let is_typed = |argument: &&Arg| typed.value_source(argument.get_id().as_str()) == Some(ValueSource::CommandLine);
    let (files, options): (Vec<&Arg>, Vec<&Arg>) = wanted
        .get_arguments()
        .filter(is_typed)
        .partition(|argument| argument.is_positional());
    let mut arguments: Vec<OsString> = options
        .into_iter()
        .flat_map(|option| occurrences(option, typed).flat_map(|values| option_again(option, &values)))
        .collect();
    arguments.push("--".into());
    arguments.extend(
        files
            .into_iter()
            .flat_map(|file| occurrences(file, typed).flatten())
            .map(OsStr::to_owned),
    );
    arguments
}

/// The values that stand behind an argument, each time that it was typed. Flags have none that anybody typed.
fn occurrences<'a>(argument: &Arg, typed: &'a ArgMatches) -> impl Iterator<Item = Vec<&'a OsStr>> {
    let takes_values = argument.get_action().takes_values();
    let occurrences = typed.get_raw_occurrences(argument.get_id().as_str());
    occurrences
        .into_iter()
        .flatten()
        .map(move |values| values.filter(|_| takes_values).collect())
}

/// An option as it is typed with these values.
fn option_again(option: &Arg, values: &[&OsStr]) -> Vec<OsString> {
    let name = option.get_long().unwrap_or_else(|| option.get_id().as_str());
    let mut words = vec![OsString::from(format!("--{name}"))];
    match (values, words.as_mut_slice()) {
        // So that a value may begin with a dash.
        ([value], [word]) => {
            word.push("=");
            word.push(value);
        }
        _ => words.extend(values.iter().map(OsString::from)),
    }
    words
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::placemat2::cli::{Cli, Command as Chosen, RunArgs};

    /// Every option of `run`, as `ui` takes them.
    const ALL: &str = "placemat2 ui --theme mono --readonly a.yml --set A=-b --set B=c --strict --name x --run-dir /r --data-dir=/d \
                       --cache-dir /c --log-dir /l --graphic --accel tcg --qemu-user nobody --listen-addr 127.0.0.1:1 --allow-host ci --boot-parallelism 3 \
                       --debug --force=false --bmc-users users --bmc-tls cert key --init-timeout 1m --stop-timeout 2 --timings=trace b.yml";

    fn again(line: &[&str]) -> Vec<OsString> {
        let matches = Cli::command().try_get_matches_from(line).unwrap();
        arguments::<RunArgs>(matches.subcommand_matches("ui").unwrap())
    }

    fn read(arguments: impl IntoIterator<Item = OsString>) -> RunArgs {
        match Cli::try_parse_from(arguments).unwrap().command {
            Some(Chosen::Run(run)) => run,
            Some(Chosen::Ui(ui)) => ui.run,
            other => panic!("{other:?}"),
        }
    }

    /// What `run` makes of what was typed for `ui` is what `ui` understood.
    #[track_caller]
    fn assert_the_same(line: &[&str]) {
        let run = ["placemat2", "run"].map(OsString::from).into_iter().chain(again(line));
        let (one, other) = (read(line.iter().map(OsString::from)), read(run));
        assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }

    #[test]
    fn all_that_can_be_typed_for_a_lab_reaches_it() {
        let all: Vec<&str> = ALL.split_whitespace().collect();
        let typed = again(&all);
        for argument in RunArgs::augment_args(Command::new("run")).get_arguments() {
            let name = argument.get_long().map(|name| format!("--{name}"));
            let is_there = |name: &String| typed.iter().any(|word| word.to_string_lossy().starts_with(name));
            // These exclude others of the line.
            let other = ["--mtu", "--mtu-probe"].map(str::to_owned);
            assert!(
                name.is_none_or(|name| is_there(&name) || other.contains(&name)),
                "{}",
                argument.get_id()
            );
        }
        assert_the_same(&all);
    }

    #[test]
    fn options_that_exclude_each_other_or_stand_alone() {
        assert_the_same(&[
            "placemat2",
            "ui",
            "--mtu",
            "1400",
            "--timings",
            "--data-dir=-odd",
            "a.yml",
        ]);
        assert_the_same(&["placemat2", "ui", "--mtu-probe=host", "--", "-a.yml"]);
        assert_eq!(again(&["placemat2", "ui", "--ascii", "a.yml"]), ["--", "a.yml"]);
    }
}
