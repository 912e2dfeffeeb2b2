//! `pmctl2 ssh-config`: how `ssh` reaches the nodes, through the lab and not by the host's routes.

use std::fmt::Write as _;

use clap::Args;
use placemat2_engine::client::Client;

use super::{
    connect::{Session, Value},
    listing::{field, items},
};
use crate::output;

/// Arguments of `pmctl2 ssh-config`
#[derive(Debug, Args)]
#[command(
    after_help = "Use it as it comes:\n  ssh -F <(pmctl2 ssh-config) boot\n\nA node's address is known from the \
                        network-config of its cloud-init seed, or from the DHCP server that gave it. Host keys are \
                        not checked: a node has new ones whenever its disk is made anew."
)]
pub struct SshConfig {
    /// User to log in as
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// File of the private key to log in with
    #[arg(long, value_name = "FILE")]
    identity: Option<String>,
}

impl SshConfig {
    /// Prints the config of all nodes with a known address.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let nodes = session.list(&Client::path(&["nodes"])).await?;
        let program = std::env::current_exe().map_or_else(|_| "pmctl2".into(), |path| path.display().to_string());
        let proxy = format!("{} --endpoint {}", word(&program), word(&session.endpoint()));
        let mut config = String::new();
        for node in &nodes {
            match entry(node, &proxy, &self) {
                Ok(entry) => config.push_str(&entry),
                Err(reason) => output::remark("pmctl2", &reason),
            }
        }
        output::text(&config)
    }
}

/// Returns the section of one node, or why there is none.
fn entry(node: &Value, proxy: &str, options: &SshConfig) -> Result<String, String> {
    let name = field(node, "name");
    let Some(address) = items(node, "addresses").map(|address| field(address, "address")).next() else {
        return Err(format!("no address of node {name:?} is known (yet)"));
    };
    if name.contains(|c: char| c.is_whitespace() || c.is_control() || "*?!,\"#".contains(c)) {
        return Err(format!("node {name:?} has a name that ssh takes for a pattern"));
    }
    let mut text = format!("Host {name}\n  HostName {address}\n");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "  ProxyCommand {proxy} connect {} %h %p", word(&name));
    if let Some(user) = &options.user {
        let _ = writeln!(text, "  User {}", quoted(user));
    }
    if let Some(identity) = &options.identity {
        let _ = writeln!(text, "  IdentityFile {}\n  IdentitiesOnly yes", quoted(identity));
    }
    text.push_str("  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n");
    Ok(text)
}

/// Returns a word of a ProxyCommand: `ssh` replaces what begins with `%`, a shell reads the rest.
fn word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,.:/@".contains(c);
    let word = word.replace('%', "%%");
    if !word.is_empty() && word.chars().all(|c| plain(c) || c == '%') {
        word
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Returns an argument of ssh_config(5).
fn quoted(argument: &str) -> String {
    if argument.contains(char::is_whitespace) {
        format!("\"{argument}\"")
    } else {
        argument.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> SshConfig {
        SshConfig {
            user: Some("cybozu".into()),
            identity: Some("/home/a b/key".into()),
        }
    }

    #[test]
    fn a_section() {
        let node: Value = serde_json::from_str(
            r#"{"name":"boot-0","addresses":[{"address":"10.1.0.5","source":"seed"},{"address":"10.2.0.5","source":"dhcp"}]}"#,
        )
        .unwrap();
        let proxy = format!(
            "{} --endpoint {}",
            word("/usr/bin/pmctl2"),
            word("unix:///run/a b%/api.sock")
        );
        assert_eq!(
            entry(&node, &proxy, &options()).unwrap(),
            "Host boot-0\n  HostName 10.1.0.5\n  ProxyCommand /usr/bin/pmctl2 --endpoint 'unix:///run/a b%%/api.sock' \
             connect boot-0 %h %p\n  User cybozu\n  IdentityFile \"/home/a b/key\"\n  IdentitiesOnly yes\n  \
             StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n"
        );
    }

    #[test]
    fn nodes_that_can_have_none() {
        let node = |json: &str| serde_json::from_str::<Value>(json).unwrap();
        let unknown = node(r#"{"name":"boot-0","addresses":[]}"#);
        assert!(entry(&unknown, "", &options()).unwrap_err().contains("no address"));
        let pattern = node(r#"{"name":"a*","addresses":[{"address":"10.1.0.5"}]}"#);
        assert!(entry(&pattern, "", &options()).unwrap_err().contains("pattern"));
    }
}
