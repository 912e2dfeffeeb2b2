//! The MTU a lab's links should have: that of the path from this host to the Internet.
//!
//! [`Choice`] says how it is found; [`follow`] tells of each change while the lab runs. Nothing here sets an MTU.

mod follow;
mod probe;
mod route;

use std::io;

use crate::plan::{Mtu, MtuSource};

pub use follow::{Follower, follow};

/// How the MTU is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// `--mtu N`: it is given, in bytes.
    Fixed(u32),
    /// `--mtu-probe HOST`: the largest packet that reaches HOST undivided.
    Probe(String),
    /// That of the route towards the Internet.
    Route,
}

/// Why the MTU could not be found.
#[derive(Debug, thiserror::Error)]
pub enum MtuError {
    /// The kernel's routing tables could not be read.
    #[error("cannot read this host's routes and links: {0}")]
    Netlink(#[from] rtnetlink::Error),
    /// No netlink socket.
    #[error("cannot open a netlink socket: {0}")]
    Socket(#[source] io::Error),
    /// A probe could not be sent.
    #[error("cannot send MTU probes to {host}: {source}")]
    Send {
        /// The host as given.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The name has no address.
    #[error("cannot find an address of the host `{host}` of --mtu-probe: {source}")]
    Resolve {
        /// The host as given.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// The host never answered.
    #[error("{host} answers no ICMP echo, not even a small one; give --mtu-probe a host that does, or --mtu a number")]
    Silent {
        /// The host as given.
        host: String,
    },
}

impl Choice {
    /// Finds the MTU. `Probe` may take some seconds.
    pub async fn find(&self) -> Result<Mtu, MtuError> {
        match self {
            Self::Fixed(bytes) => Ok(Mtu {
                value: Some(*bytes),
                source: MtuSource::Option,
            }),
            Self::Probe(host) => {
                let bytes = probe::path_mtu(host).await?;
                Ok(Mtu {
                    value: Some(bytes),
                    source: MtuSource::Probe { host: host.clone() },
                })
            }
            Self::Route => route::Routes::connect()?.mtu().await,
        }
    }
}

/// Runs `test` in a network namespace of its own that the shell commands of `setup` furnished, and ends what they left
/// running; `None`: not root.
#[cfg(test)]
fn private_netns<T: Send, F: Future<Output = T>>(setup: &str, test: impl FnOnce() -> F + Send) -> Option<T> {
    use std::{
        io::Read as _,
        process::{Command, Stdio},
    };

    use nix::sched::{CloneFlags, unshare};

    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return None;
    }
    std::thread::scope(|scope| {
        let inside = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            // The shell stays until its stdin ends, so that it can end its children.
            let script = format!(
                "set -e; trap 'kill $(jobs -p) 2>/dev/null || true' EXIT; ip link set lo up; {setup}\n echo; cat"
            );
            let mut shell = Command::new("sh");
            let shell = shell.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut shell = shell.spawn().unwrap();
            shell
                .stdout
                .as_mut()
                .unwrap()
                .read_exact(&mut [0])
                .expect("the set-up failed");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let result = runtime.block_on(test());
            drop(shell.stdin.take());
            shell.wait().unwrap();
            result
        });
        Some(inside.join().unwrap())
    })
}
