//! The NAT table. `nft` is a child of the test here, not of a keeper.

use std::process::Stdio;

use tokio::process::{Child, ChildStdin, ChildStdout};

use super::{
    super::nat::{Dialogue, NatError, table_name, table_text},
    *,
};

fn in_runtime<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    on_a_fresh_host(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(test());
    });
}

fn start(program: &str, args: &[&str]) -> (Child, Dialogue<ChildStdout, ChildStdin>) {
    let mut child = tokio::process::Command::new(program)
        .args(args)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let dialogue = Dialogue::new(child.stdout.take().unwrap(), child.stdin.take().unwrap());
    (child, dialogue)
}

/// `nft -i` with its errors on its standard output, as [`super::Nat`] starts it.
fn nft() -> (Child, Dialogue<ChildStdout, ChildStdin>) {
    start("sh", &["-c", "exec nft -i 2>&1"])
}

fn prefixes(texts: &[&str]) -> Vec<ipnet::IpNet> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn the_table_masquerades_what_leaves_and_goes_with_its_process() {
    in_runtime(|| async {
        let (mut child, mut dialogue) = nft();
        dialogue
            .make("placemat2_dc", &prefixes(&["10.72.0.1/16", "fd00:72::/64"]))
            .await
            .unwrap();
        let expected = "table inet placemat2_dc { # progname nft
\tflags owner

\tchain postrouting {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tip saddr 10.72.0.0/16 ip daddr != 10.72.0.0/16 masquerade
\t\tip6 saddr fd00:72::/64 ip6 daddr != fd00:72::/64 masquerade
\t}
}
";
        assert_eq!(run("nft list ruleset"), expected);
        let (mut other, mut more) = nft();
        more.make("placemat2_other", &prefixes(&["10.1.0.0/16"])).await.unwrap();
        child.kill().await.unwrap();
        assert_eq!(run("nft list tables"), "table inet placemat2_other\n");
        drop(more);
        other.wait().await.unwrap();
        assert_eq!(run("nft list tables"), "");
    });
}

#[test]
fn a_table_that_others_own_is_refused_in_nfts_words() {
    in_runtime(|| async {
        let (_child, mut dialogue) = nft();
        dialogue.make("placemat2_dc", &prefixes(&["10.0.0.0/8"])).await.unwrap();
        let (_other, mut second) = nft();
        let error = second
            .make("placemat2_dc", &prefixes(&["10.0.0.0/8"]))
            .await
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "The NAT table placemat2_dc cannot be made: nft says: Could not process rule: Operation not permitted. It needs \
             Linux 5.12 with nftables and NAT, and nftables 0.9.9."
        );
    });
}

#[test]
fn a_program_that_fails_talks_nonsense_or_floods_is_an_error() {
    in_runtime(|| async {
        for (script, message) in [
            ("exit 1", "nothing, it just ended"),
            (
                "echo 'interactive CLI not supported in this build'; exit 1",
                "interactive CLI not supported in this build",
            ),
            (
                "echo 'Error: Could not process rule: Operation not supported'; cat >/dev/null; echo Error: x",
                "Could not process rule: Operation not supported",
            ),
        ] {
            let (_child, mut dialogue) = start("sh", &["-c", script]);
            match dialogue.make("t", &[]).await.unwrap_err() {
                NatError::Refused { message: found, .. } => assert_eq!(found, message),
                error => panic!("{error}"),
            }
        }
        let (_child, mut dialogue) = start("sh", &["-c", "yes"]);
        assert!(matches!(dialogue.make("t", &[]).await, Err(NatError::Refused { .. })));
    });
}

#[test]
fn many_prefixes_fit() {
    in_runtime(|| async {
        let (_child, mut dialogue) = nft();
        let many: Vec<_> = (0..1000)
            .map(|n| format!("10.{}.{}.0/24", n / 256, n % 256).parse().unwrap())
            .collect();
        dialogue.make("placemat2_dc", &many).await.unwrap();
        assert_eq!(run("nft list ruleset | grep -c masquerade"), "1000\n");
    });
}

#[test]
fn no_two_labs_share_a_table() {
    assert_eq!(table_name("dc"), "placemat2_dc");
    let names = ["a-b", "a.b", "a_b", "_28b", "ab"].map(table_name);
    let distinct: std::collections::HashSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len(), "{names:?}");
    assert!(
        names
            .iter()
            .all(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    );
}

#[test]
fn the_script_is_one_line() {
    insta::assert_snapshot!(
        table_text("placemat2_dc", &prefixes(&["10.72.0.1/16", "fd00::/64"])),
        @"add table inet placemat2_dc { flags owner; chain postrouting { type nat hook postrouting priority 100; policy accept; ip saddr 10.72.0.0/16 ip daddr != 10.72.0.0/16 masquerade; ip6 saddr fd00::/64 ip6 daddr != fd00::/64 masquerade; }; }"
    );
}
