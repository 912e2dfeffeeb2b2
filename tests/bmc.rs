//! BMCs of real nodes: power, console and where they are served, through ipmitool, curl and pmctl2 as on real servers.

#![cfg(test)]

#[path = "support/console.rs"]
mod console;
#[path = "support/mod.rs"]
mod support;

use std::{
    io::{Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::{Duration, Instant},
};

use console::Console;
use support::guests::{BOOT, SOON, guest, node};
use support::{Engine, Machine, PLACEMAT2, PMCTL2, get};

const LAB: &str = "
kind: Network
name: bmc
type: bmc
address: 10.0.1.1/24
---
kind: Image
name: guest
file: guest.qcow2
---
kind: Node
name: declared
cpu: 1
memory: 256M
volumes:
- {kind: image, name: root, image: guest, copy-on-write: true}
smbios: {manufacturer: Cybozu, product: Test, serial: '4711'}
bmc:
  address: 10.0.1.11
  users:
  - {name: ada, password: lovelace, role: Administrator}
---
kind: Node
name: announced
cpu: 1
memory: 256M
volumes:
- {kind: image, name: root, image: guest, copy-on-write: true}
";

/// Runs ipmitool in the machine, which must succeed; what it says.
fn ipmi(machine: &Machine, address: &str, user: &str, command: &str) -> String {
    machine.sh(&format!(
        "ipmitool -I lanplus -H {address} {user} -C 17 -N 10 {command} 2>&1"
    ))
}

const ADA: &str = "-U ada -P lovelace";
const CYBOZU: &str = "-U cybozu -P cybozu";

fn json(machine: &Machine, path: &str) -> serde_json::Value {
    support::json(machine, "bmc", path)
}

fn power(machine: &Machine, node: &str) -> String {
    json(machine, &format!("/nodes/{node}"))["power_status"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_server_is_managed_over_ipmi() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/var/scratch/lab/guest.qcow2", guest("guest.qcow2"));
    machine.write("/var/scratch/lab/bmc.yml", LAB);
    let before = machine.state();
    let mut engine = Engine::start_lab(&machine, "bmc");
    engine.until_running(&machine, "bmc", SOON * 2);
    engine.until("the declared BMC is served", SOON, || {
        json(&machine, "/bmcs/declared")["state"] == "ready"
    });
    let mut declared = Console::open(&machine, "declared");
    let mut announced = Console::open(&machine, "announced");

    let declared_bmc = |command: &str| ipmi(&machine, "10.0.1.11", ADA, command);
    assert!(declared_bmc("chassis power status").contains("is on"));
    let fru = declared_bmc("fru print");
    assert!(fru.contains("Cybozu") && fru.contains("4711"), "{fru}");
    assert!(declared_bmc("sensor list").contains("Memory Usage"));

    announced.login(BOOT);
    announced.run("echo 10.0.2.1 > /dev/virtio-ports/placemat", SOON);
    engine.until("the wrong address is told", SOON, || {
        json(&machine, "/bmcs/announced")["state"] == "failed"
    });
    let bmcs = machine.sh(&format!("{PMCTL2} bmc list -o table"));
    assert!(bmcs.contains("no network of type bmc"), "{bmcs}");

    declared.login(BOOT);
    the_guest_s_memory_is_measured(&machine);
    serial_over_lan(&machine);
    // Past all that was seen so far.
    declared.run("true", SOON);
    a_break_reaches_the_kernel(&machine, &mut declared);
    every_command(&machine);
    with_freeipmi(&machine, &mut engine, &mut declared);
    power_verbs(&machine, &mut engine, &mut declared, &declared_bmc);

    // What a client sets, the API shows.
    declared_bmc("chassis bootdev disk options=persistent");
    let boot = json(&machine, "/bmcs/declared")["boot_override"].clone();
    assert_eq!(
        (&boot["target"], &boot["persistence"]),
        (&"disk".into(), &"continuous".into())
    );
    let shown = machine.sh(&format!("{PMCTL2} bmc show declared"));
    assert!(!shown.contains("lovelace"), "{shown}");
    let log = declared_bmc("sel elist");
    assert!(log.contains("soft-off") && log.contains("working"), "{log}");

    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
}

/// A program at a terminal, played by a test.
struct Terminal {
    program: Child,
    typed: ChildStdin,
    shown: ChildStdout,
    seen: String,
}

impl Terminal {
    fn start(machine: &Machine, command: &str) -> Self {
        let mut script = machine.command("script");
        script
            .args(["-qec", command, "/dev/null"])
            .env("TERM", "vt100")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut program = script.spawn().unwrap();
        Self {
            typed: program.stdin.take().unwrap(),
            shown: program.stdout.take().unwrap(),
            seen: String::new(),
            program,
        }
    }

    fn types(&mut self, keys: &[u8]) {
        self.typed.write_all(keys).unwrap();
    }

    /// Waits for words after those that were waited for before.
    fn until(&mut self, words: &str) {
        let deadline = Instant::now() + Duration::from_secs(SOON * 2);
        while !self.seen.contains(words) {
            assert!(Instant::now() < deadline, "{words}: {}", self.seen);
            let mut buffer = [0; 1024];
            let count = self.shown.read(&mut buffer).unwrap();
            assert_ne!(count, 0, "it ended after: {}", self.seen);
            self.seen += &String::from_utf8_lossy(&buffer[..count]);
        }
        self.seen.clear();
    }

    /// Logs in at the guest's console and runs a command.
    fn works_at_the_guest(&mut self) {
        // Out of the shell of the one who signed in before, and in again.
        self.types(b"exit\n");
        self.until("login: ");
        self.types(b"root\n");
        self.until("# ");
        self.types(b"echo $((6 * 7))-over-lan\n");
        self.until("42-over-lan");
    }

    fn ends(mut self, keys: &[u8]) {
        self.types(keys);
        assert!(self.program.wait().unwrap().success());
    }
}

/// A guest that has just booted has not touched all of its memory, though its QEMU has taken more than that.
fn the_guest_s_memory_is_measured(machine: &Machine) {
    let sensor = "/redfish/v1/Chassis/System.Embedded.1/Sensors/MemoryUsage";
    let shown = machine.sh(&format!("{PMCTL2} redfish declared GET {sensor}"));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    let reading = shown["Reading"].as_f64().unwrap();
    assert!((5.0..99.0).contains(&reading), "{shown}");
    println!("a guest of 256 MiB has touched {reading} % of them");
}

/// Logs in over the BMC, where the console's other clients see it, and runs a command.
fn serial_over_lan(machine: &Machine) {
    let mut client = Terminal::start(machine, &sol());
    client.until("perational");
    client.works_at_the_guest();
    client.ends(b"\r~.");
}

fn sol() -> String {
    format!("ipmitool -I lanplus -H 10.0.1.11 {ADA} -C 17 -N 10 sol activate")
}

/// A break, and a key: the kernel takes it for the magic SysRq key.
fn a_break_reaches_the_kernel(machine: &Machine, console: &mut Console) {
    const HELP: &str = "sysrq: HELP";
    console.run("echo 1 > /proc/sys/kernel/sysrq", SOON);
    let mut client = Terminal::start(machine, &sol());
    client.until("perational");
    client.types(b"\r");
    client.until("# ");
    client.types(b"~B");
    // ipmitool says what it was told, and sends it at once.
    client.until("~B");
    client.types(b"h");
    client.until(HELP);
    console.expect(HELP, SOON);
    client.ends(b"\r~.");
    // ipmitool may end before it has sent what was typed before.
    console.send("");
    console.expect("# ", SOON);
    machine.sh(&format!("{PMCTL2} node type --break declared h"));
    console.expect(HELP, SOON);
    console.send("");
    console.expect("# ", SOON);
}

/// A command of ipmitool, and what it has to say of a live machine. In this order.
const EVERY: &[(&str, &[&str])] = &[
    ("mc info", &["Chassis Device"]),
    ("mc selftest", &["passed"]),
    ("mc guid", &["System GUID"]),
    ("mc getenables", &["System Event Logging"]),
    ("mc getsysinfo system_name", &["declared"]),
    ("mc watchdog get", &["Stopped"]),
    (
        "chassis status",
        &["System Power : on", "Power Restore Policy : always-on"],
    ),
    ("chassis power status", &["Chassis Power is on"]),
    ("chassis power on", &["Up/On"]),
    ("chassis poh", &["POH Counter"]),
    ("chassis restart_cause", &["System restart cause"]),
    ("chassis policy list", &["always-off always-on previous"]),
    ("chassis identify 5", &["5 seconds"]),
    ("chassis bootdev cdrom", &["Set Boot Device to cdrom"]),
    ("chassis bootparam get 5", &["Force Boot from CD/DVD", "only next boot"]),
    ("chassis bootdev disk options=persistent", &["Set Boot Device to disk"]),
    (
        "chassis bootparam get 5",
        &["Force Boot from default Hard-Drive", "all future boots"],
    ),
    ("chassis bootdev none", &["Set Boot Device to none"]),
    ("chassis bootparam get 5", &["No override"]),
    ("chassis bootmbox get", &[]),
    ("sdr list", &["Power", "CPU Usage", "Memory Usage", "percent"]),
    ("sdr elist full", &["CPU Usage", "Memory Usage"]),
    ("sdr info", &["Record Count : 9"]),
    ("sdr type Memory", &["Memory Usage"]),
    ("sensor list", &["CPU Usage", "Memory Usage"]),
    ("sensor get Power", &["S0/G0: working"]),
    ("sel info", &["Entries"]),
    ("sel list first 1", &["Asserted"]),
    ("sel time get", &[]),
    ("event 1", &[]),
    ("sel list last 1", &["Temperature"]),
    ("fru print 0", &["Cybozu", "4711"]),
    ("lan print 1", &["10.0.1.11", "Static Address"]),
    ("channel info 1", &["802.3 LAN"]),
    ("channel getciphers ipmi 1", &["hmac_sha256", "hmac_sha1"]),
    ("channel authcap 1 4", &["IPMI v2.0"]),
    ("channel getaccess 1 2", &["ADMINISTRATOR"]),
    ("user list 1", &["ada", "ADMINISTRATOR"]),
    ("user summary 1", &["Enabled User Count"]),
    ("user test 2 16 lovelace", &["Success"]),
    ("session info active", &["user id : 2"]),
    ("sol info 1", &["Enabled : true"]),
    ("sol payload status 1 2", &["is enabled"]),
    ("raw 0x06 0x01", &["20 01"]),
    ("sel clear", &["Clearing SEL"]),
    ("sel list", &["Log area reset/cleared"]),
];

/// All that ipmitool has to ask and to set, with each cipher suite, of a machine that runs on.
fn every_command(machine: &Machine) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for suite in [3, 17] {
        for (command, expected) in EVERY {
            let said = words(&machine.sh(&format!(
                "ipmitool -I lanplus -H 10.0.1.11 {ADA} -C {suite} -N 10 {command} 2>&1"
            )));
            for part in *expected {
                assert!(
                    said.contains(part),
                    "suite {suite}, {command}: {part:?} is not in {said}"
                );
            }
        }
    }
}

/// The programs of freeipmi, on a machine that runs: what they tell and what they do.
fn with_freeipmi(machine: &Machine, engine: &mut Engine, console: &mut Console) {
    const LOGIN: &str = "-D LAN_2_0 -I 17 -l ADMIN -h 10.0.1.11 -u ada -p lovelace";
    let free = |command: &str| machine.sh(&format!("{} 2>&1", command.replacen(' ', &format!(" {LOGIN} "), 1)));
    let tells = |command: &str, expected: &[&str]| {
        let said = free(command);
        for part in expected {
            assert!(said.contains(part), "{command}: {part:?} is not in {said}");
        }
    };
    tells("bmc-info ", &["IPMI Version", "2.0"]);
    tells("ipmi-fru --sdr-cache-recreate --quiet-cache", &["Cybozu", "4711"]);
    tells(
        "ipmi-sensors --sdr-cache-recreate --quiet-cache",
        &["Power", "Memory Usage", "S0/G0"],
    );
    tells("ipmi-chassis --get-chassis-status", &["System Power", "on"]);
    let restore = "ipmi-chassis-config --commit -e Chassis_Power_Conf:Power_Restore_Policy";
    tells(&format!("{restore}=Restore_State_AC_Apply"), &[]);
    assert!(ipmi(machine, "10.0.1.11", ADA, "chassis status").contains("previous"));
    tells(&format!("{restore}=On_State_AC_Apply"), &[]);
    tells("ipmipower --stat", &["10.0.1.11: on"]);
    let pid = || json(machine, "/nodes/declared")["pid"].as_u64();
    let first = pid();
    tells("ipmipower --reset", &["10.0.1.11: ok"]);
    console.login(BOOT);
    assert_eq!(pid(), first, "a reset keeps QEMU");
    let mut client = Terminal::start(machine, "ipmiconsole -h 10.0.1.11 -u ada -p lovelace -I 17 -l ADMIN");
    client.until("established");
    client.works_at_the_guest();
    client.ends(b"&.");
    tells("ipmi-chassis --chassis-control=POWER-DOWN", &[]);
    engine.until("the node is off", SOON, || power(machine, "declared") == "Off");
    tells("ipmipower --on --wait-until-on", &["10.0.1.11: ok"]);
    engine.until("the node is on", SOON, || power(machine, "declared") == "On");
    tells(
        "ipmi-sel --sdr-cache-recreate --quiet-cache",
        &["S5/G2", "S0/G0", "System Boot Initiated"],
    );
    // Past what the other client did there.
    console.expect("SeaBIOS", BOOT);
    console.login(BOOT);
    console.run("true", SOON);
}

fn power_verbs(machine: &Machine, engine: &mut Engine, console: &mut Console, bmc: &dyn Fn(&str) -> String) {
    let pid = || json(machine, "/nodes/declared")["pid"].as_u64();
    let first = pid();
    bmc("chassis power on");
    assert_eq!(pid(), first, "on when on does nothing");
    bmc("chassis power diag");
    bmc("chassis power reset");
    console.expect("login: ", BOOT);
    assert_eq!(pid(), first, "a reset keeps QEMU");
    bmc("chassis power cycle");
    engine.until("another QEMU runs", SOON, || {
        pid().is_some_and(|pid| Some(pid) != first)
    });
    bmc("chassis power off");
    engine.until("the node is off", SOON, || power(machine, "declared") == "Off");
    bmc("chassis power off");
    assert!(bmc("chassis power status").contains("is off"));
    let refused = machine.try_sh(&format!(
        "ipmitool -I lanplus -H 10.0.1.11 {ADA} -C 3 chassis power reset"
    ));
    assert!(!refused.status.success());
    let stranger = machine.try_sh(&format!(
        "ipmitool -I lanplus -H 10.0.1.11 {CYBOZU} -C 3 -N 1 -R 1 power status"
    ));
    assert!(!stranger.status.success());
    bmc("chassis power on");
    engine.until("the node is on", SOON, || power(machine, "declared") == "On");
    console.expect("login: ", BOOT);
    bmc("chassis power soft");
    engine.until("the guest has shut down", BOOT, || power(machine, "declared") == "Off");
}

const OFF: &str = "
kind: Network
name: bmc
type: bmc
address: 10.0.1.1/24
---
kind: Node
name: server
cpu: 2
memory: 256M
power: off
interfaces: [bmc]
volumes:
- {kind: raw, name: root, size: 1G}
bmc:
  address: 10.0.1.11
";

#[test]
fn a_server_is_managed_over_redfish() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/var/scratch/lab/redfish.yml", OFF);
    let before = machine.state();
    // Somebody has the port of IPMI on all addresses.
    machine.sh("socat -u UDP4-RECV:623 /dev/null >/dev/null 2>&1 & echo $! > /run/socat.pid");
    let mut engine = Engine::start_lab(&machine, "redfish");
    engine.until_running(&machine, "redfish", SOON * 2);
    let state = |path: &str| support::json(&machine, "redfish", path);
    engine.until("the BMC can't be served", SOON, || {
        state("/bmcs/server")["state"] == "failed"
    });
    let why = state("/bmcs/server")["error"].to_string();
    assert!(why.contains("UDP port 623 of 10.0.1.11 can't be bound"), "{why}");
    // It is served as soon as they are gone.
    machine.sh("kill $(cat /run/socat.pid); rm /run/socat.pid");
    engine.until("the BMC is served", SOON, || state("/bmcs/server")["state"] == "ready");
    assert_eq!(state("/bmcs/server")["error"], serde_json::Value::Null);

    // The lab's authority vouches for the address.
    let system = "/redfish/v1/Systems/System.Embedded.1";
    let curl = |arguments: &str, path: &str| {
        machine.sh(&format!(
            "curl -sS --fail-with-body --max-time 60 --cacert /run/placemat2/redfish/ca.pem -u cybozu:cybozu {arguments} \
             'https://10.0.1.11{path}'"
        ))
    };
    let shown: serde_json::Value = serde_json::from_str(&curl("", system)).unwrap();
    assert_eq!(
        (&shown["PowerState"], &shown["HostName"]),
        (&"Off".into(), &"server".into())
    );
    let drives = curl("", "/redfish/v1/Chassis/System.Embedded.1/Drives?$expand=.");
    assert!(drives.contains("\"CapacityBytes\":1073741824"), "{drives}");
    let nic: serde_json::Value =
        serde_json::from_str(&curl("", &format!("{system}/EthernetInterfaces/NIC.0"))).unwrap();
    assert_eq!(nic["MACAddress"], state("/nodes/server")["nics"][0]["mac"]);

    // What is set by one face, the other shows.
    let json = "-H 'Content-Type: application/json'";
    let boot = "{\"Boot\":{\"BootSourceOverrideTarget\":\"Pxe\",\"BootSourceOverrideEnabled\":\"Continuous\"}}";
    curl(&format!("-X PATCH {json} -d '{boot}'"), system);
    let parameters = ipmi(&machine, "10.0.1.11", CYBOZU, "chassis bootparam get 5");
    assert!(parameters.contains("Force PXE"), "{parameters}");

    let reset = format!("{system}/Actions/ComputerSystem.Reset");
    curl(&format!("{json} -d '{{\"ResetType\":\"On\"}}'"), &reset);
    engine.until("it is on", SOON, || state("/nodes/server")["power_status"] == "On");
    let asked = machine.sh(&format!("{PMCTL2} redfish server GET '{system}?$select=PowerState'"));
    assert!(asked.contains("\"PowerState\":\"On\""), "{asked}");
    let refused = machine.sh(&format!(
        "{PMCTL2} redfish server POST {reset} '{{\"ResetType\":\"Explode\"}}' 2>&1 || true"
    ));
    assert!(refused.contains("ActionParameterValueNotInList"), "{refused}");
    machine.sh(&format!(
        "{PMCTL2} redfish server post {reset} '{{\"ResetType\":\"ForceOff\"}}'"
    ));
    engine.until("it is off", SOON, || state("/nodes/server")["power_status"] == "Off");
    let log = ipmi(&machine, "10.0.1.11", CYBOZU, "sel list");
    assert_eq!(log.lines().count(), 2, "{log}");

    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
}

