//! `pmctl2 connect`: standard input and output become a connection made inside the lab, as `ssh` wants of a
//! ProxyCommand.

use std::io;

use clap::Args;
use placemat2_engine::{client::Client, spec::model::Destination};
use tokio::io::{AsyncWriteExt as _, copy, split};

use super::{connect::Session, stdio::file};

/// Arguments of `pmctl2 connect`
#[derive(Debug, Args)]
#[command(
    after_help = "The connection is made in a namespace that is on a network of the node, or else in one that has a \
                        route; nothing on the host is changed. If there is no node of that name, NAME is a namespace."
)]
pub struct Connect {
    /// Name of a node, or of a namespace
    #[arg(add = super::complete::places())]
    name: String,
    /// Address to connect to, or a host name to be looked up inside the namespace
    host: String,
    /// TCP port
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
}

impl Connect {
    /// Carries bytes until the far end has said its last.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        // Said here, because a shell knows nothing of the API's words.
        let to = Destination::new(&self.host, self.port)
            .map_err(|error| anyhow::anyhow!("{:?} can't be connected to: {error}", self.host))?;
        let segment = |text: &str| Client::path(&[text]).split_off(1);
        let path = format!(
            "/connect?from={}&host={}&port={}",
            segment(&self.name),
            segment(to.host()),
            to.port()
        );
        let (mut from_lab, mut to_lab) = split(session.tunnel(&path).await?);
        let (mut stdin, mut stdout) = (file(io::stdin())?, file(io::stdout())?);
        let send = async {
            copy(&mut stdin, &mut to_lab).await?;
            to_lab.shutdown().await
        };
        let receive = async {
            copy(&mut from_lab, &mut stdout).await?;
            stdout.flush().await
        };
        let mut send = std::pin::pin!(send);
        let mut receive = std::pin::pin!(receive);
        // What comes back counts: a far end that has closed is not written to any more.
        tokio::select! {
            received = &mut receive => Ok(received?),
            _ = &mut send => Ok(receive.await?),
        }
    }
}
