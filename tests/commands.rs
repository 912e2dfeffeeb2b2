//! `placemat2 validate`, `plan` and the command line itself: what they print and how they end, without root.

// Outside of #[test] functions, too, a test may give up.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    fs,
    process::{Command, Output},
};

use tempfile::TempDir;

const GOOD: &str = "\
kind: Network
name: ext
type: external
use-nat: true
address: 192.0.2.1/24
---
kind: NetworkNamespace
name: pm-test-router
interfaces:
- network: ext
  addresses: [192.0.2.2/24]
apps:
- name: bird
  command: [bird, -f]
";

/// Warns of its address.
const DOUBTFUL: &str = "\
kind: Network
name: ext
type: external
use-nat: false
address: 192.0.2.1/24
---
kind: NetworkNamespace
name: pm-test-router
interfaces:
- network: ext
  addresses: [198.51.100.2/24]
";

const BAD: &str = "\
kind: Network
name: ext
type: external
---
kind: NetworkNamespace
name: router
interfaces:
- network: exd
---
kind: Nodd
";

/// Takes a variable for how many networks there are, and includes a file.
const SIZED: &str = "\
kind: Lab
include: [doubtful.yml]
variables: {COUNT: 1}
---
kind: Network
count: ${COUNT}
name: rack${i}
type: ${TYPE:-internal}
";

/// As placemat version 1 had it.
const OLD: &str = "\
kind: Pod
name: router
interfaces:
- network: ext
apps:
- name: bird
  image: docker://example.com/bird:2.0
---
kind: Network
name: ext # the outside
type: internal
";

/// A directory that anybody may read, with lab files.
fn files() -> TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .unwrap();
    for (name, text) in [
        ("good.yml", GOOD),
        ("doubtful.yml", DOUBTFUL),
        ("bad.yml", BAD),
        ("sized.yml", SIZED),
        ("old.yml", OLD),
    ] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

