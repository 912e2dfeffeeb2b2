//! Shells on real terminals, children of a real keeper.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "these are tests, though not marked `#[test]`"
)]

mod scene;

use std::{fs, time::Duration};

use nix::sched::{CloneFlags, unshare};
use placemat2_engine::{
    fabric::Netns,
    keeper::Keeper,
    shell::{Opened, ShellError, ShellState, Shells, Size, Terminal, Wanted},
};
use scene::{alive, eventually, root_trial};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};

fn main() {
    scene::main(|| {
        vec![
            root_trial("a shell runs in the namespace, on a terminal of its size", inside),
            root_trial("the end of a shell is told, and all it wrote comes before", ends),
            root_trial("a resize reaches the program", resize),
            root_trial("ctrl-C interrupts what runs, not the shell", interrupt),
            root_trial("closing the stream hangs the shell up", hangup),
            root_trial("what a shell leaves behind does not hold its client", left_behind),
            root_trial("a shell dies with the lab", killed),
            root_trial("a command that is none is told", missing),
            root_trial("a flood arrives whole", flood),
            root_trial(
                "a script runs without a terminal, to the end of its input",
                script_without_terminal,
            ),
            root_trial(
                "a script is hung up, too, but not what it leaves behind",
                script_hung_up,
            ),
        ]
    });
}

/// A namespace with a name of its own.
fn netns() -> Netns {
    let make = || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        Netns::current("shell-test").unwrap()
    };
    std::thread::spawn(make).join().unwrap()
}

struct Fixture {
    keeper: Keeper,
    shells: Shells,
    netns: Netns,
}

impl Fixture {
    fn new(keeper: Keeper) -> Self {
        Self {
            keeper,
            shells: Shells::default(),
            netns: netns(),
        }
    }

    async fn open(&self, command: &[&str]) -> Opened {
        self.shells
            .open(&self.keeper, &self.netns, wanted(command))
            .await
            .unwrap()
    }

    async fn script(&self, script: &str) -> Opened {
        self.open(&["sh", "-c", script]).await
    }

    fn state(&self, opened: &Opened) -> ShellState {
        self.shells.state(&opened.id).unwrap()
    }

    fn pid(&self, opened: &Opened) -> i32 {
        self.state(opened).pid.cast_signed()
    }
}

fn wanted(command: &[&str]) -> Wanted {
    Wanted {
        terminal: Some(Terminal {
            size: Size { cols: 100, rows: 30 },
            term: "vt220".into(),
        }),
        command: command.iter().copied().map(str::to_owned).collect(),
    }
}

async fn all(stream: &mut UnixStream) -> String {
    let mut bytes = vec![];
    let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut bytes)).await;
    read.expect("no end of the stream").unwrap();
    String::from_utf8(bytes).unwrap()
}

async fn until(stream: &mut UnixStream, end: &str) -> String {
    let mut seen = vec![];
    while !String::from_utf8_lossy(&seen).contains(end) {
        let read = timeout(Duration::from_secs(20), stream.read_buf(&mut seen)).await;
        let so_far = || String::from_utf8_lossy(&seen).into_owned();
        let Ok(read) = read else {
            panic!("{end:?} is not in {:?}", so_far())
        };
        assert_ne!(read.unwrap(), 0, "{end:?} is not in {:?}", so_far());
    }
    String::from_utf8(seen).unwrap()
}

async fn inside(keeper: Keeper, _dir: TempDir) {
    let fixture = Fixture::new(keeper);
    // Also what a person gets: root's own shell.
    let mut shell = fixture.open(&[]).await;
    shell.stream.write_all(b"exit 5\n").await.unwrap();
    all(&mut shell.stream).await;
    assert_eq!(fixture.state(&shell).exit_code, Some(5));

    let script = "ls /sys/class/net; tty; stty size; echo $TERM; ps -o tpgid= -p $$ | tr -d ' '; echo $$";
    let mut shell = fixture.script(script).await;
    let shown = all(&mut shell.stream).await;
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!([lines[0], lines[2], lines[3]], ["lo", "30 100", "vt220"], "{shown}");
    assert!(lines[1].starts_with("/dev/pts/"), "{shown}");
    assert_eq!(lines[4], lines[5], "it has its terminal's foreground: {shown}");
    let state = fixture.state(&shell);
    assert_eq!(
        (state.netns.as_str(), state.pid.to_string().as_str()),
        ("shell-test", lines[5])
    );
}

