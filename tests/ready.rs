//! Waiting until a lab is ready, and testing on one: on real parts, through the programs as users run them.

#![cfg(test)]

#[path = "support/pty.rs"]
#[allow(dead_code)]
mod pty;
#[path = "e2e/scene.rs"]
#[allow(dead_code)]
mod scene;
#[path = "support/mod.rs"]
mod support;

use std::{
    io::{BufRead as _, BufReader},
    process::{Output, Stdio},
};

use nix::sys::signal::Signal;
use pty::Pty;
use scene::{assert_unchanged, boot_image, events, eventually};
use support::guests::{BOOT, SOON, guest, pmctl2};
use support::{Engine, Machine, PLACEMAT2, PMCTL2, json};

/// A server whose apps take their time, and a client that fails unless they are ready before it begins.
const ORDERED: &str = "
kind: Network
name: inner
type: internal
---
kind: NetworkNamespace
name: client
interfaces:
- network: inner
  addresses: [10.1.0.2/24]
init-scripts: [client.sh]
depends-on: [namespace/server]
apps:
- name: short
  command: [sh, -c, 'echo $$ > /tmp/short; exit 0']
  depends-on: [{object: app/server/flag, until: started}]
---
kind: NetworkNamespace
name: server
interfaces:
- network: inner
  addresses: [10.1.0.1/24]
apps:
- name: port
  command: [sh, -c, 'sleep 1; exec socat TCP-LISTEN:8080,fork,reuseaddr SYSTEM:cat']
  ready: {tcp: 8080, interval: 0.1}
- name: web
  command: [sh, -c, 'exec socat TCP-LISTEN:8081,fork,reuseaddr SYSTEM:/tmp/lab/answer.sh']
  ready: {http: 'http://10.1.0.1:8081/health?deep', interval: 0.1}
- name: secure
  command: [sh, -c, 'exec socat OPENSSL-LISTEN:8443,cert=/tmp/lab/own.pem,verify=0,fork,reuseaddr SYSTEM:/tmp/lab/well.sh']
  ready:
  - {http: 'https://10.1.0.1:8443/', insecure: true, interval: 100ms}
  - {exec: [test, -e, /tmp/flag], interval: 100ms}
- name: flag
  command: [sh, -c, 'sleep 1; touch /tmp/flag; exec sleep 1000']
  ready: {exec: [sh, -c, 'ip -br address show eth0 | grep -q 10.1.0.1 && ls /tmp/flag'], interval: 0.1}
";

/// A node that writes its greeting and no more, and an app that waits for more.
const IN_VAIN: &str = "
kind: Network
name: inner
type: internal
---
kind: NetworkNamespace
name: client
interfaces: [{network: inner}]
apps:
- name: late
  command: [touch, /tmp/too-late]
  depends-on: [node/mute]
- name: plain
  command: [sleep, '1000']
---
kind: Image
name: boot
file: boot.img
---
kind: Node
name: mute
cpu: 1
memory: 16M
interfaces: [inner]
ready: {console: 'login: $', timeout: 2}
volumes:
- kind: image
  name: root
  image: boot
---
kind: Node
name: spare
cpu: 1
memory: 16M
power: off
";

/// A node that waits for the one behind it.
const ONE_BY_ONE: &str = "
kind: Image
name: boot
file: boot.img
---
kind: Node
name: second
cpu: 1
memory: 16M
depends-on: [node/first]
volumes: [{kind: image, name: root, image: boot}]
---
kind: Node
name: first
cpu: 1
memory: 16M
ready: {console: 'boot sector$'}
volumes: [{kind: image, name: root, image: boot}]
";

/// A node whose guest does not listen to its power button, and that waits for an app.
const AWAITED: &str = "
kind: Network
name: inner
type: internal
---
kind: NetworkNamespace
name: one
interfaces: [{network: inner}]
apps:
- name: flag
  command: [sleep, '1000']
  ready: {exec: [test, -e, /tmp/flag], interval: 0.1}
