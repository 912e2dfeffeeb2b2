//! The keeper on real processes.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "these are tests, though not marked `#[test]`"
)]

mod scene;

use std::{
    ffi::OsString,
    fs,
    io::{PipeReader, Read, Write},
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use futures::future::join_all;
use libtest_mimic::Trial;
use nix::{
    libc,
    sched::{CloneFlags, unshare},
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        signal::{Signal, kill},
    },
    unistd::Pid,
};
use placemat2_engine::{
    host::enter,
    keeper::{Command, Exit, Identity, Inside, Keeper, KeeperError},
};
use scene::{alive, eventually, pid_in, piped, read, root_trial, shell, trial};
use tempfile::TempDir;

/// First argument of this program when it plays an engine that dies.
const ENGINE: &str = "--engine";

/// First argument of this program when it plays an engine that dies while it starts programs.
const BUSY_ENGINE: &str = "--busy-engine";

fn main() {
    let args: Vec<OsString> = std::env::args_os().collect();
    scene::main(|| {
        if args.get(1).is_some_and(|arg| arg == ENGINE) {
            engine(Path::new(&args[2]));
        }
        if args.get(1).is_some_and(|arg| arg == BUSY_ENGINE) {
            busy_engine(Path::new(&args[2]));
        }
        // As a login has it; where there is more, no program would lack any.
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, 1024, most).unwrap();
        trials()
    });
}

fn trials() -> Vec<Trial> {
    vec![
        trial("exit codes and signals are told apart", exits),
        trial("a missing program is an error that names it", missing),
        trial("a workdir that is missing is an error that names it", missing_workdir),
        trial("env, workdir and arguments arrive", environment),
        trial("the child has default signals and only its descriptors", clean_child),
        trial("descriptors are found at their numbers", descriptors),
        trial(
            "more descriptors than the kernel passes with one message",
            many_descriptors,
        ),
        trial(
            "a keeper at its limit of open files starts what it can",
            limit_of_the_keeper,
        ),
        trial("a signal reaches the whole group", group),
        trial("stop kills what ignores SIGTERM", stop),
        trial("stop kills what the leader left behind", stop_leftovers),
        trial("a process whose spawn was given up is killed", given_up),
        trial("kill_all kills daemons and refuses more", kill_all),
        trial("300 programs at once", many),
        root_trial("a namespace is entered with its /sys", namespace),
        root_trial("who runs as another user has nothing of root's", another_user),
        Trial::test("kill -9 of the engine leaves nothing", || killed(Victim::Engine)),
        Trial::test("kill -9 of the keeper takes its children", || killed(Victim::Keeper)),
        Trial::test("kill -9 of an engine that is starting programs", killed_while_busy),
        Trial::test("a keeper that quits undoes nothing", quit),
    ]
}

async fn exits(keeper: Keeper, _dir: TempDir) {
    let cases = [
        ("exit 0", Exit::Code(0)),
        ("exit 37", Exit::Code(37)),
        ("kill -9 $$", Exit::Signal(9)),
        ("kill -TERM $$", Exit::Signal(15)),
    ];
    for (script, exit) in cases {
        let mut process = keeper.spawn(shell(script)).await.unwrap();
        assert_eq!(process.wait().await, exit, "{script}");
        assert_eq!(process.wait().await, exit, "{script}, asked again");
        process.signal(Signal::SIGKILL);
    }
}

/// A user that need not exist, with a group of its own and a further one.
fn somebody() -> Identity {
    Identity {
        uid: 54_321,
        gid: 54_322,
        groups: vec![54_322, 54_323],
    }
}

async fn another_user(keeper: Keeper, _dir: TempDir) {
    let mut command = shell("grep -E '^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status");
    command.identity = Some(somebody());
    let output = piped(&mut command);
    assert_eq!(keeper.spawn(command).await.unwrap().wait().await, Exit::Code(0));
    let status = read(output);
    let status: Vec<_> = status
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let none = "0000000000000000";
    let expected = [
        "Uid: 54321 54321 54321 54321".to_owned(),
        "Gid: 54322 54322 54322 54322".to_owned(),
        "Groups: 54322 54323".to_owned(),
        format!("CapInh: {none}"),
        format!("CapPrm: {none}"),
        format!("CapEff: {none}"),
        format!("CapAmb: {none}"),
        "NoNewPrivs: 1".to_owned(),
    ];
    assert_eq!(status, expected);
}

