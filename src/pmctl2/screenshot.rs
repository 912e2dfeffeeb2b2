//! `pmctl2 node screenshot`: what a node's screen shows, as a PNG.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use placemat2_engine::client::Client;

use super::connect::Session;
use crate::output;

/// Arguments of `pmctl2 node screenshot`
#[derive(Debug, Args)]
#[command(
    after_help = "The screen is that of the node's graphics card; a guest may only write to its serial console, which `pmctl2 node log` prints."
)]
pub struct Screenshot {
    /// Name of the node
    #[arg(add = super::complete::nodes())]
    node: String,
    /// File to write; - is standard output
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Screenshot {
    /// Writes the picture.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let to_stdout = self.file.as_os_str() == "-";
        if to_stdout && output::stdout_is_terminal() {
            bail!("a picture is not written to a terminal: redirect standard output, or name a file");
        }
        let path = Client::path(&["nodes", &self.node, "screenshot"]);
        let png = session.with(async |client| client.get_bytes(&path).await).await?;
        if to_stdout {
            return output::bytes(&png);
        }
        std::fs::write(&self.file, &png).with_context(|| format!("cannot write {}", self.file.display()))
    }
}
