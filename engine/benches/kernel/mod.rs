//! What the kernel's share of a lab costs: the same links and namespaces made by hand, and the time until a dead lab is taken apart.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};
use placemat2_engine::plan::{End, Plan, Shape};

/// What a benchmark's step gives.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A link that takes longer than this to be made had to wait for something.
const WAITED: Duration = Duration::from_millis(15);

/// Returns how long one `ip -batch` takes for the bridges and veth pairs of a plan, all in one empty namespace.
pub fn batch_time(plan: &Plan) -> Result<Duration> {
    let mut batch = String::new();
    for network in &plan.networks {
        bridge_commands(&mut batch, &network.name)?;
        for port in network.links.iter().filter_map(|link| link.port.as_deref()) {
            writeln!(
                batch,
                "link add {port} master {} up type veth peer name e-{port}",
                network.name
            )?;
            writeln!(batch, "link set e-{port} up")?;
        }
    }
    on_private_host(|| {
        let start = Instant::now();
        ip_batch(&["-batch", "-"], &batch)?;
        Ok(start.elapsed())
    })
}

fn bridge_commands(batch: &mut String, name: &str) -> Result<()> {
    writeln!(
        batch,
        "link add {name} type bridge forward_delay 0 mcast_snooping 0 group_fwd_mask 0x4000"
    )?;
    writeln!(batch, "link set {name} up")?;
    Ok(())
}

/// Returns how long it takes to make the namespaces of a plan of veth pairs by bare system calls, one after another,
/// the pairs by one `ip -batch`, and the addresses by one for each namespace.
pub fn by_hand_time(plan: &Plan) -> Result<Duration> {
    let mut pairs = String::new();
    let mut inside: Vec<(&str, String)> = plan
        .namespaces
        .iter()
        .map(|namespace| (namespace.name.as_str(), "link set lo up\n".to_owned()))
        .collect();
    for network in plan.networks.iter().filter(|network| network.shape == Shape::Veth) {
        let mut ends = Vec::new();
        for link in &network.links {
            let End::Namespace {
                namespace,
                interface,
                mac,
                addresses,
            } = &link.end
            else {
                continue;
            };
            ends.push(format!("name {interface} netns {namespace} address {mac}"));
            let Some((_, commands)) = inside.iter_mut().find(|(name, _)| name == namespace) else {
                continue;
            };
            writeln!(commands, "link set {interface} up")?;
            for address in addresses {
                writeln!(commands, "address add {address} dev {interface}")?;
            }
        }
        writeln!(pairs, "link add {} type veth peer {}", ends[0], ends[1])?;
    }
    on_private_host(|| {
        let names = private_netns_dir()?;
        let start = Instant::now();
        let mut held = Vec::new();
        thread::scope(|scope| {
            let make = scope.spawn(|| -> Result<()> {
                for (name, _) in &inside {
                    unshare(CloneFlags::CLONE_NEWNET)?;
                    let netns = fs::File::open("/proc/thread-self/ns/net")?;
                    let fd = std::os::fd::AsRawFd::as_raw_fd(&netns);
                    symlink(format!("/proc/{}/fd/{fd}", std::process::id()), names.join(name))?;
                    held.push(netns);
                }
                Ok(())
            });
            make.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })?;
        ip_batch(&["-batch", "-"], &pairs)?;
        for (name, commands) in &inside {
            ip_batch(&["-n", name, "-batch", "-"], commands)?;
        }
        Ok(start.elapsed())
    })
}

/// Makes links in the calling thread's namespace until none has had to wait for a second, and returns when the last one that had to
/// wait was there.
pub fn busy_time() -> Result<Duration> {
    let start = Instant::now();
    let mut free = Duration::ZERO;
    for n in 0_u64.. {
        let before = start.elapsed();
        ip_batch(
            &[
                "link",
                "add",
                &format!("probe{n}"),
                "type",
                "veth",
                "peer",
                "name",
                &format!("peer{n}"),
            ],
            "",
        )?;
        let after = start.elapsed();
        if n == 0 || after.saturating_sub(before) > WAITED {
            free = after;
        }
        if after.saturating_sub(free) > Duration::from_secs(1) {
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(free)
}

/// Waits until what earlier runs left is taken apart.
pub fn wait_for_kernel() -> Result<()> {
    while on_private_host(busy_time)? > WAITED {}
    Ok(())
}

/// Runs a closure on a thread in network and mount namespaces of its own.
pub fn on_private_host<T: Send>(f: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)?;
            mount(
                None::<&str>,
                "/",
                None::<&str>,
                MsFlags::MS_REC | MsFlags::MS_PRIVATE,
                None::<&str>,
            )?;
            f()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Puts an empty directory, seen by this thread and its children only, in place of `/run/netns`.
fn private_netns_dir() -> Result<PathBuf> {
    let path = Path::new("/run/netns");
    mount(Some("none"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
    fs::create_dir(path)?;
    Ok(path.to_owned())
}

fn ip_batch(args: &[&str], commands: &str) -> Result<()> {
    let mut child = Command::new("ip")
        .args(args)
        .stdin(std::process::Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(commands.as_bytes())?;
    }
    if child.wait()?.success() {
        Ok(())
    } else {
        Err(format!("ip {} failed", args.join(" ")).into())
    }
}