const IPV6: &str = "
kind: Network
name: bmc
type: bmc
address: fd00:10::1/64
---
kind: Image
name: guest
file: guest.qcow2
---
kind: Node
name: declared
cpu: 1
power: off
bmc:
  address: fd00:10::11
  tls: {certificate: own.pem, key: own.key}
---
kind: Node
name: announced
cpu: 1
memory: 256M
volumes:
- {kind: image, name: root, image: guest, copy-on-write: true}
";

/// A certificate for an address, which vouches for itself, and its key, both in PEM.
fn certificate(address: &str) -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new([address.to_owned()]).unwrap();
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn bmcs_have_addresses_of_ipv6_and_certificates_of_the_user() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/var/scratch/lab/guest.qcow2", guest("guest.qcow2"));
    machine.write("/var/scratch/lab/six.yml", IPV6);
    for (name, address) in [("own", "fd00:10::11"), ("common", "fd00:10::12")] {
        let (certificate, key) = certificate(address);
        machine.write(&format!("/var/scratch/lab/{name}.pem"), certificate);
        machine.write(&format!("/var/scratch/lab/{name}.key"), key);
    }
    let before = machine.state();
    let lab = "/var/scratch/lab";
    let options = ["--headless", "--data-dir", "/var/scratch/data", "--bmc-tls"];
    let refused = machine.try_sh(&format!(
        "{PLACEMAT2} {} {lab}/common.pem {lab}/own.key {lab}/six.yml 2>&1",
        options.join(" ")
    ));
    let told = String::from_utf8_lossy(&refused.stdout).into_owned();
    assert!(
        !refused.status.success() && told.contains("is not that of the certificate"),
        "{told}"
    );
    let files = ["common.pem", "common.key", "six.yml"].map(|name| format!("{lab}/{name}"));
    let arguments: Vec<&str> = options.into_iter().chain(files.iter().map(String::as_str)).collect();
    let mut engine = Engine::start(&machine, &arguments);
    engine.until_running(&machine, "six", SOON * 2);
    let state = |path: &str| support::json(&machine, "six", path);
    let redfish = |address: &str, ca: &str, path: &str| {
        machine.sh(&format!(
            "curl -sS --fail-with-body --max-time 60 --cacert {lab}/{ca}.pem -u cybozu:cybozu 'https://[{address}]{path}'"
        ))
    };
    engine.until("the declared BMC is served", SOON, || {
        state("/bmcs/declared")["state"] == "ready"
    });
    assert!(ipmi(&machine, "fd00:10::11", CYBOZU, "chassis power status").contains("is off"));
    let system = "/redfish/v1/Systems/System.Embedded.1";
    assert!(redfish("fd00:10::11", "own", system).contains("\"PowerState\":\"Off\""));
    let lan = redfish("fd00:10::11", "own", "/redfish/v1/Managers/BMC/EthernetInterfaces/LAN");
    assert!(lan.contains("\"Address\":\"fd00:10::11\""), "{lan}");

    let mut guest = Console::open(&machine, "announced");
    guest.login(BOOT);
    guest.run("echo fd00:10::12 > /dev/virtio-ports/placemat", SOON);
    engine.until("the announced BMC is served", SOON, || {
        state("/bmcs/announced")["state"] == "ready"
    });
    assert_eq!(state("/bmcs/announced")["address"], "fd00:10::12");
    assert!(ipmi(&machine, "fd00:10::12", CYBOZU, "chassis power status").contains("is on"));
    assert!(redfish("fd00:10::12", "common", system).contains("\"PowerState\":\"On\""));
    ipmi(&machine, "fd00:10::12", CYBOZU, "chassis power off");
    engine.until("the node is off", SOON, || {
        state("/nodes/announced")["power_status"] == "Off"
    });

    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
}