async fn missing(keeper: Keeper, dir: TempDir) {
    let message = async |program: &Path| keeper.spawn(Command::new(program)).await.err().unwrap().to_string();
    assert_eq!(
        message(Path::new("no-such-program")).await,
        "cannot start no-such-program: there is no such program in PATH"
    );
    let text = dir.path().join("text");
    fs::write(&text, "").unwrap();
    assert!(message(&text).await.ends_with("Permission denied (os error 13)"));
    let script = dir.path().join("script");
    scene::write_script(&script, "#!/no/such/interpreter\n");
    assert!(
        message(&script)
            .await
            .ends_with("interpreter named in its first line, does not exist")
    );
}

async fn missing_workdir(keeper: Keeper, _dir: TempDir) {
    let mut command = Command::new("true");
    command.workdir = Some("/no/such/directory".into());
    let error = keeper.spawn(command).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "cannot start true: its working directory /no/such/directory cannot be entered: No such file or directory (os error 2)"
    );
}

async fn environment(keeper: Keeper, dir: TempDir) {
    let dir = dir.path().canonicalize().unwrap();
    let mut command = shell("pwd; echo \"$KEY $HOME $1\"");
    command.args.extend(["name".into(), "an argument".into()]);
    command.env = vec![("KEY".into(), "value".into())];
    command.workdir = Some(dir.clone());
    let output = piped(&mut command);
    keeper.spawn(command).await.unwrap().wait().await;
    let home = std::env::var("HOME").unwrap_or_default();
    assert_eq!(read(output), format!("{}\nvalue {home} an argument\n", dir.display()));
}

async fn clean_child(keeper: Keeper, _dir: TempDir) {
    let mut command =
        shell("grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd; ps -o sid= -p $$ | tr -d ' '");
    let output = piped(&mut command);
    let mut process = keeper.spawn(command).await.unwrap();
    process.wait().await;
    let output = read(output);
    let lines: Vec<_> = output.lines().collect();
    for line in &lines[..2] {
        // The C library keeps its hands on signals 32 and 33, however this program was started.
        let mask = u64::from_str_radix(line.split_whitespace().nth(1).unwrap(), 16).unwrap();
        assert_eq!(mask & !0x1_8000_0000, 0, "{line}");
    }
    assert_eq!(lines[2..], ["0", "1", "2", "3", &process.pid.to_string()]);
}

async fn descriptors(keeper: Keeper, _dir: TempDir) {
    // Low descriptors of the keeper itself, crossed, and one far up.
    let numbers = [5, 4, 3, 7, 6, 200];
    let mut command = shell("for n in 3 4 5 6 7 200; do eval \"echo $n >/proc/self/fd/$n\"; done");
    let readers: Vec<PipeReader> = numbers
        .iter()
        .map(|number| {
            let (reader, writer) = std::io::pipe().unwrap();
            command.fds.push((OwnedFd::from(writer), *number));
            reader
        })
        .collect();
    assert_eq!(keeper.spawn(command).await.unwrap().wait().await, Exit::Code(0));
    for (reader, number) in readers.into_iter().zip(numbers) {
        assert_eq!(read(reader), format!("{number}\n"));
    }
}

