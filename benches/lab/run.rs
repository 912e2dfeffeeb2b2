//! The program at work: started in a machine of its own, watched from outside.

use std::{
    fs,
    io::Read as _,
    os::unix::net::UnixDatagram,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    time::ClockId,
    unistd::Pid,
};
use placemat2_engine::{
    fabric::Fabric,
    host::facts,
    plan::{self, Mtu, MtuSource, Options, Plan, Shape},
    spec,
};
use tokio_util::sync::CancellationToken;

use crate::{
    kernel::{Result, busy_time, on_private_host},
    labs::Lab,
    support::{Machine, PLACEMAT2},
};

/// The program that is measured.
const PROGRAM: &str = env!("CARGO_BIN_EXE_placemat2");

/// Nothing that is measured here takes as long.
const LIMIT: Duration = Duration::from_secs(120);

/// Where the program says that it is ready, in its machine.
const NOTIFY: &str = "/run/notify";

/// A running lab.
pub struct Run {
    // In this order: the machine takes everything in it along.
    child: Child,
    machine: Machine,
    notifications: UnixDatagram,
    /// Process id of the engine.
    pid: Pid,
    lab: &'static str,
    started: Instant,
}

impl Run {
    /// Starts the program with a lab file in a new machine.
    pub fn start(lab: &Lab) -> Result<Self> {
        Self::start_with(lab, &[])
    }

    /// As [`Run::start`], with further options.
    pub fn start_with(lab: &Lab, options: &[&str]) -> Result<Self> {
        let machine = Machine::new().ok_or("needs root")?;
        let file = format!("/tmp/{}.yml", lab.name);
        machine.write(&file, &lab.yaml);
        let notifications = UnixDatagram::bind(machine.path(NOTIFY))?;
        notifications.set_read_timeout(Some(LIMIT))?;
        let mut command = machine.command(PLACEMAT2);
        command
            .args(["--headless", "--mtu", "1500", &file])
            .args(options)
            .env("NOTIFY_SOCKET", NOTIFY)
            .stdout(Stdio::null())
            .stderr(fs::File::create(machine.path("/tmp/log"))?);
        let started = Instant::now();
        let child = command.spawn()?;
        let pid = only_child(&child)?;
        Ok(Self {
            child,
            machine,
            notifications,
            pid,
            lab: lab.name,
            started,
        })
    }

    /// Waits until the lab is up; returns how long that took from the start of the process.
    pub fn ready(&self) -> Result<Duration> {
        let mut message = [0; 256];
        loop {
            let length = self.notifications.recv(&mut message)?;
            let time = self.started.elapsed();
            match message.get(..length) {
                Some(b"READY=1") => return Ok(time),
                Some(b"STOPPING=1") => return Err(self.failure("it ended before it was ready")),
                _ => {}
            }
        }
    }

    /// SIGTERM; returns how long the program takes to end, which it must with status 0.
    pub fn stop(mut self) -> Result<Duration> {
        self.end()
    }

    /// As [`Run::stop`]; returns, too, how long the kernel is busy after that.
    pub fn stop_and_watch(mut self) -> Result<(Duration, Duration)> {
        let time = self.end()?;
        Ok((time, on_private_host(busy_time)?))
    }

    fn end(&mut self) -> Result<Duration> {
        let told = Instant::now();
        kill(self.pid, Signal::SIGTERM)?;
        loop {
            let status = self.child.try_wait()?;
            let time = told.elapsed();
            match status {
                Some(status) if status.success() => return Ok(time),
                Some(status) => return Err(self.failure(&status.to_string())),
                None if time > LIMIT => return Err(self.failure("it does not end")),
                None => thread::sleep(Duration::from_micros(500)),
            }
        }
    }

    /// A path of the lab's machine as this process can reach it.
    pub fn path(&self, path: &str) -> PathBuf {
        self.machine.path(path)
    }

    fn failure(&self, what: &str) -> Box<dyn std::error::Error + Send + Sync> {
        let mut log = String::new();
        let read = fs::File::open(self.machine.path("/tmp/log")).and_then(|mut file| file.read_to_string(&mut log));
        let lines: Vec<_> = log.lines().rev().take(5).collect();
        format!("the lab {}: {what} ({read:?}): {lines:?}", self.lab).into()
    }