const RESTORED: &str = "
kind: Network
name: bmc
type: bmc
address: 10.0.1.1/24
---
kind: Node
name: server
cpu: 1
memory: 128M
bmc:
  address: 10.0.1.11
---
kind: Node
name: other
cpu: 1
memory: 128M
power: off
bmc:
  address: 10.0.1.12
";

#[test]
fn power_comes_back_as_the_policy_says() {
    let Some(machine) = Machine::new() else { return };
    machine.write("/var/scratch/lab/restored.yml", RESTORED);
    let before = machine.state();
    let state = |name: &str| node(&machine, "restored", name);
    let powers = || {
        (
            state("server")["power_status"].clone(),
            state("other")["power_status"].clone(),
        )
    };
    let start = || {
        let mut engine = Engine::start_lab(&machine, "restored");
        engine.until_running(&machine, "restored", SOON * 2);
        let ready = |node: &str| {
            let bmc = get(&machine, "restored", &format!("/bmcs/{node}")).unwrap_or_default();
            String::from_utf8_lossy(&bmc).contains("\"ready\"")
        };
        engine.until("the BMCs are served", SOON, || ready("server") && ready("other"));
        engine
    };
    let server = |command: &str| ipmi(&machine, "10.0.1.11", CYBOZU, command);
    let other = |command: &str| ipmi(&machine, "10.0.1.12", CYBOZU, command);

    // As the lab file says, which is what is told.
    let mut engine = start();
    assert_eq!(powers(), ("On".into(), "Off".into()));
    assert!(server("chassis status").contains("always-on") && other("chassis status").contains("always-off"));
    server("chassis policy previous");
    other("chassis policy always-on");
    server("chassis power off");
    engine.until("it is off", SOON, || state("server")["power_status"] == "Off");
    engine.stop();

    let mut engine = start();
    assert_eq!(powers(), ("Off".into(), "On".into()));
    let reason = state("server")["power_reason"].to_string();
    assert!(reason.contains("restore policy is `previous`"), "{reason}");
    assert!(server("chassis status").contains("previous") && other("chassis status").contains("always-on"));
    server("chassis power on");
    engine.until("it is on", SOON, || state("server")["power_status"] == "On");
    // By the other face.
    let patched = machine.sh(&format!(
        "{PMCTL2} redfish other PATCH /redfish/v1/Systems/System.Embedded.1 '{{\"PowerRestorePolicy\": \"AlwaysOff\"}}'"
    ));
    assert!(patched.contains("\"PowerRestorePolicy\":\"AlwaysOff\""), "{patched}");
    // What was on when the lab was killed was on.
    engine.signal(nix::sys::signal::Signal::SIGKILL);
    engine.wait(SOON);

    let engine = start();
    assert_eq!(powers(), ("On".into(), "Off".into()));
    engine.stop();
    assert_eq!(before.diff(&machine.state()), [] as [String; 0]);
}
