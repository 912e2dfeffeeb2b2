//! `pmctl2 node action`: the power of several nodes at once.

use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};
use futures::future::join_all;
use placemat2_engine::{client::Client, duration};

use super::{connect::Session, each, listing::field, meant};

/// Arguments of `pmctl2 node action`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").required(true),
    // What is made of the definitions puts the group before the action.
    override_usage = "pmctl2 node action [OPTIONS] <ACTION> <NODE>...\n       pmctl2 node action [OPTIONS] <ACTION> --all"
)]
pub struct Action {
    /// What to do
    #[arg(value_name = "ACTION")]
    verb: Power,
    /// Names of the nodes
    #[arg(value_name = "NODE", group = "which", add = super::complete::nodes())]
    nodes: Vec<String>,
    /// Act on every node of the lab
    #[arg(long, group = "which")]
    all: bool,
    /// For shutdown: how long each guest may take, in seconds or as 90s, 5m; it fails for those that take longer, which stay on [default: 60]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,
    /// For shutdown: power off at once what is still on after that time
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, conflicts_with = "timeout")]
    force_after: Option<Duration>,
    /// For what powers on: what to boot from first, this time only
    #[arg(long, value_name = "SOURCE")]
    boot: Option<Boot>,
}

/// What a node can be told to boot from.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Boot {
    /// Its NICs
    Network,
    /// Its disks
    Disk,
    /// Its CD drive, if a BMC has put something into it
    Cd,
}

/// What can be done to a node's power.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Power {
    /// Power on
    On,
    /// Power off at once
    Off,
    /// Have the guest shut down, and wait until it has
    Shutdown,
    /// Push the reset button
    Reset,
    /// Power off at once, if on, and on again
    Cycle,
    /// Give the guest a non-maskable interrupt
    Nmi,
    /// Push the power button: power on if off, else don't wait for what the guest makes of it
    Push,
    /// The same as on
    Start,
    /// The same as off
    Stop,
    /// Reset if on, power on if off
    Restart,
}

impl Action {
    /// Acts on all nodes side by side; tells of each that failed, and fails if one did.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let query = self.query();
        let nodes = if self.all {
            let listed = session.list(&Client::path(&["nodes"])).await?;
            listed.iter().map(|node| field(node, "name")).collect()
        } else {
            self.nodes
        };
        let word = self.verb.to_possible_value();
        let word = word.as_ref().map_or("", |word| word.get_name());
        let each = nodes.iter().map(|node| {
            let path = Client::path(&["nodes", node, word]) + &query;
            async move {
                let done = session.post(&path).await;
                (node.clone(), meant::node(session, node, done).await)
            }
        });
        each::tell(word, "nodes", join_all(each).await)
    }

    /// The options as the API takes them. It is the API that knows which of them an action takes.
    fn query(&self) -> String {
        let mut options = Vec::new();
        if let Some(limit) = self.force_after.or(self.timeout) {
            options.push(format!("timeout={}", limit.as_secs_f64()));
        }
        if self.force_after.is_some() {
            options.push("force=true".to_owned());
        }
        match self.boot {
            Some(Boot::Network) => options.push("boot=network".to_owned()),
            Some(Boot::Disk) => options.push("boot=disk".to_owned()),
            Some(Boot::Cd) => options.push("boot=cd".to_owned()),
            None => {}
        }
        if options.is_empty() {
            return String::new();
        }
        format!("?{}", options.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use crate::pmctl2::Cli;

    #[test]
    fn it_is_typed_as_its_usage_says() {
        let mut command = Cli::command();
        command.build();
        let action = command
            .find_subcommand_mut("node")
            .unwrap()
            .find_subcommand_mut("action")
            .unwrap();
        let usage = action.render_usage().to_string();
        let lines: Vec<_> = usage.trim_start_matches("Usage:").lines().collect();
        assert_eq!(lines.len(), 2, "{usage}");
        for line in lines {
            let line = line
                .replace("[OPTIONS]", "-q")
                .replace("<ACTION>", "off")
                .replace("<NODE>...", "a b");
            assert!(Cli::try_parse_from(line.split_whitespace()).is_ok(), "{line}");
        }
    }
}
