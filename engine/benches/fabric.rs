//! How long a lab's links and namespaces take, against the same made by hand: `cargo bench --bench fabric`, as root.
//!
//! Every figure is taken in fresh namespaces, when the kernel has finished what came before it, and is the median of
//! several runs. `-- --rounds N` sets how many.

use std::{
    io::Write as _,
    sync::Arc,
    time::{Duration, Instant},
};

use placemat2_engine::{
    fabric::Fabric,
    plan::{self, Plan},
};
use tokio_util::sync::CancellationToken;

#[path = "kernel/mod.rs"]
mod kernel;
use kernel::{Result, batch_time, busy_time, by_hand_time, on_private_host, wait_for_kernel};

/// The plans of the tests.
#[allow(dead_code, clippy::expect_used, reason = "written for tests")]
#[path = "../src/fabric/tests/lab.rs"]
mod lab;
use lab::{Lab, To};

fn main() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return say("skipped: needs root");
    }
    let args: Vec<String> = std::env::args().collect();
    let rounds = args
        .iter()
        .skip_while(|arg| *arg != "--rounds")
        .nth(1)
        .map_or(Ok(3), |n| n.parse())?;

    say("1,000 bridged networks between two namespaces")?;
    let plan = bridged_networks(1000);
    let ours = median(rounds, || up_time(&plan))?;
    let theirs = median(rounds, || batch_time(&plan))?;
    ratio("fabric", ours, "ip -batch", theirs, 1.3)?;

    say("200 namespaces with two addressed interfaces each")?;
    let plan = ring(200);
    let ours = median(rounds, || up_time(&plan))?;
    let theirs = median(rounds, || by_hand_time(&plan))?;
    ratio("fabric", ours, "unshare and ip -batch", theirs, 1.3)?;

    say("8 spines and 20 racks")?;
    let cheap = life(&leaf_spine(8, 20, false), rounds)?;
    cheap.say("as planned")?;
    let dear = life(&leaf_spine(8, 20, true), rounds)?;
    dear.say("a bridge for every network")?;
    say(&format!(
        "  the kernel takes new links {:.1} times sooner (target: 5 or more)",
        dear.free.as_secs_f64() / cheap.free.as_secs_f64()
    ))
}

/// Networks `net0`, `net1`, ... as bridges that join the namespaces `a` and `b`.
fn bridged_networks(count: usize) -> Arc<Plan> {
    let ends = [To::Ns("a", &[]), To::Ns("b", &[])];
    (0..count)
        .fold(Lab::new().always_bridges(true), |lab, n| {
            lab.network(&format!("net{n}"), &ends)
        })
        .plan()
}

/// Namespaces in a ring, each with an address towards either neighbour.
fn ring(count: usize) -> Arc<Plan> {
    let link = |lab: Lab, n: usize| {
        let [left, right] = [n, (n + 1) % count].map(|i| format!("ns{i}"));
        let [a, b] = [1, 2].map(|host| format!("10.{}.{}.{host}/24", n / 256, n % 256));
        lab.network(&format!("net{n}"), &[To::Ns(&left, &[&a]), To::Ns(&right, &[&b])])
    };
    (0..count).fold(Lab::new(), link).plan()
}

/// The fabric of a data centre without its nodes: the racks' networks are bridges, for there would be nodes on them;
/// those between spines and ToRs are bridges only with `always_bridges`.
fn leaf_spine(spines: usize, racks: usize, always_bridges: bool) -> Arc<Plan> {
    let mut lab = Lab::new().always_bridges(always_bridges).network(
        "external",
        &[To::Host("10.100.0.1/24"), To::Ns("core", &["10.100.0.2/24"])],
    );
    for spine in 0..spines {
        let name = format!("spine{spine}");
        let addresses = [format!("10.101.{spine}.0/31"), format!("10.101.{spine}.1/31")];
        lab = lab.network(
            &format!("core-s{spine}"),
            &[To::Ns("core", &[&addresses[0]]), To::Ns(&name, &[&addresses[1]])],
        );
        for tor in 0..2 * racks {
            let addresses = [0, 1].map(|end| format!("10.{spine}.{tor}.{end}/31"));
            let ends = [
                To::Ns(&name, &[&addresses[0]]),
                To::Ns(&format!("tor{tor}"), &[&addresses[1]]),
            ];
            lab = lab.network(&format!("s{spine}-t{tor}"), &ends);
        }
    }
    lab = lab.always_bridges(true);
    for tor in 0..2 * racks {
        let address = format!("10.200.{tor}.1/24");
        lab = lab.network(&format!("rack{tor}"), &[To::Ns(&format!("tor{tor}"), &[&address])]);
    }
    lab.network(
        "bmc",
        &[To::Host("10.102.0.1/24"), To::Ns("operation", &["10.102.0.2/24"])],
    )
    .plan()
}

/// Returns how long a fabric takes to be up.
fn up_time(plan: &Arc<Plan>) -> Result<Duration> {
    on_private_host(|| {
        let runtime = runtime()?;
        let start = Instant::now();
        let fabric = runtime.block_on(Fabric::up(Arc::clone(plan), CancellationToken::new()))?;
        let time = start.elapsed();
        runtime.block_on(fabric.down())?;
        Ok(time)
    })
}

/// A lab's times.
struct Life {
    up: Duration,
    down: Duration,
    /// From the end until the kernel makes links at once again.
    free: Duration,
}

impl Life {
    fn say(&self, what: &str) -> Result<()> {
        let [up, down, free] = [self.up, self.down, self.free].map(|time| time.as_secs_f64() * 1e3);
        say(&format!(
            "  {what}: up {up:.0} ms, down {down:.0} ms, the kernel is free after {free:.0} ms"
        ))
    }
}

fn life(plan: &Arc<Plan>, rounds: usize) -> Result<Life> {
    let mut lives = Vec::new();
    for _ in 0..rounds {
        wait_for_kernel()?;
        lives.push(on_private_host(|| {
            let runtime = runtime()?;
            let start = Instant::now();
            let fabric = runtime.block_on(Fabric::up(Arc::clone(plan), CancellationToken::new()))?;
            let up = start.elapsed();
            let start = Instant::now();
            runtime.block_on(fabric.down())?;
            let down = start.elapsed();
            Ok(Life {
                up,
                down,
                free: busy_time()?,
            })
        })?);
    }
    let middle = |time: fn(&Life) -> Duration| {
        let mut times: Vec<_> = lives.iter().map(time).collect();
        times.sort_unstable();
        times[times.len() / 2]
    };
    Ok(Life {
        up: middle(|life| life.up),
        down: middle(|life| life.down),
        free: middle(|life| life.free),
    })
}

/// Returns the middle one of several runs, each on a kernel that has nothing else to do.
fn median(rounds: usize, run: impl Fn() -> Result<Duration>) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..rounds {
        wait_for_kernel()?;
        times.push(run()?);
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

fn ratio(ours: &str, a: Duration, theirs: &str, b: Duration, target: f64) -> Result<()> {
    let [a, b] = [a, b].map(|time| time.as_secs_f64());
    say(&format!(
        "  {ours} {:.0} ms, {theirs} {:.0} ms: ratio {:.2} (target: {target} or less)",
        a * 1e3,
        b * 1e3,
        a / b
    ))
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}
