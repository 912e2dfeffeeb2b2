//! Servers with all their hardware, what can be done to their power, and booting from the network: on QEMU, with guests of
//! Linux.

#![cfg(test)]

#[path = "support/console.rs"]
mod console;
#[path = "support/mod.rs"]
mod support;

use std::{fmt::Write as _, fs};

use console::Console;
use support::guests::{BOOT, SOON, guest, node, pmctl2};
use support::{Engine, Machine};

/// Two servers with all there is, one of each firmware and machine.
const HARDWARE: &str = "
kind: Network
name: net
type: internal
---
kind: Image
name: guest
file: guest.qcow2
---
kind: Node
name: bios
interfaces: [net, {network: net, mac: '52:54:00:12:34:56'}]
network-device-queue: 2
smp: {cpus: 2, sockets: 2}
memory: 256M
numa: {nodes: 2}
tpm: true
ignition: ignition.json
smbios: {manufacturer: ACME, product: 'Server, large', serial: 0042}
volumes:
- {kind: image, name: root, image: guest, copy-on-write: true}
- {kind: image, name: copy, image: guest}
- {kind: localds, name: seed, user-data: user-data}
- {kind: raw, name: thin, size: 24M}
- {kind: raw, name: flat, size: 16M, format: raw}
- {kind: hostPath, name: shared, path: /var/scratch/shared, writable: true}
- {kind: hostPath, name: fixed, path: /var/scratch/fixed}
---
kind: Node
name: uefi
interfaces: [net]
cpu: 1
memory: 384M
uefi: true
tpm: true
machine: q35
volumes:
- {kind: raw, name: empty, size: 16M}
- {kind: image, name: root, image: guest, copy-on-write: true}
---
kind: Node
name: spare
interfaces: [net]
cpu: 1
memory: 96M
power: off
";

/// `printf` of TPM 2.0 commands (part 3 of the TPM library specification), with the owner's empty password: to define an
/// index of 8 bytes, to write to it, and to read it.
const PASSWORD: &str = r"\0\0\0\x09\x40\0\0\x09\0\0\0\0\0";
const INDEX: &str = r"\x01\x50\0\x10";
const OWNER: &str = r"\x40\0\0\x01";

fn tpm_command(size: &str, code: &str, parameters: &str) -> String {
    // The answer must be read through the descriptor that the command was written to.
    format!(
        r"exec 3<>/dev/tpm0; printf '\x80\x02\0\0\0{size}\0\0\x01{code}{OWNER}{parameters}' >&3; \
        dd bs=4096 count=1 <&3 2>/dev/null | hexdump -v -e '/1 \x22%02x\x22'; exec 3>&-"
    )
    .replace("\\\n        ", "")
    .replace(r"\x22", "\"")
}

/// Runs a TPM command that must succeed in the guest; the answer in hex.
fn tpm(console: &mut Console, size: &str, code: &str, parameters: &str) -> String {
    let answer = console.run(&tpm_command(size, code, parameters), SOON);
    // Tag, size and code of a success with a session.
    assert!(answer.contains("\n8002") && answer.contains("00000000"), "{answer}");
    answer
}

fn tpm_remembers(console: &mut Console) {
    let attributes = r"\x02\x06\0\x06";
    let public = format!(r"\0\x0e{INDEX}\0\x0b{attributes}\0\0\0\x08");
    tpm(console, r"\x2d", r"\x2a", &format!(r"{PASSWORD}\0\0{public}"));
    tpm(
        console,
        r"\x2b",
        r"\x37",
        &format!(r"{INDEX}{PASSWORD}\0\x08remember\0\0"),
    );
}

fn tpm_remembered(console: &mut Console) {
    let answer = tpm(console, r"\x23", r"\x4e", &format!(r"{INDEX}{PASSWORD}\0\x08\0\0"));
    // `remember` in ASCII.
    assert!(answer.contains("72656d656d626572"), "{answer}");
}

