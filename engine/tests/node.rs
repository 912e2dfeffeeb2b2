//! Nodes on a real QEMU, without KVM.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod machine;
mod scene;

use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    time::Duration,
};

use machine::{GREETING, Machine, in_time, tells};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use placemat2_engine::{
    console::Since,
    keeper::Keeper,
    node::{Action, Grace, NodeError, PowerState},
    plan,
    spec::model::Cache,
};
use scene::{alive, eventually, root_trial, trial};
use tempfile::TempDir;

fn main() {
    scene::main(|| {
        vec![
            trial("power goes on and off, and off means no process", on_and_off),
            trial(
                "a guest that powers off is off and can be started again",
                guest_poweroff,
            ),
            trial("a guest that resets stays on", guest_reset),
            trial("a machine that QEMU stopped runs after a reset", reset_of_stopped),
            trial("restart resets what is on and starts what is off", restart),
            trial("cycle starts a new QEMU, whatever there was", cycle),
            trial(
                "what is off can't be reset, shut down, interrupted or pushed",
                off_refuses,
            ),
            trial("a guest that has a power button shuts down", shutdown),
            trial(
                "a guest that does not shut down stays on, or is powered off",
                shutdown_in_vain,
            ),
            trial("off, cycle and reset end the wait for a shutdown", shutdown_interrupted),
            trial("a node that shuts down can be closed", shutdown_closed),
            trial("an NMI reaches the guest", nmi),
            trial("a guest's panic is told, and the node is on", panic),
            trial("kill -9 of QEMU is told and survived", killed),
            trial("a bad argument is told in QEMU's words", bad_argument),
            trial("a missing QEMU is told", missing_program),
            trial("stop interrupts a start", interrupted),
            trial("close ends a node whatever it does", closed),
            trial("closing again, and acting on what is closed, is harmless", closed_twice),
            trial("a QEMU that ignores its monitor is killed", deaf),
            trial("the console shows the boot to whoever comes later", console),
            trial("a guest that floods its console is held back, not the engine", flood),
            trial("a TPM comes and goes with its node", tpm),
            trial("a TPM that is cleared begins anew, once", tpm_cleared),
            trial("a TPM whose state cannot be kept is told", tpm_blocked),
            root_trial("QEMU runs as a user without root's powers", as_a_user),
            trial("an idle node costs the engine nothing", idle),
        ]
    });
}

async fn on_and_off(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.handle();
    assert_eq!(machine.state().power_status, PowerState::Off);
    node.act(Action::Stop).await.unwrap();
    node.act(Action::Start).await.unwrap();
    let state = machine.state();
    assert_eq!(state.power_status, PowerState::On);
    assert!(state.started_at.is_some());
    let pid = machine.pid();
    assert!(alive(pid));
    node.act(Action::Start).await.unwrap();
    assert_eq!(machine.pid(), pid);
    node.act(Action::Stop).await.unwrap();
    assert!(!alive(pid));
    let state = machine.state();
    assert_eq!((state.power_status, state.pid), (PowerState::Off, None));
    assert_eq!(state.power_reason.unwrap(), "it was powered off");
    let socket = &machine.plan.console_socket;
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    node.close().await;
    assert!(!socket.exists());
    let told = [
        "Powering on.",
        "The node is on.",
        "Powering off.",
        "The node is off: it was powered off.",
    ];
    assert_eq!(machine.messages(), told);
}

async fn guest_poweroff(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    for again in [true, false] {
        let pid = machine.pid();
        let mut client = machine.client().await;
        client.sees(GREETING).await;
        client.types("p").await;
        assert_eq!(machine.until(PowerState::Off).await.unwrap(), "the guest shut down");
        assert!(!alive(pid));
        if again {
            node.act(Action::Start).await.unwrap();
        }
    }
    node.close().await;
    assert_eq!(machine.log().matches(GREETING).count(), 2);
}

async fn guest_reset(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    let pid = machine.pid();
    let mut client = machine.client().await;
    client.sees(GREETING).await;
    client.types("r").await;
    client.sees(GREETING).await;
    machine.told("The guest reset the machine.").await;
    assert_eq!((machine.state().power_status, machine.pid()), (PowerState::On, pid));
    node.close().await;
}

