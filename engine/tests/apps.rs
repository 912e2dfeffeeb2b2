//! Apps and init scripts on real processes, in a real namespace.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "these are tests, though not marked `#[test]`"
)]

mod scene;

use std::{
    collections::BTreeMap,
    fs,
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use placemat2_engine::{
    app::{App, LogFiles, init, log::AppLog},
    fabric::Netns,
    keeper::Keeper,
    plan,
    spec::model::RestartPolicy,
    store::{AppPhase, AppState, Level, NamespaceState, Readiness, Ready, State, Store},
};
use scene::{alive, pid_in, root_trial};
use tempfile::TempDir;

const NAMESPACE: &str = "core";

fn main() {
    scene::main(|| {
        vec![
            root_trial("output and state of an app are kept", output),
            root_trial("a missing program fails the start", missing),
            root_trial("a failing app is started again, ever later", restarts),
            root_trial("a program that vanished is a state", vanished),
            root_trial("stop ends an app for good", stop),
            root_trial("an app is started anew at any time", restart),
            root_trial("a flood of output stays bounded", flood),
            root_trial("a full disk drops lines and nothing else", full_disk),
            root_trial("init scripts run in order", init_order),
            root_trial("a failing init script is an error with its output", init_failure),
            root_trial("a hanging init script is killed with its group", init_timeout),
            root_trial("a program left behind by an init script goes on", init_daemon),
        ]
    });
}

/// A namespace, a store that knows of one app, and log files.
struct Lab {
    dir: TempDir,
    netns: Arc<Netns>,
    keeper: Keeper,
    store: Store,
    files: LogFiles,
}

impl Lab {
    fn new(keeper: Keeper, dir: TempDir) -> Self {
        // A thread of its own makes the namespace, so that this process stays where it is.
        let fd = std::thread::spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            OwnedFd::from(fs::File::open("/proc/thread-self/ns/net").unwrap())
        })
        .join()
        .unwrap();
        let app = AppState {
            name: "app".into(),
            command: vec![],
            phase: AppPhase::Waiting,
            pid: None,
            started_at: None,
            exit_code: None,
            signal: None,
            restarts: 0,
            error: None,
            ready: Readiness::default(),
        };
        let namespace = NamespaceState {
            name: NAMESPACE.into(),
            state: Ready::Ready,
            reason: None,
            interfaces: Vec::new(),
            apps: vec![app],
        };
        let store = Store::new(State {
            namespaces: vec![namespace],
            ..State::default()
        });
        let netns = Arc::new(Netns::new(NAMESPACE, fd));
        let files = LogFiles::start(store.clone()).unwrap();
        Self {
            dir,
            netns,
            keeper,
            store,
            files,
        }
    }

    fn app(&self, command: &[&str], restart: RestartPolicy) -> plan::App {
        plan::App {
            id: format!("app/{NAMESPACE}/app"),
            name: "app".into(),
            command: command.iter().map(ToString::to_string).collect(),
            restart,
            env: BTreeMap::from([("KEY".into(), "value".into())]),
            workdir: self.dir.path().to_owned(),
            log: self.log_path("app"),
            ready: vec![],
            depends_on: vec![],
        }
    }

    fn shell(&self, script: &str, restart: RestartPolicy) -> plan::App {
        self.app(&["sh", "-c", script], restart)
    }

    async fn start(&self, app: plan::App) -> Result<App, String> {
        let apps = App::start_all(&[app], &self.netns, &self.keeper, &self.store, &self.files).await;
        apps.map(|mut apps| apps.remove(0)).map_err(|error| error.to_string())
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.dir.path().join(NAMESPACE).join(name).with_extension("log")
    }

    fn state(&self) -> AppState {
        self.store.read(|state| state.namespaces[0].apps[0].clone())
    }

    async fn until(&self, condition: impl Fn(&AppState) -> bool) -> AppState {
        let mut watch = self.store.watch();
        while !condition(&self.state()) {
            watch.changed().await.unwrap();
        }
        self.state()
    }

    fn messages(&self, level: Level) -> Vec<String> {
        let events = self.store.events_after(0);
        let chosen = events.iter().filter(|event| event.level == level);
        chosen.map(|event| event.message.clone()).collect()
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        scene::write_script(&path, &format!("#!/bin/sh\n{text}\n"));
        path
    }

    /// Runs init scripts; the error as the user reads it.
    async fn init(&self, scripts: &[PathBuf], limit: Duration) -> (Arc<AppLog>, Result<(), String>) {
        let log = AppLog::open(self.log_path("init"), "namespace/core", &self.files);
        let result = init::run(scripts, &self.netns, &self.keeper, self.dir.path(), limit, &log).await;
        (log, result.map_err(|error| error.to_string()))
    }
}

