//! What `make bench` prints: how fast and how big the program is, each figure beside its target and beside what the same
//! costs without it, measured in one run. As root; a missed target is told, and is no failure.
//!
//! The program is the release binary, started in a machine of its own; "ready" is when it says so to its service manager.
//! `-- NAME...` takes only the measurements whose names begin so.

use std::{env, time::Duration};

use placemat2_engine::plan::Shape;

#[path = "../../engine/benches/kernel/mod.rs"]
mod kernel;
mod labs;
#[path = "../../engine/benches/load/mod.rs"]
#[allow(dead_code, reason = "another benchmark asks at the socket, too")]
mod load;
mod power;
mod run;
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "written for tests"
)]
#[path = "../../tests/support/mod.rs"]
mod support;
mod table;

use kernel::{Result, batch_time, by_hand_time, wait_for_kernel};
use run::{Run, bridged_busy_time, time_of};
use table::{Row, Table};

/// Networks of the big lab.
const NETWORKS: usize = 1000;
/// Namespaces of the ring.
const NAMESPACES: usize = 200;
/// Spines and racks of the data centre.
const DATA_CENTRE: (usize, usize) = (8, 20);
/// Nodes per rack of the data centre that is only planned.
const NODES_PER_RACK: usize = 20;
/// How often a figure is taken whose median is told.
const ROUNDS: usize = 3;
/// How long the idle lab is watched.
const IDLE: Duration = Duration::from_secs(30);
/// How long before, for what the bring-up started to come to rest.
const REST: Duration = Duration::from_secs(12);
/// How often a node is powered on.
const POWER_ROUNDS: usize = 15;
/// Nodes of the labs whose memory is compared.
const NODES: [usize; 2] = [4, 44];
/// How long the API is asked.
const ASKED: Duration = Duration::from_secs(4);

/// Adds rows to the table.
type Measure = fn(&mut Table) -> Result<()>;

fn main() -> Result<()> {
    let wanted: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let mut table = Table::new();
    if !nix::unistd::geteuid().is_root() {
        return Table::remark("skipped: needs root");
    }
    Table::remark(&run::surroundings())?;
    let measurements: [(&str, Measure); 8] = [
        ("files", files),
        ("networks", networks),
        ("namespaces", namespaces),
        ("fabric", fabric),
        ("idle", idle),
        ("api", api),
        ("power", power),
        ("nodes", nodes),
    ];
    for (name, measure) in measurements {
        if wanted.is_empty() || wanted.iter().any(|start| name.starts_with(start.as_str())) {
            measure(&mut table)?;
        }
    }
    table.end()
}

/// What takes no root and touches no kernel.
fn files(table: &mut Table) -> Result<()> {
    let lab = labs::data_centre(DATA_CENTRE, NODES_PER_RACK);
    for command in ["plan", "validate"] {
        let time = run::median_of(10, || time_of(command, &lab))?;
        table.row(&Row::below(
            &format!("`{command}` of the 400-node lab"),
            time,
            Duration::from_millis(50),
        ))?;
    }
    Ok(())
}

/// A thousand bridges: how long, how big, and how soon it lets go.
fn networks(table: &mut Table) -> Result<()> {
    let lab = labs::bridged_networks(NETWORKS);
    let plan = run::plan(&lab)?;
    if plan.networks.iter().any(|network| network.shape != Shape::Bridge) {
        return Err("these networks are to be bridges".into());
    }
    let (mut ours, mut theirs, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        wait_for_kernel()?;
        theirs.push(batch_time(&plan)?);
        wait_for_kernel()?;
        let run = Run::start(&lab)?;
        ours.push(run.ready()?);
        sizes.push(run.memory()?);
        run.stop()?;
    }
    let ready = run::middle(ours);
    table.row(&Row::against(
        "1,000 bridged networks, ready",
        ready,
        "one `ip -batch`",
        run::middle(theirs),
        1.3,
    ))?;
    sizes.sort_unstable();
    table.row(&Row::size(
        "memory of the engine at 1,000 networks",
        sizes[sizes.len() / 2],
        25,
    ))?;
    let mut worst = Duration::ZERO;
    for quarters in 1..=3 {
        wait_for_kernel()?;
        let run = Run::start(&lab)?;
        std::thread::sleep(ready * quarters / 4);
        worst = worst.max(run.stop()?);
    }
    table.row(&Row::below(
        "SIGTERM amid bringing 1,000 networks up, to exit (worst of 3)",
        worst,
        Duration::from_millis(500),
    ))
}