async fn reset_of_stopped(keeper: Keeper, dir: TempDir) {
    let mut machine = Machine::new(keeper, dir);
    // Stopped from the beginning, as one is later whose disk can't be written.
    machine.plan.qemu.args.push("-S".into());
    let node = machine.on().await;
    let mut client = machine.client().await;
    for _ in 0..2 {
        node.act(Action::Reset).await.unwrap();
        client.sees(GREETING).await;
    }
    node.close().await;
}

async fn restart(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.handle();
    node.act(Action::Restart).await.unwrap();
    let pid = machine.pid();
    let mut client = machine.client().await;
    client.sees(GREETING).await;
    node.act(Action::Restart).await.unwrap();
    client.sees(GREETING).await;
    assert_eq!(machine.pid(), pid);
    node.close().await;
}

async fn cycle(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.handle();
    node.act(Action::Cycle).await.unwrap();
    let pid = machine.pid();
    in_time(node.act(Action::Cycle)).await.unwrap();
    assert_ne!(machine.pid(), pid);
    assert!(!alive(pid));
    let told = machine.messages();
    assert_eq!(told.iter().filter(|told| *told == "The node is on.").count(), 2);
    node.close().await;
}

async fn off_refuses(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.handle();
    for action in [Action::Shutdown(Grace::default()), Action::Reset, Action::Nmi] {
        let error = node.act(action).await.unwrap_err();
        assert!(matches!(error, NodeError::Off { .. }), "{error}");
        tells(&error, "is off: there is nothing to ");
    }
    assert!(machine.messages().is_empty());
    node.close().await;
}

/// As [`Grace`], in milliseconds.
fn shutdown_within(milliseconds: u64, force: bool) -> Action {
    let limit = Duration::from_millis(milliseconds);
    Action::Shutdown(Grace { limit, force })
}

async fn shutdown(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    let mut client = machine.client().await;
    client.sees(GREETING).await;
    client.types("a").await;
    client.sees("a").await;
    let (one, two) = tokio::join!(
        node.act(shutdown_within(30_000, false)),
        node.act(shutdown_within(30_000, true))
    );
    one.and(two).unwrap();
    let state = machine.state();
    assert_eq!((state.power_status, state.pid), (PowerState::Off, None));
    assert_eq!(state.power_reason.unwrap(), "the guest shut down");
    let told = machine.messages();
    assert_eq!(told.iter().filter(|message| *message == "Shutting down.").count(), 1);
    assert!(told.contains(&"The power button was pushed.".to_owned()), "{told:?}");
    node.act(Action::Start).await.unwrap();
    // The button alone is not waited for.
    let mut client = machine.client().await;
    client.sees(GREETING).await;
    client.types("a").await;
    client.sees("a").await;
    node.act(Action::Push).await.unwrap();
    assert_eq!(machine.until(PowerState::Off).await.unwrap(), "the guest shut down");
    // What is off has it power on.
    node.act(Action::Push).await.unwrap();
    assert_eq!(machine.state().power_status, PowerState::On);
    node.close().await;
}

async fn shutdown_in_vain(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    let pid = machine.pid();
    machine.client().await.sees(GREETING).await;
    let error = node.act(shutdown_within(200, false)).await.unwrap_err();
    tells(&error, "did not shut down within 0.2 seconds and is still on");
    let state = machine.state();
    assert_eq!((state.power_status, machine.pid()), (PowerState::On, pid));
    assert_eq!(state.power_reason.unwrap(), "it did not shut down within 0.2 seconds");
    machine
        .told("The node is still on: it did not shut down within 0.2 seconds.")
        .await;
    in_time(node.act(shutdown_within(200, true))).await.unwrap();
    let state = machine.state();
    assert_eq!((state.power_status, state.pid), (PowerState::Off, None));
    let reason = "it did not shut down within 0.2 seconds and was powered off";
    assert_eq!(state.power_reason.unwrap(), reason);
    node.close().await;
}

async fn shutdown_interrupted(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    machine.client().await.sees(GREETING).await;
    let in_the_midst = async |action| {
        machine.until(PowerState::PoweringOff).await;
        node.act(action).await
    };
    let wait = Action::Shutdown(Grace::default());

    let (waited, reset) = in_time(async { tokio::join!(node.act(wait), in_the_midst(Action::Reset)) }).await;
    reset.unwrap();
    assert!(matches!(waited, Err(NodeError::ResetMeanwhile { .. })));
    assert_eq!(machine.state().power_status, PowerState::On);

    let meanwhile = async {
        let start = in_the_midst(Action::Start).await;
        (start, node.act(Action::Cycle).await)
    };
    let (waited, (start, cycle)) = in_time(async { tokio::join!(node.act(wait), meanwhile) }).await;
    assert!(matches!(start, Err(NodeError::ShuttingDown { .. })));
    waited.and(cycle).unwrap();
    assert_eq!(machine.state().power_status, PowerState::On);

    machine.client().await.sees(GREETING).await;
    let (waited, stop) = in_time(async { tokio::join!(node.act(wait), in_the_midst(Action::Stop)) }).await;
    waited.and(stop).unwrap();
    assert_eq!(machine.state().power_status, PowerState::Off);
    node.close().await;
}

