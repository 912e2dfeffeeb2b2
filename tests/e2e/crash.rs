//! However the engine or its keeper dies, nothing stays.

use std::{
    thread::sleep,
    time::{Duration, SystemTime},
};

use nix::sys::signal::Signal;

use crate::{
    scene::{assert_unchanged, eventually, full, running, two},
    support::{Engine, HostState, Machine, PLACEMAT2},
};

/// How many moments are tried. They are spread over twice the time a lab takes to come up here.
const MOMENTS: u32 = 10;
const SPREAD: u32 = 2000;

/// A machine with a firewall, and the lab that has everything.
fn machine() -> Option<(Machine, HostState)> {
    let machine = Machine::new()?;
    full(&machine);
    machine.sh("iptables -P FORWARD DROP; ip6tables -P FORWARD DROP");
    let before = machine.state();
    Some((machine, before))
}

/// A number below `limit` that nobody knows before.
fn random(limit: u32) -> u32 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    // The last digits of the clock are as good as dice, spread by a prime.
    now.subsec_nanos().wrapping_mul(2_654_435_761) % limit
}

/// Random moments, one in each part of the time.
fn moments() -> impl Iterator<Item = Duration> {
    let part = SPREAD / MOMENTS;
    (0..MOMENTS).map(move |index| Duration::from_millis((index * part + random(part)).into()))
}

/// Fails if something was left that is not a dangling link, a dead socket or the record of both.
fn assert_only_traces(machine: &Machine, before: &HostState, context: &str) {
    let left = before.diff(&machine.state());
    let harmless = |line: &String| {
        [
            "+file: /run/placemat2/",
            "+file: /run/netns/",
            "+namespace: /run/netns/",
        ]
        .iter()
        .any(|prefix| line.starts_with(prefix))
            || line.starts_with("+file: /tmp/") && (line.ends_with(".socket") || line.contains(".pty -> /dev/pts/"))
    };
    let left: Vec<_> = left.into_iter().filter(|line| !harmless(line)).collect();
    assert_eq!(left, [] as [String; 0], "{context}");
}

fn cleanup(machine: &Machine) {
    machine.sh(&format!("{PLACEMAT2} cleanup --all"));
}

/// Sends SIGKILL to the keepers of this machine; the engine alone has one.
fn kill_keeper(machine: &Machine) {
    machine.sh("pkill -KILL -x pm2-keeper");
}

#[test]
fn nothing_is_left_after_the_engine_was_killed() {
    let Some((machine, before)) = machine() else { return };
    for moment in moments() {
        let context = format!("killed after {moment:?}");
        let mut engine = Engine::start(&machine, &["/tmp/lab/full.yml"]);
        sleep(moment);
        engine.signal(Signal::SIGKILL);
        engine.wait(5);
        sleep(Duration::from_secs(2));
        assert_only_traces(&machine, &before, &context);
        cleanup(&machine);
        assert_unchanged(&machine, &before, &context);
        let unfinished = machine.sh("find /var/scratch -name '.*.owner' -o -name '.*.part'");
        assert_eq!(unfinished, "", "{context}");
    }
}

#[test]
fn the_next_start_needs_no_cleanup() {
    let Some((machine, before)) = machine() else { return };
    let mut engine = running(&machine, "full", &[]);
    for _ in 0..3 {
        engine.signal(Signal::SIGKILL);
        engine.wait(5);
        // At once: it waits for what the dead one's keeper does.
        engine = running(&machine, "full", &["--stop-timeout", "0.2"]);
    }
    machine.sh("ip netns exec router ping -c1 -W2 192.0.2.1");
    engine.stop();
    assert_unchanged(&machine, &before, "");
}

#[test]
fn without_its_keeper_a_lab_goes_down() {
    let Some((machine, before)) = machine() else { return };
    for moment in [
        Duration::ZERO,
        Duration::from_millis(random(600).into()),
        Duration::from_secs(2),
    ] {
        let mut engine = Engine::start(&machine, &["--stop-timeout", "0.2", "/tmp/lab/full.yml"]);
        engine.until("there is a keeper", 10, || {
            machine.try_sh("pgrep -x pm2-keeper").status.success()
        });
        sleep(moment);
        kill_keeper(&machine);
        assert_eq!(engine.wait(10), 1, "{}", engine.output());
        assert!(engine.output().contains("keeper"), "{}", engine.output());
        assert_unchanged(&machine, &before, &format!("after {moment:?}: {}", engine.output()));
    }
}

#[test]
fn without_its_keeper_a_lab_waits_for_no_program_of_another_user() {
    let Some(machine) = Machine::new() else { return };
    // Who changes its user loses the signal that tells of its parent's death.
    machine.write(
        "/tmp/lab/users.yml",
        "
kind: Network
name: inner
type: internal
---
kind: NetworkNamespace
name: one
interfaces: [{network: inner}]
apps:
- name: other
  command: [setpriv, --reuid=65534, --clear-groups, sleep, '1006']
",
    );
    let before = machine.state();
    let mut engine = running(&machine, "users", &[]);
    eventually("the user is changed", 5, || {
        machine.try_sh("pgrep -fx 'sleep 1006'").status.success()
    });
    kill_keeper(&machine);
    assert_eq!(engine.wait(10), 1, "{}", engine.output());
    machine.sh("! pgrep -fx 'sleep 1006'");
    assert_unchanged(&machine, &before, &engine.output());
}

#[test]
fn both_killed_at_once_leave_what_the_next_start_removes() {
    let Some((machine, before)) = machine() else { return };
    for next in ["cleanup", "start"] {
        let mut engine = running(&machine, "full", &[]);
        // Neither gets a moment to notice the other's death.
        machine.sh("kill -STOP $(pgrep -x pm2-keeper); kill -KILL $(pgrep -x placemat2) $(pgrep -x pm2-keeper)");
        engine.wait(5);
        eventually("the apps are dead", 5, || {
            !machine.try_sh("pgrep -x qemu-system-x86").status.success()
        });
        if next == "cleanup" {
            cleanup(&machine);
        } else {
            running(&machine, "full", &["--stop-timeout", "0.2"]).stop();
        }
        assert_unchanged(&machine, &before, next);
    }
}

#[test]
fn a_lab_starts_again_at_once_after_all_of_it_was_killed() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let left = || machine.sh("ip -o -br link; find /run; nft list tables");
    let before = left();
    for _ in 0..3 {
        let mut engine = running(&machine, "two", &[]);
        // The keeper first: nobody is left to clear up, and the kernel takes its time to remove the lab's links.
        machine.sh("kill -9 $(pgrep -x pm2-keeper) $(pgrep -x placemat2)");
        assert_ne!(engine.wait(5), 0);
    }
    let engine = running(&machine, "two", &[]);
    engine.stop();
    assert_eq!(left(), before);
}