/// Many namespaces.
fn namespaces(table: &mut Table) -> Result<()> {
    let lab = labs::ring(NAMESPACES);
    let plan = run::plan(&lab)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        wait_for_kernel()?;
        theirs.push(by_hand_time(&plan)?);
        wait_for_kernel()?;
        let run = Run::start(&lab)?;
        ours.push(run.ready()?);
        run.stop()?;
    }
    table.row(&Row::against(
        "200 namespaces with 2 addressed interfaces each, ready",
        run::middle(ours),
        "`unshare` and `ip -batch`",
        run::middle(theirs),
        1.3,
    ))
}

/// The data centre without its nodes.
fn fabric(table: &mut Table) -> Result<()> {
    let lab = labs::data_centre_fabric(DATA_CENTRE);
    let (mut up, mut down, mut free) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        wait_for_kernel()?;
        let run = Run::start(&lab)?;
        up.push(run.ready()?);
        let (time, busy) = run.stop_and_watch()?;
        down.push(time);
        free.push(busy);
    }
    let what = "fabric of 8 spines and 20 racks";
    table.row(&Row::below(
        &format!("{what}, ready"),
        run::middle(up),
        Duration::from_secs(1),
    ))?;
    table.row(&Row::below(
        &format!("{what}, SIGTERM to exit"),
        run::middle(down),
        Duration::from_millis(300),
    ))?;
    wait_for_kernel()?;
    let bridged = bridged_busy_time(&lab)?;
    table.row(&Row::sooner(
        &format!("{what}, exit to the kernel taking a link at once"),
        run::middle(free),
        "a bridge for every network",
        bridged,
        5.0,
    ))
}

/// A lab in which nothing happens.
fn idle(table: &mut Table) -> Result<()> {
    wait_for_kernel()?;
    let run = Run::start(&labs::data_centre_fabric(DATA_CENTRE))?;
    run.ready()?;
    let share = run.cpu_share(REST, IDLE)?;
    run.stop()?;
    table.row(&Row::share(
        "CPU of an idle lab, engine and keeper, over 30 s",
        share,
        0.1,
    ))
}

/// From power-on to the first byte of a guest.
fn power(table: &mut Table) -> Result<()> {
    let bench = power::Bench::new()?;
    let run = bench.run()?;
    let (qemu, mut console) = (bench.command()?, power::console(&run)?);
    // The first reads the programs from the disk.
    power::time_by_hand(&qemu)?;
    power::time_of_lab(&run, &mut console)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..POWER_ROUNDS {
        theirs.push(power::time_by_hand(&qemu)?);
        ours.push(power::time_of_lab(&run, &mut console)?);
    }
    run.stop()?;
    table.row(&Row::against(
        "power-on to the first byte of the console",
        run::middle(ours),
        "the same QEMU by hand",
        run::middle(theirs),
        1.05,
    ))
}

/// What the engine needs for a node.
fn nodes(table: &mut Table) -> Result<()> {
    let [few, many] = NODES.map(power::memory_with_nodes);
    let (few, many) = (few?, many?);
    let number = u32::try_from(NODES[1] - NODES[0])?;
    table.row(&Row::small_size(
        "memory of the engine for each further node, scrollback empty",
        many.saturating_sub(few) / number,
        300,
    ))
}

/// Many who ask. Server, clients and nodes that are on paper only share this process: with a hundred QEMUs beside them, it
/// would be their booting that is measured.
fn api(table: &mut Table) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let lab = load::Lab::serve()?;
        for clients in [1, 64] {
            let (right, wrong, elapsed) = load::load(&lab.tcp, clients, ASKED, &lab.nodes).await?;
            #[allow(clippy::cast_precision_loss, reason = "counts of answers are far below 2^52")]
            let rate = right as f64 / elapsed.as_secs_f64();
            let plural = if clients == 1 { "" } else { "s" };
            let what = format!("`GET /nodes` of {} nodes, {clients} client{plural}", load::NODES);
            table.row(&Row::rate(&what, rate, wrong, 5000.0))?;
        }
        lab.end().await
    })
}