async fn shutdown_closed(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    let pid = machine.pid();
    machine.client().await.sees(GREETING).await;
    let close = async {
        machine.until(PowerState::PoweringOff).await;
        node.close().await;
    };
    let wait = node.act(Action::Shutdown(Grace::default()));
    let (waited, ()) = in_time(async { tokio::join!(wait, close) }).await;
    assert!(matches!(waited, Err(NodeError::Closed { .. })));
    assert!(!alive(pid));
}

async fn nmi(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    let mut client = machine.client().await;
    client.sees(GREETING).await;
    node.act(Action::Nmi).await.unwrap();
    client.sees("!").await;
    node.close().await;
}

async fn panic(keeper: Keeper, dir: TempDir) {
    let mut machine = Machine::new(keeper, dir);
    let args = ["-device", "pvpanic", "-action", "panic=none"];
    machine.plan.qemu.args.extend(args.map(str::to_owned));
    let node = machine.on().await;
    let pid = machine.pid();
    let mut client = machine.client().await;
    client.sees(GREETING).await;
    client.types("k").await;
    machine.told("The guest's kernel panicked.").await;
    // It goes on, as a real machine would.
    client.types("echo").await;
    client.sees("echo").await;
    let state = machine.state();
    assert_eq!((state.power_status, machine.pid()), (PowerState::On, pid));
    assert_eq!(state.power_reason.unwrap(), "the guest's kernel panicked");
    node.act(Action::Reset).await.unwrap();
    machine.told("The machine was reset.").await;
    assert_eq!(machine.state().power_reason, None);
    node.close().await;
}

async fn killed(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    kill(Pid::from_raw(machine.pid()), Signal::SIGKILL).unwrap();
    assert_eq!(
        machine.until(PowerState::Off).await.unwrap(),
        "QEMU was killed by signal 9"
    );
    assert!(machine.state().failed);
    node.act(Action::Start).await.unwrap();
    assert!(!machine.state().failed);
    kill(Pid::from_raw(machine.pid()), Signal::SIGTERM).unwrap();
    let reason = machine.until(PowerState::Off).await.unwrap();
    let expected = "QEMU was ended by a signal from outside: qemu-system-x86_64: terminating on signal 15";
    assert!(reason.starts_with(expected), "{reason}");
    node.act(Action::Start).await.unwrap();
    node.close().await;
}

async fn bad_argument(keeper: Keeper, dir: TempDir) {
    let mut machine = Machine::new(keeper, dir);
    let memory = machine.plan.qemu.args.iter_mut().find(|arg| *arg == "16").unwrap();
    *memory = "12Z".into();
    let node = machine.handle();
    let error = node.act(Action::Start).await.unwrap_err();
    assert!(matches!(error, NodeError::Ended { .. }));
    tells(&error, "QEMU ended with exit code 1: qemu-system-x86_64: ");
    tells(&error, "12Z");
    let state = machine.state();
    assert_eq!(state.power_status, PowerState::Off);
    assert!(state.power_reason.unwrap().contains("12Z"));
    node.close().await;
}

async fn missing_program(keeper: Keeper, dir: TempDir) {
    let mut machine = Machine::new(keeper, dir);
    machine.plan.qemu.program = "qemu-system-pdp11".into();
    let node = machine.handle();
    let error = node.act(Action::Start).await.unwrap_err();
    tells(&error, "cannot start qemu-system-pdp11: ");
    tells(&error, "Debian's qemu-system-x86");
    assert_eq!(machine.state().power_status, PowerState::Off);
    node.close().await;
}

/// A program that never answers its monitor.
fn silent(machine: &mut Machine) {
    machine.plan.qemu.program = "sh".into();
    machine.plan.qemu.args = vec!["-c".into(), "trap '' TERM; sleep 1000 & wait".into()];
}

