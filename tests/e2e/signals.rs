//! Signals take a lab down in order, whatever it is doing.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::signal::Signal,
};

use crate::{
    scene::{assert_unchanged, eventually, full, init_script, running, two},
    support::{Engine, Machine, PLACEMAT2},
};

#[test]
fn sigterm_while_an_init_script_runs() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    init_script(&machine, "sleep 60");
    let before = machine.state();
    let mut engine = Engine::start(&machine, &["/tmp/lab/two.yml"]);
    engine.until("the init script runs", 10, || {
        machine.try_sh("pgrep -fx 'sleep 60'").status.success()
    });
    let output = engine.stop();
    assert_unchanged(&machine, &before, &output);
}

#[test]
fn sigterm_at_any_moment_of_the_bring_up() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    let before = machine.state();
    for milliseconds in (0..1000).step_by(125) {
        // An app that ignores SIGTERM would only make each of these last longer.
        let engine = Engine::start(&machine, &["--stop-timeout", "0.2", "/tmp/lab/full.yml"]);
        // Before that it has no handler: a signal would end it as one ends any program.
        let booting = Instant::now();
        while !machine.path("/run/placemat2/full").exists() && booting.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(milliseconds));
        let output = engine.stop();
        // Of a start that was stopped before it knew QEMU's version that QEMU is being killed.
        eventually("QEMU is gone", 2, || !machine.try_sh("pgrep qemu").status.success());
        assert_unchanged(&machine, &before, &format!("after {milliseconds} ms: {output}"));
    }
}

#[test]
fn sigint_waits_for_apps_and_a_second_one_hurries() {
    let Some(machine) = Machine::new() else { return };
    full(&machine);
    let before = machine.state();
    let mut engine = running(&machine, "full", &["--stop-timeout", "60"]);
    engine.signal(Signal::SIGINT);
    std::thread::sleep(Duration::from_secs(1));
    // One app ignores SIGTERM.
    machine.sh("pgrep -fx 'sleep 1005'");
    let asked = Instant::now();
    engine.signal(Signal::SIGINT);
    assert_eq!(engine.wait(10), 0, "{}", engine.output());
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    assert_unchanged(&machine, &before, &engine.output());
}

#[test]
fn a_terminal_that_goes_takes_a_lab_down_unless_nohup_stands_before_it() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    init_script(&machine, "true");
    let before = machine.state();
    let mut engine = running(&machine, "two", &[]);
    engine.signal(Signal::SIGHUP);
    assert_eq!(engine.wait(10), 0, "{}", engine.output());
    assert_unchanged(&machine, &before, &engine.output());
    let mut engine = Engine::start_program(&machine, "nohup", &[PLACEMAT2, "/tmp/lab/two.yml"], |_| ());
    engine.until_running(&machine, "two", 20);
    engine.signal(Signal::SIGHUP);
    std::thread::sleep(Duration::from_secs(1));
    machine.sh("ip netns exec leaf true");
    let output = engine.stop();
    assert_unchanged(&machine, &before, &output);
}

#[test]
fn a_log_that_nobody_reads_holds_up_nothing() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let before = machine.state();
    let (unread, mut log) = std::io::pipe().unwrap();
    let size = fcntl(&log, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    log.write_all(&vec![b'x'; size.try_into().unwrap()]).unwrap();
    let mut engine = Engine::start_with(&machine, &["/tmp/lab/two.yml"], |command| {
        command.stderr(log);
    });
    engine.until_running(&machine, "two", 60);
    let output = engine.stop();
    assert_unchanged(&machine, &before, &output);
    drop(unread);
}

#[test]
fn a_start_that_waits_for_a_dead_run_says_so_and_listens() {
    let Some(machine) = Machine::new() else { return };
    two(&machine);
    let before = machine.state();
    let mut dead = running(&machine, "two", &[]);
    machine.sh("pkill -STOP -x pm2-keeper");
    dead.signal(Signal::SIGKILL);
    dead.wait(5);
    let mut engine = Engine::start(&machine, &["/tmp/lab/two.yml"]);
    eventually("it says what it waits for", 10, || {
        engine.output().contains("a dead run of this lab")
    });
    engine.signal(Signal::SIGTERM);
    assert_eq!(engine.wait(5), 0, "{}", engine.output());
    machine.sh("pkill -CONT -x pm2-keeper");
    // A start that is not stopped has its turn then.
    let engine = running(&machine, "two", &[]);
    let output = engine.stop();
    assert_unchanged(&machine, &before, &output);
}
