//! A host and a namespace of the caller's own, joined by a veth pair, with forwards between them.

#![allow(dead_code, reason = "each program uses a part")]

use std::{future::Future, process::Command, sync::Arc, thread, time::Duration};

use nix::sched::{CloneFlags, unshare};
use placemat2_engine::{
    fabric::Netns,
    forward::{Forwards, Traffic, Wanted},
    spec::model::Protocol,
    store::{State, Store},
};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, time::timeout};

/// A host with a namespace `inside` behind it: 10.0.0.2, fd00::2 and a default route to nowhere.
pub struct Lab {
    pub store: Store,
    pub forwards: Forwards,
    pub netns: Arc<Netns>,
}

impl Lab {
    fn new() -> Self {
        ip("link set lo up");
        let make = || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            Arc::new(Netns::current("inside").unwrap())
        };
        let netns = thread::spawn(make).join().unwrap();
        ip(&format!(
            "link add v0 type veth peer name eth0 netns {}",
            netns.proc_path().display()
        ));
        ip("addr add 10.0.0.1/24 dev v0");
        ip("link set v0 up");
        let inside = || {
            for line in [
                "link set lo up",
                "addr add 10.0.0.2/24 dev eth0",
                "link set eth0 up",
                "addr add fd00::2/64 dev lo nodad",
            ] {
                ip(line);
            }
        };
        netns.run(inside).unwrap();
        let store = Store::new(State::default());
        let forwards = Forwards::new(store.clone(), ["inside", "later"].into_iter());
        forwards.ready(&netns).unwrap();
        Self { store, forwards, netns }
    }

    /// A forward as one asks for it.
    pub fn wanted(port: u16, protocol: Protocol, to: &str) -> Wanted {
        Wanted {
            port,
            protocol,
            address: None,
            netns: "inside".into(),
            to: to.parse().unwrap(),
        }
    }

    /// Adds a forward.
    pub fn add(&self, port: u16, protocol: Protocol, to: &str) {
        self.forwards.add(Self::wanted(port, protocol, to)).unwrap();
    }

    /// What went through a forward.
    pub fn traffic(&self, port: u16) -> Traffic {
        self.store.read(|state| {
            let forward = state.forwards.iter().find(|forward| forward.local_port == port);
            forward.unwrap().counters.traffic()
        })
    }

    /// Listens in the namespace.
    pub fn listen(&self, address: &str) -> TcpListener {
        let bind = || {
            let listener = std::net::TcpListener::bind(address).unwrap();
            // `std` has a backlog of 128 only.
            nix::sys::socket::listen(&listener, nix::sys::socket::Backlog::MAXALLOWABLE).unwrap();
            listener.set_nonblocking(true).unwrap();
            listener
        };
        TcpListener::from_std(self.netns.run(bind).unwrap()).unwrap()
    }

    /// A server that sends back what it is sent, and ends when its client has.
    pub fn echo(&self, address: &str) {
        let listener = self.listen(address);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await.ok();
                    to.shutdown().await.ok();
                });
            }
        });
    }
}

/// Runs `ip`.
pub fn ip(args: &str) {
    let output = Command::new("ip").args(args.split(' ')).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {args}: {error}");
}

/// Runs a test on a host of its own.
pub fn on_private_host<F: Future<Output = ()>>(test: impl FnOnce(Lab) -> F + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let thread = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let limited = timeout(Duration::from_secs(120), test(Lab::new()));
            limited.await.expect("in time");
        });
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}