---
kind: Node
name: deaf
cpu: 1
memory: 16M
depends-on: [app/one/flag]
";

/// A namespace that is ready at once.
const PLAIN: &str = "
kind: Network
name: inner
type: internal
---
kind: NetworkNamespace
name: one
interfaces:
- network: inner
  addresses: [10.1.0.1/24]
init-scripts: [init.sh]
apps:
- name: talker
  command: [sh, -c, 'echo I am here; exec sleep 1000']
";

fn ordered(machine: &Machine) {
    machine.write("/tmp/lab/ordered.yml", ORDERED);
    let scripts = [
        ("client.sh", "test \"$(echo hello | socat -t2 - TCP:10.1.0.1:8080)\" = hello && test -e /tmp/flag"),
        ("well.sh", "read line; printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n'"),
        // The third request is the first that is answered well.
        (
            "answer.sh",
            "read line; echo \"$line\" >> /tmp/asked; status='503 Not yet'; [ $(wc -l < /tmp/asked) -lt 3 ] || status='200 OK'
             printf 'HTTP/1.1 %s\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n' \"$status\"",
        ),
    ];
    let own = rcgen::generate_simple_self_signed(["10.1.0.1".to_owned()]).unwrap();
    machine.write("/tmp/lab/own.pem", own.signing_key.serialize_pem() + &own.cert.pem());
    for (name, text) in scripts {
        machine.write(&format!("/tmp/lab/{name}"), format!("#!/bin/sh\n{text}\n"));
        machine.sh(&format!("chmod +x /tmp/lab/{name}"));
    }
}

fn plain(machine: &Machine, init: &str) {
    machine.write("/tmp/lab/plain.yml", PLAIN);
    machine.write("/tmp/lab/init.sh", format!("#!/bin/sh\n{init}\n"));
    machine.sh("chmod +x /tmp/lab/init.sh");
}

fn in_vain(machine: &Machine) {
    machine.write("/tmp/lab/vain.yml", IN_VAIN);
    boot_image(machine, "/tmp/lab/boot.img");
}

/// What a command printed and how it ended.
fn told(output: &Output) -> (Option<i32>, String) {
    let streams = [&output.stdout, &output.stderr];
    let text = streams
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat();
    (output.status.code(), text)
}

/// Runs `placemat2 test` on a lab in `/tmp/lab`.
fn test(machine: &Machine, arguments: &str) -> (Option<i32>, String) {
    told(&machine.try_sh(&format!("cd /tmp/lab && {PLACEMAT2} test {arguments}")))
}