fn texts(log: &AppLog) -> Vec<String> {
    log.tail(usize::MAX).iter().map(|line| line.text.clone()).collect()
}

/// Waits for that many lines.
async fn lines(log: &AppLog, count: u64) -> Vec<String> {
    log.watch().wait_for(|last| *last >= count).await.unwrap();
    texts(log)
}

async fn output(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(keeper, dir);
    let script = "echo $KEY; pwd; ls /sys/class/net; printf unfinished >&2; exit 3";
    let app = lab.start(lab.shell(script, RestartPolicy::Never)).await.unwrap();
    let state = lab.until(|state| state.phase == AppPhase::Exited).await;
    assert_eq!(
        (state.pid, state.exit_code, state.signal, state.restarts),
        (None, Some(3), None, 0)
    );
    assert!(state.started_at.is_some());
    let mut lines = lines(app.log(), 4).await;
    lines.sort();
    let mut expected = ["value", lab.dir.path().to_str().unwrap(), "lo", "unfinished"];
    expected.sort_unstable();
    assert_eq!(lines, expected);
    lab.files.flush().await;
    assert!(
        fs::read_to_string(lab.log_path("app"))
            .unwrap()
            .contains("Z stderr unfinished\n")
    );
    assert_eq!(lab.messages(Level::Warn), ["app in core exited with code 3"]);
    app.stop(Duration::ZERO).await;
}

async fn missing(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(keeper, dir);
    let error = lab
        .start(lab.app(&["no-such-router"], RestartPolicy::Always))
        .await
        .err()
        .unwrap();
    assert_eq!(
        error,
        "app app of namespace core cannot run: cannot start no-such-router: there is no such program in PATH; install \
         the program or correct `command` in the lab file"
    );
    let state = lab.state();
    assert_eq!((state.phase, state.error), (AppPhase::Exited, Some(error)));

    let in_one = lab.app(&["bird -f"], RestartPolicy::Always);
    let error = lab.start(in_one).await.err().unwrap();
    assert!(
        error.ends_with("write each argument as an entry of its own of `command` in the lab file"),
        "{error}"
    );
    let mut nowhere = lab.app(&["true"], RestartPolicy::Always);
    nowhere.workdir = "/no/such/directory".into();
    let error = lab.start(nowhere).await.err().unwrap();
    assert!(
        error.contains("/no/such/directory")
            && error.ends_with("make that directory or correct `workdir` in the lab file"),
        "{error}"
    );
}

async fn restarts(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(keeper, dir);
    let begin = Instant::now();
    let app = lab
        .start(lab.shell("sleep 60 & echo $!; kill -9 $$", RestartPolicy::OnFailure))
        .await
        .unwrap();
    let left = lines(app.log(), 1).await[0].parse().unwrap();
    let state = lab.until(|state| state.restarts == 3).await;
    assert_eq!(state.signal, Some(9));
    assert!(!alive(left), "what an earlier run left in its group");
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(700), "{took:?}");
    let warnings = lab.messages(Level::Warn);
    for (warning, wait) in warnings.iter().zip(["100ms", "200ms", "400ms"]) {
        assert_eq!(
            warning,
            &format!("app in core was killed by signal 9 (SIGKILL); it is started again in {wait}")
        );
    }
    app.stop(Duration::ZERO).await;
    let state = lab.state();
    assert_eq!((state.phase, state.pid), (AppPhase::Exited, None));
    // A success is none of its business.
    let app = lab.start(lab.shell("exit 0", RestartPolicy::OnFailure)).await.unwrap();
    lab.until(|state| state.phase == AppPhase::Exited && state.exit_code == Some(0))
        .await;
    drop(app);
}

async fn vanished(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(keeper, dir);
    let script = lab.script("app", "rm \"$0\"");
    let app = lab
        .start(lab.app(&[script.to_str().unwrap()], RestartPolicy::Always))
        .await
        .unwrap();
    let state = lab.until(|state| state.error.is_some()).await;
    assert_eq!((state.phase, state.pid), (AppPhase::Starting, None));
    assert!(state.error.unwrap().contains("does not exist"));
    lab.script("app", "exec sleep 60");
    let state = lab.until(|state| state.phase == AppPhase::Running).await;
    assert_eq!(state.error, None);
    app.stop(Duration::from_secs(5)).await;
    assert_eq!(lab.state().signal, Some(15));
}