async fn many_descriptors(keeper: Keeper, _dir: TempDir) {
    let null = fs::File::open("/dev/null").unwrap();
    let (soft, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let mut command = shell("ulimit -n");
    let output = piped(&mut command);
    keeper.spawn(command).await.unwrap().wait().await;
    assert_eq!(read(output), format!("{soft}\n"));
    // The kernel passes 253 with one message, and programs usually may open 1024.
    for end in [255, 256, 257, 1500] {
        let mut command = shell("ls /proc/self/fd | wc -l; echo last >/proc/self/fd/$0");
        command.args.push((end - 1).to_string().into());
        let output = piped(&mut command);
        let (mut last, writer) = std::io::pipe().unwrap();
        command.fds = (3..end - 1)
            .map(|number| (null.try_clone().unwrap().into(), number))
            .chain([(writer.into(), end - 1)])
            .collect();
        assert_eq!(keeper.spawn(command).await.unwrap().wait().await, Exit::Code(0));
        // Three standard streams, those given, and the one `ls` reads the directory with.
        assert_eq!(read(output), format!("{}\n", end + 1));
        let mut text = String::new();
        last.read_to_string(&mut text).unwrap();
        assert_eq!(text, "last\n");
    }
}

async fn limit_of_the_keeper(keeper: Keeper, _dir: TempDir) {
    let mut command = shell("echo $PPID");
    let output = piped(&mut command);
    keeper.spawn(command).await.unwrap().wait().await;
    let pid = read(output).trim().parse().unwrap();
    let limit = libc::rlimit {
        rlim_cur: 200,
        rlim_max: 200,
    };
    // SAFETY: the limit is read, and none is written.
    let set = unsafe { libc::prlimit(pid, libc::RLIMIT_NOFILE, &raw const limit, std::ptr::null_mut()) };
    assert_eq!(set, 0);
    let null = fs::File::open("/dev/null").unwrap();
    for count in [250, 300, 600] {
        let mut command = Command::new("true");
        command.fds = (3..3 + count)
            .map(|number| (null.try_clone().unwrap().into(), number))
            .collect();
        let error = keeper.spawn(command).await.err().unwrap();
        assert!(error.to_string().contains("Too many open files"), "{count}: {error}");
        let after = keeper.spawn(Command::new("true")).await.unwrap().wait().await;
        assert_eq!(after, Exit::Code(0), "{count}");
    }
}

async fn group(keeper: Keeper, dir: TempDir) {
    let file = dir.path().join("pid");
    let script = format!("sleep 60 & echo $! >{}; wait", file.display());
    let mut process = keeper.spawn(shell(&script)).await.unwrap();
    let sleeper = pid_in(&file);
    process.signal(Signal::SIGTERM);
    assert_eq!(process.wait().await, Exit::Signal(15));
    eventually("the sleeper is gone", || !alive(sleeper));
}

async fn stop(keeper: Keeper, dir: TempDir) {
    let ready = dir.path().join("ready");
    let script = format!("trap '' TERM; echo 1 >{}; while :; do sleep 60; done", ready.display());
    let mut process = keeper.spawn(shell(&script)).await.unwrap();
    pid_in(&ready);
    let begin = Instant::now();
    assert_eq!(process.stop(Duration::from_millis(100)).await, Exit::Signal(9));
    assert!(begin.elapsed() >= Duration::from_millis(100));
}

async fn stop_leftovers(keeper: Keeper, dir: TempDir) {
    let file = dir.path().join("pid");
    let script = format!(
        "(trap '' TERM; sh -c 'echo $$ >{}; exec sleep 60') & wait",
        file.display()
    );
    let mut process = keeper.spawn(shell(&script)).await.unwrap();
    let leftover = pid_in(&file);
    assert_eq!(process.stop(Duration::from_secs(30)).await, Exit::Signal(15));
    eventually("the leftover is gone", || !alive(leftover));
}

async fn given_up(keeper: Keeper, _dir: TempDir) {
    let mut command = shell("exec sleep 600");
    let output = piped(&mut command);
    {
        // Polled once, so that the request is on its way.
        let mut spawn = std::pin::pin!(keeper.spawn(command));
        assert!(futures::poll!(&mut spawn).is_pending());
    }
    // The request holds the pipe until it is read, and what it starts until that is killed.
    tokio::task::spawn_blocking(|| read(output)).await.unwrap();
    let mut next = keeper.spawn(Command::new("true")).await.unwrap();
    assert_eq!(next.wait().await, Exit::Code(0));
}

/// Starts a program that daemonizes (double fork and a session of its own) and another daemon within it.
async fn daemon(keeper: &Keeper, dir: &Path) -> Vec<i32> {
    let files = ["outer", "inner"].map(|name| dir.join(name));
    let inner = format!("setsid sh -c 'echo $$ >{}; exec sleep 60' &", files[1].display());
    let outer = format!("echo $$ >{}; {inner} exec sleep 60", files[0].display());
    let mut command = Command::new("sh");
    command.args = vec![
        "-c".into(),
        "setsid sh -c \"$1\" & exit 0".into(),
        "sh".into(),
        outer.into(),
    ];
    let mut process = keeper.spawn(command).await.unwrap();
    assert_eq!(process.wait().await, Exit::Code(0));
    let pids: Vec<i32> = files.iter().map(|file| pid_in(file)).collect();
    assert!(pids.iter().all(|pid| alive(*pid)));
    pids
}

async fn kill_all(keeper: Keeper, dir: TempDir) {
    let daemons = daemon(&keeper, dir.path()).await;
    let mut process = keeper
        .spawn(shell("trap '' TERM; while :; do sleep 60; done"))
        .await
        .unwrap();
    keeper.kill_all().await;
    assert_eq!(process.wait().await, Exit::Signal(9));
    assert!(!daemons.into_iter().any(alive));
    let error = keeper.spawn(Command::new("true")).await.err().unwrap();
    assert!(matches!(error, KeeperError::Closed { .. }), "{error}");
    keeper.kill_all().await;
}

async fn many(keeper: Keeper, _dir: TempDir) {
    let begin = Instant::now();
    let processes: Vec<_> = join_all((0..300).map(|_| keeper.spawn(shell("read line; exit 3"))))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    println!("300 spawns took {:?}", begin.elapsed());
    let exits = join_all(
        processes
            .into_iter()
            .map(|mut process| async move { process.wait().await }),
    )
    .await;
    assert!(exits.iter().all(|exit| *exit == Exit::Code(3)));
}

async fn namespace(keeper: Keeper, dir: TempDir) {
    // A thread of its own makes the namespace, so that this process stays where it is.
    let netns = std::thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        OwnedFd::from(fs::File::open("/proc/thread-self/ns/net").unwrap())
    })
    .join()
    .unwrap();
    let name = format!("pm2-keeper-test-{}", std::process::id());
    let etc = Path::new("/etc/netns").join(&name);
    let had_etc = Path::new("/etc/netns").exists();
    fs::create_dir_all(&etc).unwrap();
    fs::write(etc.join("hostname"), "in-the-namespace\n").unwrap();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();

    let inside = |mounts: Option<&OwnedFd>| {
        Some(Inside {
            netns: netns.try_clone().unwrap(),
            mounts: mounts.map(|mounts| mounts.try_clone().unwrap()),
            name: name.clone(),
        })
    };
    let mut command = shell("ls /sys/class/net; cat /etc/hostname; pwd");
    command.namespace = inside(None);
    command.workdir = Some(dir.path().to_owned());
    let output = piped(&mut command);
    let exit = keeper.spawn(command).await.unwrap().wait().await;
    // What one mounts is seen by another that shares its mounts.
    let shared = enter::shared_mounts(&netns, &name).unwrap();
    let mut shown = String::new();
    for script in [
        "mount -t tmpfs none /mnt; touch /mnt/mark",
        "ls /sys/class/net /mnt; cat /etc/hostname; pwd",
    ] {
        let mut command = shell(script);
        command.namespace = inside(Some(&shared));
        let output = piped(&mut command);
        assert_eq!(keeper.spawn(command).await.unwrap().wait().await, Exit::Code(0));
        shown += &read(output);
    }
    fs::remove_dir_all(&etc).unwrap();
    if !had_etc {
        // Another test may have put something there meanwhile.
        let _ = fs::remove_dir("/etc/netns");
    }
    assert_eq!(exit, Exit::Code(0));
    let workdir = dir.path().display();
    assert_eq!(read(output), format!("lo\nin-the-namespace\n{workdir}\n"));
    let here = std::env::current_dir().unwrap();
    let all = format!(
        "/mnt:\nmark\n\n/sys/class/net:\nlo\nin-the-namespace\n{}\n",
        here.display()
    );
    assert_eq!(shown, all);
    assert_eq!(fs::read_to_string("/proc/self/mountinfo").unwrap(), mounts);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Engine,
    Keeper,
}