#[test]
fn what_depends_on_something_is_started_when_that_is_ready() {
    let Some(machine) = Machine::new() else { return };
    ordered(&machine);
    let mut engine = Engine::start(&machine, &["--timings=/tmp/trace.json", "/tmp/lab/ordered.yml"]);
    // Begun before the lab answers, which it has to wait for, too.
    let (code, said) = told(&machine.try_sh(&format!("{PMCTL2} --lab ordered wait --all --timeout 60")));
    assert_eq!(code, Some(0), "{said}\n{}", engine.output());
    assert!(said.contains("waiting until 7 objects are ready"), "{said}");
    for namespace in ["server", "client"] {
        let namespace = json(&machine, "ordered", &format!("/netns/{namespace}"));
        let apps = namespace["apps"].as_array().unwrap();
        assert!(apps.iter().all(|app| app["ready"]["state"] == "ready"), "{namespace}");
    }
    machine
        .sh("test -e /tmp/short && [ $(wc -l < /tmp/asked) = 3 ] && grep -x 'GET /health?deep HTTP/1.1.' /tmp/asked");
    let events = events(&machine, "ordered");
    for line in [
        "app/server/port is ready (tcp 8080) after",
        "app/server/secure is ready (http https://10.1.0.1:8443/, exec test -e /tmp/flag) after",
        "namespace/client waits until namespace/server is ready.",
    ] {
        assert!(events.contains(line), "{line}: {events}");
    }
    let server = json(&machine, "ordered", "/netns/server");
    assert_eq!(server["apps"][0]["ready"]["state"], "ready");
    assert_eq!(server["apps"][0]["ready"]["probe"], "tcp 8080");

    for arguments in [
        "client/short --for exited",
        "server client app/server/flag",
        "server/port --for ready",
    ] {
        let (code, said) = told(&machine.try_sh(&format!("{PMCTL2} wait {arguments} --timeout 20")));
        assert_eq!(code, Some(0), "{arguments}: {said}");
    }
    let (code, said) = told(&machine.try_sh(&format!("{PMCTL2} wait server/port --for exited --timeout 0.3")));
    assert_eq!(code, Some(3));
    assert!(said.contains("app/server/port: it is running"), "{said}");
    assert_eq!(told(&machine.try_sh(&format!("{PMCTL2} wait nobody"))).0, Some(1));
    assert_eq!(
        told(&machine.try_sh(&format!("{PMCTL2} wait server --for on"))).0,
        Some(1)
    );
    assert!(pmctl2(&machine, "app list").contains("READY"));

    // What has a `ready` and ends is not ready any more.
    machine.sh("ip netns exec server pkill -f TCP-LISTEN:808[0]");
    pmctl2(&machine, "wait server/port --for exited --timeout 20");
    let (code, said) = told(&machine.try_sh(&format!("{PMCTL2} wait server/port --timeout 20")));
    assert_eq!(code, Some(4), "{said}");
    engine.until("the time line", SOON, || machine.path("/tmp/trace.json").exists());
    let trace: serde_json::Value = serde_json::from_str(&machine.sh("cat /tmp/trace.json")).unwrap();
    let names: Vec<_> = trace["traceEvents"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["name"])
        .collect();
    assert!(names.iter().any(|name| *name == "fabric") && names.iter().any(|name| *name == "app/server/web"));
    let output = engine.stop();
    assert!(output.contains("The bring-up of ordered:"), "{output}");
}

#[test]
fn what_never_gets_ready_is_named_and_its_console_shown() {
    let Some(machine) = Machine::new() else { return };
    in_vain(&machine);
    let before = machine.state();
    let mut engine = Engine::start(&machine, &["/tmp/lab/vain.yml"]);
    // The lab is up without what waits in vain.
    engine.until_running(&machine, "vain", SOON);
    let (code, said) = told(&machine.try_sh(&format!("{PMCTL2} wait mute")));
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("`login: $` was not on its console within 2 s"), "{said}");
    assert!(said.contains("hello from the boot sector"), "{said}");
    let late = json(&machine, "vain", "/netns/client")["apps"][0].clone();
    assert_eq!(
        (&late["phase"], &late["ready"]["state"]),
        (&"waiting".into(), &"not-ready".into())
    );
    assert!(
        late["ready"]["reason"]
            .as_str()
            .unwrap()
            .contains("node/mute, which it depends on, is not ready")
    );
    assert_eq!(json(&machine, "vain", "/nodes/spare")["ready"]["state"], "off");
    pmctl2(&machine, "wait mute --for console='boot sector$' --timeout 20");
    pmctl2(&machine, "wait mute client/plain --timeout 1 || [ $? = 4 ]");

    // Switched on anew, or reset, it is looked at anew.
    let waits = || json(&machine, "vain", "/nodes/mute")["ready"]["state"] == "waiting";
    pmctl2(&machine, "node action reset mute");
    engine.until("it is looked at after its reset", SOON, waits);
    pmctl2(&machine, "wait mute || [ $? = 4 ]");
    pmctl2(&machine, "node action off mute");
    pmctl2(&machine, "wait mute spare --for off");
    let (_, said) = told(&machine.try_sh(&format!("{PMCTL2} wait mute --timeout 5")));
    assert!(said.contains("it is off"), "{said}");
    let output = engine.stop();
    assert!(output.contains("app/client/late is not started"), "{output}");
    assert!(!machine.path("/tmp/too-late").exists());

    let (code, said) = test(&machine, "vain.yml --artifacts /tmp/bundle -- touch /tmp/ran");
    assert_eq!(code, Some(122), "{said}");
    assert!(
        said.contains("node/mute is not ready") && said.contains("hello from the boot sector"),
        "{said}"
    );
    assert!(!machine.path("/tmp/ran").exists());
    let junit = machine.sh("cat /tmp/bundle/junit.xml");
    assert!(
        junit.contains("classname=\"ready\" name=\"node/mute\"") && junit.contains("hello from the boot sector"),
        "{junit}"
    );
    machine.sh("grep -q 'boot sector' /tmp/bundle/consoles/mute.log");
    let state: serde_json::Value = serde_json::from_str(&machine.sh("cat /tmp/bundle/state.json")).unwrap();
    assert_eq!(state["nodes"][0]["power_status"], "On");
    machine.sh("rm -r /tmp/bundle");
    assert_unchanged(&machine, &before, "");
}