async fn stop(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(keeper, dir);
    let script = "trap '' TERM; echo ready; while :; do sleep 60; done";
    let app = lab.start(lab.shell(script, RestartPolicy::Always)).await.unwrap();
    lines(app.log(), 1).await;
    let pid = i32::try_from(lab.state().pid.unwrap()).unwrap();
    app.stop(Duration::from_millis(50)).await;
    assert!(!alive(pid));
    let state = lab.state();
    assert_eq!(
        (state.phase, state.signal, state.restarts),
        (AppPhase::Exited, Some(9), 0)
    );
}

async fn restart(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(keeper, dir);
    let grace = Duration::from_secs(5);
    let app = lab
        .start(lab.shell("echo run; exec sleep 60", RestartPolicy::Never))
        .await
        .unwrap();
    lines(app.log(), 1).await;
    let first = lab.state().pid.unwrap();
    app.restart(grace).await.unwrap();
    lines(app.log(), 2).await;
    let state = lab.state();
    assert!(!alive(first.try_into().unwrap()) && state.pid.is_some_and(|pid| pid != first));
    assert_eq!((state.phase, state.restarts), (AppPhase::Running, 1));
    assert!(
        lab.messages(Level::Info)
            .contains(&"app in core is restarted: it was killed by signal 15 (SIGTERM)".to_owned())
    );
    app.stop(grace).await;
    // One that has ended, and one that waits to be started again.
    for (script, policy) in [("exit 3", RestartPolicy::Never), ("exit 3", RestartPolicy::Always)] {
        let app = lab.start(lab.shell(script, policy)).await.unwrap();
        lab.until(|state| state.exit_code == Some(3)).await;
        let before = lab.state().restarts;
        app.restart(grace).await.unwrap();
        assert!(lab.state().restarts > before);
        app.stop(grace).await;
    }
    // What cannot be started is told, and may be tried again.
    let script = lab.script("app", "exec sleep 60");
    let command = [script.to_str().unwrap()];
    let app = lab.start(lab.app(&command, RestartPolicy::Never)).await.unwrap();
    fs::remove_file(&script).unwrap();
    let error = app.restart(grace).await.unwrap_err().to_string();
    assert!(error.contains("does not exist"), "{error}");
    assert_eq!(lab.state().phase, AppPhase::Exited);
    lab.script("app", "exec sleep 60");
    app.restart(grace).await.unwrap();
    assert_eq!(lab.state().phase, AppPhase::Running);
    let restarted = app.restart(grace);
    app.stop(grace).await;
    let error = restarted.await.unwrap_err().to_string();
    assert!(error.contains("the lab is being taken down"), "{error}");
    // Told to end while its process is being ended for a new one.
    let script = "trap 'touch ending; sleep 1; exit' TERM; echo run; while :; do sleep 0.1; done";
    let app = lab.start(lab.shell(script, RestartPolicy::Never)).await.unwrap();
    lines(app.log(), 1).await;
    let log = app.log().clone();
    let restarted = tokio::spawn(app.restart(grace));
    while !lab.dir.path().join("ending").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    app.stop(grace).await;
    let error = restarted.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("the lab is being taken down"), "{error}");
    let runs = log.tail(10).iter().filter(|line| line.text == "run").count();
    assert_eq!(runs, 1);
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn flood(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(keeper, dir);
    // 100 MiB without a newline, then as many short lines as a second gives.
    let script = "head -c 100M /dev/zero; echo; timeout 1 yes; echo done";
    let before = resident();
    let app = lab.start(lab.shell(script, RestartPolicy::Never)).await.unwrap();
    lab.until(|state| state.phase == AppPhase::Exited).await;
    app.log()
        .watch()
        .wait_for(|_| texts(app.log()).last().unwrap() == "done")
        .await
        .unwrap();
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB");
    lab.files.flush().await;
    let sizes: Vec<u64> = fs::read_dir(lab.log_path("app").parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .collect();
    assert_eq!(sizes.len(), 5);
    assert!(sizes.iter().sum::<u64>() <= 50 * 1024 * 1024, "{sizes:?}");
    let lines = app.log().watch().borrow().to_string();
    println!("flood: {lines} lines, {grown} KiB more memory");
}

async fn full_disk(_keeper: Keeper, dir: TempDir) {
    let store = Store::new(State::default());
    let (in_thread, path) = (store.clone(), dir.path().to_owned());
    // The disk is mounted for this thread and for the writer thread that it starts, and for nobody else.
    let files = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        mount(
            None::<&str>,
            "/",
            None::<&str>,
            MsFlags::MS_REC | MsFlags::MS_PRIVATE,
            None::<&str>,
        )
        .unwrap();
        mount(Some("small"), &path, Some("tmpfs"), MsFlags::empty(), Some("size=64k")).unwrap();
        (LogFiles::start(in_thread).unwrap(), fs::File::open(&path).unwrap())
    });
    let (files, disk) = files.join().unwrap();
    let log = AppLog::open(dir.path().join("app.log"), "app/core/app", &files);
    for _ in 0..20 {
        log.push("stdout", &[b'x'; 9_000]).await;
    }
    files.flush().await;
    assert_eq!(log.tail(usize::MAX).len(), 20);
    let events = store.events_after(0);
    assert_eq!(events.len(), 1);
    assert!(
        events[0].message.contains("No space left on device"),
        "{}",
        events[0].message
    );
    let file = fs::read_to_string(format!("/proc/self/fd/{}/app.log", disk.as_raw_fd())).unwrap();
    assert_eq!(file.lines().count(), 7);
    assert!(file.lines().all(|line| line.len() > 9_000) && file.ends_with('\n'));
}