async fn ends(keeper: Keeper, _dir: TempDir) {
    let fixture = Fixture::new(keeper);
    for (script, code, signal) in [
        ("seq 1 20000; exit 7", Some(7), None),
        ("seq 1 20000; kill -9 $$", None, Some(9)),
    ] {
        let mut shell = fixture.script(script).await;
        let shown = all(&mut shell.stream).await;
        assert!(shown.ends_with("\r\n20000\r\n"));
        let state = fixture.state(&shell);
        assert_eq!((state.exit_code, state.signal), (code, signal));
        assert!(matches!(
            fixture.shells.resize(&shell.id, Size::default()),
            Err(ShellError::Ended(_))
        ));
    }
    assert!(matches!(fixture.shells.state("99"), Err(ShellError::NotFound(_))));
    assert!(matches!(fixture.shells.state("one"), Err(ShellError::NotFound(_))));
}

async fn resize(keeper: Keeper, _dir: TempDir) {
    let fixture = Fixture::new(keeper);
    let mut shell = fixture
        .script("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done")
        .await;
    until(&mut shell.stream, "ready").await;
    fixture.shells.resize(&shell.id, Size { cols: 132, rows: 50 }).unwrap();
    assert!(all(&mut shell.stream).await.contains("50 132"));
}

async fn interrupt(keeper: Keeper, _dir: TempDir) {
    let fixture = Fixture::new(keeper);
    let mut shell = fixture.open(&["bash", "--norc", "-i"]).await;
    shell.stream.write_all(b"echo u''p; sleep 1000\n").await.unwrap();
    until(&mut shell.stream, "up\r\n").await;
    let bash = fixture.pid(&shell);
    // The child is there, and in the foreground.
    eventually("sleep runs", || {
        let children = fs::read_to_string(format!("/proc/{bash}/task/{bash}/children")).unwrap();
        children
            .split_whitespace()
            .any(|child| fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|comm| comm == "sleep\n"))
    });
    shell.stream.write_all(b"\x03").await.unwrap();
    shell.stream.write_all(b"echo status=$?=; exit 3\n").await.unwrap();
    assert!(until(&mut shell.stream, "status=130=").await.contains("^C"));
    all(&mut shell.stream).await;
    assert_eq!(fixture.state(&shell).exit_code, Some(3));
}

async fn hangup(keeper: Keeper, _dir: TempDir) {
    let fixture = Fixture::new(keeper);
    let mut shell = fixture.script("echo ready; cat; sleep 1000").await;
    until(&mut shell.stream, "ready").await;
    let (id, pid) = (shell.id.clone(), fixture.pid(&shell));
    drop(shell);
    eventually("the shell is gone", || !alive(pid));
    eventually("and that is known", || {
        fixture.shells.state(&id).unwrap().signal == Some(1)
    });
}

async fn left_behind(keeper: Keeper, _dir: TempDir) {
    let fixture = Fixture::new(keeper);
    let mut shell = fixture.script("trap '' HUP; sleep 1000 & echo $!").await;
    let shown = all(&mut shell.stream).await;
    let pid: i32 = shown.trim().parse().unwrap();
    assert!(alive(pid), "as after nohup");
    fixture.keeper.kill_all().await;
    assert!(!alive(pid));
}

async fn killed(keeper: Keeper, _dir: TempDir) {
    let fixture = Fixture::new(keeper);
    let mut shell = fixture
        .script("trap '' HUP TERM; echo ready; while :; do sleep 1000; done")
        .await;
    until(&mut shell.stream, "ready").await;
    fixture.keeper.kill_all().await;
    all(&mut shell.stream).await;
    assert_eq!(fixture.state(&shell).signal, Some(9));
}