#[test]
fn what_waits_takes_nobody_s_place() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/tmp/lab/turns.yml", ONE_BY_ONE);
    boot_image(&machine, "/tmp/lab/boot.img");
    let (code, said) = test(&machine, "--boot-parallelism 1 turns.yml -- true");
    assert_eq!(code, Some(0), "{said}");
    let place = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text}: {said}"));
    assert!(place("node/second waits until node/first is ready") < place("node/first is ready (console boot sector$)"));
    assert!(
        said.rfind("The node is on.").unwrap() > place("node/first is ready (console"),
        "{said}"
    );
}

#[test]
fn what_a_user_shuts_down_meanwhile_is_no_failure() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/tmp/lab/awaited.yml", AWAITED);
    let mut engine = Engine::start(&machine, &["/tmp/lab/awaited.yml"]);
    engine.until("the node waits", SOON, || {
        machine.path("/run/placemat2/awaited/api.sock").exists()
            && json(&machine, "awaited", "/nodes/deaf")["ready"]["state"] == "waiting"
    });
    pmctl2(&machine, "node action on deaf");
    machine.sh(&format!(
        "{PMCTL2} node action shutdown deaf --timeout 600 > /dev/null 2>&1 &"
    ));
    engine.until("it is shutting down", SOON, || {
        json(&machine, "awaited", "/nodes/deaf")["power_status"] == "PoweringOff"
    });
    // Its turn comes now.
    machine.sh("touch /tmp/flag");
    engine.until_running(&machine, "awaited", SOON);
    engine.stop();
}

