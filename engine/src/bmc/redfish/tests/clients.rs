//! DMTF's own programs, as `make redfish-clients` installs them: the validators and the tools.
//!
//! They take their time, and so run with the long tests.

use std::{
    env,
    path::{Path, PathBuf},
    process::Output,
};

use tokio::process::Command;

use crate::bmc::{
    BootTarget, Cause, Drive, Image, Role, Verb,
    redfish::testing::{Served, served},
    testing::{Scripted, furnished},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs one of the programs against a BMC.
async fn run(served: &Served, program: &str, arguments: &[&str]) -> Output {
    let program = root().join("target/redfish-clients/bin").join(program);
    let mut command = Command::new(&program);
    let dir = tempfile::tempdir().unwrap();
    command.args(arguments).current_dir(dir.path());
    // Some of their requests know nothing of the authority that they were told.
    command.env("REQUESTS_CA_BUNDLE", served.ca.path());
    let output = command.output().await;
    output.unwrap_or_else(|error| panic!("{}: {error}; make redfish-clients installs it", program.display()))
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The arguments by which all of DMTF's programs sign in.
fn sign_in(served: &Served) -> Vec<String> {
    let url = format!("https://{}", served.address);
    ["--user", "cybozu", "--password", "cybozu", "--rhost", &url]
        .map(str::to_owned)
        .to_vec()
}

/// Runs a program; returns whether it succeeded, and what it prints.
async fn tried(served: &Served, program: &str, arguments: &[&str]) -> (bool, String) {
    let sign_in = sign_in(served);
    let arguments: Vec<&str> = sign_in
        .iter()
        .map(String::as_str)
        .chain(arguments.iter().copied())
        .collect();
    let output = run(served, program, &arguments).await;
    (output.status.success(), text(&output))
}

/// Runs a program that must succeed; returns what it prints.
async fn succeed(served: &Served, program: &str, arguments: &[&str]) -> String {
    let (success, text) = tried(served, program, arguments).await;
    assert!(success, "{program} {arguments:?}: {text}");
    text
}

/// Waits until the BMC has noted that many entries.
async fn logged(served: &Served, entries: usize) {
    let bmc = served.redfish.bmc();
    let mut changes = bmc.watch();
    while bmc.log().entries().len() < entries {
        changes.changed().await.unwrap();
    }
}

/// DMTF's schemas in CSDL.
fn csdl() -> Option<PathBuf> {
    let named = env::var_os("REDFISH_CSDL").map(PathBuf::from);
    let path = named.unwrap_or_else(|| root().join("../shared/redfish-csdl"));
    path.join("ServiceRoot_v1.xml").exists().then_some(path)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute, and DMTF's programs and schemas"]
async fn the_service_validator_finds_nothing() {
    let Some(csdl) = csdl() else {
        println!(
            "skipped: DMTF's schemas are not here. Get the bundle DSP8010 from https://www.dmtf.org/dsp/DSP8010, and name its \
             directory csdl by REDFISH_CSDL."
        );
        return;
    };
    for uefi in [false, true] {
        let machine = Scripted::new();
        let served = served(&machine, furnished(uefi)).await;
        let subscription =
            serde_json::json!({ "Destination": "http://127.0.0.1:9/", "DeliveryRetryPolicy": "RetryForever" });
        let path = "/redfish/v1/EventService/Subscriptions";
        crate::bmc::redfish::testing::post(&served.redfish, path, subscription).await;
        for (on, media) in [(false, false), (false, true), (true, true)] {
            if media && !on {
                let image = Image::open("http://10.0.0.1/installer.iso");
                served.redfish.bmc().insert(image).unwrap().await.unwrap();
            }
            if on {
                served.redfish.bmc().act(Verb::On, Cause::Redfish).await.unwrap();
                logged(&served, 1).await;
            }
            let (csdl, logs) = (csdl.to_str().unwrap(), tempfile::tempdir().unwrap());
            let logdir = logs.path().to_str().unwrap();
            let arguments = ["--skipschema", "--schema_directory", csdl, "--logdir", logdir];
            let (_, found) = tried(&served, "rf_service_validator", &arguments).await;
            let counts = found
                .lines()
                .filter(|line| line.starts_with('|'))
                .nth(1)
                .unwrap_or_default();
            let counts: Vec<u32> = counts
                .split('|')
                .filter_map(|count| count.trim().parse().ok())
                .collect();
            let [passed, 0, 0, _] = counts[..] else {
                panic!(
                    "uefi: {uefi}, on: {on}, media: {media}: {found}{}",
                    complaints(logs.path())
                );
            };
            assert!(passed > 1000, "{found}");
        }
    }
}

/// What the validator's log complains of.
fn complaints(logs: &Path) -> String {
    let mut complaints = String::new();
    for dir in std::fs::read_dir(logs).unwrap() {
        for file in std::fs::read_dir(dir.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let log = std::fs::read_to_string(path).unwrap();
                let bad = |line: &&str| ["ERROR", "WARN", "FAIL"].iter().any(|word| line.contains(word));
                complaints.extend(log.lines().filter(bad).flat_map(|line| [line, "\n"]));
            }
        }
    }
    complaints
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes DMTF's programs"]
async fn the_protocol_validator_finds_nothing() {
    let served = served(&Scripted::new(), furnished(false)).await;
    let (ca, reports) = (served.ca.path().to_str().unwrap(), tempfile::tempdir().unwrap());
    let arguments = [
        "--ca-bundle",
        ca,
        "--avoid-http-redirect",
        "--report-type",
        "tsv",
        "--report-dir",
    ];
    let arguments = [arguments.as_slice(), &[reports.path().to_str().unwrap()]].concat();
    let (_, found) = tried(&served, "rf_protocol_validator", &arguments).await;
    let mut failed = String::new();
    for report in std::fs::read_dir(reports.path()).unwrap() {
        let report = std::fs::read_to_string(report.unwrap().path()).unwrap();
        failed.extend(
            report
                .lines()
                .filter(|line| line.contains("FAIL"))
                .flat_map(|line| [line, "\n"]),
        );
    }
    assert!(found.contains("FAIL: 0"), "{found}{failed}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes DMTF's programs"]
async fn dmtf_s_tools_steer_a_machine() {
    let machine = Scripted::new();
    let served = served(&machine, furnished(false)).await;
    let bmc = served.redfish.bmc();
    for (word, acts) in [
        ("On", [Verb::On]),
        ("ForceRestart", [Verb::Reset]),
        ("PowerCycle", [Verb::Cycle]),
        ("Nmi", [Verb::Nmi]),
        ("GracefulShutdown", [Verb::Shutdown]),
    ] {
        succeed(&served, "rf_power_reset.py", &["--type", word]).await;
        let mut power = bmc.watch_power();
        if word == "GracefulShutdown" {
            power.wait_for(|power| !power.is_on()).await.unwrap();
        }
        assert_eq!(machine.acts(), acts, "{word}");
    }
    succeed(&served, "rf_boot_override.py", &["--target", "Pxe", "--mode", "Legacy"]).await;
    assert_eq!(bmc.boot().unwrap().target, BootTarget::Pxe);
    let image = "http://10.0.0.1/images/installer.iso";
    succeed(&served, "rf_virtual_media.py", &["insert", "--image", image]).await;
    assert_eq!(bmc.drive(), Drive::Loaded(Image::open(image)));
    let shown = succeed(&served, "rf_virtual_media.py", &["info"]).await;
    assert!(shown.contains("installer.iso"), "{shown}");
    succeed(&served, "rf_virtual_media.py", &["eject", "--id", "Cd"]).await;
    assert_eq!(bmc.drive(), Drive::Empty);
    succeed(&served, "rf_boot_override.py", &["--target", "Cd", "--mode", "Legacy"]).await;
    assert_eq!(bmc.boot().unwrap().target, BootTarget::Cd);
    logged(&served, 5).await;
    let log = succeed(&served, "rf_logs.py", &["--system", "--details"]).await;
    assert!(log.contains("given a non-maskable interrupt"), "{log}");
    succeed(&served, "rf_logs.py", &["--manager", "--clear"]).await;
    assert_eq!(bmc.log().entries().len(), 1);
    succeed(&served, "rf_accounts.py", &["--add", "ada", "lovelace", "Operator"]).await;
    succeed(&served, "rf_accounts.py", &["--setrole", "ada", "ReadOnly"]).await;
    succeed(&served, "rf_accounts.py", &["--setpassword", "ada", "byron"]).await;
    let ada = bmc.accounts().sign_in("ada", b"byron").unwrap();
    assert_eq!(ada.role, Some(Role::ReadOnly));
    succeed(&served, "rf_accounts.py", &["--delete", "ada"]).await;
    assert!(bmc.accounts().named("ada").is_none());
    let inventory = succeed(&served, "rf_sys_inventory.py", &[]).await;
    assert!(
        inventory.contains("boot-0") || inventory.contains("Boot server"),
        "{inventory}"
    );
    let sensors = succeed(&served, "rf_sensor_list.py", &[]).await;
    assert!(sensors.contains("Share of the memory"), "{sensors}");
    assert!(bmc.sessions().list().is_empty(), "the tools sign out");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes DMTF's programs"]
async fn redfishtool_steers_a_machine() {
    let machine = Scripted::new();
    let served = served(&machine, furnished(false)).await;
    let address = served.address.to_string();
    let tool = async |arguments: &[&str]| {
        let sign_in = ["-r", &address, "-u", "cybozu", "-p", "cybozu", "-S", "Always"];
        let output = run(&served, "redfishtool", &[sign_in.as_slice(), arguments].concat()).await;
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        text(&output)
    };
    tool(&["Systems", "reset", "On"]).await;
    tool(&["Systems", "reset", "ForceOff"]).await;
    assert_eq!(machine.acts(), [Verb::On, Verb::Off]);
    tool(&["Systems", "setBootOverride", "Continuous", "Hdd"]).await;
    assert_eq!(served.redfish.bmc().boot().unwrap().target, BootTarget::Disk);
    let accounts = tool(&["AccountService", "Accounts"]).await;
    assert!(accounts.contains("Accounts/2"), "{accounts}");
    tool(&["AccountService", "adduser", "ada", "lovelace", "Operator"]).await;
    assert!(served.redfish.bmc().accounts().sign_in("ada", b"lovelace").is_some());
    assert!(tool(&["SessionService", "Sessions"]).await.contains("Sessions"));
    assert!(tool(&["Chassis"]).await.contains("System.Embedded.1"));
    assert!(tool(&["Managers"]).await.contains("BMC"));
}