async fn init_order(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(keeper, dir);
    let scripts = [
        lab.script("one", "sleep 0.1; echo one; ls /sys/class/net >&2; echo two"),
        lab.script("two", "pwd"),
    ];
    let (log, result) = lab.init(&scripts, Duration::from_secs(30)).await;
    assert_eq!(result, Ok(()));
    assert_eq!(texts(&log), ["one", "lo", "two", lab.dir.path().to_str().unwrap()]);
    lab.files.flush().await;
    assert!(
        fs::read_to_string(lab.log_path("init"))
            .unwrap()
            .contains("output lo\n")
    );
}

async fn init_failure(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(keeper, dir);
    let scripts = [
        lab.script("ok", "echo ok"),
        lab.script("bad", "echo no such route >&2; exit 7"),
        lab.script("never", "echo never"),
    ];
    let (log, result) = lab.init(&scripts, Duration::from_secs(30)).await;
    let script = scripts[1].display();
    assert_eq!(
        result.unwrap_err(),
        format!("init script {script} of namespace core exited with code 7; the end of its output:\n    no such route")
    );
    assert_eq!(texts(&log), ["ok", "no such route"]);

    let plain = lab.dir.path().join("plain");
    fs::write(&plain, "#!/bin/sh\n").unwrap();
    let (_, result) = lab.init(&[plain], Duration::from_secs(30)).await;
    let error = result.unwrap_err();
    assert!(
        error.ends_with("Permission denied (os error 13); make it executable with `chmod +x`"),
        "{error}"
    );
}

async fn init_timeout(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(keeper, dir);
    let file = lab.dir.path().join("pid");
    let script = lab.script(
        "slow",
        &format!("echo waiting; sleep 60 & echo $! >{}; wait", file.display()),
    );
    let (_, result) = lab
        .init(std::slice::from_ref(&script), Duration::from_millis(500))
        .await;
    assert_eq!(
        result.unwrap_err(),
        format!(
            "init script {} of namespace core was killed because it did not end within 500ms (`--init-timeout` gives it \
             more); the end of its output:\n    waiting",
            script.display()
        )
    );
    let sleeper = pid_in(&file);
    scene::eventually("the sleeper is gone", || !alive(sleeper));
}

async fn init_daemon(keeper: Keeper, dir: TempDir) {
    let lab = Lab::new(keeper, dir);
    let go = lab.dir.path().join("go");
    let text = format!(
        "(while ! test -e {}; do sleep 0.05; done; echo later) & echo done",
        go.display()
    );
    let script = lab.script("daemon", &text);
    let (log, result) = lab.init(&[script], Duration::from_secs(30)).await;
    assert_eq!(result, Ok(()));
    assert_eq!(texts(&log), ["done"]);
    fs::write::<&Path, _>(&go, "").unwrap();
    assert_eq!(lines(&log, 2).await, ["done", "later"]);
}