#[test]
fn a_test_ends_as_its_command_does() {
    let Some(machine) = Machine::new() else { return };
    plain(&machine, "echo initialized");
    let before = machine.state();
    let inside = "--in one -- sh -c 'ip -br address show eth0 | grep 10.1.0.1 && \
         curl -sSf --unix-socket $PLACEMAT2_SOCKET http://lab/lab | grep running && test -d $PLACEMAT2_LOG_DIR'";
    let (code, said) = test(&machine, &format!("plain.yml {inside}"));
    assert_eq!(code, Some(0), "{said}");
    let (code, said) = test(
        &machine,
        &format!("plain.yml -- sh -c '{PMCTL2} wait --all && {PMCTL2} netns list | grep eth0@inner'"),
    );
    assert_eq!(code, Some(0), "{said}");

    let (code, said) = test(
        &machine,
        "plain.yml --artifacts /tmp/bundle --timings -- sh -c 'exit 7'",
    );
    assert_eq!(code, Some(7), "{said}");
    assert!(said.contains("The bring-up of plain:"), "{said}");
    machine.sh("cd /tmp/bundle && grep -q 'I am here' apps/one/talker.log && grep -q initialized apps/one/init.log");
    machine.sh("cd /tmp/bundle && grep -q 'The lab is up' engine.log.* && grep -q 'The lab is up' events.json");
    machine.sh("cd /tmp/bundle && grep -q 10.1.0.1 plan.json && grep -q traceEvents timings.json");
    let junit = machine.sh("cat /tmp/bundle/junit.xml");
    assert!(
        junit.contains("failures=\"1\"") && junit.contains("exit status 7"),
        "{junit}"
    );
    assert!(junit.contains("name=\"app/one/talker\""), "{junit}");

    for (arguments, code) in [
        ("plain.yml -- sh -c 'kill -9 $$'", 137),
        ("plain.yml -- /no/such/program", 127),
        ("plain.yml -- /tmp/lab/plain.yml", 126),
        ("plain.yml --in nowhere -- true", 2),
        ("plain.yml", 2),
        ("missing.yml -- true", 120),
    ] {
        let (ended, said) = test(&machine, arguments);
        assert_eq!(ended, Some(code), "{arguments}: {said}");
    }
    plain(&machine, "echo no good; exit 1");
    let (code, said) = test(&machine, "plain.yml --artifacts /tmp/bundle -- true");
    assert_eq!(code, Some(121), "{said}");
    machine.sh("grep -q 'no good' /tmp/bundle/apps/one/init.log && grep -q '\"failed\"' /tmp/bundle/state.json");
    machine.sh("rm -r /tmp/bundle");
    assert_unchanged(&machine, &before, "");
}

#[test]
fn a_test_that_is_interrupted_takes_its_lab_down_first() {
    let Some(machine) = Machine::new() else { return };
    plain(&machine, "true");
    let before = machine.state();
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let command = "trap 'touch /tmp/told; exit 0' TERM; touch /tmp/begun; while :; do sleep 0.1; done";
        let mut engine = Engine::start(&machine, &["test", "/tmp/lab/plain.yml", "--", "sh", "-c", command]);
        engine.until("the command runs", SOON, || machine.path("/tmp/begun").exists());
        engine.signal(signal);
        assert_eq!(engine.wait(SOON), code, "{}", engine.output());
        machine.sh("rm /tmp/told /tmp/begun");
    }
    // What the command has started goes, too, wherever it has gone to.
    let command = "(setsid sleep 1007 &); touch /tmp/begun; sleep 1008; true";
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        for place in [&[][..], &["--in", "one"]] {
            let arguments = [&["test", "/tmp/lab/plain.yml"], place, &["--", "sh", "-c", command]].concat();
            let mut engine = Engine::start(&machine, &arguments);
            engine.until("the command runs", SOON, || machine.path("/tmp/begun").exists());
            engine.signal(signal);
            engine.wait(SOON);
            eventually("all of it is gone", 5, || {
                !machine
                    .try_sh("pgrep -fx 'sleep 100[78]' || pgrep pm2-keeper")
                    .status
                    .success()
            });
            machine.sh(&format!("rm /tmp/begun; {PLACEMAT2} cleanup --all"));
        }
    }
    let mut engine = Engine::start(
        &machine,
        &["test", "--keep-on-failure", "/tmp/lab/plain.yml", "--", "false"],
    );
    engine.until("the lab is kept", SOON, || engine_says(&machine));
    pmctl2(&machine, "netns exec one -- true");
    engine.signal(Signal::SIGTERM);
    assert_eq!(engine.wait(SOON), 1, "{}", engine.output());
    assert!(engine.output().contains("the lab plain is kept"));
    assert_unchanged(&machine, &before, "");
}

/// Whether the lab that a test left running answers, and no command runs any more.
fn engine_says(machine: &Machine) -> bool {
    machine
        .try_sh(&format!("{PMCTL2} wait --all --timeout 5 && ! pgrep -x false"))
        .status
        .success()
}

