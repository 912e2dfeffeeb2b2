//! The whole program on a terminal, against a scripted lab.

use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill, killpg};

use super::{pty::Pty, script::Script};

const PLACEMAT2: &str = env!("CARGO_BIN_EXE_placemat2");
const SIZE: (u16, u16) = (120, 30);

fn attach(script: &Script) -> Pty {
    attach_with(script, |_| ())
}

fn attach_with(script: &Script, prepare: impl FnOnce(&mut Command)) -> Pty {
    let mut command = Command::new(PLACEMAT2);
    prepare(&mut command);
    command.args(["attach", "--endpoint", &script.endpoint()]);
    // No config of whoever runs the tests.
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    let mut pty = Pty::start(command, SIZE);
    pty.expect("r0-tor1");
    pty
}

#[test]
fn what_the_lab_tells_is_shown() {
    let script = Script::start();
    let mut pty = attach(&script);
    pty.send("2");
    pty.expect("10.69.0.11");
    pty.send("7");
    pty.expect("r0-s2 is off: guest panicked");
    pty.send("4j");
    pty.expect("BGP session established");
    pty.send("d");
    assert!(pty.wait().success());
    pty.assert_given_back();
    // How to come back to it stays.
    pty.expect("placemat2: the lab dc goes on; `placemat2 attach --endpoint unix:///");
}

#[test]
fn a_console_is_typed_into_and_left() {
    let script = Script::start();
    let mut pty = attach(&script);
    pty.send("2\r");
    pty.expect("r0-s1 login:");
    pty.send("hello\x1b[A");
    pty.expect("HELLO");
    // What the guest had asked before is not answered.
    assert!(script.typed().starts_with(b"hello"), "{:?}", script.typed());
    assert!(pty.screen().contains("CONSOLE"));
    pty.send("\x1d");
    pty.expect("NORMAL");
    pty.send("\x1d\x1dd");
    assert!(pty.wait().success());
    pty.assert_given_back();
}

#[test]
fn power_goes_to_the_lab_and_into_the_command_log() {
    let script = Script::start();
    let mut pty = attach(&script);
    pty.send("2jpo");
    pty.expect("done: on r0-s2");
    assert!(
        script.requests().contains(&"POST /nodes/r0-s2/on".into()),
        "{:?}",
        script.requests()
    );
    // What the lab refuses is told in its words.
    pty.send("kpfy");
    pty.expect("There is no such thing in this lab.");
    pty.send("7");
    pty.expect("pmctl2 --lab dc node action on r0-s2");
    pty.send("d");
    assert!(pty.wait().success());
}

#[test]
fn an_app_is_restarted() {
    let script = Script::start();
    let mut pty = attach(&script);
    pty.send("4jry");
    pty.expect("done: restart core/bird");
    assert!(
        script.requests().contains(&"POST /netns/core/apps/bird/restart".into()),
        "{:?}",
        script.requests()
    );
    pty.send("d");
    assert!(pty.wait().success());
}

#[test]
fn a_bmc_is_walked_and_told_what_to_do() {
    let script = Script::start();
    let mut pty = attach(&script);
    pty.send("6");
    pty.expect("CPUUsage 12.5 %");
    pty.expect("The watchdog reset the machine.");
    pty.send("\r");
    pty.expect("#ServiceRoot.v1_17_0.ServiceRoot");
    pty.send("..\r");
    pty.expect("v1 › Systems");
    pty.expect("Members@odata.count");
    pty.send("\r");
    pty.expect("v1 › Systems › System.Embedded.1");
    pty.expect("#ComputerSystem.Reset");
    // The action, with a parameter that can lose work: asked about, done, told.
    pty.send("a");
    pty.expect("‹ On ›");
    pty.send("l\r\r");
    pty.expect("ComputerSystem.Reset ForceOff of r0-s1?");
    pty.send("y");
    pty.expect("done: POST ComputerSystem.Reset of r0-s1");
    // From a menu: the system is found by its links.
    pty.send("p1");
    pty.expect("done: next boot from the network of r0-s1");
    pty.send("p3");
    pty.expect("this BMC offers None, Pxe, Hdd");
    pty.send("7");
    pty.expect("redfish r0-s1 PATCH /redfish/v1/Systems/System.Embedded.1");
    assert!(
        script.requests().contains(&"POST /bmcs/r0-s1/redfish".into()),
        "{:?}",
        script.requests()
    );
    pty.send("d");
    assert!(pty.wait().success());
    pty.assert_given_back();
}

#[test]
fn a_console_that_floods_holds_up_neither_keys_nor_another() {
    let script = Script::start();
    let mut pty = attach(&script);
    pty.send("2j\r");
    pty.expect("yyyyyyyy");
    pty.send("\x1d");
    pty.expect("NORMAL");
    pty.send("|r0-s1\r");
    pty.expect("r0-s1 login:");
    pty.send("\r");
    pty.expect("CONSOLE");
    pty.send("hello");
    pty.expect("HELLO");
    pty.send("\x1d");
    pty.expect("NORMAL");
    pty.send("d");
    assert!(pty.wait().success());
    pty.assert_given_back();
}

