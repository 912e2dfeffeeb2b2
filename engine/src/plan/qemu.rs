//! The QEMU command of a node, spelled so that QEMU 5.2 to 10.x take it.
//!
//! The `pc` machine numbers PCI slots as devices come: 0 and 1 are the chipset, 2 is the VGA adapter, so the NICs, which
//! are given first, begin at slot 3, and a guest with predictable names calls the first `ens3`. On `q35` the chipset is at
//! 0 and 31, so NICs begin at slot 2, and as that bus has no slots to plug into, the first is `enp0s2`. Block devices follow
//! in order, which makes them `vda`, `vdb`, ...
//!
//! QEMU opens no socket: monitor, serial console, the `placemat` port and the TPM's are connected stream sockets that it
//! inherits, as it inherits taps.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use super::{
    Accel, Nic, Qemu, QemuProgram, QemuUser, QemuVersion, Virtiofs, Volume, VolumeSource, boot, identity,
    numa::{self, Cell},
};
use crate::spec::model::{Cache, DiskFormat, MachineType, Node, Smbios, Smp};

/// PCI slots for NICs and volumes: 32, less chipset (2 on either machine), VGA, virtio-rng and virtio-serial.
pub(super) const DEVICE_SLOTS: usize = 27;
/// The first descriptor that is handed over; those below are left to the C library and to whoever starts QEMU.
const FIRST_DESCRIPTOR: i32 = 10;
/// QEMU's name of the medium in the CD drive.
pub const MEDIUM_NODE: &str = "medium";
/// QEMU's name of the serial console's line.
pub const SERIAL_ID: &str = "serial";
/// The set of descriptors that the medium of a power-on is in.
const MEDIUM_SET: u32 = 1;
/// Milliseconds after which a guest that found nothing to boot tries again, so that it comes up once its boot server has.
const REBOOT_TIMEOUT: u32 = 30_000;

/// Hands out descriptor numbers.
pub(super) struct Descriptors(i32);

impl Default for Descriptors {
    fn default() -> Self {
        Self(FIRST_DESCRIPTOR)
    }
}

impl Descriptors {
    /// Returns the next free number.
    pub(super) fn next(&mut self) -> i32 {
        let number = self.0;
        self.0 += 1;
        number
    }
}

/// What a QEMU command is made from.
pub(super) struct Machine<'a> {
    pub(super) node: &'a Node,
    pub(super) accel: Accel,
    pub(super) program: Option<&'a QemuProgram>,
    pub(super) graphic: bool,
    pub(super) host_mtu: u32,
    pub(super) cells: &'a [Cell],
    pub(super) serial: &'a str,
    /// UEFI code and the node's variables.
    pub(super) firmware: Option<(&'a Path, &'a Path)>,
    /// Descriptor of the connection to the TPM emulator.
    pub(super) tpm_fd: Option<i32>,
    /// A CD drive for virtual media.
    pub(super) cd: bool,
    pub(super) user: Option<&'a QemuUser>,
    pub(super) nics: &'a [Nic],
    pub(super) volumes: &'a [Volume],
    pub(super) qmp_fd: i32,
    pub(super) serial_fd: i32,
    pub(super) port_fd: i32,
}

/// Returns the command that runs a machine.
pub(super) fn command(program: PathBuf, machine: &Machine) -> Qemu {
    let mut args = Args::default();
    base(&mut args, machine);
    for (index, nic) in machine.nics.iter().enumerate() {
        network(&mut args, machine, index, nic);
    }
    for (index, volume) in machine.volumes.iter().enumerate() {
        disk(&mut args, index, volume);
    }
    if machine.cd {
        cd_drive(&mut args, machine.node.machine);
    }
    args.add("-object", "rng-random,id=rng0,filename=/dev/urandom");
    args.add("-device", "virtio-rng-pci,rng=rng0");
    channels(&mut args, machine);
    if let Some(fd) = machine.tpm_fd {
        args.add("-chardev", format!("socket,id=tpm,fd={fd}"));
        args.add("-tpmdev", "emulator,id=tpm0,chardev=tpm");
        args.add("-device", "tpm-tis,tpmdev=tpm0");
    }
    confinement(&mut args, machine);
    args.0.extend(machine.node.extra_args.iter().cloned());
    let Machine {
        qmp_fd,
        serial_fd,
        port_fd,
        ..
    } = *machine;
    Qemu {
        program,
        args: args.0,
        user: machine.user.cloned(),
        qmp_fd,
        serial_fd,
        port_fd,
    }
}

/// Arguments as they are collected.
#[derive(Default)]
struct Args(Vec<String>);

impl Args {
    fn flag(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.extend([name.to_owned(), value.into()]);
    }
}

