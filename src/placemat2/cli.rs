//! The command line of `placemat2`.

use std::{ffi::OsString, num::NonZero, path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use placemat2_engine::{client::Endpoint, duration, spec::Variables};
use placemat2_ui::theme::ThemeName;

use super::{checked, log_level};
use crate::{completion::Completion, pmctl2::complete, switch};

/// A whole data centre on one Linux machine, from a YAML file.
///
/// `placemat2 FILES` brings the lab up, serves its API and takes everything down again on SIGINT or SIGTERM, and when its terminal goes,
/// unless it was started with `nohup`; `placemat2 ui FILES` does so with a console to see and steer it.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 110, args_override_self = true)]
#[command(after_help = "Exit status: 0 when all went well, 1 when something failed, 2 for a wrong command line.")]
pub struct Cli {
    /// Runs without a console. `run` always does; `ui` then does as `run` does.
    #[arg(long, global = true)]
    pub headless: bool,
    // No doc comments on these: clap would take them for help texts.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub log: LogArgs,
    #[allow(missing_docs)]
    #[command(subcommand)]
    pub command: Option<Command>,
    #[allow(missing_docs)]
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Brings a lab up and runs it until SIGINT or SIGTERM; the default command.
    Run(RunArgs),
    /// Brings a lab up, runs a command when everything is ready, and takes it down again.
    Test(TestArgs),
    /// Shows and steers a lab: starts the one that the files describe, or attaches to one that runs.
    Ui(UiArgs),
    /// Shows and steers a lab that runs.
    Attach(LookArgs),
    /// Prints what the console is like, or what its config may say.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Checks lab files and tells of every mistake in them.
    Validate(ValidateArgs),
    /// Prints the JSON Schema of lab files, for editors.
    Schema,
    /// Prints what a lab would consist of; changes nothing and needs no root.
    Plan(PlanArgs),
    /// Turns lab files of placemat version 1 into one of today, and tells what has to be looked at.
    Migrate(MigrateArgs),
    /// Checks whether this host can run labs, or the lab of these files, and says how to mend what is missing.
    Doctor(DoctorArgs),
    /// Writes the manual pages of placemat2 and pmctl2.
    Man(ManArgs),
    /// Prints what a shell loads so that it completes lines of placemat2.
    Completion(Completion),
    /// Removes what a lab left behind that was killed.
    Cleanup(CleanupArgs),
}

#[derive(Debug, Args)]
pub struct LogArgs {
    /// How the log is written to stderr.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, env = "PLACEMAT2_LOG_FORMAT")]
    pub log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, off, or a filter such as `info,placemat2_engine::node=debug`.
    #[arg(
        long,
        global = true,
        default_value = "info",
        value_name = "LEVEL",
        env = "PLACEMAT2_LOG",
        value_parser = log_level::parse
    )]
    pub log_level: String,
    /// Says nothing on stderr but what went wrong, whatever the log level.
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Args)]
pub struct UiArgs {
    #[command(flatten)]
    pub look: LookArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

/// What a console shows, and how.
#[derive(Debug, Args)]
pub struct LookArgs {
    /// Attaches to the lab of that name on this host.
    #[arg(long, value_name = "NAME", add = complete::labs())]
    pub lab: Option<String>,
    /// Attaches to the lab whose API answers there: http://HOST:PORT or unix:///PATH.
    #[arg(long, value_name = "URL", conflicts_with = "lab")]
    pub endpoint: Option<Endpoint>,
    /// Disables everything that changes something.
    #[arg(long)]
    pub readonly: bool,
    /// Draws with ASCII only.
    #[arg(long)]
    pub ascii: bool,
    /// The looks: default, light, high-contrast or mono.
    #[arg(long, value_name = "THEME")]
    pub theme: Option<ThemeName>,
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Prints the config as it is, with the defaults for what it does not say.
    Dump,
    /// Prints the JSON Schema of configs.
    Schema,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit status: that of the command (128 and the signal's number if a signal ended it, 126 if it can't be run, 127 if there \
                  is none of that name); 120 the lab can't be built as it is written, 121 it did not come up, 122 something did not get ready \
                  (in time), 123 the lab could not go on or be taken down, 129, 130, 143 SIGHUP, SIGINT or SIGTERM came; 2 for a wrong command line."
)]
pub struct TestArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// How long the lab may take until all of it is ready: seconds, or such as 90s, 10m.
    #[arg(long, value_name = "DURATION", default_value = "600", value_parser = duration::parse)]
    pub timeout: Duration,
    /// Runs the command in a namespace of the lab instead of the host's.
    #[arg(long = "in", value_name = "NETNS", add = complete::namespaces_of_files())]
    pub netns: Option<String>,
    /// Leaves a lab whose test failed running, until SIGINT or SIGTERM.
    #[arg(long)]
    pub keep_on_failure: bool,
    /// Directory for the engine's log, a JUnit file and the time line; if the test fails also for all logs, plan, state and events.
    #[arg(long, value_name = "DIR")]
    pub artifacts: Option<PathBuf>,
    /// The command with its arguments.
    #[arg(value_name = "COMMAND", last = true, required = true)]
    pub command: Vec<OsString>,
}

