//! Virtual media and what boots: as provisioning software drives a server, on QEMU, with guests of Linux.

#![cfg(test)]

#[path = "support/console.rs"]
mod console;
#[path = "support/mod.rs"]
mod support;

use std::{fs, path::Path, process::Command};

use console::Console;
use serde_json::{Value, json};
use support::guests::{BOOT, SOON, guest, node, pmctl2};
use support::{Engine, Machine};

const LAB: &str = "
kind: Network
name: bmc
type: bmc
address: 10.0.1.1/24
---
kind: Network
name: inner
type: internal
---
kind: NetworkNamespace
name: boot
interfaces:
- network: inner
  addresses: [10.9.0.1/24]
---
kind: Image
name: guest
file: guest.qcow2
---
kind: Node
name: bios
cpu: 1
memory: 256M
power: off
volumes:
- {kind: image, name: root, image: guest, copy-on-write: true}
bmc:
  address: 10.0.1.11
---
kind: Node
name: uefi
interfaces: [inner]
cpu: 1
memory: 384M
uefi: true
machine: q35
power: off
volumes:
- {kind: image, name: root, image: guest, copy-on-write: true}
bmc:
  address: 10.0.1.12
";

/// How the kernel on the CD is started.
const ISOLINUX: &str = "default linux
label linux
kernel /vmlinuz
append initrd=/initrd console=ttyS0,115200 quiet mitigations=off no_timer_check net.ifnames=0 from=cd
";

const SYSTEM: &str = "/redfish/v1/Systems/System.Embedded.1";
const CD: &str = "/redfish/v1/Systems/System.Embedded.1/VirtualMedia/Cd";

/// Where the images are, outside of the lab.
const SERVER: &str = "http://198.51.100.1";

fn run(dir: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program).current_dir(dir).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}: `make test` installs it"));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
}

/// A CD: by BIOS it boots Linux, by UEFI iPXE.
fn iso() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let tree = dir.path().join("tree");
    fs::create_dir(&tree).unwrap();
    for file in ["vmlinuz", "initrd"] {
        fs::write(tree.join(file), guest(file)).unwrap();
    }
    fs::write(tree.join("isolinux.cfg"), ISOLINUX).unwrap();
    fs::write(tree.join("marker"), "this is the CD\n").unwrap();
    for file in [
        "/usr/lib/ISOLINUX/isolinux.bin",
        "/usr/lib/syslinux/modules/bios/ldlinux.c32",
    ] {
        let name = Path::new(file).file_name().unwrap();
        fs::copy(file, tree.join(name)).unwrap_or_else(|error| panic!("{file}: {error}: `make test` installs it"));
    }
    run(&tree, "mformat", &["-C", "-i", "efi.img", "-f", "2880", "::"]);
    run(&tree, "mmd", &["-i", "efi.img", "::/EFI", "::/EFI/BOOT"]);
    let loader = "/usr/lib/ipxe/ipxe.efi";
    run(&tree, "mcopy", &["-i", "efi.img", loader, "::/EFI/BOOT/BOOTX64.EFI"]);
    let bios = "-b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table";
    let uefi = "-eltorito-alt-boot -e efi.img -no-emul-boot";
    let arguments = format!("-quiet -o ../cd.iso -R -V TEST {bios} {uefi} .");
    run(&tree, "xorrisofs", &arguments.split(' ').collect::<Vec<_>>());
    fs::read(dir.path().join("cd.iso")).unwrap()
}

/// A BMC, as provisioning software reaches it.
struct Bmc<'a> {
    machine: &'a Machine,
    address: &'static str,
}

