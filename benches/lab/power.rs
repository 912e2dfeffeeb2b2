//! Nodes: how soon a guest's first byte is there after its node was powered on, beside the same QEMU started by hand, and
//! what each node costs the engine.

use std::{
    fs,
    io::{ErrorKind, Read, Write as _},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use placemat2_engine::plan::{Options, Qemu};
use tempfile::TempDir;

use crate::{
    kernel::Result,
    labs::{self, Lab},
    run::{self, Run},
};

/// A boot sector that writes `!` to the first serial port: mov dx, 0x3f8; mov al, '!'; out dx, al; hlt; jmp to the hlt.
const BOOT_CODE: [u8; 9] = [0xba, 0xf8, 0x03, 0xb0, b'!', 0xee, 0xf4, 0xeb, 0xfd];
/// Firmware overlooks disks that are much smaller.
const DISK_SIZE: usize = 1 << 20;
/// No guest of these takes as long to write its byte.
const LIMIT: Duration = Duration::from_secs(60);
/// How long the engine is left alone before its memory is looked at.
const REST: Duration = Duration::from_secs(5);

/// A node that boots, off, and where its disk is.
pub struct Bench {
    directory: TempDir,
    lab: Lab,
}

impl Bench {
    /// Makes the disk image, on the file system of the build: a private machine's own is another one.
    pub fn new() -> Result<Self> {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let image = directory.path().join("boot.img");
        let mut sectors = vec![0; DISK_SIZE];
        sectors[..BOOT_CODE.len()].copy_from_slice(&BOOT_CODE);
        sectors[510..512].copy_from_slice(&[0x55, 0xaa]);
        fs::write(&image, sectors)?;
        let lab = labs::booting_node(&image);
        Ok(Self { directory, lab })
    }

    /// Starts the lab, with the node off.
    pub fn run(&self) -> Result<Run> {
        let data_dir = self.data_dir();
        let run = Run::start_with(&self.lab, &["--data-dir", &data_dir.to_string_lossy()])?;
        run.ready()?;
        Ok(run)
    }

    /// The node's command.
    pub fn command(&self) -> Result<Qemu> {
        let options = Options {
            data_dir: self.data_dir(),
            ..Options::default()
        };
        let node = run::plan_with(&self.lab, &options)?.nodes.pop();
        Ok(node.ok_or("the lab has no node")?.qemu)
    }

    fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }
}

/// Powers the node on through the API, and returns how long after the request its first byte was at its console. It is off
/// again afterwards.
pub fn time_of_lab(run: &Run, console: &mut UnixStream) -> Result<Duration> {
    let start = Instant::now();
    act(run, "on")?;
    first_byte(console)?;
    let time = start.elapsed();
    act(run, "off")?;
    Ok(time)
}

/// A connection to the node's console, which stays while the node is powered on and off.
pub fn console(run: &Run) -> Result<UnixStream> {
    let console = UnixStream::connect(run.path("/tmp/node.socket"))?;
    console.set_read_timeout(Some(LIMIT))?;
    Ok(console)
}

fn act(run: &Run, action: &str) -> Result<()> {
    let mut stream = UnixStream::connect(run.path("/run/placemat2/node/api.sock"))?;
    write!(
        stream,
        "POST /nodes/node/{action} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200 ") {
        Ok(())
    } else {
        Err(format!("{action}: {answer}").into())
    }
}

fn first_byte(stream: &mut impl Read) -> Result<()> {
    loop {
        match stream.read(&mut [0]) {
            Ok(0) => return Err("the console was closed".into()),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Starts the same command by hand, and returns how long after that its first byte was at its console.
pub fn time_by_hand(qemu: &Qemu) -> Result<Duration> {
    let (mut console, console_of_qemu) = UnixStream::pair()?;
    let (_monitor, monitor_of_qemu) = UnixStream::pair()?;
    console.set_read_timeout(Some(LIMIT))?;
    let (monitor, port) = (qemu.qmp_fd, qemu.port_fd);
    let serial = qemu.serial_fd;
    // A shell moves the descriptors to their numbers.
    let script = format!(r#"exec "$0" "$@" {monitor}<&0 {serial}<&1 {port}<&0 0</dev/null 1>/dev/null"#);
    let start = Instant::now();
    let child = Command::new("bash")
        .args(["-c", &script])
        .arg(&qemu.program)
        .args(&qemu.args)
        .stdin(Stdio::from(OwnedFd::from(monitor_of_qemu)))
        .stdout(Stdio::from(OwnedFd::from(console_of_qemu)))
        .stderr(Stdio::null())
        .spawn()?;
    let _ended = Ended(child);
    first_byte(&mut console)?;
    Ok(start.elapsed())
}

/// A process that does not outlive this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Returns the engine's resident memory in KiB with that many nodes on, from whose consoles nothing comes.
pub fn memory_with_nodes(count: usize) -> Result<u32> {
    let run = Run::start(&labs::silent_nodes(count))?;
    run.ready()?;
    thread::sleep(REST);
    let memory = run.memory()?;
    run.stop()?;
    Ok(memory)
}
