//! A small lab from its start to its end.

use crate::{
    scene::{assert_unchanged, events, init_script, running, two},
    support::{Engine, Machine, PLACEMAT2, PMCTL2, get, json},
};

#[test]
fn what_comes_up_is_usable_and_what_goes_down_leaves_nothing() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    // Beyond the uplink nobody knows the lab's prefixes: only masqueraded packets come back.
    machine.outside("ip route del default 2>/dev/null; true");
    let before = machine.state();
    let mut engine = running(&machine, "two", &[]);

    machine.sh("ip netns | grep -w router && ip netns | grep -w leaf && ip netns | grep -w placemat2-two");
    machine.sh("ip netns exec router ping -c1 -W2 10.1.0.2 && ip -n leaf addr show eth0 | grep 10.1.0.2/24");
    machine.sh("ip netns exec router ping -6 -c1 -W2 fd01::2 && ping -c1 -W2 10.0.0.2");
    machine.sh("ip netns exec router ping -c1 -W2 192.0.2.1");

    engine.until("the short app ended", 10, || {
        let app = &json(&machine, "two", "/netns/leaf")["apps"][0];
        app["phase"] == "exited" && app["exit_code"] == 3
    });
    engine.until("the ticker's log has its lines", 10, || {
        let log = get(&machine, "two", "/netns/router/apps/ticker/log").unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        log.contains("started in /tmp/lab") && log.contains("tick")
    });
    machine.sh("grep bye /var/log/placemat2/two/leaf/short.log");
    machine.sh("grep tick /var/log/placemat2/two/router/ticker.log");
    engine.stop();
    assert_unchanged(&machine, &before, "");
}

#[test]
fn the_api_is_within_reach_of_host_and_namespaces() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let engine = running(&machine, "two", &["--name", "two"]);
    for namespace in ["router", "leaf", "placemat2-two"] {
        machine.sh(&format!(
            "ip netns exec {namespace} curl -sSf --unix-socket /run/placemat2/two/api.sock http://lab/lab | grep running"
        ));
    }
    let tcp = "curl -sS http://127.0.0.1:10808";
    machine.sh(&format!("{tcp}/nodes | grep -x '\\[\\]'"));
    for path in ["lab", "networks", "netns", "netns/leaf", "topology", "openapi.json"] {
        machine.sh(&format!("{tcp}/{path} -f > /dev/null"));
    }
    let status = |path: &str| machine.sh(&format!("{tcp}{path} -o /dev/null -w '%{{http_code}}'"));
    assert_eq!(status("/nodes/none"), "404");
    assert_eq!(status("/nodes/none/start -X POST"), "404");
    assert_eq!(status("/lab -H 'Host: attacker.example'"), "403");
    // Namespaces don't reach the host's loopback.
    assert!(
        !machine
            .try_sh("ip netns exec leaf curl -sS --max-time 2 http://127.0.0.1:10808/lab")
            .status
            .success()
    );

    let pmctl2 = |arguments: &str| machine.sh(&format!("{PMCTL2} {arguments}"));
    assert!(pmctl2("status").contains("running"));
    assert!(pmctl2("netns list").contains("eth0@ext=10.0.0.2/24,fd00::2/64"));
    assert!(pmctl2("net list").contains("10.0.0.1/24"));
    assert!(pmctl2("app list").contains("ticker"));
    assert!(pmctl2("logs router/ticker").contains("started in /tmp/lab"));
    assert!(pmctl2("events -o json").contains("The lab is up."));
    assert_eq!(pmctl2("netns exec leaf -- cat /sys/class/net/eth0/operstate"), "up\n");
    let exec = machine.try_sh(&format!("{PMCTL2} netns exec leaf -- sh -c 'exit 7'"));
    assert_eq!(exec.status.code(), Some(7));
    engine.stop();
    assert_ne!(machine.try_sh(&format!("{PMCTL2} status")).status.code(), Some(0));
}