async fn interrupted(keeper: Keeper, dir: TempDir) {
    let mut machine = Machine::new(keeper, dir);
    silent(&mut machine);
    let node = machine.handle();
    let start = async { node.act(Action::Start).await.unwrap_err() };
    let again = async {
        machine.until(PowerState::PoweringOn).await;
        node.act(Action::Start).await.unwrap_err()
    };
    let stop = async {
        machine.until(PowerState::PoweringOn).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        node.act(Action::Stop).await.unwrap();
    };
    let (start, again, ()) = in_time(async { tokio::join!(start, again, stop) }).await;
    assert!(matches!(start, NodeError::Interrupted { .. }), "{start}");
    assert!(matches!(again, NodeError::Interrupted { .. }), "{again}");
    assert_eq!(machine.state().power_status, PowerState::Off);
    node.close().await;
}

async fn closed(keeper: Keeper, dir: TempDir) {
    let mut machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    let pid = machine.pid();
    in_time(node.close()).await;
    assert!(!alive(pid));
    assert_eq!(machine.state().power_reason.unwrap(), "the lab is going down");
    silent(&mut machine);
    let node = machine.handle();
    let close = async {
        machine.until(PowerState::PoweringOn).await;
        node.close().await;
    };
    let (result, ()) = in_time(async { tokio::join!(node.act(Action::Start), close) }).await;
    assert!(result.is_err());
    assert_eq!(machine.state().power_status, PowerState::Off);
}

async fn closed_twice(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.handle();
    node.close().await;
    in_time(node.close()).await;
    let error = node.act(Action::Start).await.unwrap_err();
    assert_eq!(error.to_string(), "node `boot-0`: the lab is going down");
    assert!(node.console().send("x".into()).await.is_err());
}

async fn deaf(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    let pid = machine.pid();
    kill(Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
    in_time(node.act(Action::Stop)).await.unwrap();
    assert!(!alive(pid));
    node.close().await;
}

async fn console(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    let mut reader = node.console().reader(Since::Start);
    let mut seen = vec![];
    while !String::from_utf8_lossy(&seen).contains(GREETING) {
        seen.extend(in_time(reader.next()).await.unwrap().bytes);
    }
    let (mut one, mut two) = (machine.client().await, machine.client().await);
    one.sees(GREETING).await;
    two.sees(GREETING).await;
    two.types("echo").await;
    one.sees("echo").await;
    node.close().await;
}

async fn flood(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    let mut client = machine.client().await;
    let _stopped = machine.client().await;
    client.sees(GREETING).await;
    client.types("f").await;
    in_time(client.reads(200_000)).await;
    in_time(node.act(Action::Stop)).await.unwrap();
    node.close().await;
    assert!(machine.log().len() > 200_000);
}

fn with_tpm(machine: &mut Machine) {
    let socket = machine.dir.path().join("tpm.sock");
    let args = [
        "-chardev",
        "socket,id=tpm,fd=13",
        "-tpmdev",
        "emulator,id=tpm0,chardev=tpm",
        "-device",
        "tpm-tis,tpmdev=tpm0",
    ];
    machine.plan.qemu.args.extend(args.map(str::to_owned));
    machine.plan.tpm = Some(plan::Tpm {
        program: "swtpm".into(),
        state_dir: machine.dir.path().join("tpm"),
        socket,
        fd: 13,
    });
}

async fn tpm(keeper: Keeper, dir: TempDir) {
    let mut machine = Machine::new(keeper, dir);
    with_tpm(&mut machine);
    let node = machine.handle();
    for _ in 0..2 {
        node.act(Action::Start).await.unwrap();
        machine.client().await.sees(GREETING).await;
        assert!(!swtpms(machine.dir.path()).is_empty());
        node.act(Action::Stop).await.unwrap();
        assert!(swtpms(machine.dir.path()).is_empty());
    }
    // QEMU that is killed takes it along, too.
    node.act(Action::Start).await.unwrap();
    kill(Pid::from_raw(machine.pid()), Signal::SIGKILL).unwrap();
    machine.until(PowerState::Off).await;
    assert!(swtpms(machine.dir.path()).is_empty());
    node.close().await;
    assert!(machine.dir.path().join("tpm/tpm2-00.permall").exists());
    assert!(!machine.dir.path().join("tpm.sock").exists());
}

/// Processes of swtpm with a state in that directory.
fn swtpms(dir: &Path) -> Vec<i32> {
    let dir = dir.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid = entry.unwrap().file_name().to_str()?.parse().ok()?;
        let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        (command.starts_with("swtpm") && command.contains(dir)).then_some(pid)
    });
    processes.collect()
}