#[test]
fn a_lab_that_went_away_is_found_again() {
    let mut script = Script::start();
    let mut pty = attach(&script);
    pty.send("2\r");
    pty.expect("r0-s1 login:");
    script.vanish();
    pty.expect("connection lost");
    script.come_back();
    pty.expect("connected again");
    pty.until("the console is open again", 60, |screen| {
        screen.matches("r0-s1 login:").count() == 2
    });
    pty.send("\x1dd");
    pty.wait();
    pty.assert_given_back();
}

#[test]
fn any_size_is_drawn_and_a_good_one_comes_back() {
    let script = Script::start();
    let mut pty = attach(&script);
    for size in [(200, 60), (80, 24), (39, 7), (1, 1), (60, 15), (120, 30)] {
        pty.resize(size);
        if size == (39, 7) {
            pty.expect("too small");
        }
    }
    pty.expect("r0-tor1");
    pty.send("d");
    assert!(pty.wait().success());
    pty.assert_given_back();
}

#[test]
fn suspended_it_gives_the_terminal_back_and_takes_it_again() {
    let script = Script::start();
    let mut pty = attach(&script);
    pty.send("\x1a");
    pty.until_state('T');
    pty.assert_given_back();
    kill(pty.pid(), Signal::SIGCONT).unwrap();
    pty.send("2");
    pty.expect("10.69.0.11");
    pty.send("d");
    assert!(pty.wait().success());
    pty.assert_given_back();
}

/// Stops itself and the shell that it runs in, as editors do by Ctrl-Z; then lives through Ctrl-C.
const EDITOR: &str = "echo editing; kill -STOP $PPID $$
trap 'echo caught' INT
echo edited
until [ \"$line\" = end ]; do read line; done";

#[test]
fn keys_of_the_editor_are_the_editor_s() {
    let script = Script::start();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), EDITOR).unwrap();
    let editor = format!("sh {}", file.path().display());
    let mut pty = attach_with(&script, |command| {
        command.env("VISUAL", &editor);
    });
    pty.send("4j");
    pty.expect("BGP session established");
    pty.send("\re");
    pty.expect("editing");
    // The shell that started this console sees that its job is stopped.
    pty.until_state('T');
    killpg(pty.pid(), Signal::SIGCONT).unwrap();
    pty.expect("edited");
    pty.send("\x03");
    pty.expect("caught");
    pty.send("end\r");
    pty.expect("BGP session established");
    pty.send("2");
    pty.expect("10.69.0.11");
    pty.send("d");
    assert!(pty.wait().success());
    pty.assert_given_back();
}

#[test]
fn signals_give_the_terminal_back() {
    let script = Script::start();
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let mut pty = attach(&script);
        kill(pty.pid(), signal).unwrap();
        assert!(pty.wait().success(), "{signal}");
        pty.assert_given_back();
    }
}

#[test]
fn mistakes_of_a_config_are_told_and_all_else_in_it_holds() {
    let script = Script::start();
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("placemat2")).unwrap();
    let config = "mouse: true\ntheme: pink\nstart-view: nodes\nkeys:\n  nodes:\n    opem: [x]\n";
    std::fs::write(home.path().join("placemat2/config.yml"), config).unwrap();
    let mut command = Command::new(PLACEMAT2);
    command
        .args(["attach", "--endpoint", &script.endpoint()])
        .env("XDG_CONFIG_HOME", home.path());
    let mut pty = Pty::start(command, SIZE);
    pty.expect("config.yml:2:1: theme");
    pty.expect("config.yml:6:5: there is no action \"opem\"");
    pty.send("\r");
    pty.expect("Nodes: 4 of 4 shown");
    pty.send("d");
    assert!(pty.wait().success());
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let script = Script::start();
    let output = Command::new(PLACEMAT2)
        .args(["attach", "--endpoint", &script.endpoint()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("--headless"), "{told}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_terminal_that_shows_no_screen_is_told_of() {
    let script = Script::start();
    let mut command = Command::new("env");
    command.args(["TERM=dumb", PLACEMAT2, "attach", "--endpoint", &script.endpoint()]);
    let mut pty = Pty::start(command, SIZE);
    assert!(!pty.wait().success());
    pty.expect("TERM=dumb is a terminal that can't show the console");
    pty.assert_given_back();
}

#[test]
fn a_lab_that_is_not_there_is_told_on_a_clean_terminal() {
    let mut command = Command::new(PLACEMAT2);
    command.args(["attach", "--lab", "no-such-lab"]);
    let mut pty = Pty::start(command, SIZE);
    assert!(!pty.wait().success());
    pty.expect("no-such-lab");
    pty.assert_given_back();
}