#[test]
fn apps_are_started_again_as_their_policies_say() {
    let Some(machine) = Machine::new() else { return };
    let app = |name: &str, restart: &str, code: i32| {
        format!(
            "- name: {name}\n  restart: {restart}\n  command: [sh, -c, 'echo $GREETING from $PWD; exit {code}']\n  env: {{GREETING: hi}}\n  workdir: /\n"
        )
    };
    machine.write(
        "/tmp/lab/apps.yml",
        format!(
            "kind: Network\nname: lonely\ntype: internal\n---\nkind: NetworkNamespace\nname: ns\ninterfaces:\n- network: lonely\napps:\n{}{}{}{}",
            app("never", "never", 1),
            app("failing", "on-failure", 1),
            app("done", "on-failure", 0),
            app("always", "always", 0)
        ),
    );
    let mut engine = running(&machine, "apps", &[]);
    let apps = || json(&machine, "apps", "/netns/ns")["apps"].clone();
    let restarts = |name: &str| {
        let apps = apps();
        let app = apps
            .as_array()
            .and_then(|apps| apps.iter().find(|app| app["name"] == name));
        app.map_or(0, |app| app["restarts"].as_u64().unwrap())
    };
    engine.until("apps were started again", 20, || {
        restarts("failing") >= 2 && restarts("always") >= 2
    });
    assert_eq!((restarts("never"), restarts("done")), (0, 0));
    let log = machine.sh("cat /var/log/placemat2/apps/ns/always.log");
    assert!(log.contains("hi from /"), "{log}");
    engine.stop();
}

#[test]
fn the_name_of_a_namespace_appears_when_its_init_scripts_are_done() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    init_script(&machine, "until [ -e /tmp/go ]; do sleep 0.05; done; echo initialized");
    let mut engine = crate::support::Engine::start(&machine, &["/tmp/lab/two.yml"]);
    engine.until("the other namespace is usable", 10, || {
        machine.path("/run/netns/leaf").is_symlink()
    });
    assert!(!machine.path("/run/netns/router").is_symlink());
    assert_eq!(json(&machine, "two", "/lab")["phase"], "starting");
    machine.write("/tmp/go", "");
    engine.until_running(&machine, "two", 10);
    machine.sh("ip netns exec router true; grep initialized /var/log/placemat2/two/router/init.log");
    assert!(events(&machine, "two").contains("Namespace router is usable."));
    engine.stop();
}

#[test]
fn systemd_is_told_and_logs_are_json_if_asked_for() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let socket = machine.path("/tmp/notify");
    let listener = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    listener
        .set_read_timeout(Some(std::time::Duration::from_secs(20)))
        .unwrap();
    let engine =
        crate::support::Engine::start_with(&machine, &["--log-format", "json", "/tmp/lab/two.yml"], |command| {
            command.env("NOTIFY_SOCKET", "/tmp/notify");
        });
    let mut buffer = [0; 256];
    let length = loop {
        match listener.recv(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            received => break received.unwrap(),
        }
    };
    assert!(String::from_utf8_lossy(&buffer[..length]).contains("READY=1"));
    for line in engine.stop().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
}

#[test]
fn a_lab_that_never_began_leaves_nothing() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let before = machine.state();
    for (arguments, status) in [
        ("--log-level a=b=c", 2),
        ("--accel kvm --name .hidden", 2),
        ("--name ''", 2),
        ("--bmc-users /nowhere", 1),
    ] {
        let program = PLACEMAT2;
        let output = machine.try_sh(&format!("{program} {arguments} /tmp/lab/two.yml"));
        assert_eq!(output.status.code(), Some(status), "{arguments}: {output:?}");
    }
    assert_unchanged(&machine, &before, "");
}