#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub plan: PlanOptions,
    /// Where the API listens, besides the lab's unix socket.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:10808", value_parser = checked::listen_addr)]
    pub listen_addr: String,
    /// A name by which the API may be called over TCP, besides addresses, localhost and the host's own; may be repeated.
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    pub allow_host: Vec<String>,
    /// How many virtual machines are powered on at a time; twice the number of CPUs if not given.
    #[arg(long, value_name = "NUMBER")]
    pub boot_parallelism: Option<NonZero<usize>>,
    /// Shows what the virtual machines' QEMUs print.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        action = ArgAction::Set,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        value_parser = switch::parse
    )]
    pub debug: bool,
    /// First removes what an earlier run of this lab left. Kept for scripts: every start does that.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        action = ArgAction::Set,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        value_parser = switch::parse
    )]
    pub force: bool,
    /// Who may sign in to BMCs whose lab file says nothing of users: a YAML list of `name`, `password`, `role`.
    #[arg(long, value_name = "FILE")]
    pub bmc_users: Option<PathBuf>,
    /// The certificate that BMCs show whose lab file names none, with its chain, and its private key: files in PEM. Without
    /// it, each gets one by an authority of the lab's own.
    #[arg(long, num_args = 2, value_names = ["CERTIFICATE", "KEY"])]
    pub bmc_tls: Option<Vec<PathBuf>>,
    /// How long one init script may take: seconds, or such as 90s, 5m.
    #[arg(long, value_name = "DURATION", default_value = "300", value_parser = duration::parse)]
    pub init_timeout: Duration,
    /// How long apps may take to end after SIGTERM before they are killed: seconds, or such as 500ms, 1m.
    #[arg(long, value_name = "DURATION", default_value = "5", value_parser = duration::parse)]
    pub stop_timeout: Duration,
    /// Prints how long each part of the bring-up took; with a FILE, writes it there as a trace in Chrome's format, too.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[allow(clippy::option_option, reason = "not given, given, given with a value")]
    pub timings: Option<Option<PathBuf>>,
}

/// Where volumes are unless told otherwise.
pub const DATA_DIR: &str = "/var/scratch/placemat";

/// Options that decide what a lab consists of.
#[derive(Clone, Debug, Args)]
pub struct PlanOptions {
    /// Lab files; `demo` is the demo data centre if there is no such file. Relative paths in them, and relative directories of the options
    /// below, start at the directory of the first.
    #[arg(value_name = "FILES")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub variables: VariableArgs,
    /// Treats warnings about the lab files as errors.
    #[arg(long)]
    pub strict: bool,
    /// Name of the lab; the first file's stem if not given.
    #[arg(long, value_name = "LAB", value_parser = checked::lab_name)]
    pub name: Option<String>,
    /// Directory of the serial consoles' sockets (NODE.socket).
    #[arg(long, value_name = "DIR", default_value = "/tmp")]
    pub run_dir: PathBuf,
    /// Directory of what nodes keep from run to run: volumes, UEFI variables, TPMs, whether they were on.
    #[arg(long, value_name = "DIR", default_value = DATA_DIR)]
    pub data_dir: PathBuf,
    /// Directory of downloaded images; ~/placemat_data of the sudo user, or the data directory, if not given.
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// Directory of the apps' and consoles' logs, in one directory per lab.
    #[arg(long, value_name = "DIR", default_value = "/var/log/placemat2")]
    pub log_dir: PathBuf,
    /// Shows the virtual machines' screens in windows, beside their serial consoles.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        action = ArgAction::Set,
        default_value = "false",
        default_missing_value = "true",
        hide_default_value = true,
        value_parser = switch::parse
    )]
    pub graphic: bool,
    /// What runs the virtual machines; `auto` takes KVM only where it works.
    #[arg(long, value_enum, default_value_t = Accel::Auto)]
    pub accel: Accel,
    /// The user that QEMU runs as; that of placemat2, root, if not given. The lab's disks are given to it.
    #[arg(long, value_name = "USER", value_parser = checked::user)]
    pub qemu_user: Option<String>,
    /// MTU of every link, instead of that of the route towards the Internet.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(68..=65535), conflicts_with = "mtu_probe")]
    pub mtu: Option<u32>,
    /// Finds the path MTU by sending probes to this host.
    #[arg(long, value_name = "HOST")]
    pub mtu_probe: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Accel {
    /// KVM where it works, else TCG.
    Auto,
    /// Hardware virtualization.
    Kvm,
    /// Emulation.
    Tcg,
}