impl Bmc<'_> {
    /// Sends a Redfish request; the status and the body of the answer.
    fn try_redfish(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = match method {
            "GET" => String::new(),
            _ => format!("-H 'Content-Type: application/json' -d '{body}'"),
        };
        let answer = self.machine.sh(&format!(
            "curl -sS --max-time 120 -k -u cybozu:cybozu -X {method} {body} -w '\\n%{{http_code}}' 'https://{}{path}'",
            self.address
        ));
        let (body, status) = answer.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap_or_default())
    }

    /// The same; it must succeed.
    fn redfish(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.try_redfish(method, path, body);
        assert!(
            (200..300).contains(&status),
            "{method} {path} {body}: {status} {answer}"
        );
        answer
    }

    fn insert(&self, url: &str) {
        let target = format!("{CD}/Actions/VirtualMedia.InsertMedia");
        self.redfish("POST", &target, &json!({ "Image": url, "Inserted": true }));
        assert_eq!(self.redfish("GET", CD, &json!(null))["Inserted"], true);
    }

    fn eject(&self) {
        self.redfish("POST", &format!("{CD}/Actions/VirtualMedia.EjectMedia"), &json!({}));
        assert_eq!(self.redfish("GET", CD, &json!(null))["Inserted"], false);
    }

    fn boot_from(&self, target: &str, enabled: &str) {
        let boot = json!({ "BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": enabled });
        self.redfish("PATCH", SYSTEM, &json!({ "Boot": boot }));
    }

    /// What it boots from next, by either face.
    fn boot(&self) -> (String, String) {
        let enabled = self.redfish("GET", SYSTEM, &json!(null))["Boot"]["BootSourceOverrideEnabled"].clone();
        let flags = self.ipmi("chassis bootparam get 5");
        let device = flags.lines().find(|line| line.contains("Boot Device Selector"));
        (
            enabled.as_str().unwrap().to_owned(),
            device.unwrap_or_default().to_owned(),
        )
    }

    fn reset(&self, kind: &str) {
        let target = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
        self.redfish("POST", &target, &json!({ "ResetType": kind }));
    }

    fn ipmi(&self, command: &str) -> String {
        self.machine.sh(&format!(
            "ipmitool -I lanplus -H {} -U cybozu -P cybozu -C 17 -N 10 {command} 2>&1",
            self.address
        ))
    }
}

const FROM_CD: &str = "grep from=cd /proc/cmdline";
const FROM_DISK: &str = "! grep from=cd /proc/cmdline";

/// Waits until the guest is there, and checks where it came from.
fn came_from(console: &mut Console, command: &str) {
    console.login(BOOT);
    console.run(command, SOON);
}

#[test]
fn servers_boot_what_their_bmcs_are_told() {
    let Some(machine) = Machine::new() else { return };
    let iso = iso();
    machine.write("/var/scratch/lab/media.yml", LAB);
    machine.write("/var/scratch/lab/guest.qcow2", guest("guest.qcow2"));
    machine.write("/var/scratch/data/media/cd.iso", &iso);
    machine.write("/var/scratch/www/cd.iso", iso);
    machine.outside("busybox httpd -p 198.51.100.1:80 -h /var/scratch/www");
    let before = machine.state();
    let mut engine = Engine::start_lab(&machine, "media");
    engine.until_running(&machine, "media", SOON * 2);
    let bmc = |address| Bmc {
        machine: &machine,
        address,
    };
    as_ironic_does(&machine, &mut engine, &bmc("10.0.1.11"));
    by_uefi(&machine, &bmc("10.0.1.12"));
    what_is_refused(&bmc("10.0.1.12"));
    let refused = bmc("10.0.1.11").ipmi("chassis bootdev bios");
    assert!(refused.contains("Invalid data field"), "BIOS has no setup: {refused}");
    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
    // What was fetched has gone with the lab.
    assert_eq!(machine.sh("ls -A /var/scratch/data/media"), "cd.iso\n");
}

fn as_ironic_does(machine: &Machine, engine: &mut Engine, bmc: &Bmc<'_>) {
    let mut console = Console::open(machine, "bios");
    assert_eq!(bmc.redfish("GET", SYSTEM, &json!(null))["PowerState"], "Off");
    bmc.boot_from("Cd", "Once");
    bmc.insert(&format!("{SERVER}/cd.iso"));
    bmc.reset("On");
    came_from(&mut console, FROM_CD);
    let once = bmc.boot();
    assert!(once.0 == "Disabled" && once.1.contains("No override"), "{once:?}");
    // The guest has a CD like any other, and can't keep it.
    console.run(
        "mount -t iso9660 -o ro /dev/sr0 /mnt && grep 'this is the CD' /mnt/marker",
        SOON,
    );
    let (full, told) = bmc.try_redfish(
        "POST",
        &format!("{CD}/Actions/VirtualMedia.InsertMedia"),
        &json!({ "Image": format!("{SERVER}/cd.iso") }),
    );
    assert_eq!(full, 409, "{told}");

    // The medium is still there, but it was for once; and the guest resets itself.
    bmc.ipmi("sel clear");
    console.send("reboot -f");
    came_from(&mut console, FROM_DISK);
    let log = bmc.ipmi("sel elist");
    assert!(log.contains("Initiated by warm reset"), "{log}");
    let cause = bmc.ipmi("chassis restart_cause");
    assert!(cause.contains("soft reset"), "{cause}");
    let (pid, boots) = (
        node(machine, "media", "bios")["pid"].clone(),
        node(machine, "media", "bios")["boots"].clone(),
    );
    assert_eq!(boots, 2);

    // By the other face, for a reset of the guest's, too.
    bmc.ipmi("chassis bootdev cdrom");
    assert_eq!(bmc.boot().0, "Once");
    console.send("reboot -f");
    came_from(&mut console, FROM_CD);
    assert_eq!(bmc.boot().0, "Disabled");

    bmc.eject();
    bmc.boot_from("Hdd", "Continuous");
    bmc.reset("ForceRestart");
    came_from(&mut console, FROM_DISK);
    assert_eq!(bmc.boot().0, "Continuous");
    assert_eq!(node(machine, "media", "bios")["pid"], pid, "a reset keeps QEMU");
    console.run("! mount -t iso9660 -o ro /dev/sr0 /mnt", SOON);
    bmc.reset("ForceOff");
    engine.until("it is off", SOON, || {
        node(machine, "media", "bios")["power_status"] == "Off"
    });
}