async fn tpm_cleared(keeper: Keeper, dir: TempDir) {
    let mut machine = Machine::new(keeper, dir);
    with_tpm(&mut machine);
    // No TPM could begin with that.
    let state = machine.dir.path().join("tpm/tpm2-00.permall");
    std::fs::create_dir_all(state.parent().unwrap()).unwrap();
    std::fs::write(&state, "spoiled").unwrap();
    let node = machine.handle();
    tells(&node.act(Action::Start).await.unwrap_err(), "swtpm: ");
    node.clear_tpm(true);
    node.act(Action::Start).await.unwrap();
    node.act(Action::Stop).await.unwrap();
    let made = std::fs::read(&state).unwrap();
    assert!(made.len() > 100);
    // Once is enough: what was forgotten is not forgotten again.
    std::fs::write(&state, "spoiled").unwrap();
    tells(&node.act(Action::Start).await.unwrap_err(), "swtpm: ");
    node.close().await;
}

async fn tpm_blocked(keeper: Keeper, dir: TempDir) {
    let mut machine = Machine::new(keeper, dir);
    with_tpm(&mut machine);
    // A state directory that can't be made.
    let blocked = machine.dir.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    machine.plan.tpm.as_mut().unwrap().state_dir = blocked.join("tpm");
    let node = machine.handle();
    let error = node.act(Action::Start).await.unwrap_err();
    tells(&error, "cannot prepare its TPM at ");
    node.close().await;
    // A state that is none: swtpm itself complains.
    let state_dir = machine.dir.path().join("tpm");
    std::fs::create_dir_all(state_dir.join("tpm2-00.permall")).unwrap();
    machine.plan.tpm.as_mut().unwrap().state_dir = state_dir;
    let node = machine.handle();
    let error = node.act(Action::Start).await.unwrap_err();
    tells(&error, "swtpm: ");
    node.close().await;
}

async fn as_a_user(keeper: Keeper, dir: TempDir) {
    const USER: u32 = 54_321;
    let mut machine = Machine::new(keeper, dir);
    with_tpm(&mut machine);
    machine.plan.qemu.user = Some(plan::QemuUser {
        name: "somebody".into(),
        uid: USER,
        gid: USER,
        groups: vec![USER],
    });
    let disk = machine.dir.path().join("boot.img");
    let node = machine.handle();
    // A directory of root's alone.
    let error = node.act(Action::Start).await.unwrap_err();
    tells(&error, "Permission denied");
    tells(&error, "(QEMU runs as the user `somebody`, who must be allowed ");
    node.close().await;

    std::fs::set_permissions(machine.dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    machine.plan.volumes = vec![plan::Volume {
        name: "root".into(),
        source: plan::VolumeSource::Overlay { image: "boot".into() },
        path: disk.clone(),
        cache: Cache::None,
    }];
    let node = machine.on().await;
    machine.client().await.sees(GREETING).await;
    assert_eq!(disk.metadata().unwrap().uid(), USER);
    let status = std::fs::read_to_string(format!("/proc/{}/status", machine.pid())).unwrap();
    for line in ["Uid:\t54321\t54321", "CapEff:\t0000000000000000", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "{status}");
    }
    in_time(node.act(Action::Cycle)).await.unwrap();
    machine.client().await.sees(GREETING).await;
    node.close().await;
    // What somebody put in the disk's place is not given away.
    let elsewhere = machine.dir.path().join("elsewhere");
    std::fs::rename(&disk, &elsewhere).unwrap();
    std::os::unix::fs::chown(&elsewhere, Some(0), Some(0)).unwrap();
    std::fs::set_permissions(&elsewhere, PermissionsExt::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &disk).unwrap();
    let node = machine.handle();
    tells(&node.act(Action::Start).await.unwrap_err(), "Permission denied");
    assert_eq!(elsewhere.metadata().unwrap().uid(), 0);
    node.close().await;
}

async fn idle(keeper: Keeper, dir: TempDir) {
    let machine = Machine::new(keeper, dir);
    let node = machine.on().await;
    machine.client().await.sees(GREETING).await;
    let version = machine.store.version();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(machine.store.version(), version);
    node.close().await;
    eventually("the console's socket is gone", || !machine.plan.console_socket.exists());
}
