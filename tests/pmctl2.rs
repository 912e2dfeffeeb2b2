//! `pmctl2` as its users run it, against a server that answers from a script.

// Outside of #[test] functions, too, a test may give up.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod scripted;

use std::{
    fs,
    io::{Read, Write},
    process::{Command, Output, Stdio},
    time::Duration,
};

use scripted::Server;

/// Runs `pmctl2` with nothing of the caller's environment that could choose a lab or change how help looks.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pmctl2"));
    command.args(arguments);
    for variable in ["PLACEMAT2_ENDPOINT", "PLACEMAT2_LAB", "COLUMNS", "CLICOLOR_FORCE"] {
        command.env_remove(variable);
    }
    command
}

/// Runs it against a server and returns all it did.
fn transcript(server: &Server, arguments: &[&str]) -> String {
    let output = command(arguments)
        .env("PLACEMAT2_ENDPOINT", &server.endpoint)
        .output()
        .unwrap();
    shown(&output).replace(&server.endpoint, "ENDPOINT")
}

fn shown(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    format!("exit: {}\n{stdout}--- stderr\n{stderr}", output.status.code().unwrap())
}

fn stdout(server: &Server, arguments: &[&str]) -> String {
    let output = command(arguments)
        .env("PLACEMAT2_ENDPOINT", &server.endpoint)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn node_list_as_in_placemat_v2() {
    let server = Server::start();
    assert_eq!(stdout(&server, &["node", "list"]), "boot-0\nrack0-node1\n");
    let listed = stdout(&server, &["node", "list", "--json"]);
    assert_eq!(listed, stdout(&server, &["node", "list", "-o", "json"]));
    assert_eq!(
        listed,
        stdout(&server, &["node", "list", "--json=false", "--json=true"])
    );
    assert_eq!(
        stdout(&server, &["node", "list", "--json=false"]),
        "boot-0\nrack0-node1\n"
    );
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(
        listed,
        serde_json::from_str::<serde_json::Value>(scripted::NODES).unwrap()
    );
    let node: serde_json::Value = serde_json::from_str(&stdout(&server, &["node", "show", "boot-0"])).unwrap();
    assert_eq!(node, listed[0]);
}

#[test]
fn json_is_a_line_for_programs_and_indented_for_people() {
    let server = Server::start();
    for arguments in [&["node", "show", "boot-0"][..], &["node", "list", "--json"]] {
        let json = stdout(&server, arguments);
        assert!(
            json.lines().count() == 1 && json.contains(r#""power_status":"On""#),
            "{json}"
        );
    }
    let mut terminal = Command::new("script");
    let show = format!("{} node show boot-0", env!("CARGO_BIN_EXE_pmctl2"));
    terminal
        .args(["-qec", &show, "/dev/null"])
        .env("PLACEMAT2_ENDPOINT", &server.endpoint);
    let output = terminal.stdin(Stdio::null()).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("\n  \"power_status\": \"On\""), "{shown}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let server = Server::start();
    let script = format!(
        "{} node list -o json | head -n 1 > /dev/null; exit ${{PIPESTATUS[0]}}",
        env!("CARGO_BIN_EXE_pmctl2")
    );
    let mut bash = Command::new("bash");
    bash.args(["-c", &script]).env("PLACEMAT2_ENDPOINT", &server.endpoint);
    let output = bash.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    // Nobody there from the beginning.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut list = command(&["node", "list"]);
    let list = list.env("PLACEMAT2_ENDPOINT", &server.endpoint).stdout(writer);
    let output = list.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

/// What a shell would offer for the last of these words; an option that chooses the lab stands among them.
fn completed(server: &Server, shell: &str, words: &[&str]) -> Vec<String> {
    let mut command = command(&[]);
    command.arg("--").args(words).env("COMPLETE", shell);
    command.env("PLACEMAT2_ENDPOINT", &server.endpoint);
    command.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
    command.env("_CLAP_IFS", "\n");
    let output = command.output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    // zsh and fish have descriptions behind a colon or a tab.
    let names = text.lines().map(|line| line.split(['\t', ':']).next().unwrap());
    names.map(str::to_owned).collect()
}

#[test]
fn shells_complete_with_what_runs() {
    let server = Server::start();
    for shell in ["bash", "zsh", "fish"] {
        let completed = |words: &[&str]| completed(&server, shell, words);
        assert_eq!(
            completed(&["pmctl2", "node", "show", ""])[..2],
            ["boot-0", "rack0-node1"],
            "{shell}"
        );
        assert_eq!(
            completed(&["pmctl2", "node", "action", "off", "ra"]),
            ["rack0-node1"],
            "{shell}"
        );
        for (words, offered) in [
            (&["pmctl2", "wait", "op"][..], "operation/bird"),
            (&["pmctl2", "wait", "--for", ""], "exited"),
            (&["pmctl2", "connect", ""], "operation"),
            (&["pmctl2", "redfish", "boot-0", ""], "PATCH"),
        ] {
            assert!(completed(words).contains(&offered.to_owned()), "{shell}: {words:?}");
        }
        assert!(
            completed(&["pmctl2", "logs", "op"]).contains(&"operation/bird".to_owned()),
            "{shell}"
        );
        assert!(
            completed(&["pmctl2", "netns", "exec", ""]).contains(&"operation".to_owned()),
            "{shell}"
        );
        assert!(completed(&["pmctl2", "no"]).contains(&"node".to_owned()), "{shell}");
        // What shells load.
        let registration = command(&[]).env("COMPLETE", shell).output().unwrap();
        assert!(
            String::from_utf8_lossy(&registration.stdout).contains("pmctl2"),
            "{registration:?}"
        );
    }
    let nobody = Server::start();
    let gone = nobody.endpoint.clone();
    drop(nobody);
    let mut nothing = command(&["--", "pmctl2", "--endpoint", &gone, "node", "show", ""]);
    let nothing = nothing
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "5")
        .output()
        .unwrap();
    assert!(nothing.status.success() && nothing.stderr.is_empty(), "{nothing:?}");
}

/// What a program prints for a shell to load.
fn registration(program: &str, words: &[&str], variable: &str) -> String {
    let output = Command::new(program)
        .args(words)
        .env("COMPLETE", variable)
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn completion_is_a_command_as_well() {
    for program in [env!("CARGO_BIN_EXE_pmctl2"), env!("CARGO_BIN_EXE_placemat2")] {
        for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
            let script = registration(program, &["completion", shell], "");
            assert!(script.contains(program), "{script}");
            assert_eq!(script, registration(program, &[], shell));
        }
    }
    let output = command(&["completion", "tcsh"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn bash_completes_on_its_own() {
    let server = Server::start();
    let directory = std::path::Path::new(env!("CARGO_BIN_EXE_pmctl2")).parent().unwrap();
    let path = format!("{}:{}", directory.display(), std::env::var("PATH").unwrap());
    let script = ". <(pmctl2 completion bash); COMP_WORDS=(pmctl2 node show bo); COMP_CWORD=3; \
                  _clap_complete_pmctl2 pmctl2 bo show 2> /dev/null; echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["-c", script])
        .env("PATH", path)
        .env("PLACEMAT2_ENDPOINT", &server.endpoint);
    let output = bash.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "boot-0\n", "{output:?}");
}

#[test]
fn node_actions() {
    let server = Server::start();
    let actions = [
        "start", "stop", "restart", "on", "off", "shutdown", "reset", "cycle", "nmi", "push",
    ];
    for action in actions {
        assert_eq!(stdout(&server, &["node", "action", action, "boot-0"]), "");
    }
    let shutdown = ["node", "action", "shutdown", "boot-0"];
    stdout(&server, &[shutdown.as_slice(), &["--timeout", "7.5"]].concat());
    stdout(&server, &[shutdown.as_slice(), &["--force-after", "0"]].concat());
    stdout(&server, &["node", "action", "cycle", "--boot", "network", "boot-0"]);
    let options = [
        "shutdown?timeout=7.5",
        "shutdown?timeout=0&force=true",
        "cycle?boot=network",
    ];
    let expected = actions.iter().chain(&options);
    let expected: Vec<_> = expected.map(|action| format!("POST /nodes/boot-0/{action}")).collect();
    assert_eq!(server.requests(), expected);
}

#[test]
fn actions_on_several_nodes() {
    let server = Server::start();
    assert_eq!(stdout(&server, &["node", "action", "on", "boot-0", "boot-0"]), "");
    insta::assert_snapshot!(
        "failed-actions",
        transcript(&server, &["node", "action", "start", "boot-0", "rack0-node1", "nobody"])
    );
    let mut all = server.requests().len();
    insta::assert_snapshot!(
        "failed-actions-on-all",
        transcript(&server, &["node", "action", "start", "--all"])
    );
    let mut requests = server.requests().split_off(all);
    requests.sort();
    let expected = [
        "GET /nodes",
        "POST /nodes/boot-0/start",
        "POST /nodes/rack0-node1/start",
    ];
    assert_eq!(requests, expected);
    all = server.requests().len();
    for wrong in [
        &["node", "action", "start"][..],
        &["node", "action", "start", "--all", "boot-0"],
        &[
            "node",
            "action",
            "shutdown",
            "boot-0",
            "--timeout",
            "1",
            "--force-after",
            "1",
        ],
    ] {
        assert!(
            !command(wrong)
                .env("PLACEMAT2_ENDPOINT", &server.endpoint)
                .output()
                .unwrap()
                .status
                .success(),
            "{wrong:?}"
        );
    }
    assert_eq!(server.requests().len(), all);
}

#[test]
fn listings() {
    let server = Server::start();
    for listing in ["node", "net", "netns", "app"] {
        for format in ["name", "table", "json", "yaml"] {
            let shown = transcript(&server, &[listing, "list", "-o", format]);
            insta::assert_snapshot!(format!("{listing}-list-{format}"), shown);
        }
    }
    for listing in ["net", "netns", "app"] {
        assert_eq!(
            stdout(&server, &[listing, "list"]),
            stdout(&server, &[listing, "list", "-o", "table"])
        );
    }
}

#[test]
fn the_lab_and_its_events() {
    let server = Server::start();
    for format in ["name", "table", "json", "yaml"] {
        insta::assert_snapshot!(
            format!("status-{format}"),
            transcript(&server, &["status", "-o", format])
        );
        insta::assert_snapshot!(
            format!("events-{format}"),
            transcript(&server, &["events", "-o", format])
        );
        let follow = transcript(&server, &["events", "-f", "--after", "7", "-o", format]);
        insta::assert_snapshot!(format!("events-follow-{format}"), follow);
    }
    assert!(server.requests().contains(&"GET /events?after=7".to_owned()));
}

#[test]
fn output_of_an_app() {
    let server = Server::start();
    insta::assert_snapshot!("logs", transcript(&server, &["logs", "operation/bird"]));
    insta::assert_snapshot!(
        "logs-timestamps",
        transcript(&server, &["logs", "-t", "operation/bird"])
    );
    stdout(&server, &["logs", "-f", "--tail", "3", "operation/bird"]);
    let last = server.requests().pop().unwrap();
    assert_eq!(last, "GET /netns/operation/apps/bird/log?follow=true&tail=3");
}

#[test]
fn refusals_are_told_in_the_words_of_the_lab() {
    let server = Server::start();
    insta::assert_snapshot!("unknown-node", transcript(&server, &["node", "show", "nobody"]));
    insta::assert_snapshot!("unknown-app", transcript(&server, &["logs", "operation/nothing"]));
    insta::assert_snapshot!(
        "failed-action",
        transcript(&server, &["node", "action", "start", "rack0-node1"])
    );
    insta::assert_snapshot!("not-a-lab", transcript(&server, &["node", "show", "gibberish"]));
    insta::assert_snapshot!("broken-http", transcript(&server, &["node", "show", "broken"]));
}

#[test]
fn help_and_usage() {
    let cases: &[(&str, &[&str])] = &[
        ("help", &["--help"]),
        ("help-node-list", &["node", "list", "--help"]),
        ("help-netns-exec", &["netns", "exec", "--help"]),
        ("help-logs", &["logs", "--help"]),
        ("help-events", &["events", "--help"]),
        ("usage-none", &[]),
        ("usage-action", &["node", "action", "explode", "boot-0"]),
        ("usage-app", &["logs", "bird"]),
        ("usage-endpoint", &["--endpoint", "bogus", "status"]),
        (
            "usage-both",
            &["--endpoint", "http://localhost", "status", "--lab", "dc"],
        ),
        ("usage-both-json", &["node", "list", "--json", "-o", "yaml"]),
        ("lab-outside", &["--lab", "../etc", "status"]),
        ("no-such-lab", &["--lab", "no-such-lab", "status"]),
    ];
    for (name, arguments) in cases {
        insta::assert_snapshot!(*name, shown(&command(arguments).output().unwrap()));
    }
}

#[test]
fn what_is_typed_counts_more_than_the_environment() {
    let server = Server::start();
    let typed = ["node", "list", "--endpoint", &server.endpoint];
    let output = command(&typed).env("PLACEMAT2_LAB", "other").output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    let by_name = ["--lab", "no-such-lab", "status"];
    let output = command(&by_name)
        .env("PLACEMAT2_ENDPOINT", &server.endpoint)
        .output()
        .unwrap();
    assert!(shown(&output).contains("no-such-lab"), "{}", shown(&output));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn over_a_unix_socket() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start_unix(&directory.path().join("api.sock"));
    assert_eq!(stdout(&server, &["node", "list"]), "boot-0\nrack0-node1\n");
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let server = Server::start();
    for arguments in [
        &["node", "list"][..],
        &["node", "list", "-o", "yaml"],
        &["events", "-f"],
        &["logs", "-f", "a/flood"],
    ] {
        let mut child = command(arguments)
            .env("PLACEMAT2_ENDPOINT", &server.endpoint)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(shown(&output), "exit: 0\n--- stderr\n", "{arguments:?}");
    }
}

#[test]
fn a_full_disk_is_a_failure() {
    let server = Server::start();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = command(&["node", "list"])
        .env("PLACEMAT2_ENDPOINT", &server.endpoint)
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        shown(&output).contains("cannot write to standard output"),
        "{}",
        shown(&output)
    );
}

#[test]
fn lines_come_as_they_are_written() {
    let server = Server::start();
    let mut child = command(&["logs", "-f", "a/waiting"])
        .env("PLACEMAT2_ENDPOINT", &server.endpoint)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"first\n");
    assert!(child.try_wait().unwrap().is_none(), "it does not follow");
    server.release();
    let mut rest = String::new();
    child.stdout.as_mut().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "last\n");
    assert!(child.wait().unwrap().success());
}

/// Runs `script` in a mount and network namespace with a `/run/netns` of its own holding the namespace `rack0`.
fn in_a_world_of_its_own(script: &str) -> Option<Output> {
    if !is_root() {
        let _ = writeln!(std::io::stderr(), "skipped: needs root");
        return None;
    }
    let prepare = "set -e; mount -t tmpfs none /run; mkdir -p /run/netns; touch /run/netns/rack0 /run/netns/dead; \
                   unshare -n sh -c 'ip link set lo up; ip link add marker type bridge; \
                   mount --bind /proc/self/ns/net /run/netns/rack0'; set +e; ";
    let output = Command::new("unshare")
        .args(["-n", "-m", "sh", "-c", &format!("{prepare}{script}")])
        .env("PMCTL2", env!("CARGO_BIN_EXE_pmctl2"))
        .output()
        .unwrap();
    Some(output)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

#[test]
fn what_was_meant_is_told() {
    let server = Server::start();
    let near = transcript(&server, &["node", "show", "boot-1"]);
    assert!(near.contains("Did you mean `boot-0`?"), "{near}");
    let namespace = transcript(&server, &["node", "show", "operation"]);
    assert!(namespace.contains("`operation` is a namespace"), "{namespace}");
}

#[test]
fn a_lab_that_does_not_answer_is_told_of_at_once() {
    let wait = |options: &[&str]| {
        let lab = ["--lab", "no-such-lab", "wait", "--all", "--timeout", "300ms"];
        shown(&command(&[&lab[..], options].concat()).output().unwrap())
    };
    let told = wait(&[]);
    assert!(
        told.starts_with("exit: 3") && told.contains("no lab answers yet at"),
        "{told}"
    );
    assert!(!wait(&["-q"]).contains("yet"), "{}", wait(&["-q"]));
}

#[test]
fn commands_run_inside_a_namespace() {
    let script = "$PMCTL2 netns exec rack0 -- sh -c 'ls /sys/class/net; exit 7'; echo status $?; \
                  $PMCTL2 netns exec rack0 ip -br link show dev marker | cut -c1-6; \
                  ls -d /sys/class/net/marker 2>/dev/null || echo not outside; \
                  yes | $PMCTL2 netns exec rack0 -- head -n 1";
    let Some(output) = in_a_world_of_its_own(script) else {
        return;
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(
        stdout,
        "lo\nmarker\nstatus 7\nmarker\nnot outside\ny\n",
        "{}",
        shown(&output)
    );
}

#[test]
fn namespaces_and_commands_that_are_not_there() {
    let script = "for arguments in 'none -- true' 'dead -- true' '../x -- true' 'rack0 -- no-such-command' 'rack0 -- /etc'; do \
                  $PMCTL2 netns exec $arguments 2>&1; echo status $?; done";
    let Some(output) = in_a_world_of_its_own(script) else {
        return;
    };
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_namespace_has_to_be_that_of_the_lab_that_was_named() {
    // As engines give namespaces their names: links to descriptors of theirs.
    let script = "exec 7</proc/self/ns/net; unshare -n sh -c 'exec 7</proc/self/ns/net; exec sleep 60' & other=$!; \
                  until [ -e /proc/$other/fd/7 ]; do sleep 0.05; done; cd /run/netns; \
                  ln -s /proc/$$/fd/7 router; ln -s /proc/$$/fd/7 placemat2-dc; \
                  ln -s /proc/$other/fd/7 leaf; ln -s /proc/$other/fd/7 placemat2-fabric; \
                  for arguments in '--lab dc netns exec router' '--lab dc netns exec leaf' '--lab dc netns exec rack0' \
                  '--lab none netns exec router' '--lab dc netns exec nowhere' 'netns exec leaf' \
                  '--endpoint unix:///nowhere netns exec router'; do \
                  $PMCTL2 $arguments -- true 2>&1; echo status $?; done; \
                  PLACEMAT2_LAB=fabric $PMCTL2 netns exec leaf -- true; echo status $?; kill $other";
    let Some(output) = in_a_world_of_its_own(script) else {
        return;
    };
    insta::assert_snapshot!(String::from_utf8_lossy(&output.stdout), @r#"
    status 0
    pmctl2: the namespace "leaf" belongs to the lab "fabric", not to "dc"
    status 1
    pmctl2: the namespace "rack0" does not belong to the lab "dc": `pmctl2 netns list --lab dc` shows those that do
    status 1
    pmctl2: the namespace "router" belongs to the lab "dc", not to "none"
    status 1
    pmctl2: there is no namespace "nowhere" on this host: `pmctl2 netns list` shows those of a lab
    status 1
    status 0
    pmctl2: cannot connect to unix:///nowhere: No such file or directory (os error 2)
    status 1
    status 0
    "#);
}

#[test]
fn the_one_running_lab_is_found() {
    if !is_root() {
        let _ = writeln!(std::io::stderr(), "skipped: needs root");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    for lab in ["dc", "other"] {
        fs::create_dir(directory.path().join(lab)).unwrap();
    }
    let server = Server::start_unix(&directory.path().join("dc/api.sock"));
    let run = |arguments: &str| {
        let script = format!(
            "mount -t tmpfs none /run && mkdir /run/placemat2 && mount --bind {} /run/placemat2 && {} {arguments}",
            directory.path().display(),
            env!("CARGO_BIN_EXE_pmctl2"),
        );
        let mut command = Command::new("unshare");
        command.args(["-n", "-m", "sh", "-c", &script]);
        shown(
            &command
                .env_remove("PLACEMAT2_ENDPOINT")
                .env_remove("PLACEMAT2_LAB")
                .output()
                .unwrap(),
        )
    };
    assert_eq!(run("status -o name"), "exit: 0\ndc\n--- stderr\n");
    assert_eq!(run("status -o name --lab dc"), "exit: 0\ndc\n--- stderr\n");
    let second = Server::start_unix(&directory.path().join("other/api.sock"));
    insta::assert_snapshot!("several-labs", run("status"));
    drop(second);
    drop(server);
    // The sockets of labs that ended without removing them.
    std::thread::sleep(Duration::from_millis(50));
    insta::assert_snapshot!("no-lab", run("status"));
}

/// A lab that is being brought up, with a node that runs already.
const STARTING: &[(&str, u16, &str)] = &[
    (
        "GET /lab",
        200,
        r#"{"name":"dc","phase":"starting","mtu":{"value":null,"source":{"kind":"default"}},"version":"0.1.0","qemu_version":null,
            "kernel":"6.1.0","accel":"tcg","pid":99,"started_at":"2026-11-23T20:00:00Z","error":null,"files":[],"steps":[]}"#,
    ),
    (
        "GET /nodes",
        200,
        r#"[{"name":"boot-0","taps":{},"volumes":[],"cpu":1,"memory":"1G","uefi":false,"tpm":false,
             "smbios":{"manufacturer":"","product":"","serial":""},"power_status":"On","socket_path":"","pty_path":"","power_reason":null,
             "pid":4711,"started_at":"2026-11-23T20:00:00Z","boots":1,"last_boot":"power-on","nics":[],"bmc_address":null,"addresses":[]}]"#,
    ),
    ("GET /netns", 200, "[]"),
    (
        "GET /nodes/boot-0/console?readonly=true&since=screen",
        409,
        r#"{"error":"Too many read this console."}"#,
    ),
];

#[test]
fn a_console_that_is_refused_is_told_at_once() {
    let server = Server::with(STARTING);
    let told = transcript(
        &server,
        &["wait", "boot-0", "--for", "console=login", "--timeout", "20"],
    );
    assert_eq!(
        told,
        "exit: 1\n--- stderr\npmctl2: waiting until node/boot-0 has \"login\" on the console\npmctl2: Too many read this console.\n"
    );
}
