//! The command line of `pmctl2`, and who does what it asks for.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind, parser::ValueSource};

use super::{
    app, bmc,
    connect::{Session, Target},
    events, forward, graph, link, logs, net, netns, node, redfish, ssh, status, tunnel, wait,
};
use crate::{completion::Completion, output};

/// Looks into a running placemat2 lab and steers it
#[derive(Debug, Parser)]
#[command(
    name = "pmctl2",
    version,
    args_override_self = true,
    after_help = "Without --endpoint and --lab the one lab that runs on this host is meant; if none is found, the one \
                  that answers at http://localhost:10808.\n\nExit status: 0 done, 1 failed, 2 wrong usage; that of the \
                  command for `netns exec` and `netns enter`; 3 and 4 are those of `wait`."
)]
pub struct Cli {
    #[command(flatten)]
    target: Target,
    /// Say nothing on standard error but what went wrong
    #[arg(short, long, global = true)]
    quiet: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tell how the lab is: phase, versions, steps of the start, counts
    Status(status::Status),
    /// List nodes (virtual machines), show one, act on its power, be at its console
    #[command(subcommand)]
    Node(node::Node),
    /// List network namespaces, run a command or a shell in one
    #[command(subcommand)]
    Netns(netns::Netns),
    /// List networks
    #[command(subcommand)]
    Net(net::Net),
    /// List BMCs (management controllers of nodes), show one
    #[command(subcommand)]
    Bmc(bmc::Bmc),
    /// Ask the Redfish service of a node's BMC, signed in as an administrator
    Redfish(redfish::Redfish),
    /// List links and their counters
    #[command(subcommand)]
    Link(link::Link),
    /// List and restart the apps of all namespaces
    #[command(subcommand)]
    App(app::App),
    /// Draw what is linked with what
    Graph(graph::GraphArgs),
    /// Let ports of the host lead into namespaces
    #[command(subcommand)]
    Forward(forward::Forward),
    /// Print a config with which ssh reaches the nodes
    SshConfig(ssh::SshConfig),
    /// Connect standard input and output to a host and port inside the lab
    Connect(tunnel::Connect),
    /// Print the output of an app
    Logs(logs::Logs),
    /// Print what happened to the lab
    Events(events::Events),
    /// Wait until nodes, namespaces and apps are ready, on, off, exited, or have written something
    Wait(wait::Wait),
    /// Print what a shell loads so that it completes lines of pmctl2
    Completion(Completion),
}

impl Cli {
    /// Reads the command line; ends the process on `--help` and wrong usage.
    pub fn from_command_line() -> Self {
        let matches = Self::command().get_matches();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        let given = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        match (given("endpoint"), given("lab")) {
            (true, true) => Self::command()
                .error(ErrorKind::ArgumentConflict, "--endpoint and --lab exclude each other")
                .exit(),
            // What is typed counts more than the environment.
            (false, true) => cli.target.endpoint = None,
            _ => {}
        }
        cli
    }
}

/// Does what the command line asks for.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    output::keep_quiet(cli.quiet);
    match cli.command {
        // Becomes another program, which must not find a runtime's threads.
        Command::Netns(netns::Netns::Exec(exec)) => exec.run(cli.target),
        Command::Completion(completion) => completion.print::<Cli>().map(|()| ExitCode::SUCCESS),
        command => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let done = runtime.block_on(async { speak(command, &Session::open(cli.target)?).await });
            // Not to wait for a read of standard input that nobody needs any more.
            runtime.shutdown_background();
            done
        }
    }
}

/// Does what needs a lab to speak to.
async fn speak(command: Command, lab: &Session) -> anyhow::Result<ExitCode> {
    let done = match command {
        Command::Node(node) => return node.run(lab).await,
        Command::Netns(netns) => return netns.run(lab).await,
        Command::Wait(wait) => return wait.run(lab).await,
        Command::Status(status) => status.run(lab).await,
        Command::Net(net) => net.run(lab).await,
        Command::Bmc(bmc) => bmc.run(lab).await,
        Command::Redfish(redfish) => redfish.run(lab).await,
        Command::Link(link) => link.run(lab).await,
        Command::App(app) => app.run(lab).await,
        Command::Graph(graph) => graph.run(lab).await,
        Command::Forward(forward) => forward.run(lab).await,
        Command::SshConfig(config) => config.run(lab).await,
        Command::Connect(connect) => connect.run(lab).await,
        Command::Logs(logs) => logs.run(lab).await,
        Command::Events(events) => events.run(lab).await,
        Command::Completion(completion) => completion.print::<Cli>(),
    };
    done.map(|()| ExitCode::SUCCESS)
}