#[test]
fn servers_with_all_their_hardware() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/var/scratch/lab/hardware.yml", HARDWARE);
    machine.write("/var/scratch/lab/ignition.json", "{\"ignition\": {}}");
    machine.write("/var/scratch/lab/user-data", "#cloud-config\nhostname: furnished\n");
    machine.write("/var/scratch/lab/guest.qcow2", guest("guest.qcow2"));
    machine.write("/var/scratch/fixed/from-host", "greetings\n");
    let before = machine.state();
    let mut engine = Engine::start(
        &machine,
        &[
            "--headless",
            "--boot-parallelism",
            "1",
            "--mtu",
            "1400",
            "--qemu-user",
            "nobody",
            "--data-dir",
            "/var/scratch/data",
            "/var/scratch/lab/hardware.yml",
        ],
    );
    engine.until_running(&machine, "hardware", SOON);
    let pid = node(&machine, "hardware", "bios")["pid"].clone();
    machine.sh(&format!("grep CapEff:.0000000000000000 /proc/{pid}/status"));
    let spare = node(&machine, "hardware", "spare");
    assert_eq!((&spare["power_status"], &spare["pid"]), (&"Off".into(), &().into()));

    let mut bios = Console::open(&machine, "bios");
    let mut uefi = Console::open(&machine, "uefi");
    bios.login(BOOT);
    what_a_bios_server_has(&machine, &mut bios);
    uefi.login(BOOT);
    what_a_uefi_server_has(&mut uefi);
    tpm_remembers(&mut bios);
    tpm_remembers(&mut uefi);

    an_nmi_reaches_the_kernel(&machine, &mut bios);
    shutdown_is_the_guests(&machine, &mut engine, &mut bios);
    pmctl2(&machine, "node action cycle bios uefi");
    bios.login(BOOT);
    uefi.login(BOOT);
    tpm_remembered(&mut bios);
    tpm_remembered(&mut uefi);
    a_panic_is_told(&machine, &mut engine, &mut bios);
    a_death_is_no_one_elses(&machine, &mut engine, &mut uefi);
    the_button_is_the_guests(&machine, &mut engine, &mut uefi);

    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
}

fn what_a_bios_server_has(machine: &Machine, console: &mut Console) {
    // In 512 bytes: the sizes of the image, of the seed, and those asked for.
    let sizes = console.run(
        "for d in a b c d e; do cat /sys/block/vd$d/size; done; ls -d /sys/block/vd*",
        SOON,
    );
    let lines: Vec<&str> = sizes.lines().map(str::trim).collect();
    let numbers: Vec<u64> = lines.iter().filter_map(|line| line.parse().ok()).collect();
    assert_eq!(numbers[0], numbers[1], "{sizes}");
    assert_eq!(numbers[3..], [24 * 2048, 16 * 2048], "{sizes}");
    assert!(!sizes.contains("/sys/block/vdf"), "{sizes}");
    console.run("[ $(hostname) = furnished ]", SOON);
    for (volume, format) in [("root", "qcow2"), ("copy", "qcow2"), ("thin", "qcow2"), ("flat", "raw")] {
        let info = machine.sh(&format!("qemu-img info -U /var/scratch/data/volumes/bios/{volume}.img"));
        assert!(info.contains(&format!("file format: {format}")), "{info}");
        assert_eq!(info.contains("backing file:"), volume == "root", "{info}");
    }

    console.run(
        "mkdir -p /mnt/s /mnt/f; mount -t 9p shared /mnt/s && mount -t 9p fixed /mnt/f",
        SOON,
    );
    console.run(
        "echo answer > /mnt/s/from-guest && grep greetings /mnt/f/from-host && ! touch /mnt/f/x",
        SOON,
    );
    let answer = fs::read_to_string(machine.path("/var/scratch/shared/from-guest")).unwrap();
    assert_eq!(answer, "answer\n");
    assert!(!machine.path("/var/scratch/fixed/x").exists());

    let dmi = console.run(
        "cd /sys/class/dmi/id; cat sys_vendor product_name product_serial product_uuid; cd",
        SOON,
    );
    for expected in ["\nACME", "\nServer, large", "\n0042"] {
        assert!(dmi.contains(expected), "{dmi}");
    }
    let slots = console.run(
        "for n in 3 4; do readlink -f /sys/class/net/ens$n/device; done; cat /sys/class/net/ens[34]/mtu",
        SOON,
    );
    for expected in ["/0000:00:03.0/virtio", "/0000:00:04.0/virtio", "\n1400"] {
        assert!(slots.contains(expected), "{slots}");
    }
    let nics = console.run(
        "cat /sys/class/net/ens4/address; ls -d /sys/class/net/ens3/queues/*",
        SOON,
    );
    for expected in ["52:54:00:12:34:56", "rx-1", "tx-1"] {
        assert!(nics.contains(expected), "{nics}");
    }
    console.run(
        "grep ignition /sys/firmware/qemu_fw_cfg/by_name/opt/com.coreos/config/raw",
        SOON,
    );
    let cells = console.run(
        "grep -h MemTotal /sys/devices/system/node/node[01]/meminfo; cat /sys/devices/system/node/node1/cpulist",
        SOON,
    );
    assert!(cells.contains("Node 1 MemTotal") && cells.contains("\n1\r"), "{cells}");
}

