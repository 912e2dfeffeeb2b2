//! A BMC on the loopback interface of a namespace of the test's own.

use std::{future::Future, net::Ipv4Addr, process::Output, sync::Arc, thread};

use nix::sched::{CloneFlags, unshare};
use tokio::{
    net::{UdpSocket, UnixStream},
    process::Command,
};
use tokio_util::sync::CancellationToken;

use crate::{
    bmc::{
        Bmc, Place, Verb,
        ipmi::{PORT, serve},
        testing::{Scripted, bmc},
    },
    console::Console,
    store::{State, Store},
};

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 11);

/// A BMC and its scripted machine, whose guest is the test.
pub struct Scene {
    pub machine: Arc<Scripted>,
    pub bmc: Arc<Bmc>,
    pub guest: UnixStream,
    console: Console,
    _dir: tempfile::TempDir,
}

/// Runs a test with a BMC at 10.0.1.11. Without root it says so and passes.
pub fn on_private_host<F: Future<Output = ()>>(test: impl FnOnce(Scene) -> F + Send + 'static) {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: needs root");
        return;
    }
    let thread = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        // Its threads are in the namespace, too.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            // An address that freeipmi does not take for the machine it runs on.
            for arguments in ["link set lo up", "addr add 10.0.1.11/24 dev lo"] {
                let set = Command::new("ip").args(arguments.split(' ')).status().await;
                assert!(set.unwrap().success());
            }
            let scene = Scene::new().await;
            let console = scene.console.clone();
            let closing = CancellationToken::new();
            let socket = UdpSocket::bind((ADDRESS, PORT)).await.unwrap();
            let place = Place {
                address: ADDRESS.into(),
                prefix: 24,
                mac: [2, 0, 0, 0, 0, 9],
            };
            let server = tokio::spawn(serve(Arc::clone(&scene.bmc), socket, place, closing.clone()));
            let bmc = Arc::clone(&scene.bmc);
            test(scene).await;
            closing.cancel();
            server.await.unwrap().unwrap();
            bmc.close().await;
            console.close().await;
        });
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

impl Scene {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(State::default());
        let console = Console::open("node/x", &dir.path().join("socket"), &dir.path().join("log"), store).unwrap();
        let (ours, guest) = UnixStream::pair().unwrap();
        console.attach(ours).await.unwrap();
        let machine = Scripted::new();
        *machine.console.lock().unwrap() = Some(console.clone());
        let bmc = bmc(&machine);
        Self {
            machine,
            bmc,
            guest,
            console,
            _dir: dir,
        }
    }

    /// What the machine was told since this was asked last.
    pub fn acts(&self) -> Vec<Verb> {
        self.machine.acts()
    }
}

/// Runs a program; a word of its arguments has no spaces.
pub async fn tool(program: &str, arguments: &str) -> Output {
    let output = Command::new(program).args(arguments.split_whitespace()).output().await;
    output.unwrap_or_else(|error| panic!("{program}: {error}; `make test-deps` installs it"))
}

/// Everything a program said.
pub fn said(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}