async fn missing(keeper: Keeper, _dir: TempDir) {
    let fixture = Fixture::new(keeper);
    let error = fixture
        .shells
        .open(&fixture.keeper, &fixture.netns, wanted(&["no-such-program"]))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "No shell in namespace \"shell-test\": cannot start no-such-program: there is no such program in PATH."
    );
}

async fn flood(keeper: Keeper, _dir: TempDir) {
    const TOTAL: usize = 20 << 20;
    let fixture = Fixture::new(keeper);
    let mut shell = fixture.script(&format!("stty raw; head -c {TOTAL} /dev/zero")).await;
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    loop {
        let count = timeout(Duration::from_secs(20), shell.stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        if count == 0 {
            break;
        }
        assert!(buffer[..count].iter().all(|byte| *byte == 0));
        total += count;
    }
    assert_eq!(total, TOTAL);
}

impl Fixture {
    async fn without_terminal(&self, command: &[&str]) -> Opened {
        let wanted = Wanted {
            terminal: None,
            ..wanted(command)
        };
        self.shells.open(&self.keeper, &self.netns, wanted).await.unwrap()
    }
}

async fn script_without_terminal(keeper: Keeper, _dir: TempDir) {
    let fixture = Fixture::new(keeper);
    // Root's shell, which asks nobody for anything if it is not on a terminal.
    let mut shell = fixture.without_terminal(&[]).await;
    let script = b"tty; echo to-stderr >&2; exit 4\n";
    // The length may be known before the last byte is there.
    fixture.shells.end_input(&shell.id, script.len() as u64).unwrap();
    shell.stream.write_all(script).await.unwrap();
    assert_eq!(all(&mut shell.stream).await, "not a tty\nto-stderr\n");
    assert_eq!(fixture.state(&shell).exit_code, Some(4));

    let mut shell = fixture.without_terminal(&["sh", "-c", "cat; echo over"]).await;
    shell.stream.write_all(b"one\n").await.unwrap();
    until(&mut shell.stream, "one\n").await;
    fixture.shells.end_input(&shell.id, 4).unwrap();
    assert_eq!(all(&mut shell.stream).await, "over\n");
    let resized = fixture.shells.resize(&shell.id, Size::default());
    assert!(matches!(resized, Err(ShellError::Ended(_))));

    // A program that closes its input early is not cut off.
    let mut shell = fixture
        .without_terminal(&["sh", "-c", "exec <&-; sleep 0.2; echo done"])
        .await;
    let _ = shell.stream.write_all(&vec![b'x'; 1 << 20]).await;
    assert_eq!(all(&mut shell.stream).await, "done\n");

    let on_terminal = fixture.script("sleep 1000").await;
    let refused = fixture.shells.end_input(&on_terminal.id, 0).unwrap_err();
    assert!(matches!(refused, ShellError::OnTerminal(_)), "{refused}");
    fixture.keeper.kill_all().await;
}

async fn script_hung_up(keeper: Keeper, _dir: TempDir) {
    let fixture = Fixture::new(keeper);
    let mut shell = fixture
        .without_terminal(&["sh", "-c", "echo ready; cat; sleep 1000"])
        .await;
    until(&mut shell.stream, "ready").await;
    let (id, pid) = (shell.id.clone(), fixture.pid(&shell));
    drop(shell);
    eventually("the shell is gone", || !alive(pid));
    eventually("and that is known", || {
        fixture.shells.state(&id).unwrap().signal == Some(1)
    });

    let mut shell = fixture.without_terminal(&["sh", "-c", "sleep 1000 & echo $!"]).await;
    let shown = all(&mut shell.stream).await;
    let pid: i32 = shown.trim().parse().unwrap();
    assert!(alive(pid), "it was left running");
    fixture.keeper.kill_all().await;
    assert!(!alive(pid));
}