/// Processors, memory and firmware.
fn base(args: &mut Args, machine: &Machine) {
    let node = machine.node;
    args.add("-name", format!("guest={}", escaped(&node.name)));
    args.flag("-no-user-config");
    // No NIC, floppy, CD or monitor that nobody asked for. The VGA adapter stays: it keeps slot 2, and guests expect one.
    args.flag("-nodefaults");
    args.add("-vga", "std");
    if !machine.graphic {
        args.add("-display", "none");
    }
    let (accel, cpu) = match machine.accel {
        Accel::Kvm => ("kvm", "host"),
        Accel::Tcg => ("tcg", "max"),
    };
    let board = match node.machine {
        MachineType::Pc => "pc",
        MachineType::Q35 => "q35",
    };
    // Without a window the serial line is the screen: by this SeaBIOS, and iPXE and boot loaders through it, write there as well
    // (SeaBIOS's `qemu_cfg` entry NOGRAPHIC). The VGA adapter is not touched by it.
    let graphics = if machine.graphic { "on" } else { "off" };
    args.add("-machine", format!("{board},accel={accel},graphics={graphics}"));
    args.add("-cpu", cpu);
    if let Some(smp) = smp(&node.smp) {
        args.add("-smp", smp);
    }
    if let Some(memory) = &node.memory {
        args.add("-m", escaped(memory));
    }
    let shared = shares_memory(machine.volumes);
    for (index, cell) in machine.cells.iter().enumerate() {
        memory_backend(args, index, cell.memory, shared);
        let cpus = cell
            .cpus
            .map(|(first, last)| format!("cpus={first}-{last},"))
            .unwrap_or_default();
        args.add("-numa", format!("node,nodeid={index},{cpus}memdev=ram{index}"));
    }
    if shared && machine.cells.is_empty() {
        // Memory that is no size has been refused where it was read.
        let bytes = numa::total(node.memory.as_deref()).unwrap_or_default();
        memory_backend(args, 0, bytes, shared);
        // A second -machine adds to the first.
        args.add("-machine", "memory-backend=ram0");
    }
    args.add("-smbios", smbios(&node.name, &node.smbios, machine.serial));
    args.add("-boot", format!("reboot-timeout={REBOOT_TIMEOUT}"));
    if lets_panicked_guests_go_on(machine.program) {
        // On the ISA bus: it takes no PCI slot.
        args.add("-device", "pvpanic");
        args.add("-action", "panic=none");
    }
    if let Some((code, vars)) = machine.firmware {
        let file = |path: &Path| escaped(&path.to_string_lossy());
        args.add(
            "-drive",
            format!("if=pflash,unit=0,format=raw,readonly=on,file={}", file(code)),
        );
        args.add("-drive", format!("if=pflash,unit=1,format=raw,file={}", file(vars)));
    }
    if let Some(ignition) = &node.ignition {
        args.add(
            "-fw_cfg",
            format!(
                "name=opt/com.coreos/config,file={}",
                escaped(&ignition.to_string_lossy())
            ),
        );
    }
}

/// Whether QEMU can tell of a guest's panic and let it go on, as a real machine does. Older ones are given no device by
/// which the guest could tell them: they would end.
fn lets_panicked_guests_go_on(program: Option<&QemuProgram>) -> bool {
    let version = program.and_then(|program| program.version);
    version.is_none_or(|version| version >= QemuVersion::PANIC_ACTION)
}