/// A file of the host is put in; each boot is told apart by what shows on the console.
fn by_uefi(machine: &Machine, bmc: &Bmc<'_>) {
    let mut console = Console::open(machine, "uefi");
    bmc.insert("file:///var/scratch/data/media/cd.iso");
    bmc.ipmi("chassis bootdev cdrom options=persistent,efiboot");
    bmc.ipmi("chassis power on");
    console.expect("iPXE initialising devices", BOOT);
    bmc.ipmi("chassis bootdev pxe options=efiboot");
    bmc.reset("ForceRestart");
    console.expect("Start PXE over IPv4", BOOT);
    bmc.eject();
    bmc.boot_from("None", "Disabled");
    bmc.reset("PowerCycle");
    // UEFI keeps the order that it was told last.
    let shown = console.expect("login: ", BOOT);
    assert!(!shown.contains("Start PXE"), "{shown}");
    pmctl2(machine, "node action off uefi");
}

fn what_is_refused(bmc: &Bmc<'_>) {
    let target = format!("{CD}/Actions/VirtualMedia.InsertMedia");
    for (url, why) in [
        (
            "file:///etc/passwd",
            "only those in /var/scratch/data/media can be inserted",
        ),
        ("http://198.51.100.1/nothing.iso", "404"),
        (
            "http://10.9.0.1/cd.iso",
            "lies in the lab's network \"inner\", which the host is no part of",
        ),
    ] {
        let (status, told) = bmc.try_redfish("POST", &target, &json!({ "Image": url }));
        assert!(
            status == 400 && told.to_string().replace('\\', "").contains(why),
            "{url}: {status} {told}"
        );
    }
    assert_eq!(bmc.redfish("GET", CD, &json!(null))["Image"], Value::Null);
    for device in ["floppy", "safe", "diag"] {
        let told = bmc.ipmi(&format!("chassis bootdev {device}"));
        assert!(told.contains("Invalid data field"), "{device}: {told}");
    }
}

const BY_VARIABLES: &str = "
kind: Network
name: bmc
type: bmc
address: 10.0.1.1/24
---
kind: Network
name: inner
type: internal
---
kind: NetworkNamespace
name: boot
interfaces:
- network: inner
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
- name: http
  command: [busybox, httpd, -f, -v, -p, '10.9.0.1:80', -h, /usr/lib/ipxe]
---
kind: Image
name: guest
file: guest.qcow2
---
kind: Node
name: uefi
interfaces: [inner]
cpu: 1
memory: 384M
uefi: true
power: off
volumes:
- {kind: image, name: root, image: guest, copy-on-write: true}
bmc:
  address: 10.0.1.12
";

/// What the setup of OVMF has on its first page, and nothing else has.
const SETUP: &str = "Boot Maintenance Manager";
const URL: &str = "http://10.9.0.1/ipxe.efi";