#[test]
fn a_lab_that_does_not_run_yet_is_found_wherever_it_will_answer() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/tmp/lab/late.yml", "kind: Network\nname: inner\ntype: internal\n");
    let mut waiting = machine
        .command(PMCTL2)
        .args(["wait", "--all", "--timeout", "60"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It has asked where a lab answers by default.
    let mut said = BufReader::new(waiting.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("no lab answers yet"), "{line}");
    let engine = Engine::start(
        &machine,
        &["--headless", "--listen-addr", "127.0.0.1:20808", "/tmp/lab/late.yml"],
    );
    assert!(waiting.wait().unwrap().success(), "{}", engine.output());
    engine.stop();
}

#[test]
fn a_guest_is_ready_at_its_prompt_and_reached_from_the_fabric() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/tmp/lab/guest.qcow2", guest("guest.qcow2"));
    machine.write(
        "/tmp/lab/user-data.yml",
        "hostname: web\nruncmd: ['busybox nc -lk -p 7 -e cat &']\n",
    );
    machine.write(
        "/tmp/lab/network.yml",
        "version: 2\nethernets:\n  ens3:\n    addresses: [10.1.0.9/24]\n",
    );
    let node = |name: &str, ready: &str| {
        format!(
            "kind: Node\nname: {name}\ninterfaces: [inner]\ncpu: 1\nmemory: 192M\n{ready}\nvolumes:\n\
             - {{kind: image, name: root, image: guest, copy-on-write: true}}\n\
             - {{kind: localds, name: seed, user-data: user-data.yml, network-config: network.yml}}\n---\n"
        )
    };
    let lab = format!(
        "kind: Network\nname: inner\ntype: internal\n---\nkind: NetworkNamespace\nname: operation\ninterfaces:\n- network: inner\n  \
         addresses: [10.1.0.1/24]\napps:\n- name: after\n  command: [sh, -c, 'ping -c1 -W5 10.1.0.9 && touch /tmp/reached']\n  \
         depends-on: [node/web]\n---\nkind: Image\nname: guest\nfile: guest.qcow2\n---\n{}",
        node(
            "web",
            &format!("ready: {{exec: [ping, -c1, -W2, 10.1.0.9], netns: operation, timeout: {BOOT}}}")
        )
    );
    machine.write("/tmp/lab/web.yml", lab);
    let mut engine = Engine::start(&machine, &["/tmp/lab/web.yml"]);
    engine.until("the lab answers", SOON, || {
        machine.path("/run/placemat2/web/api.sock").exists()
    });
    assert_eq!(json(&machine, "web", "/netns/operation")["apps"][0]["phase"], "waiting");
    let (code, said) = told(&machine.try_sh(&format!("{PMCTL2} wait --all --timeout {BOOT}")));
    assert_eq!(code, Some(0), "{said}\n{}", engine.output());
    pmctl2(&machine, "wait operation/after --for exited --timeout 60");
    assert!(machine.path("/tmp/reached").exists());
    pmctl2(&machine, &format!("wait web --for console='login: ' --timeout {BOOT}"));
    engine.stop();
}

#[test]
fn the_command_of_a_test_has_the_terminal() {
    let Some(machine) = Machine::new() else { return };
    plain(&machine, "true");
    // The terminal is that of a session within the machine.
    let mut command = machine.command("setsid");
    command.args(["--ctty", "--wait", PLACEMAT2, "test", "/tmp/lab/plain.yml", "--"]);
    command.args([
        "sh",
        "-c",
        "echo 'Who is there?'; read name; echo \"Hello, $name.\"; sleep 1000",
    ]);
    let mut terminal = Pty::start(command, (120, 40));
    terminal.expect("Who is there?");
    terminal.send("Bob\r");
    terminal.expect("Hello, Bob.");
    // Ctrl-C.
    terminal.send("\x03");
    assert_eq!(terminal.wait().code(), Some(130), "{}", terminal.screen());
}