/// Runs `placemat2` in that directory; where this test is root, as nobody and on a host without links.
fn run(dir: &TempDir, arguments: &[&str]) -> Output {
    // A copy: the build's directory may be root's alone.
    let program = dir.path().join("placemat2");
    if !program.exists() {
        // By another process: what this one opens for writing, a fork in another thread has open, too, for a moment, and nothing that is
        // open for writing can be run.
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_placemat2"))
            .arg(&program)
            .status();
        assert!(copied.unwrap().success());
    }
    let mut command = if nix::unistd::geteuid().is_root() {
        let mut command = Command::new("unshare");
        command.args([
            "--net",
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--",
        ]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(arguments).current_dir(dir.path());
    for variable in [
        "PLACEMAT2_LOG",
        "PLACEMAT2_LOG_FORMAT",
        "COLUMNS",
        "CLICOLOR_FORCE",
        "SUDO_USER",
        "COUNT",
        "TYPE",
    ] {
        command.env_remove(variable);
    }
    command.output().unwrap()
}

/// All it did; the directory is `DIR`.
fn transcript(dir: &TempDir, arguments: &[&str]) -> String {
    let output = run(dir, arguments);
    let text = format!(
        "exit: {}\n{}--- stderr\n{}",
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    text.replace(dir.path().to_str().unwrap(), "DIR")
}

#[test]
fn validate() {
    let dir = files();
    let transcript = |arguments: &[&str]| transcript(&dir, &[&["validate"], arguments].concat());
    insta::assert_snapshot!("validate_good", transcript(&["good.yml"]));
    insta::assert_snapshot!("validate_doubtful", transcript(&["doubtful.yml"]));
    insta::assert_snapshot!("validate_strict", transcript(&["--strict", "doubtful.yml"]));
    insta::assert_snapshot!("validate_bad", transcript(&["bad.yml"]));
    insta::assert_snapshot!("validate_missing", transcript(&["none.yml"]));
}

#[test]
fn seeds_that_cloud_init_would_refuse_are_told() {
    let dir = files();
    let lab = "kind: Node\nname: server\ncpu: 1\nvolumes:\n- kind: localds\n  name: seed\n  user-data: user\n  network-config: network\n  meta-data: meta\n";
    fs::write(dir.path().join("seed.yml"), lab).unwrap();
    let validate = |user: &str, network: &str, meta: &str| {
        for (name, text) in [("user", user), ("network", network), ("meta", meta)] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let output = run(&dir, &["validate", "seed.yml"]);
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let good = "version: 2\n";
    for user in [
        "#cloud-config\nusers: []\n",
        "#!/bin/sh\necho: [\n",
        "Content-Type: multipart/mixed; boundary=x\n",
        "#include\nhttp://x\n",
        "## template: jinja\n#cloud-config\n{{ x }}\n",
        "#cloud-config\na: 1\na: 2\n",
        "",
    ] {
        let (code, told) = validate(user, good, "");
        assert!(code == Some(0) && !told.contains("warning"), "{user}: {told}");
    }
    let (code, told) = validate("users: []\n", good, "");
    assert!(
        code == Some(0) && told.contains("does not begin as user-data does"),
        "{told}"
    );
    for (user, network, meta, wrong) in [
        ("#cloud-config\nusers: [\n", good, "", "`user-data`"),
        ("#cloud-config\n", "version: 2\n ethernets: {\n", "", "`network-config`"),
        ("#cloud-config\n", good, "- a\n", "`meta-data`"),
    ] {
        let (code, told) = validate(user, network, meta);
        assert!(code == Some(1) && told.contains(wrong), "{told}");
    }
}

#[test]
fn validate_for_editors() {
    let dir = files();
    for (file, code, findings) in [("good.yml", 0, 0), ("doubtful.yml", 0, 1), ("bad.yml", 1, 3)] {
        let output = run(&dir, &["validate", "-o", "json", file]);
        let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(code), "{file}");
        assert!(found.as_array().unwrap().len() >= findings, "{found}");
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn validate_prints_what_comes_of_variables() {
    let dir = files();
    let transcript = |arguments: &[&str]| transcript(&dir, &[&["validate", "--print"], arguments].concat());
    let set = ["--set", "COUNT=2", "--set", "TYPE=internal", "sized.yml"];
    insta::assert_snapshot!("validate_print", transcript(&set));
    insta::assert_snapshot!(
        "validate_print_wrong",
        transcript(&["--set", "TYPE=inner", "sized.yml"])
    );
}

#[test]
fn plan_takes_variables() {
    let dir = files();
    let plan = |arguments: &[&str]| {
        let output = run(&dir, &[&["plan", "--mtu", "1400", "-o", "json"], arguments].concat());
        assert!(output.status.success(), "{output:?}");
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        plan["networks"].as_array().unwrap().len()
    };
    assert_eq!(plan(&["sized.yml"]), 2);
    assert_eq!(plan(&["sized.yml", "--set", "COUNT=3"]), 4);
    assert_eq!(
        run(&dir, &["plan", "--set", "COUNT=x", "sized.yml"]).status.code(),
        Some(1)
    );
}

#[test]
fn relative_directories_start_at_the_first_lab_file() {
    let dir = files();
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::rename(dir.path().join("good.yml"), dir.path().join("sub/good.yml")).unwrap();
    let directories = [
        "--data-dir",
        "data",
        "--run-dir",
        "../run",
        "--cache-dir",
        "cache",
        "--log-dir",
        "/log",
    ];
    let arguments = [
        &["plan", "--mtu", "1400", "-o", "json"],
        &directories[..],
        &["sub/good.yml"],
    ]
    .concat();
    let output = run(&dir, &arguments);
    assert!(output.status.success(), "{output:?}");
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let path = |name: &str| {
        plan["paths"][name]
            .as_str()
            .unwrap()
            .replace(dir.path().to_str().unwrap(), "DIR")
    };
    assert_eq!(path("data_dir"), "DIR/sub/data");
    assert_eq!(path("run_dir"), "DIR/sub/../run");
    assert_eq!(path("cache_dir"), "DIR/sub/cache");
    assert_eq!(path("log_dir"), "/log/good");
}

#[test]
fn the_demo_goes_by_its_name_unless_there_is_such_a_file() {
    let dir = files();
    let plan = || {
        run(
            &dir,
            &["plan", "--mtu", "1400", "-o", "json", "--data-dir", "data", "demo"],
        )
    };
    let output = plan();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(1) && told.contains("the demo is not made yet in data/demo"),
        "{told}"
    );
    let data_dir = || {
        let output = plan();
        assert!(output.status.success(), "{output:?}");
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let data_dir = plan["paths"]["data_dir"].as_str().unwrap();
        data_dir.replace(dir.path().to_str().unwrap(), "DIR")
    };
    let made = dir.path().join("data/demo");
    fs::create_dir_all(&made).unwrap();
    fs::write(made.join("dc.yml"), GOOD).unwrap();
    assert_eq!(data_dir(), "DIR/data/demo");
    fs::write(dir.path().join("demo"), GOOD).unwrap();
    assert_eq!(data_dir(), "DIR/data");
}

#[test]
fn schema() {
    let output = run(&files(), &["schema"]);
    let written = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/lab.schema.json");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        fs::read_to_string(written).unwrap()
    );
}

#[test]
fn migrate() {
    let dir = files();
    insta::assert_snapshot!("migrate", transcript(&dir, &["migrate", "old.yml"]));
    assert_eq!(run(&dir, &["migrate", "none.yml"]).status.code(), Some(1));
}

#[test]
fn plan_without_root_in_every_format() {
    let dir = files();
    let plan = |format: &str| {
        let output = run(&dir, &["plan", "--mtu", "1400", "-o", format, "good.yml"]);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = plan("text");
    insta::assert_snapshot!("plan_text", text.replace(dir.path().to_str().unwrap(), "DIR"));
    let json: serde_json::Value = serde_json::from_str(&plan("json")).unwrap();
    let yaml: serde_json::Value = serde_yaml::from_str(&plan("yaml")).unwrap();
    assert_eq!(json, yaml);
    assert_eq!(json["lab"], "good");
    assert_eq!(json["nat"][0], "192.0.2.0/24");
}

#[test]
fn plan_tells_of_mistakes_as_validate_does() {
    let dir = files();
    let planned = run(&dir, &["plan", "--mtu", "1400", "bad.yml"]);
    assert_eq!(planned.status.code(), Some(1));
    let validated = run(&dir, &["validate", "bad.yml"]);
    let planned = String::from_utf8_lossy(&planned.stderr).into_owned();
    assert!(
        planned.contains(String::from_utf8_lossy(&validated.stdout).trim()),
        "{planned}"
    );
    assert_eq!(
        run(&dir, &["plan", "--mtu", "1400", "--strict", "doubtful.yml"])
            .status
            .code(),
        Some(1)
    );
}

#[test]
fn doctor_names_what_fails_and_how_to_mend_it() {
    let dir = files();
    for arguments in [
        &["doctor", "-o", "json"][..],
        &["doctor", "-o", "json", "--mtu", "1000", "good.yml"],
    ] {
        let output = run(&dir, arguments);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let findings: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
        let verdict = |check: &str| {
            let finding = findings.iter().find(|finding| finding["check"] == check);
            finding.map(|finding| finding["verdict"].as_str().unwrap().to_owned())
        };
        // Nobody runs it, on a host without links.
        assert_eq!(verdict("privileges").as_deref(), Some("failed"), "{findings:?}");
        let of_a_lab = arguments.len() > 3;
        // The lab has no node, and a doubtful MTU.
        assert_eq!(verdict("qemu").is_some(), !of_a_lab, "{findings:?}");
        assert_eq!(verdict("mtu").as_deref(), Some(if of_a_lab { "warning" } else { "ok" }));
        let mended = |finding: &serde_json::Value| finding["mend"].is_string();
        assert!(
            findings
                .iter()
                .all(|finding| mended(finding) == (finding["verdict"] != "ok"))
        );
    }
    let text = run(&dir, &["doctor", "bad.yml"]);
    assert_eq!(text.status.code(), Some(1));
    assert!(text.stdout.is_empty() && String::from_utf8_lossy(&text.stderr).contains("exd"));
}

#[test]
fn quiet_leaves_out_what_is_no_error() {
    let dir = files();
    let stderr = |arguments: &[&str]| String::from_utf8_lossy(&run(&dir, arguments).stderr).into_owned();
    assert!(stderr(&["plan", "--mtu", "1400", "doubtful.yml"]).contains("warning"));
    assert_eq!(stderr(&["plan", "--quiet", "--mtu", "1400", "doubtful.yml"]), "");
    assert!(stderr(&["plan", "-q", "--mtu", "1400", "bad.yml"]).contains("exd"));
}

#[test]
fn usage() {
    let dir = files();
    for help in [
        &["--help"][..],
        &["help"],
        &["validate", "--help"],
        &["plan", "--help"],
        &["schema", "--help"],
        &["migrate", "--help"],
        &["cleanup", "--help"],
        &["doctor", "--help"],
    ] {
        let output = run(&dir, help);
        assert_eq!(output.status.code(), Some(0), "{help:?}");
        assert!(
            String::from_utf8_lossy(&output.stdout).contains("Usage: placemat2"),
            "{help:?}"
        );
    }
    let version = run(&dir, &["--version"]);
    assert_eq!(
        String::from_utf8_lossy(&version.stdout),
        format!("placemat2 {}\n", env!("CARGO_PKG_VERSION"))
    );
    for wrong in [
        &[][..],
        &["--no-such-option"],
        &["validate"],
        &["plan"],
        &["cleanup"],
        &["cleanup", "lab", "--all"],
        &["migrate"],
        &["validate", "--set", "1=2", "good.yml"],
        &["validate", "--print", "-o", "json", "good.yml"],
        &["plan", "--mtu", "12", "good.yml"],
        &["plan", "--mtu", "1400", "--mtu-probe", "192.0.2.1", "good.yml"],
        &["--run-dir", "/tmp", "validate", "good.yml"],
        &["--init-timeout", "soon", "good.yml"],
    ] {
        let output = run(&dir, wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{wrong:?}");
    }
    insta::assert_snapshot!("no_file", transcript(&dir, &[]));
}

#[test]
fn mistakes_of_the_command_line_are_told_as_such() {
    let dir = files();
    for (arguments, told) in [
        (&["plan", "--name", "a b", "good.yml"][..], "'--name <LAB>'"),
        (
            &["plan", "--qemu-user", "no such user", "good.yml"],
            "there is no such user on this host",
        ),
        (&["--listen-addr", "10808", "good.yml"], "ADDRESS:PORT"),
        (&["--log-level", "inof", "good.yml"], "Did you mean `info`?"),
        (
            &["--bmc-tls", "certificate.pem", "good.yml"],
            "`--bmc-tls` takes two files",
        ),
        (&["validat", "good.yml"], "Did you mean `validate`?"),
    ] {
        let output = run(&dir, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(
            stderr.contains(told) && !stderr.contains("as it is written"),
            "{arguments:?}: {stderr}"
        );
    }
    // A file that is there is what it is called.
    fs::copy(dir.path().join("bad.yml"), dir.path().join("validat")).unwrap();
    assert!(!String::from_utf8_lossy(&run(&dir, &["validat"]).stderr).contains("Did you mean `validate`?"));
}

#[test]
fn a_closed_pipe_is_no_failure_to_tell_of() {
    let dir = files();
    run(&dir, &["--version"]);
    let script = "./placemat2 plan --mtu 1400 good.yml | head -n 1 > /dev/null; test ${PIPESTATUS[0]} -lt 2";
    let output = Command::new("bash")
        .args(["-c", script])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(
        output.status.success() && !String::from_utf8_lossy(&output.stderr).contains("panicked"),
        "{output:?}"
    );
}
