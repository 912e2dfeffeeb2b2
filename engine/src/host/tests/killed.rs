//! Engines that are killed at any moment.

use std::{
    env, fs,
    io::Read,
    os::{fd::AsRawFd, unix::net::UnixListener},
    process::Stdio,
    thread,
    time::Duration,
};

use super::{
    super::{firewall, *},
    *,
};

/// Set in the environment of the process that plays the engine.
const ENGINE: &str = "PLACEMAT2_TEST_ENGINE";

#[test]
fn an_engine_killed_at_any_moment_leaves_nothing_once_undone() {
    if env::var_os(ENGINE).is_some() {
        return engine();
    }
    on_a_fresh_host(|| {
        run("ip link add name mine type veth peer name mine-p
             iptables -P FORWARD DROP; iptables -A FORWARD -j REJECT; ip6tables -P FORWARD DROP
             nft add table inet t; nft 'add chain inet t f { type filter hook forward priority 0; policy drop; }'");
        let before = everything();
        for milliseconds in (0..20).map(|n| n * n) {
            let mut engine = Command::new(env::current_exe().unwrap())
                .args([
                    "--exact",
                    "host::tests::killed::an_engine_killed_at_any_moment_leaves_nothing_once_undone",
                ])
                .args(["--nocapture", "--test-threads", "1"])
                .env(ENGINE, "1")
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            // It says so when it begins.
            let mut output = engine.stdout.take().unwrap();
            let mut said = Vec::new();
            while !said.ends_with(b"BEGIN") {
                let mut byte = [0];
                output.read_exact(&mut byte).unwrap();
                said.push(byte[0]);
            }
            thread::sleep(Duration::from_millis(milliseconds));
            engine.kill().unwrap();
            // Half of the time the keeper comes while the engine is still dying.
            if milliseconds % 2 == 0 {
                engine.wait().unwrap();
            }
            // It may have been killed before there was a lab.
            if let Ok(keeper) = KeeperLock::take(&root().join("dc")) {
                keeper.undo().unwrap();
            } else {
                engine.wait().unwrap();
                cleanup(&root(), None).unwrap();
            }
            assert_eq!(everything(), before, "killed after {milliseconds} ms");
            engine.wait().unwrap();
        }
    });
}

/// Makes all that a lab makes on the host, and stays.
fn engine() {
    println!("BEGIN");
    let lab = acquire("dc");
    let recorder = lab.recorder();
    sysctl::claim_blocking(
        recorder,
        &["net.ipv4.ip_forward".into(), "net.ipv6.conf.all.forwarding".into()],
    )
    .unwrap();
    let namespace = fs::File::open("/proc/self/ns/net").unwrap();
    let target = PathBuf::from(format!("/proc/self/fd/{}", namespace.as_raw_fd()));
    for name in 0..50 {
        publish_netns(recorder, Path::new("/run/netns"), &name.to_string(), &target).unwrap();
    }
    let socket = Undo::Socket {
        path: "/run/socket".into(),
    };
    let _listener = recorder
        .make(&socket, || {
            Ok::<_, RecordError>(UnixListener::bind("/run/socket").unwrap())
        })
        .unwrap();
    firewall::accept_blocking(recorder, &["ext".into(), "bmc".into()]).unwrap();
    thread::sleep(Duration::from_secs(60));
}

fn everything() -> String {
    run_dir()
        + &run(
            "nft list ruleset; iptables-save | grep -v '^#'; ip6tables-save | grep -v '^#'; ip link
                cd /proc/sys/net && grep -s . ipv4/ip_forward */conf/*/forwarding */conf/*/accept_redirects",
        )
}