fn what_a_uefi_server_has(console: &mut Console) {
    console.run("[ -d /sys/firmware/efi ]", SOON);
    // The disk that boots is the second.
    console.run(
        "[ $(cat /sys/block/vda/size) = 32768 ] && [ -e /sys/block/vdb/vdb1 ]",
        SOON,
    );
    let slots = console.run("readlink -f /sys/class/net/enp0s2/device", SOON);
    assert!(slots.contains("/0000:00:02.0/virtio"), "{slots}");
    // SHA-1 of `uefi`.
    console.run(
        "[ $(cat /sys/class/dmi/id/product_serial) = $(printf uefi | sha1sum | cut -d' ' -f1) ]",
        SOON,
    );
}

fn an_nmi_reaches_the_kernel(machine: &Machine, console: &mut Console) {
    pmctl2(machine, "node action nmi bios");
    console.expect("NMI received for unknown reason", SOON);
    console.send("");
    console.expect("# ", SOON);
}

/// The guest says that it goes, and is gone when the command returns.
fn shutdown_is_the_guests(machine: &Machine, engine: &mut Engine, console: &mut Console) {
    let pid = node(machine, "hardware", "bios")["pid"].clone();
    let process = machine.path(format!("/proc/{pid}"));
    assert!(process.exists());
    pmctl2(machine, &format!("node action shutdown bios --timeout {BOOT}"));
    let off = node(machine, "hardware", "bios");
    assert_eq!(off["power_status"], "Off");
    assert_eq!(off["power_reason"], "the guest shut down");
    engine.until("QEMU has ended", SOON, || !process.exists());
    console.expect("The system is going down", SOON);
    let refused = machine.try_sh("/mnt/pmctl2 node action reset bios");
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("node `bios` is off"));
}

fn a_panic_is_told(machine: &Machine, engine: &mut Engine, console: &mut Console) {
    let pid = node(machine, "hardware", "bios")["pid"].clone();
    console.send("echo c > /proc/sysrq-trigger");
    engine.until("the panic is told", SOON, || {
        pmctl2(machine, "events").contains("The guest's kernel panicked")
    });
    // As the guest's `panic=5` says. It was never off.
    console.login(BOOT);
    let on = node(machine, "hardware", "bios");
    assert_eq!((&on["power_status"], &on["pid"]), (&"On".into(), &pid));
    assert_eq!(on["power_reason"], serde_json::Value::Null);
}

fn a_death_is_no_one_elses(machine: &Machine, engine: &mut Engine, other: &mut Console) {
    let pid = node(machine, "hardware", "bios")["pid"].clone();
    machine.sh(&format!("kill -KILL {pid}"));
    engine.until("the node is off", SOON, || {
        node(machine, "hardware", "bios")["power_status"] == "Off"
    });
    let reason = node(machine, "hardware", "bios")["power_reason"].clone();
    assert_eq!(reason, "QEMU was killed by signal 9");
    other.run("true", SOON);
}

fn the_button_is_the_guests(machine: &Machine, engine: &mut Engine, console: &mut Console) {
    pmctl2(machine, "node action push uefi");
    console.expect("The system is going down", BOOT);
    engine.until("the node is off", BOOT, || {
        node(machine, "hardware", "uefi")["power_status"] == "Off"
    });
    assert_eq!(node(machine, "hardware", "uefi")["power_reason"], "the guest shut down");
}

/// A boot server, two servers without disks, and two with disks that are off at first.
const NETWORK_BOOT: &str = "
kind: Network
name: net
type: internal
---
kind: NetworkNamespace
name: boot
interfaces:
- network: net
  addresses: [10.9.0.1/24]