/// Variables of lab files.
#[derive(Clone, Debug, Args)]
pub struct VariableArgs {
    /// Sets a variable of the lab files, whatever the environment says; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Lab files; `demo` is the demo data centre if there is no such file.
    #[arg(value_name = "FILES", required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub variables: VariableArgs,
    /// Prints the resources as YAML, with variables replaced, included files, and what has a `count` written out. Mistakes
    /// are then written to stderr.
    #[arg(long)]
    pub print: bool,
    /// Treats warnings as errors.
    #[arg(long)]
    pub strict: bool,
    /// How mistakes are written: text for people, json for editors.
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Text, conflicts_with = "print")]
    pub output: ReportFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ReportFormat {
    /// With excerpts.
    Text,
    /// One array of objects.
    Json,
}

#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// Lab files of version 1. The new one is written to standard output.
    #[arg(value_name = "FILES", required = true)]
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub plan: PlanOptions,
    /// How the plan is written.
    #[arg(short, long, value_enum, default_value_t = PlanFormat::Text)]
    pub output: PlanFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PlanFormat {
    /// For people.
    Text,
    /// One JSON object.
    Json,
    /// One YAML document.
    Yaml,
}

#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub plan: PlanOptions,
    /// How the findings are written: text for people, json for programs.
    #[arg(short, long, value_enum, default_value_t = ReportFormat::Text)]
    pub output: ReportFormat,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Where they go; made if it is missing.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true))]
pub struct CleanupArgs {
    /// The lab to clean up after.
    #[arg(value_name = "LAB", group = "which", add = complete::labs())]
    pub lab: Option<String>,
    /// Cleans up after every lab that is not running.
    #[arg(long, group = "which")]
    pub all: bool,
}

fn host_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if text.is_empty() || !text.chars().all(fits) {
        return Err(format!(
            "`{text}` is no name of a host: write NAME without scheme and port"
        ));
    }
    Ok(text.to_owned())
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` has no `=`: write NAME=VALUE"))?;
    if !Variables::is_name(name) {
        return Err(format!(
            "`{name}` can't be the name of a variable: it is a letter or `_`, with letters, digits and `_` behind it"
        ));
    }
    Ok((name.to_owned(), value.to_owned()))
}

impl VariableArgs {
    /// Returns the variables, with those of the environment.
    pub fn given(&self) -> Variables {
        let set = self.set.iter();
        set.fold(Variables::of_environment(), |variables, (name, value)| {
            variables.with(name, value)
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn files_alone_mean_run() {
        let cli = Cli::parse_from(["placemat2", "--headless", "--run-dir", "/x", "dc.yml"]);
        assert!(cli.command.is_none() && cli.headless);
        assert_eq!(cli.run.plan.files, [PathBuf::from("dc.yml")]);
        assert_eq!(cli.run.plan.run_dir, PathBuf::from("/x"));
    }

    #[test]
    fn options_are_taken_as_placemat_v2_took_them() {
        let words = [
            "placemat2",
            "--force=true",
            "--debug=false",
            "--graphic",
            "--data-dir",
            "/a",
            "--data-dir=/b",
            "dc.yml",
        ];
        let run = Cli::parse_from(words).run;
        assert!(run.force && !run.debug && run.plan.graphic);
        assert_eq!(run.plan.data_dir, PathBuf::from("/b"));
        assert_eq!(run.plan.files, [PathBuf::from("dc.yml")]);
        // What stands behind it is a file.
        assert_eq!(
            Cli::parse_from(["placemat2", "--force", "true"]).run.plan.files,
            [PathBuf::from("true")]
        );
        assert!(Cli::try_parse_from(["placemat2", "--force=perhaps", "dc.yml"]).is_err());
        let twice = Cli::parse_from(["placemat2", "--set", "A=1", "--set", "B=2", "dc.yml"]);
        assert_eq!(twice.run.plan.variables.set.len(), 2);
    }

    #[test]
    fn variables_may_hold_anything() {
        let cli = Cli::parse_from(["placemat2", "--set", "A=b=c", "--set=_1=", "dc.yml"]);
        let set = [("A".to_owned(), "b=c".to_owned()), ("_1".to_owned(), String::new())];
        assert_eq!(cli.run.plan.variables.set, set);
        for wrong in ["A", "=b", "a-b=c", "1=c"] {
            assert!(
                Cli::try_parse_from(["placemat2", "--set", wrong, "dc.yml"]).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn run_may_be_said() {
        let cli = Cli::parse_from(["placemat2", "--headless", "run", "--name", "x", "a.yml", "b.yml"]);
        let Some(Command::Run(run)) = cli.command else {
            panic!("{cli:?}")
        };
        assert_eq!(run.plan.files.len(), 2);
        assert_eq!(run.plan.name.as_deref(), Some("x"));
    }
}