/// Plays an engine: starts an app and daemons, writes their pids and the keeper's, and waits for the keeper to be gone.
fn engine(dir: &Path) -> ! {
    scene::block_on(async {
        let keeper = Keeper::start(dir).unwrap();
        let mut app = shell("trap '' TERM HUP INT; while :; do sleep 60; done");
        // Who becomes somebody else must be told anew to die with the keeper.
        app.identity = nix::unistd::geteuid().is_root().then(somebody);
        let mut app = keeper.spawn(app).await.unwrap();
        let mut pids = daemon(&keeper, dir).await;
        pids.push(app.pid.try_into().unwrap());
        let stat = fs::read_to_string(format!("/proc/{}/stat", app.pid)).unwrap();
        pids.push(
            stat.rsplit(')')
                .next()
                .unwrap()
                .split_whitespace()
                .nth(1)
                .unwrap()
                .parse()
                .unwrap(),
        );
        let text: Vec<_> = pids.iter().map(ToString::to_string).collect();
        println!("{}", text.join(" "));
        std::io::stdout().flush().unwrap();
        keeper.gone().await;
        assert_eq!(app.wait().await, Exit::Signal(9));
        assert!(matches!(
            keeper.spawn(Command::new("true")).await,
            Err(KeeperError::Gone)
        ));
        keeper.kill_all().await;
        assert!(
            !pids.iter().any(|pid| Path::new(&format!("/proc/{pid}")).exists()),
            "{pids:?}"
        );
    });
    std::process::exit(0);
}