#[test]
fn uefi_is_told_what_only_its_variables_tell() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/var/scratch/lab/variables.yml", BY_VARIABLES);
    machine.write("/var/scratch/lab/guest.qcow2", guest("guest.qcow2"));
    let before = machine.state();
    let arguments = [
        "--headless",
        "--qemu-user",
        "nobody",
        "--data-dir",
        "/var/scratch/data",
        "/var/scratch/lab/variables.yml",
    ];
    let mut engine = Engine::start(&machine, &arguments);
    engine.until_running(&machine, "variables", SOON * 2);
    let bmc = Bmc {
        machine: &machine,
        address: "10.0.1.12",
    };
    let mut console = Console::open(&machine, "uefi");
    let pid = || node(&machine, "variables", "uefi")["pid"].clone();

    // Into the setup, once.
    bmc.ipmi("chassis bootdev bios options=efiboot");
    assert!(
        bmc.ipmi("chassis bootparam get 5")
            .contains("Force Boot into BIOS Setup")
    );
    bmc.ipmi("chassis power on");
    console.expect(SETUP, BOOT);
    assert_eq!(bmc.boot().0, "Disabled");
    bmc.ipmi("chassis power reset");
    let shown = console.expect("login: ", BOOT);
    assert!(!shown.contains(SETUP), "{shown}");

    // By the other face, while it runs: its reset is a power cycle.
    let first = pid();
    bmc.boot_from("BiosSetup", "Once");
    bmc.reset("ForceRestart");
    console.expect(SETUP, BOOT);
    assert_ne!(pid(), first);
    assert_eq!(bmc.boot().0, "Disabled");

    // From a URL: UEFI fetches it, and what it fetched begins.
    let url = json!({ "BootSourceOverrideTarget": "UefiHttp", "HttpBootUri": URL });
    bmc.redfish("PATCH", SYSTEM, &json!({ "Boot": url }));
    bmc.reset("ForceRestart");
    let shown = console.expect("iPXE initialising devices", BOOT);
    assert!(shown.contains("Start HTTP Boot over IPv4"), "{shown}");
    let served = pmctl2(&machine, "logs boot/http");
    assert!(served.contains("response:200"), "{served}");
    assert_eq!(bmc.boot().0, "Disabled");
    bmc.reset("PowerCycle");
    let shown = console.expect("login: ", BOOT);
    assert!(!shown.contains("HTTP Boot") && !shown.contains(SETUP), "{shown}");

    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
}

const LATE: &str = "
kind: Network
name: bmc
type: bmc
address: 10.0.1.1/24
---
kind: Network
name: inner
type: internal
---
kind: Image
name: guest
url: http://198.51.100.1/guest.qcow2
---
kind: Node
name: late
interfaces: [inner]
cpu: 1
memory: 256M
volumes:
- {kind: image, name: root, image: guest, copy-on-write: true}
bmc:
  address: 10.0.1.11
";

/// Sends the image once it may.
const SERVE: &str = "
until [ -e /var/scratch/go ]; do sleep 0.1; done
printf 'HTTP/1.0 200 OK\\r\\nContent-Length: %s\\r\\n\\r\\n' $(stat -c %s /var/scratch/lab/guest.qcow2)
exec cat /var/scratch/lab/guest.qcow2
";

#[test]
fn what_is_decided_while_the_image_loads_holds_for_the_first_boot() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/var/scratch/lab/late.yml", LATE);
    machine.write("/var/scratch/lab/guest.qcow2", guest("guest.qcow2"));
    machine.write("/var/scratch/data/media/cd.iso", iso());
    machine.write("/var/scratch/serve", SERVE);
    let listen = "TCP-LISTEN:80,bind=198.51.100.1,fork,reuseaddr";
    machine.outside(&format!(
        "socat {listen} \"EXEC:sh /var/scratch/serve\" >/dev/null 2>&1 & echo $! > /var/scratch/pid"
    ));
    let before = machine.state();
    let mut engine = Engine::start_lab(&machine, "late");
    let shown = |path: &str| support::json(&machine, "late", path);
    engine.until("the BMC is served", SOON, || shown("/bmcs/late")["state"] == "ready");
    let bmc = Bmc {
        machine: &machine,
        address: "10.0.1.11",
    };
    bmc.boot_from("Hdd", "Continuous");
    bmc.boot_from("Pxe", "Once");
    assert_eq!(bmc.boot().0, "Once");
    let cd = "file:///var/scratch/data/media/cd.iso";
    bmc.insert(cd);
    bmc.eject();
    bmc.insert(cd);
    machine.sh("touch /var/scratch/go");
    engine.until_running(&machine, "late", SOON * 2);
    let mut console = Console::open(&machine, "late");
    console.expect("iPXE initialising devices", BOOT);
    assert_eq!(bmc.boot().0, "Disabled");
    // The medium is in the drive, and the next boot is by the usual order again.
    bmc.boot_from("Cd", "Once");
    bmc.reset("ForceRestart");
    came_from(&mut console, FROM_CD);
    bmc.eject();
    bmc.reset("ForceRestart");
    came_from(&mut console, FROM_DISK);

    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
    machine.sh("kill $(cat /var/scratch/pid)");
}
