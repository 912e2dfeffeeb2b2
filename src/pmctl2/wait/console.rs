//! What is on the consoles of nodes.

use std::{process::ExitCode, time::Duration};

use anyhow::Context as _;
use futures::future::try_join_all;
use placemat2_engine::{
    client::{Client, Tunnel},
    console::Matcher,
    spec::model::Object,
};
use regex::bytes::Regex;
use tokio::{
    io::AsyncReadExt as _,
    time::{sleep, timeout},
};

use super::{PAUSE, lab::Lab, say};
use crate::{
    output::Visible,
    pmctl2::{connect::Session, expect},
};

/// How many of the last lines of a console are shown.
const LINES: usize = 10;

/// How long to wait for what is on a console already.
const PRESENT: Duration = Duration::from_millis(200);

/// Waits until a line matches on the consoles of all these nodes.
pub async fn all(session: &Session, objects: &[Object], pattern: &Regex) -> anyhow::Result<ExitCode> {
    let each = objects.iter().map(async |object| {
        let Object::Node(node) = object else { return Ok(()) };
        let mut console = open(session, node).await?;
        let mut matcher = Matcher::new(pattern.clone());
        let line = expect::search(&mut console, &mut matcher).await;
        let line = line.with_context(|| format!("the console of {node}"))?;
        say(&format!("{object}: {}", Visible::all(&line)));
        anyhow::Ok(())
    });
    try_join_all(each).await?;
    Ok(ExitCode::SUCCESS)
}

/// Where a node's console is read from its last screenful on.
fn path(node: &str) -> String {
    let path = Client::path(&["nodes", node, "console"]);
    format!("{path}?readonly=true&since=screen")
}

/// Opens a node's console, which is not there at the beginning of a lab.
async fn open(session: &Session, node: &str) -> anyhow::Result<Tunnel> {
    let path = path(node);
    loop {
        match session.tunnel(&path).await {
            Err(_) if !Lab::read(session).await?.is_up() => sleep(PAUSE).await,
            opened => return opened,
        }
    }
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
