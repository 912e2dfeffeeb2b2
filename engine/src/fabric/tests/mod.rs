//! Labs made for real, each in a namespace of its own that plays the host. Skipped where the user is not root.

mod faults;
mod frames;
mod lab;
mod links;
mod requests;

use std::{
    future::Future,
    io,
    net::{SocketAddr, UdpSocket},
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use nix::sched::{CloneFlags, unshare};
use tokio_util::sync::CancellationToken;

use super::{Fabric, FabricError, Netns};
use crate::plan::Plan;

/// Runs a test on a thread in a fresh network namespace, with a runtime whose threads are in it too.
fn on_private_host<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let thread = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).expect("network namespace");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("runtime");
        runtime.block_on(test());
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

async fn up(plan: &Arc<Plan>) -> Result<Fabric, FabricError> {
    Fabric::up(Arc::clone(plan), CancellationToken::new()).await
}

fn host() -> Netns {
    Netns::current("host").expect("own namespace")
}

/// Returns the output of an `ip` command inside a namespace.
fn ip(netns: &Netns, args: &str) -> String {
    let run = || Command::new("ip").args(args.split(' ')).output();
    let output = netns.run(run).expect("namespace").expect("ip");
    assert!(
        output.status.success(),
        "ip {args}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Names of all links of a namespace.
fn links(netns: &Netns) -> Vec<String> {
    let names = || {
        let list = nix::net::if_::if_nameindex().expect("links");
        list.iter()
            .map(|link| link.name().to_string_lossy().into_owned())
            .collect()
    };
    netns.run(names).expect("namespace")
}

/// Sends one datagram from a namespace to an address of another and waits for it to arrive.
fn datagram(from: &Netns, to: &Netns, address: &str) -> io::Result<()> {
    let receiver = to
        .run(|| {
            // Any port: one chosen here could still be held by a child that another test has just forked.
            let socket = UdpSocket::bind(SocketAddr::new(address.parse().expect("address"), 0))?;
            socket.set_read_timeout(Some(Duration::from_secs(3)))?;
            Ok::<_, io::Error>(socket)
        })
        .expect("namespace")?;
    let target = receiver.local_addr()?;
    from.run(|| {
        let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        UdpSocket::bind(any)?.send_to(b"hello", target)
    })
    .expect("namespace")?;
    let mut buffer = [0; 16];
    let (length, _) = receiver.recv_from(&mut buffer)?;
    assert_eq!(&buffer[..length], b"hello");
    Ok(())
}