apps:
- name: dhcp
  command:
  - dnsmasq
  - --keep-in-foreground
  - --log-facility=-
  - --user=root
  - --port=0
  - --pid-file=
  - --leasefile-ro
  - --dhcp-range=10.9.0.10,10.9.0.99
  - --enable-tftp
  - --tftp-root=/usr/lib/ipxe
  - --dhcp-match=set:efi,option:client-arch,7
  - --dhcp-userclass=set:ipxe,iPXE
  - --dhcp-boot=tag:efi,tag:!ipxe,ipxe.efi
  - --dhcp-boot=tag:ipxe,http://10.9.0.1/boot.ipxe
- name: http
  command: [busybox, httpd, -f, -v, -p, '10.9.0.1:80', -h, /var/scratch/lab]
---
kind: Node
name: by-bios
interfaces: [net]
cpu: 1
memory: 192M
---
kind: Node
name: by-uefi
interfaces: [net]
cpu: 1
memory: 384M
uefi: true
---
kind: Image
name: guest
file: guest.qcow2
---
kind: Node
name: disk-bios
interfaces: [net]
cpu: 1
memory: 192M
power: off
volumes: [{kind: image, name: root, image: guest, copy-on-write: true}]
---
kind: Node
name: disk-uefi
interfaces: [net]
cpu: 1
memory: 384M
uefi: true
machine: q35
power: off
volumes: [{kind: image, name: root, image: guest, copy-on-write: true}]
";

/// What iPXE is told to do, be it in the NIC's ROM or loaded by UEFI.
const BOOT_SCRIPT: &str = "#!ipxe
kernel http://10.9.0.1/vmlinuz initrd=initrd console=ttyS0,115200 quiet mitigations=off no_timer_check net.ifnames=0 from=network
initrd http://10.9.0.1/initrd
boot
";

/// Commands of the guest that succeed if it was started by that.
const BIOS: &str = "! [ -d /sys/firmware/efi ]";
const UEFI: &str = "[ -d /sys/firmware/efi ]";

#[test]
fn servers_boot_from_the_network() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/var/scratch/lab/netboot.yml", NETWORK_BOOT);
    machine.write("/var/scratch/lab/boot.ipxe", BOOT_SCRIPT);
    for file in ["vmlinuz", "initrd", "guest.qcow2"] {
        machine.write(&format!("/var/scratch/lab/{file}"), guest(file));
    }
    let before = machine.state();
    let mut engine = Engine::start_lab(&machine, "netboot");
    engine.until_running(&machine, "netboot", SOON);
    let came_from_network = |name: &str, firmware: &str| {
        let mut console = Console::open(&machine, name);
        console.login(BOOT * 2);
        console.run(&format!("{firmware} && grep from=network /proc/cmdline"), SOON);
    };
    came_from_network("by-bios", BIOS);
    came_from_network("by-uefi", UEFI);
    // What firmware of either kind has to say is on the serial line.
    for (name, told) in [("by-bios", "iPXE"), ("by-uefi", "PXE")] {
        let log = pmctl2(&machine, &format!("node log {name}"));
        assert!(log.contains(told), "{log}");
    }
    pmctl2(&machine, "node action off by-bios by-uefi");
    // Told to do so, those with a disk do so, too.
    pmctl2(&machine, "node action on --boot network disk-bios disk-uefi");
    came_from_network("disk-bios", BIOS);
    came_from_network("disk-uefi", UEFI);
    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
}

/// How many small servers one lab has in the long test.
const MANY: usize = 32;

#[test]
#[ignore = "takes five minutes without KVM"]
fn many_small_servers() {
    let Some(machine) = Machine::new() else { return };
    let mut lab = "kind: Image\nname: guest\nfile: guest.qcow2\n".to_owned();
    let volumes = "volumes: [{kind: image, name: root, image: guest, copy-on-write: true}]";
    for number in 0..MANY {
        writeln!(lab, "---\nkind: Node\nname: n{number}\ncpu: 1\nmemory: 128M\n{volumes}").unwrap();
    }
    machine.write("/var/scratch/lab/many.yml", lab);
    machine.write("/var/scratch/lab/guest.qcow2", guest("guest.qcow2"));
    let before = machine.state();
    let mut engine = Engine::start_lab(&machine, "many");
    engine.until_running(&machine, "many", SOON * 5);
    for number in 0..MANY {
        Console::open(&machine, &format!("n{number}")).expect("login: ", BOOT * 8);
    }
    let listed = pmctl2(&machine, "node list -o json");
    assert_eq!(listed.matches("\"On\"").count(), MANY, "{listed}");
    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
}
