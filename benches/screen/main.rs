//! What `make bench` prints of the console: how long frames take, what they cost, how soon a key is answered. A missed target is
//! told, and is no failure.

use std::{
    env, fs,
    process::Command,
    time::{Duration, Instant},
};

use crossterm::event::Event;
use nix::time::{ClockId, clock_gettime};
use placemat2_ui::{
    action::View,
    emulator::{Emulator, Size},
    key::Key,
    model::{Model, Settings},
    msg::Msg,
    terminal::Screen,
    testing::{self, Shape},
    update::update,
};

#[path = "../../engine/benches/kernel/mod.rs"]
#[allow(dead_code, reason = "another benchmark measures the kernel, too")]
mod kernel;
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "written for tests")]
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../tests/support/pty.rs"]
mod pty;
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "written for tests")]
#[allow(dead_code, reason = "tests use the rest")]
#[path = "../../tests/ui/script.rs"]
mod script;
#[allow(dead_code, reason = "another benchmark has other rows")]
#[path = "../lab/table.rs"]
mod table;

use kernel::Result;
use pty::Pty;
use script::Script;
use table::{Row, Table};

/// Frames drawn of each view.
const FRAMES: u32 = 300;
/// The screen that is measured.
const SIZE: (u16, u16) = (200, 60);
/// How long an idle console is watched.
const IDLE: Duration = Duration::from_secs(30);
/// Keys that are typed to see how soon they are answered.
const KEYS: usize = 200;
/// Consoles that are open at once.
const CONSOLES: u32 = 40;
/// Lines each of them has.
const LINES: u32 = 10_000;

/// Adds rows to the table.
type Measure = fn(&mut Table) -> Result<()>;

fn main() -> Result<()> {
    let wanted: Vec<String> = env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let mut table = Table::new();
    Table::remark("The console, on a terminal of 200 by 60")?;
    let measurements: [(&str, Measure); 6] = [
        ("frames", frames),
        ("cell", cell),
        ("memory", memory),
        ("start", start),
        ("echo", echo),
        ("idle", idle),
    ];
    for (name, measure) in measurements {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.starts_with(wanted.as_str())) {
            measure(&mut table)?;
        }
    }
    table.end()
}

fn press(model: &mut Model, key: &str) {
    if let Ok(key) = key.parse::<Key>() {
        update(model, Msg::Input(Event::Key(key.event())));
    }
}

/// The median and the 99th percentile.
fn spread(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    (at(50), at(99))
}

/// What this thread has used of a CPU: what others use while a frame is made is not the frame's.
fn cpu_time() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// A key and a frame of each view with 400 nodes.
fn frames(table: &mut Table) -> Result<()> {
    for view in View::ALL {
        let mut model = testing::model(Shape::BIG, Settings::default(), SIZE);
        press(&mut model, &view.number().to_string());
        if view == View::Consoles {
            press(&mut model, "2");
            press(&mut model, "enter");
            let pane = model.consoles.focused().unwrap_or_default();
            update(&mut model, Msg::Bytes(pane, testing::BOOT.repeat(20).into_bytes()));
            press(&mut model, "ctrl-]");
        }
        press(&mut model, "down");
        testing::fill_log(&mut model);
        let mut screen = Screen::new(SIZE)?;
        screen.frame(&model)?;
        let mut times = Vec::new();
        for frame in 0..FRAMES {
            let begun = cpu_time()?;
            press(&mut model, if frame % 8 < 4 { "down" } else { "up" });
            screen.frame(&model)?;
            times.push(cpu_time()?.saturating_sub(begun));
        }
        let (median, late) = spread(times);
        let title = view.title();
        table.row(&Row::below(
            &format!("{title}: a key and its frame, 400 nodes, median"),
            median,
            Duration::from_millis(4),
        ))?;
        table.row(&Row::below(
            &format!("{title}: the same, 99th percentile"),
            late,
            Duration::from_millis(10),
        ))?;
    }
    Ok(())
}

/// What the terminal is sent when a guest writes one character.
fn cell(table: &mut Table) -> Result<()> {
    let mut model = testing::model(Shape::DEMO, Settings::default(), SIZE);
    press(&mut model, "2");
    press(&mut model, "enter");
    let pane = model.consoles.focused().unwrap_or_default();
    update(&mut model, Msg::Opened(pane));
    update(&mut model, Msg::Bytes(pane, testing::BOOT.into()));
    let mut screen = Screen::new(SIZE)?;
    screen.frame(&model)?;
    update(&mut model, Msg::Bytes(pane, b"x".to_vec()));
    let bytes = screen.frame(&model)?.len();
    table.row(&Row::count("bytes of a frame in which one cell changed", bytes, 200))
}

