//! A machine of the test's own: new network, mount, pid, uts and ipc namespaces with empty `/run`, `/tmp` and `/var`, the
//! programs in `/mnt`, and an uplink to an "outside" that answers pings. Whatever runs in it ends with it.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use nix::sched::{CloneFlags, setns, unshare};

use super::HostState;

/// `placemat2` in a machine.
pub const PLACEMAT2: &str = "/mnt/placemat2";
/// `pmctl2` in a machine.
pub const PMCTL2: &str = "/mnt/pmctl2";

/// Makes the namespaces' inside. Its working directory is that of the programs: it may be one that is about to be hidden.
/// The outside is one more network namespace, held by a process of this machine.
const SETUP: &str = "
set -e
for hidden in /run /tmp /var /mnt; do mount -t tmpfs tmpfs $hidden; done
mkdir -p /var/log /var/scratch; ln -s /run /var/run
for program in placemat2 pmctl2; do touch /mnt/$program; mount --bind ./$program /mnt/$program; done
cd /
ip link set lo up
unshare -n sleep infinity & outside=$!
until ! [ /proc/$outside/ns/net -ef /proc/self/ns/net ]; do :; done
echo $outside > /run/outside.pid
ip link add up0 type veth peer name up0 netns $outside
echo 0 > /proc/sys/net/ipv6/conf/up0/accept_dad
ip addr add 192.0.2.2/24 dev up0; ip -6 addr add 2001:db8:ffff::2/64 dev up0 nodad; ip link set up0 up
out() { nsenter --net=/proc/$outside/ns/net \"$@\"; }
out ip link set lo up; out ip addr add 198.51.100.1/32 dev lo
out ip addr add 192.0.2.1/24 dev up0; out ip -6 addr add 2001:db8:ffff::1/64 dev up0 nodad; out ip link set up0 up
ip route add default via 192.0.2.1; ip -6 route add default via 2001:db8:ffff::1
# What comes by itself a moment later would look like a change.
until ip -6 addr show dev up0 scope link -tentative | grep -q inet6; do sleep 0.05; done
# An init that waits for orphans, as the host's does.
sleep infinity & ever=$!
until [ \"$(cat /proc/$ever/comm)\" = sleep ]; do :; done
echo ready
while :; do wait $ever; done
";

/// A machine of the test's own; ends with everything in it when dropped.
pub struct Machine {
    init: Child,
    /// Process id of the machine's init as this process sees it.
    pid: u32,
}

impl Machine {
    /// Makes one. `None` (and a word on stderr) if this test doesn't run as root.
    pub fn new() -> Option<Self> {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: needs root");
            return None;
        }
        let mut unshare = Command::new("unshare");
        unshare.args([
            "--net",
            "--mount",
            "--pid",
            "--uts",
            "--ipc",
            "--fork",
            "--mount-proc",
            "--kill-child",
        ]);
        unshare
            .args(["sh", "-c", SETUP])
            .current_dir(Path::new(env!("CARGO_BIN_EXE_placemat2")).parent().unwrap())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut init = unshare.spawn().expect("unshare");
        let mut line = String::new();
        BufReader::new(init.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "ready\n", "the machine could not be set up");
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", init.id())).unwrap();
        let pid = children.trim().parse().expect("unshare has one child");
        Some(Self { init, pid })
    }

    /// A command that will run inside.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.pid));
        command
            .args(["--net", "--mount", "--pid", "--uts", "--ipc", "--wd=/", "--"])
            .arg(program.as_ref());
        command.stdin(Stdio::null());
        command
    }

    /// A path of this machine as the test process can reach it.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        PathBuf::from(format!("/proc/{}/root", self.pid)).join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Runs a shell script inside; its output.
    pub fn try_sh(&self, script: &str) -> Output {
        self.command("sh").args(["-c", script]).output().expect("sh")
    }

    /// Runs a shell script inside that must succeed; its stdout.
    pub fn sh(&self, script: &str) -> String {
        let output = self.try_sh(script);
        let (stdout, stderr) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{script}\n{stdout}{stderr}");
        stdout.into_owned()
    }

    /// Runs a shell script outside, on the other end of the uplink.
    pub fn outside(&self, script: &str) -> String {
        self.sh(&format!(
            "nsenter --net=/proc/$(cat /run/outside.pid)/ns/net sh -c '{script}'"
        ))
    }

    /// Runs a closure on a thread inside the machine's network and mount namespaces, where `/proc` is the machine's.
    pub fn inside<T: Send>(&self, f: impl FnOnce() -> T + Send) -> T {
        let open = |name| File::open(format!("/proc/{}/ns/{name}", self.pid)).unwrap();
        let (net, mnt) = (open("net"), open("mnt"));
        let enter = move || {
            // A mount namespace is entered by a thread that shares its working directory with nobody.
            unshare(CloneFlags::CLONE_FS).unwrap();
            setns(net, CloneFlags::CLONE_NEWNET).unwrap();
            setns(mnt, CloneFlags::CLONE_NEWNS).unwrap();
            f()
        };
        std::thread::scope(|scope| scope.spawn(enter).join().unwrap())
    }

    /// Lists everything a lab could leave on this machine.
    pub fn state(&self) -> HostState {
        self.inside(HostState::capture)
    }

    /// Writes a file inside.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Init's end takes every process of its pid namespace along.
        self.init.kill().ok();
        self.init.wait().ok();
    }
}

