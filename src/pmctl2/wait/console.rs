//! What is on the consoles of nodes.

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use futures::future::try_join_all;
use placemat2_engine::{client::Client, console::Matcher, spec::model::Object};
use regex::bytes::Regex;
use tokio::{io::AsyncReadExt as _, sync::watch, time::timeout};

use super::{command::say, followed::Followed};
use crate::{
    output::Visible,
    pmctl2::{connect::Session, expect},
};

/// How many of the last lines of a console are shown.
const LINES: usize = 10;

/// How long to wait for what is on a console already.
const PRESENT: Duration = Duration::from_millis(200);

/// Waits until a line matches on the consoles of all these nodes. Each is opened once the lab has it.
pub async fn all(followed: &mut Followed<'_>, objects: &[Object], pattern: &Regex) -> anyhow::Result<ExitCode> {
    let session = followed.session;
    let (tell, there) = watch::channel(followed.lab.consoles());
    let following = async {
        loop {
            followed.next().await?;
            tell.send_replace(followed.lab.consoles());
        }
    };
    let each = objects.iter().map(async |object| {
        let Object::Node(node) = object else { return Ok(()) };
        there.clone().wait_for(|there| there.contains(node)).await?;
        let mut console = session.tunnel(&path(node)).await?;
        let mut matcher = Matcher::new(pattern.clone());
        let line = expect::search(&mut console, &mut matcher).await;
        let line = line.with_context(|| format!("the console of {node}"))?;
        say(&format!("{object}: {}", Visible::all(&line)));
        anyhow::Ok(())
    });
    tokio::select! {
        lost = following => lost,
        found = try_join_all(each) => found.map(|_| ExitCode::SUCCESS),
    }
}

/// Where a node's console is read from its last screenful on.
fn path(node: &str) -> String {
    let path = Client::path(&["nodes", node, "console"]);
    format!("{path}?readonly=true&since=screen")
}

/// The last lines of a node's console; none if it can't be read.
pub async fn last_lines(session: &Session, node: &str) -> Vec<String> {
    let Ok(mut console) = session.tunnel(&path(node)).await else {
        return Vec::new();
    };
    let mut bytes = Vec::new();
    let read = async {
        while let Ok(1..) = console.read_buf(&mut bytes).await {
            if bytes.len() > 64 * 1024 {
                break;
            }
        }
    };
    // What is there comes at once; nobody waits for what the guest writes next.
    let _ = timeout(PRESENT, read).await;
    crate::output::last_lines(&bytes, LINES)
}