fn resident() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// What open consoles hold in memory.
fn memory(table: &mut Table) -> Result<()> {
    let before = resident()?;
    let mut consoles = Vec::new();
    for console in 0..CONSOLES {
        let mut emulator = Emulator::new(Size::new(120, 30));
        for line in 0..LINES {
            emulator.write(
                format!("[{line:>6}.{console:06}] a line as guests write them when they start, {line}\r\n").as_bytes(),
            );
        }
        consoles.push(emulator);
    }
    let used = u32::try_from(resident()?.saturating_sub(before)).unwrap_or(u32::MAX);
    drop(consoles);
    table.row(&Row::size(
        &format!("memory of {CONSOLES} consoles of {LINES} lines"),
        used,
        256,
    ))
}

fn attached(script: &Script) -> Pty {
    let mut command = Command::new(env!("CARGO_BIN_EXE_placemat2"));
    command
        .args(["attach", "--endpoint", &script.endpoint()])
        .env("XDG_CONFIG_HOME", "/nonexistent");
    Pty::start(command, SIZE)
}

/// From exec to the first frame, whatever the lab's size.
fn start(table: &mut Table) -> Result<()> {
    let script = Script::of(Shape::BIG);
    let mut times = Vec::new();
    for _ in 0..21 {
        let begun = Instant::now();
        let mut pty = attached(&script);
        let mut seen = Vec::new();
        while !contains(&seen, b"\x1b[?2026l") {
            seen.extend(pty.bytes());
        }
        times.push(begun.elapsed());
    }
    let (median, _) = spread(times);
    table.row(&Row::below(
        "start to first frame, 400 nodes",
        median,
        Duration::from_millis(50),
    ))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// How soon a key is on the terminal: through the stream of a console and its emulation while another console floods, and on a
/// bare terminal.
fn echo(table: &mut Table) -> Result<()> {
    let script = Script::start();
    let mut pty = attached(&script);
    pty.expect("r0-tor1");
    pty.send("2j\r");
    pty.expect("yyyyyyyy");
    pty.send("\x1d");
    pty.expect("NORMAL");
    pty.send("|r0-s1\r");
    pty.expect("r0-s1 login:");
    pty.send("\r");
    pty.expect("CONSOLE");
    let (ours, late) = typed(&mut pty, b"X");
    // A program that answers each byte, without anything between.
    let mut bare = Command::new("sh");
    bare.args(["-c", "stty raw -echo; echo ready; exec cat"]);
    let mut bare = Pty::start(bare, SIZE);
    bare.expect("ready");
    let (theirs, _) = typed(&mut bare, b"x");
    let added = ours.saturating_sub(theirs);
    table.row(&Row::below(
        "a key's echo while another console floods, added to a bare terminal's, median",
        added,
        Duration::from_millis(2),
    ))?;
    table.row(&Row::below(
        "the same, 99th percentile",
        late,
        Duration::from_millis(40),
    ))
}

fn typed(pty: &mut Pty, answer: &[u8]) -> (Duration, Duration) {
    let mut times = Vec::new();
    for _ in 0..KEYS {
        let begun = Instant::now();
        pty.send("x");
        while !contains(&pty.bytes(), answer) {}
        times.push(begun.elapsed());
        // As fast as people type, and not in step with the frames.
        std::thread::sleep(Duration::from_millis(47));
    }
    spread(times)
}

/// What a console costs that nobody touches.
fn idle(table: &mut Table) -> Result<()> {
    let script = Script::of(Shape::BIG);
    let mut pty = attached(&script);
    pty.send("2");
    pty.expect("10.69.0.11");
    std::thread::sleep(Duration::from_secs(2));
    while !pty.bytes().is_empty() {}
    let stat = format!("/proc/{}/task", pty.pid());
    let used = || -> Result<u64> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(&stat)? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            nanoseconds += text.split_whitespace().next().unwrap_or("0").parse::<u64>()?;
        }
        Ok(nanoseconds)
    };
    let (before, begun) = (used()?, Instant::now());
    let mut frames = 0;
    while begun.elapsed() < IDLE {
        frames += usize::from(contains(&pty.bytes(), b"\x1b[?2026h"));
    }
    let busy = Duration::from_nanos(used()? - before);
    let percent = busy.as_secs_f64() * 100.0 / begun.elapsed().as_secs_f64();
    table.row(&Row::share("an idle console's share of a CPU", percent, 0.1))?;
    // The clock's minute may change.
    table.row(&Row::count("frames of an idle console in 30 s", frames, 1))
}