fn killed(victim: Victim) -> Result<(), libtest_mimic::Failed> {
    let dir = tempfile::tempdir()?;
    let mut engine = std::process::Command::new("/proc/self/exe")
        .arg(ENGINE)
        .arg(dir.path())
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let mut output = engine.stdout.take().unwrap();
    let mut line = String::new();
    while !line.ends_with('\n') {
        let mut byte = [0];
        output.read_exact(&mut byte)?;
        line.push(char::from(byte[0]));
    }
    let mut pids: Vec<i32> = line.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    let keeper = *pids.last().unwrap();
    assert_eq!(fs::read_to_string(format!("/proc/{keeper}/comm"))?, "pm2-keeper\n");
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        kill(Pid::from_raw(keeper), signal)?;
    }
    assert!(pids.iter().all(|pid| alive(*pid)));
    match victim {
        Victim::Engine => {
            engine.kill()?;
            engine.wait()?;
        }
        Victim::Keeper => {
            kill(Pid::from_raw(keeper), Signal::SIGKILL)?;
            assert!(engine.wait()?.success());
        }
    }
    pids.retain(|pid| {
        eventually("everything is gone", || !alive(*pid));
        alive(*pid)
    });
    assert!(pids.is_empty());
    assert_eq!(dir.path().join("undone").exists(), victim == Victim::Engine);
    Ok(())
}

/// Plays an engine that starts one program after another, each of which starts a daemon.
fn busy_engine(dir: &Path) -> ! {
    scene::block_on(async {
        let keeper = Keeper::start(dir).unwrap();
        loop {
            let spawns = (0..20).map(|_| {
                let mut command = shell("setsid sleep 60 & sleep 60");
                command.env = vec![("LAB".into(), dir.into())];
                keeper.spawn(command)
            });
            join_all(spawns).await;
        }
    })
}

fn killed_while_busy() -> Result<(), libtest_mimic::Failed> {
    for round in 0..6 {
        let dir = tempfile::tempdir()?;
        let marker = format!("LAB={}", dir.path().display());
        let mine = || {
            let processes = fs::read_dir("/proc").unwrap().flatten();
            let environments = processes.filter_map(|entry| fs::read(entry.path().join("environ")).ok());
            environments
                .filter(|text| {
                    text.split(|byte| *byte == 0)
                        .any(|variable| variable == marker.as_bytes())
                })
                .count()
        };
        let mut engine = std::process::Command::new("/proc/self/exe")
            .arg(BUSY_ENGINE)
            .arg(dir.path())
            .spawn()?;
        eventually("programs run", || mine() > 0);
        std::thread::sleep(Duration::from_millis(17 * round));
        engine.kill()?;
        engine.wait()?;
        eventually("the record is undone", || dir.path().join("undone").exists());
        // Not eventually: all were to be gone before that.
        assert_eq!(mine(), 0);
    }
    Ok(())
}

fn quit() -> Result<(), libtest_mimic::Failed> {
    let dir = tempfile::tempdir()?;
    scene::block_on(async {
        let keeper = Keeper::start(dir.path()).unwrap();
        let daemons = daemon(&keeper, dir.path()).await;
        keeper.quit().await;
        assert!(!daemons.into_iter().any(alive));
    });
    assert!(!dir.path().join("undone").exists());
    Ok(())
}