/// What QEMU gives up before the guest runs: system calls that it does not need, so that whoever breaks out of the guest
/// can't start programs or become somebody else. The libraries behind its window need some of them.
fn confinement(args: &mut Args, machine: &Machine) {
    let able = machine.program.is_some_and(|program| program.sandbox);
    if able && !machine.graphic {
        args.add(
            "-sandbox",
            "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        );
    }
}

/// Whether another process (virtiofsd) works in the guest's memory.
fn shares_memory(volumes: &[Volume]) -> bool {
    volumes
        .iter()
        .any(|volume| matches!(volume.source, VolumeSource::Directory { virtiofs: Some(_), .. }))
}

fn memory_backend(args: &mut Args, index: usize, bytes: u64, shared: bool) {
    let (backend, share) = if shared { ("memfd", ",share=on") } else { ("ram", "") };
    args.add(
        "-object",
        format!("memory-backend-{backend},id=ram{index},size={bytes}{share}"),
    );
}

fn smp(smp: &Smp) -> Option<String> {
    let keys = [
        ("cpus", smp.cpus),
        ("cores", smp.cores),
        ("threads", smp.threads),
        ("dies", smp.dies),
        ("sockets", smp.sockets),
        ("maxcpus", smp.maxcpus),
    ];
    let given: Vec<_> = keys
        .iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", (*value)?)))
        .collect();
    (!given.is_empty()).then(|| given.join(","))
}

fn smbios(name: &str, smbios: &Smbios, serial: &str) -> String {
    let mut value = "type=1".to_owned();
    let keys = [
        ("manufacturer", smbios.manufacturer.as_deref()),
        ("product", smbios.product.as_deref()),
    ];
    for (key, text) in keys.into_iter().chain([("serial", Some(serial))]) {
        if let Some(text) = text {
            // Writing to a String does not fail.
            let _ = write!(value, ",{key}={}", escaped(text));
        }
    }
    value + ",uuid=" + &identity::uuid(name)
}

fn network(args: &mut Args, machine: &Machine, index: usize, nic: &Nic) {
    let queues = nic.fds.len();
    let (fd, vhost_fd) = if queues > 1 {
        ("fds", "vhostfds")
    } else {
        ("fd", "vhostfd")
    };
    let vhost = match nic.vhost_fds.as_slice() {
        [] => String::new(),
        fds => format!(",vhost=on,{vhost_fd}={}", joined(fds)),
    };
    args.add("-netdev", format!("tap,id=net{index},{fd}={}{vhost}", joined(&nic.fds)));
    // The guest reads it from 16 bits of the device's configuration.
    let host_mtu = machine.host_mtu.min(u16::MAX.into());
    // One vector per direction of each queue pair, one for the configuration, one for the control queue.
    let multi_queue = if queues > 1 {
        format!(",mq=on,vectors={}", 2 * queues + 2)
    } else {
        String::new()
    };
    // UEFI boots from the network by itself; the iPXE ROM would be in its way.
    let rom = if machine.firmware.is_some() { ",romfile=" } else { "" };
    let mac = nic.mac;
    args.add(
        "-device",
        format!(
            "virtio-net-pci,id={},netdev=net{index},mac={mac},host_mtu={host_mtu}{multi_queue}{rom}",
            boot::nic_id(index)
        ),
    );
}

fn disk(args: &mut Args, index: usize, volume: &Volume) {
    let path = escaped(&volume.path.to_string_lossy());
    let format = match &volume.source {
        VolumeSource::Directory {
            virtiofs: Some(Virtiofs { fd, .. }),
            ..
        } => {
            args.add("-chardev", format!("socket,id=fs{index},fd={fd}"));
            let tag = escaped(&volume.name);
            args.add("-device", format!("vhost-user-fs-pci,chardev=fs{index},tag={tag}"));
            return;
        }
        VolumeSource::Directory { writable, .. } => {
            let readonly = if *writable { "" } else { ",readonly=on" };
            args.add(
                "-fsdev",
                format!("local,id=fs{index},path={path},security_model=none,multidevs=remap{readonly}"),
            );
            args.add(
                "-device",
                format!("virtio-9p-pci,fsdev=fs{index},mount_tag={}", escaped(&volume.name)),
            );
            return;
        }
        VolumeSource::Copy { .. } | VolumeSource::Overlay { .. } => DiskFormat::Qcow2,
        VolumeSource::Blank { format, .. } => *format,
        VolumeSource::Seed(_) => DiskFormat::Raw,
    };
    let format = match format {
        DiskFormat::Qcow2 => "qcow2",
        DiskFormat::Raw => "raw",
    };
    let (cache, aio) = match volume.cache {
        Cache::None => ("none", "native"),
        Cache::Writeback => ("writeback", "threads"),
        Cache::Writethrough => ("writethrough", "threads"),
        Cache::Directsync => ("directsync", "threads"),
        Cache::Unsafe => ("unsafe", "threads"),
    };
    args.add(
        "-drive",
        format!("if=none,id=disk{index},file={path},format={format},cache={cache},aio={aio}"),
    );
    let id = boot::disk_id(index);
    args.add("-device", format!("virtio-blk-pci,id={id},drive=disk{index}"));
}

/// An empty CD drive, on the disk controller that the board has anyway: it takes no PCI slot, and no place among the virtio
/// disks. It is the last that the controller has, out of the way of what `args` may put there.
fn cd_drive(args: &mut Args, board: MachineType) {
    let place = match board {
        MachineType::Pc => "bus=ide.1,unit=1",
        MachineType::Q35 => "bus=ide.5",
    };
    args.add("-device", format!("ide-cd,id={},{place}", boot::CD_ID));
}

/// The arguments, behind all others, that put the medium of that descriptor into the CD drive.
pub fn medium_args(fd: i32) -> Vec<String> {
    // QEMU opens no file by its name: the descriptor is all there is.
    let node = format!(
        "driver=raw,node-name={MEDIUM_NODE},read-only=on,file.driver=file,file.filename=/dev/fdset/{MEDIUM_SET}"
    );
    [
        "-add-fd",
        &format!("fd={fd},set={MEDIUM_SET}"),
        "-blockdev",
        &node,
        "-set",
        &format!("device.{}.drive={MEDIUM_NODE}", boot::CD_ID),
    ]
    .map(str::to_owned)
    .into()
}

/// The guest's ways out besides the network: the `placemat` port, the serial console and the monitor.
fn channels(args: &mut Args, machine: &Machine) {
    args.add("-device", "virtio-serial-pci");
    args.add("-chardev", format!("socket,id=port,fd={}", machine.port_fd));
    args.add("-device", "virtserialport,chardev=port,name=placemat");
    args.add("-chardev", format!("socket,id={SERIAL_ID},fd={}", machine.serial_fd));
    args.add("-serial", format!("chardev:{SERIAL_ID}"));
    args.add("-chardev", format!("socket,id=qmp,fd={}", machine.qmp_fd));
    args.add("-mon", "chardev=qmp,mode=control");
}

/// Returns a value with its commas doubled, as QEMU's option syntax wants it.
fn escaped(value: &str) -> String {
    value.replace(',', ",,")
}

fn joined(numbers: &[i32]) -> String {
    numbers.iter().map(i32::to_string).collect::<Vec<_>>().join(":")
}
