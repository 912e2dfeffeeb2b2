//! From the command line to what each command does.

use std::{path::Path, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, error::ErrorKind, parser::ValueSource};
use clap_complete::CompleteEnv;
use placemat2_engine::spec::did_you_mean;

use super::{
    cleanup,
    cli::{Cli, Command},
    config, demo, doctor, man, migrate, plan, run, schema, test, ui, validate,
};
use crate::output;

/// Runs `placemat2` with this process's arguments.
pub fn main() -> ExitCode {
    // A shell that completes a command line asks this way, and gets no further.
    CompleteEnv::with_factory(Cli::command).complete();
    let matches = Cli::command().get_matches();
    let cli = parse(&matches);
    let typed = matches.subcommand().map_or(&matches, |(_, typed)| typed);
    output::keep_quiet(cli.log.quiet);
    let outcome = match cli.command {
        None => run::run(cli.run, &cli.log),
        Some(Command::Run(args)) => run::run(args, &cli.log),
        Some(Command::Test(args)) => test::run(args, &cli.log),
        Some(Command::Ui(args)) if cli.headless => run::run(args.run, &cli.log),
        Some(Command::Ui(args)) => ui::run(&args, &cli.log, typed),
        Some(Command::Attach(look)) => ui::attach(&look),
        Some(Command::Config(command)) => config::run(command),
        Some(Command::Validate(args)) => validate::run(&args),
        Some(Command::Schema) => schema::run(),
        Some(Command::Migrate(args)) => migrate::run(&args),
        Some(Command::Plan(args)) => plan::run(&args),
        Some(Command::Doctor(args)) => doctor::run(&args),
        Some(Command::Man(args)) => man::run(&args),
        Some(Command::Completion(completion)) => completion.print::<Cli>().map(|()| ExitCode::SUCCESS),
        Some(Command::Cleanup(args)) => cleanup::run(&args),
    };
    output::exit_code("placemat2", outcome)
}

/// Reads the matches, and refuses what clap's grammar lets through: no file, or options of `run` before another command.
fn parse(matches: &clap::ArgMatches) -> Cli {
    let refuse = |message: String| -> ! { Cli::command().error(ErrorKind::ArgumentConflict, message).exit() };
    if let Some(command) = matches.subcommand_name() {
        let shared = |id: &clap::Id| matches!(id.as_str(), "headless" | "log_format" | "log_level" | "quiet");
        let typed = |id: &clap::Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
        // Groups have ids, too, but no values of their own.
        let argument = |id: &clap::Id| Cli::command().get_arguments().any(|argument| argument.get_id() == id);
        if let Some(id) = matches.ids().find(|id| argument(id) && typed(id) && !shared(id)) {
            let name = id.as_str().replace('_', "-");
            refuse(format!(
                "`{name}` is given before `{command}`: put it behind the command it belongs to"
            ));
        }
    }
    let cli = Cli::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    let files = match &cli.command {
        None => Some(&cli.run.plan.files),
        Some(Command::Run(args)) => Some(&args.plan.files),
        Some(Command::Test(args)) => Some(&args.run.plan.files),
        Some(Command::Plan(args)) => Some(&args.plan.files),
        Some(Command::Ui(args)) if cli.headless => Some(&args.run.plan.files),
        Some(
            Command::Ui(_)
            | Command::Attach(_)
            | Command::Config(_)
            | Command::Validate(_)
            | Command::Schema
            | Command::Migrate(_)
            | Command::Doctor(_)
            | Command::Man(_)
            | Command::Completion(_)
            | Command::Cleanup(_),
        ) => None,
    };
    if files.is_some_and(Vec::is_empty) {
        let swallowed = match &cli.command {
            None => cli.run.bmc_tls.is_some(),
            Some(Command::Run(args)) => args.bmc_tls.is_some(),
            Some(Command::Test(args)) => args.run.bmc_tls.is_some(),
            _ => false,
        };
        let hint = if swallowed {
            " (`--bmc-tls` takes two files for itself, a certificate and its key)"
        } else {
            ""
        };
        refuse(format!("name at least one lab file: `placemat2 dc.yml`{hint}"));
    }
    if let (None, Some(first)) = (&cli.command, cli.run.plan.files.first())
        && let Some(hint) = misspelt(first)
    {
        let message = format!("there is neither a command nor a file `{}`. {hint}", first.display());
        Cli::command().error(ErrorKind::InvalidSubcommand, message).exit();
    }
    cli
}

/// "Did you mean `validate`?", if what stands where the first file would is no file and nearly a command.
fn misspelt(first: &Path) -> Option<String> {
    // Commands are words without more.
    let word = first
        .to_str()
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))?;
    if first.exists() || demo::is_name(first) {
        return None;
    }
    let command = Cli::command();
    did_you_mean(word, command.get_subcommands().map(clap::Command::get_name))
}