    /// Resident memory of the engine in KiB, what it shares with others included.
    pub fn memory(&self) -> Result<u32> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("no VmRSS")?.parse()?)
    }

    /// The share of one CPU in percent that the engine and its keeper take over a while, after a rest.
    pub fn cpu_share(&self, rest: Duration, while_: Duration) -> Result<f64> {
        let keeper = self.keeper()?;
        let used = || -> Result<Duration> {
            let clocks = [self.pid, keeper].map(|pid| ClockId::pid_cpu_clock_id(pid).and_then(ClockId::now));
            let [engine, keeper] = clocks;
            Ok(Duration::from(engine?) + Duration::from(keeper?))
        };
        thread::sleep(rest);
        let (before, begun) = (used()?, Instant::now());
        thread::sleep(while_);
        let (after, elapsed) = (used()?, begun.elapsed());
        Ok(after.saturating_sub(before).as_secs_f64() / elapsed.as_secs_f64() * 100.0)
    }

    fn keeper(&self) -> Result<Pid> {
        let keeper = children(self.pid)?.into_iter().next();
        keeper.ok_or_else(|| "the engine has no keeper".into())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The one child of `nsenter`: the engine.
fn only_child(nsenter: &Child) -> Result<Pid> {
    let parent = Pid::from_raw(nsenter.id().cast_signed());
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        if let Some(child) = children(parent)?.into_iter().next() {
            return Ok(child);
        }
        thread::sleep(Duration::from_micros(200));
    }
    Err("nsenter started nothing".into())
}

fn children(parent: Pid) -> Result<Vec<Pid>> {
    let list = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
    list.split_whitespace()
        .map(|pid| Ok(Pid::from_raw(pid.parse()?)))
        .collect()
}

/// Returns how long the program takes for a command on a lab file, from its start to its end.
pub fn time_of(command: &str, lab: &Lab) -> Result<Duration> {
    let file = tempfile::Builder::new().suffix(".yml").tempfile()?;
    fs::write(file.path(), &lab.yaml)?;
    let start = Instant::now();
    let output = Command::new(PROGRAM).arg(command).arg(file.path()).output()?;
    let time = start.elapsed();
    if output.status.success() {
        Ok(time)
    } else {
        Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

/// Returns the plan of a lab, as the program makes it.
pub fn plan(lab: &Lab) -> Result<Plan> {
    plan_with(lab, &Options::default())
}

/// As [`plan`], with options.
pub fn plan_with(lab: &Lab, options: &Options) -> Result<Plan> {
    let directory = tempfile::tempdir()?;
    let file: PathBuf = directory.path().join(format!("{}.yml", lab.name));
    fs::write(&file, &lab.yaml)?;
    let report = spec::load(&[file]);
    let spec = report.spec.as_ref().ok_or_else(|| report.render_text(false))?;
    let mtu = Mtu {
        value: Some(1500),
        source: MtuSource::Option,
    };
    let facts = facts::gather(spec, options, mtu, None)?;
    plan::build(spec, options, &facts).map_err(|errors| format!("{errors:?}").into())
}

/// Returns how long the kernel is busy after the end of a lab that has a bridge for every network.
pub fn bridged_busy_time(lab: &Lab) -> Result<Duration> {
    let mut plan = plan(lab)?;
    let mut ports = 0..;
    for network in &mut plan.networks {
        network.shape = Shape::Bridge;
        for link in &mut network.links {
            link.port = ports.next().map(|n: u32| format!("port{n}"));
        }
    }
    let plan = Arc::new(plan);
    on_private_host(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let fabric = runtime.block_on(Fabric::up(plan, CancellationToken::new()))?;
        runtime.block_on(fabric.down())?;
        busy_time()
    })
}

/// Returns the median of several runs of what leaves the kernel nothing to do.
pub fn median_of(rounds: usize, run: impl Fn() -> Result<Duration>) -> Result<Duration> {
    let times = (0..rounds).map(|_| run()).collect::<Result<Vec<_>>>()?;
    Ok(middle(times))
}

/// Returns the median.
pub fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// What the figures depend on besides the program.
pub fn surroundings() -> String {
    let cpus = thread::available_parallelism().map_or(1, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<_> = load.split_whitespace().take(3).collect();
    format!("{cpus} CPUs, load average {}", load.join(" "))
}
