//! ipmitool and freeipmi against the face.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    time::sleep,
};

use super::scene::{Scene, on_private_host, said, tool};
use crate::bmc::{BootFirmware, BootOverride, BootTarget, Cause, Persistence, Verb};

/// As administrator, with the cipher suite of that number.
fn lanplus(suite: &str) -> String {
    format!("-I lanplus -H 10.0.1.11 -U cybozu -P cybozu -C {suite} -N 10 ")
}

/// As administrator, with freeipmi.
const FREE: &str = "-h 10.0.1.11 -u cybozu -p cybozu ";

/// A command of ipmitool and what it has to say.
type Expected = (&'static str, &'static [&'static str]);

/// In this order. What is said is compared without regard to the number of spaces.
const BATTERY: &[Expected] = &[
    (
        "mc info",
        &[
            "Device ID : 32",
            "IPMI Version : 2.0",
            "Chassis Device",
            "FRU Inventory Device",
        ],
    ),
    ("mc selftest", &["passed"]),
    ("mc guid", &["00112233-4455-5677-8899-aabbccddeeff"]),
    ("mc getenables", &["System Event Logging : enabled"]),
    ("mc getsysinfo system_name", &["boot-0"]),
    ("mc setsysinfo primary_os_name Linux", &[]),
    ("mc getsysinfo primary_os_name", &["Linux"]),
    (
        "chassis status",
        &["System Power : off", "Power Restore Policy : always-off"],
    ),
    ("chassis power on", &["Up/On"]),
    ("chassis power status", &["Chassis Power is on"]),
    ("chassis power on", &["Up/On"]),
    ("power reset", &["Reset"]),
    ("power cycle", &["Cycle"]),
    ("power diag", &["Diag"]),
    ("power soft", &["Soft"]),
    ("power status", &["Chassis Power is off"]),
    ("power off", &["Down/Off"]),
    ("power on", &["Up/On"]),
    ("chassis status", &["System Power : on", "Last Power Event : command"]),
    ("chassis restart_cause", &["chassis power control command"]),
    ("chassis poh", &["POH Counter : 0 days, 0 hours"]),
    (
        "chassis policy list",
        &["Supported chassis power policy: always-off always-on previous"],
    ),
    (
        "chassis policy always-on",
        &["Set chassis power restore policy to always-on"],
    ),
    ("chassis status", &["Power Restore Policy : always-on"]),
    (
        "chassis policy previous",
        &["Set chassis power restore policy to previous"],
    ),
    ("chassis status", &["Power Restore Policy : previous"]),
    ("chassis identify 30", &["30 seconds"]),
    ("chassis identify force", &["indefinite"]),
    ("chassis identify 0", &["off"]),
    ("chassis bootdev pxe", &["Set Boot Device to pxe"]),
    (
        "chassis bootparam get 5",
        &["Boot Flag Valid", "Force PXE", "only next boot"],
    ),
    (
        "chassis bootdev cdrom options=efiboot,persistent",
        &["Set Boot Device to cdrom"],
    ),
    (
        "chassis bootparam get 5",
        &["Force Boot from CD/DVD", "EFI", "all future boots"],
    ),
    ("chassis bootdev bios", &["Invalid data field"]),
    ("chassis bootparam get 5", &["Force Boot from CD/DVD"]),
    ("chassis bootmbox get", &[]),
    ("sdr list", &["Power", "CPU Usage", "25", "Memory Usage", "50"]),
    ("sdr elist all", &["BMC", "System", "Watchdog", "Event Log"]),
    ("sdr info", &["Record Count : 9"]),
    ("sensor list", &["CPU Usage", "25.000"]),
    ("sensor get Power", &["S0/G0: working"]),
    ("sdr type Memory", &["Memory Usage"]),
    (
        "sel info",
        &["Entries", "Supported Cmds : 'Delete' 'Reserve' 'Get Alloc Info'"],
    ),
    (
        "sel elist",
        &["S0/G0: working", "S5/G2: soft-off", "Initiated by hard reset"],
    ),
    ("sel get 1", &["Power"]),
    ("sel time get", &[]),
    ("sel clear", &["Clearing SEL"]),
    ("sel list", &["Log area reset/cleared"]),
    ("event 1", &[]),
    ("sel elist", &["Asserted"]),
    ("sel delete 1", &[]),
    (
        "fru print",
        &[
            "Product Manufacturer : Cybozu",
            "Product Name : Boot server",
            "Product Serial : 00000001",
        ],
    ),
    (
        "lan print 1",
        &[
            "IP Address : 10.0.1.11",
            "Subnet Mask : 255.255.255.0",
            "02:00:00:00:00:09",
            "3,17",
        ],
    ),
    ("channel info 1", &["802.3 LAN", "multi-session"]),
    ("channel getciphers ipmi 1", &["hmac_sha256", "hmac_sha1"]),
    ("raw 0x06 0x54 0x01 0x00 0x00", &["01 01 03 41 44 81"]),
    ("channel authcap 1 4", &["IPMI v2.0"]),
    ("channel getaccess 1 2", &["ADMINISTRATOR", "enabled"]),
    ("user list 1", &["cybozu", "ADMINISTRATOR", "reader", "USER"]),
    ("user set name 4 ada", &[]),
    ("user set password 4 lovelace", &["successful"]),
    (
        "channel setaccess 1 4 link=on ipmi=on callin=on privilege=3",
        &["successful"],
    ),
    ("user enable 4", &[]),
    ("user test 4 16 lovelace", &["Success"]),
    ("user summary 1", &["Maximum IDs : 15", "Enabled User Count : 3"]),
    ("session info active", &["user id : 2", "console ip : 10.0.1.11"]),
    ("mc watchdog get", &["Stopped"]),
    ("sol info 1", &["Enabled : true", "Payload Port : 623"]),
    ("sol payload status 1 2", &["is enabled"]),
    ("sol deactivate", &["already de-activated"]),
    ("raw 0x2c 0x00 0x00", &["0xc1"]),
    ("raw 0x2e 0x01", &["0xc1"]),
    ("mc reset warm", &["warm reset"]),
];

/// Those that fail although the BMC does what it should.
const REFUSED: &[&str] = &["raw 0x2c 0x00 0x00", "raw 0x2e 0x01", "sol deactivate"];

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs commands and fails with all that did not do what they should.
async fn check(commands: &[(String, String, &[&str], bool)]) {
    let mut failures = Vec::new();
    for (program, arguments, expected, refused) in commands {
        let output = tool(program, arguments).await;
        let said = said(&output);
        let missing: Vec<_> = expected.iter().filter(|part| !words(&said).contains(**part)).collect();
        if !missing.is_empty() || output.status.success() == *refused {
            failures.push(format!(
                "{program} {arguments}: {}: {missing:?} is not in:\n{said}\n",
                output.status
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.concat());
}

async fn battery(scene: &Scene, suite: &str) {
    let all = BATTERY.iter().map(|(command, expected)| {
        let arguments = format!("{}{command}", lanplus(suite));
        ("ipmitool".to_owned(), arguments, *expected, REFUSED.contains(command))
    });
    check(&all.collect::<Vec<_>>()).await;
    let verbs = [
        Verb::On,
        Verb::On,
        Verb::Reset,
        Verb::Cycle,
        Verb::Nmi,
        Verb::Shutdown,
        Verb::Off,
        Verb::On,
    ];
    assert_eq!(scene.acts(), verbs);
    let boot = BootOverride {
        target: BootTarget::Cd,
        persistence: Persistence::Continuous,
        firmware: BootFirmware::Uefi,
    };
    assert_eq!(scene.bmc.boot(), Some(boot));
    assert!(scene.bmc.accounts().sign_in("ada", b"lovelace").is_some());
}

#[test]
fn ipmitool_with_suite_3() {
    on_private_host(async |scene| battery(&scene, "3").await);
}

#[test]
fn ipmitool_with_suite_17() {
    on_private_host(async |scene| battery(&scene, "17").await);
}

#[test]
fn what_ipmitool_must_not_get() {
    on_private_host(async |scene| {
        for arguments in [
            // No suite, a wrong password, an unknown user, more than the account may do.
            "-I lanplus -H 10.0.1.11 -U cybozu -P cybozu -C 0 -N 1 -R 1 mc info",
            "-I lanplus -H 10.0.1.11 -U cybozu -P wrong -C 17 -N 1 -R 1 mc info",
            "-I lanplus -H 10.0.1.11 -U nobody -P cybozu -C 17 -N 1 -R 1 mc info",
            "-I lanplus -H 10.0.1.11 -U reader -P reader -C 17 -N 1 -R 1 power on",
            "-I lanplus -H 10.0.1.11 -U reader -P reader -C 17 -L USER -N 1 -R 1 power on",
            "-I lan -H 10.0.1.11 -U cybozu -P cybozu -N 1 -R 1 power on",
        ] {
            let output = tool("ipmitool", arguments).await;
            assert!(!output.status.success(), "{arguments}: {}", said(&output));
        }
        let output = tool(
            "ipmitool",
            "-I lanplus -H 10.0.1.11 -U reader -P reader -C 17 -L USER -N 10 power status",
        );
        assert!(said(&output.await).contains("is off"));
        assert!(scene.acts().is_empty());
    });
}

#[test]
fn power_is_told_as_off_once_that_was_answered() {
    on_private_host(async |scene| {
        let Scene { bmc, machine, .. } = &scene;
        bmc.act(Verb::On, Cause::Other).await.unwrap();
        for program in ["ipmitool", "ipmipower"] {
            let turn = machine.turn.lock().await;
            let off = match program {
                "ipmitool" => format!("{} power off", lanplus("17")),
                _ => format!("{FREE}-D LAN_2_0 -I 17 --off"),
            };
            let slow = async {
                while bmc.is_settled() {
                    sleep(Duration::from_millis(1)).await;
                }
                sleep(Duration::from_millis(300)).await;
                drop(turn);
            };
            let (output, ()) = tokio::join!(tool(program, &off), slow);
            assert!(output.status.success() && !bmc.power().is_on(), "{}", said(&output));
            bmc.act(Verb::On, Cause::Other).await.unwrap();
        }
    });
}

#[test]
fn freeipmi() {
    on_private_host(async |scene| {
        let free = async |program: &str, arguments: &str, expected: &[&str]| {
            check(&[(program.to_owned(), format!("{FREE}{arguments}"), expected, false)]).await;
        };
        for suite in ["3", "17"] {
            let power = format!("-D LAN_2_0 -I {suite} ");
            free("ipmipower", &format!("{power}--stat"), &["10.0.1.11: off"]).await;
            free("ipmipower", &format!("{power}--on --wait-until-on"), &["10.0.1.11: ok"]).await;
            free("ipmipower", &format!("{power}--stat"), &["10.0.1.11: on"]).await;
            free("ipmipower", &format!("{power}--reset"), &["10.0.1.11: ok"]).await;
            free("ipmipower", &format!("{power}--cycle"), &["10.0.1.11: ok"]).await;
            free("ipmipower", &format!("{power}--pulse"), &["10.0.1.11: ok"]).await;
            free(
                "ipmipower",
                &format!("{power}--off --wait-until-off"),
                &["10.0.1.11: ok"],
            )
            .await;
            assert_eq!(scene.acts(), [Verb::On, Verb::Reset, Verb::Cycle, Verb::Nmi, Verb::Off]);
        }
        let lan = "-D LAN_2_0 -I 17 -l ADMIN ";
        free(
            "bmc-info",
            lan,
            &[
                "Device ID : 32",
                "IPMI Version : 2.0",
                "00112233-4455-5677-8899-aabbccddeeff",
            ],
        )
        .await;
        free("ipmi-chassis", &format!("{lan}--get-status"), &["System Power : off"]).await;
        free("ipmi-chassis", &format!("{lan}--chassis-identify=TURN-OFF"), &[]).await;
        free("ipmi-chassis", &format!("{lan}--get-power-on-hours-counter"), &[]).await;
        let cache = "--sdr-cache-recreate --quiet-cache ";
        free(
            "ipmi-sensors",
            &format!("{lan}{cache}"),
            &["Power", "Watchdog", "CPU Usage", "Memory Usage"],
        )
        .await;
        free("ipmi-sel", &format!("{lan}{cache}"), &["S0/G0", "S5/G2"]).await;
        free("ipmi-sel", &format!("{lan}--info"), &["Number of log entries"]).await;
        free("ipmi-sel", &format!("{lan}--clear"), &[]).await;
        free(
            "ipmi-fru",
            &format!("{lan}{cache}"),
            &["Cybozu", "Boot server", "00000001"],
        )
        .await;
    });
}

/// Reads until those words have come.
async fn reads(from: &mut (impl tokio::io::AsyncRead + Unpin), expected: &str) -> String {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(expected) {
        let mut buffer = [0; 4096];
        let length = from.read(&mut buffer).await.unwrap();
        assert_ne!(length, 0, "it ended after {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..length]);
    }
    String::from_utf8(seen).unwrap()
}

/// A program that wants a terminal, in one that `script` makes.
fn in_terminal(command: &str) -> tokio::process::Child {
    Command::new("script")
        .args(["-qec", command, "/dev/null"])
        .env("TERM", "vt100")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

async fn serial_over_lan(mut scene: Scene, command: &str, greeting: &str, end: &[u8]) {
    let mut client = in_terminal(command);
    let (mut typed, mut shown) = (client.stdin.take().unwrap(), client.stdout.take().unwrap());
    reads(&mut shown, greeting).await;
    // Another session can't have it meanwhile.
    let second = tool("ipmitool", &format!("{}sol activate", lanplus("3"))).await;
    assert!(said(&second).contains("already active"), "{}", said(&second));
    scene.guest.write_all(b"login: ").await.unwrap();
    reads(&mut shown, "login: ").await;
    typed.write_all(b"root\n").await.unwrap();
    let heard = reads(&mut scene.guest, "root").await;
    assert!(
        heard.ends_with("root\r") || heard.ends_with("root\n") || heard.ends_with("root"),
        "{heard:?}"
    );
    // More than fits into many packets.
    let flood = "0123456789abcdef".repeat(1000) + "END";
    scene.guest.write_all(flood.as_bytes()).await.unwrap();
    let flooded = reads(&mut shown, "END").await;
    assert!(flooded.contains(&flood));
    typed.write_all(end).await.unwrap();
    let status = client.wait().await.unwrap();
    assert!(status.success(), "{status}");
    assert!(scene.bmc.sessions().list().is_empty());
}

#[test]
fn serial_over_lan_by_ipmitool() {
    on_private_host(async |scene| {
        let command = format!("ipmitool {}sol activate", lanplus("17"));
        serial_over_lan(scene, &command, "perational", b"\r~.").await;
    });
}

#[test]
fn serial_over_lan_by_ipmiconsole() {
    on_private_host(async |scene| {
        let command = format!("ipmiconsole {FREE} -I 17");
        serial_over_lan(scene, &command, "established", b"&.").await;
    });
}