/// A `placemat2` that runs in a machine.
pub struct Engine {
    child: Child,
    /// Where its stdout and stderr go.
    log: PathBuf,
}

impl Engine {
    /// Starts `placemat2` with these arguments, in `/`.
    pub fn start(machine: &Machine, arguments: &[&str]) -> Self {
        Self::start_with(machine, arguments, |_| ())
    }

    /// Starts it after `prepare` had its way with the command.
    pub fn start_with(machine: &Machine, arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Self {
        Self::start_program(machine, PLACEMAT2, arguments, prepare)
    }

    /// Starts another program that becomes `placemat2`.
    pub fn start_program(
        machine: &Machine,
        program: &str,
        arguments: &[&str],
        prepare: impl FnOnce(&mut Command),
    ) -> Self {
        let log = tempfile::NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut command = machine.command(program);
        command.args(arguments);
        let (file, log) = log.keep().unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        command.process_group(0);
        prepare(&mut command);
        Self {
            child: command.spawn().expect("placemat2"),
            log,
        }
    }

    /// Starts the lab of a machine's `/var/scratch/lab/LAB.yml`, with its disks in `/var/scratch/data`.
    pub fn start_lab(machine: &Machine, lab: &str) -> Self {
        let file = format!("/var/scratch/lab/{lab}.yml");
        Self::start(machine, &["--headless", "--data-dir", "/var/scratch/data", &file])
    }

    /// What it has printed so far.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Process id of the engine as this process sees it: the child of `nsenter`.
    pub fn pid(&self) -> u32 {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let nsenter = self.child.id();
            let children = fs::read_to_string(format!("/proc/{nsenter}/task/{nsenter}/children")).unwrap_or_default();
            if let Some(pid) = children.split_whitespace().next() {
                return pid.parse().unwrap();
            }
            assert!(Instant::now() < deadline, "nsenter started nothing");
        }
    }

    /// Sends a signal to the engine alone.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid().cast_signed()), signal).unwrap();
    }

    /// Waits for its end; the exit code, or 128 and the signal's number. Fails after `seconds`.
    pub fn wait(&mut self, seconds: u64) -> i32 {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                use std::os::unix::process::ExitStatusExt as _;
                return status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("placemat2 still runs after {seconds} s:\n{}", self.output());
    }

    /// Waits until `condition` holds. Fails, with the log, after `seconds` or when the engine has ended.
    pub fn until(&mut self, what: &str, seconds: u64, mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !condition() {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "placemat2 ended ({ended:?}) before {what}:\n{}",
                self.output()
            );
            assert!(
                Instant::now() < deadline,
                "{what}: not within {seconds} s:\n{}",
                self.output()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the lab of that name runs.
    pub fn until_running(&mut self, machine: &Machine, lab: &str, seconds: u64) {
        self.until("the lab runs", seconds, || {
            phase(machine, lab).as_deref() == Some("running")
        });
    }

    /// SIGTERM; the lab must be gone with status 0.
    pub fn stop(mut self) -> String {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let status = self.wait(30);
        let output = self.output();
        assert_eq!(status, 0, "{output}");
        output
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        fs::remove_file(&self.log).ok();
    }
}

/// Phase of a lab as its API tells it.
pub fn phase(machine: &Machine, lab: &str) -> Option<String> {
    let lab = json(machine, lab, "/lab");
    lab["phase"].as_str().map(str::to_owned)
}

/// `GET path` on the unix socket of a lab; `None` if nobody answers.
pub fn get(machine: &Machine, lab: &str, path: &str) -> Option<Vec<u8>> {
    let socket = format!("/run/placemat2/{lab}/api.sock");
    let output = machine
        .command("curl")
        .args([
            "-sSf",
            "--max-time",
            "5",
            "--header",
            "accept: application/json",
            "--unix-socket",
            &socket,
            &format!("http://localhost{path}"),
        ])
        .stderr(Stdio::null())
        .output()
        .expect("curl");
    output.status.success().then_some(output.stdout)
}

/// `GET path` of a lab as JSON; null if nobody answers.
pub fn json(machine: &Machine, lab: &str, path: &str) -> serde_json::Value {
    let answer = get(machine, lab, path).unwrap_or_default();
    serde_json::from_slice(&answer).unwrap_or_default()
}