#[test]
fn what_the_engine_has_for_itself_is_not_for_its_apps() {
    let Some(machine) = Machine::new() else { return };
    machine.write(
        "/tmp/lab/own.yml",
        "kind: Network\nname: n\ntype: internal\n---\nkind: NetworkNamespace\nname: alone\ninterfaces: [{network: n}]\napps:\n- name: tell\n  \
         command: [sh, -c, 'echo $(ulimit -Sn) $(ulimit -Hn) ${NOTIFY_SOCKET-none}']\n",
    );
    let arguments = ["--nofile=300:5000", PLACEMAT2, "/tmp/lab/own.yml"];
    let mut engine = Engine::start_program(&machine, "prlimit", &arguments, |command| {
        command.env("NOTIFY_SOCKET", "/run/nobody");
    });
    engine.until("the app has told its limits", 20, || {
        let log = get(&machine, "own", "/netns/alone/apps/tell/log").unwrap_or_default();
        String::from_utf8_lossy(&log).contains("300 5000 none")
    });
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", engine.pid())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<_> = files
        .split_whitespace()
        .filter(|word| word.parse::<u32>().is_ok())
        .collect();
    assert_eq!(numbers, ["5000", "5000"]);
    engine.stop();
}

#[test]
fn lost_nat_is_made_again() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let mut engine = running(&machine, "two", &[]);
    machine.sh("pkill -9 -x nft");
    engine.until("the NAT is there again", 10, || {
        events(&machine, "two").contains("NAT is there again")
    });
    machine.outside("ip route del default 2>/dev/null; true");
    machine.sh("ip netns exec router ping -c1 -W2 192.0.2.1");
    let log = engine.stop();
    assert!(
        log.contains("nft, which holds the lab's NAT, was killed by signal 9"),
        "{log}"
    );
}

#[test]
fn a_namespace_is_seen_by_its_name_no_sooner_than_it_is_usable() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    init_script(&machine, "sleep 0.5; ip netns > /tmp/lab/seen");
    let mut engine = Engine::start(&machine, &["--name", "my-router", "/tmp/lab/two.yml"]);
    engine.until_running(&machine, "my-router", 60);
    let seen = machine.sh("cat /tmp/lab/seen");
    assert!(seen.contains("leaf") && !seen.contains("router"), "{seen}");
    machine.sh("ip netns | grep -w router && ip netns | grep -w placemat2-my-router");
    engine.stop();
}

/// A namespace whose scripts and apps are to see what one of them mounts.
const MOUNTS: &str = "
kind: Network
name: inner
type: internal
---
kind: NetworkNamespace
name: router
interfaces: [{network: inner}]
init-scripts: [init.sh, second.sh]
apps:
- name: look
  command: [sh, -c, 'ls /mnt; pwd']
";

#[test]
fn what_an_init_script_mounts_is_seen_in_its_namespace() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/tmp/lab/mounts.yml", MOUNTS);
    init_script(&machine, "mount -t tmpfs none /mnt");
    machine.write("/tmp/lab/second.sh", "#!/bin/sh\ntouch /mnt/mark\n");
    machine.sh("chmod +x /tmp/lab/second.sh");
    let before = machine.state();
    let mut engine = running(&machine, "mounts", &[]);
    let logs = || machine.sh(&format!("{PMCTL2} logs router/look"));
    engine.until("the app has looked", 10, || logs().lines().count() == 2);
    assert_eq!(logs(), "mark\n/tmp/lab\n");
    assert_eq!(machine.sh("ls /mnt/mark 2>/dev/null; true"), "");
    assert_unchanged(&machine, &before, &engine.stop());
    // Without the right to join mounts each has its own, and the lab comes up all the same.
    init_script(&machine, "mount -t tmpfs none /mnt && umount /mnt");
    machine.write("/tmp/lab/second.sh", "#!/bin/sh\ntrue\n");
    let without = [
        "--bounding-set=-sys_chroot",
        "--inh-caps=-sys_chroot",
        PLACEMAT2,
        "/tmp/lab/mounts.yml",
    ];
    let mut engine = Engine::start_program(&machine, "setpriv", &without, |_| ());
    engine.until_running(&machine, "mounts", 20);
    let told = events(&machine, "mounts");
    assert!(
        told.contains("What an init script mounts is not seen by others"),
        "{told}"
    );
    engine.stop();
}
