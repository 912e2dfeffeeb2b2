//! What a machine is told over Redfish: power, boot, light, watchdog, setup, clock.

use std::{sync::atomic::Ordering, time::Duration};

use serde_json::{Value, json};

use crate::{
    bmc::{
        BootFirmware, BootOverride, BootTarget, Cause, Identify, Persistence, Verb,
        redfish::{
            resources::{CHASSIS, MANAGER, SYSTEM},
            testing::{face_of, get, patch, post, redfish},
        },
        testing::{Scripted, bmc_of, furnished},
    },
    node::PowerState,
    plan::RestorePolicy,
};

fn reset(word: &str) -> Value {
    json!({ "ResetType": word })
}

#[tokio::test]
async fn power() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    let target = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    for (word, status, acts) in [
        ("ForceOff", 200, vec![Verb::Off]),
        ("GracefulShutdown", 200, vec![]),
        ("GracefulRestart", 409, vec![]),
        ("Nmi", 409, vec![]),
        ("ForceRestart", 409, vec![]),
        ("PowerCycle", 409, vec![]),
        ("On", 204, vec![Verb::On]),
        ("On", 200, vec![Verb::On]),
        ("ForceOn", 200, vec![Verb::On]),
        ("Nmi", 204, vec![Verb::Nmi]),
        ("ForceRestart", 204, vec![Verb::Reset]),
        ("PowerCycle", 204, vec![Verb::Cycle]),
        ("ForceOff", 204, vec![Verb::Off]),
        ("PushPowerButton", 204, vec![Verb::Push]),
        ("On", 200, vec![Verb::On]),
        ("PushPowerButton", 204, vec![Verb::Push]),
        ("ForceOn", 204, vec![Verb::On]),
    ] {
        let answer = post(&redfish, &target, reset(word)).await;
        assert_eq!(answer.status, status, "{word}");
        assert_eq!(machine.acts(), acts, "{word}");
        match status {
            200 => assert_eq!(answer.messages(), ["NoOperation"]),
            409 => assert_eq!(answer.messages(), ["ResourceInStandby"]),
            _ => assert!(answer.body.is_empty()),
        }
    }
    assert_eq!(get(&redfish, SYSTEM).await.json()["PowerState"], "On");
    let chassis = format!("{CHASSIS}/Actions/Chassis.Reset");
    assert_eq!(post(&redfish, &chassis, reset("ForceOff")).await.status, 204);
    assert_eq!(post(&redfish, &chassis, reset("Nmi")).await.status, 400);
    assert_eq!(get(&redfish, CHASSIS).await.json()["PowerState"], "Off");
}

#[tokio::test]
async fn what_is_told_in_a_row_is_done_in_a_row() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    let target = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    assert_eq!(post(&redfish, &target, reset("On")).await.status, 204);
    let turn = machine.turn.lock().await;
    // It seems to be on all the while.
    let (off, on, ()) = tokio::join!(
        post(&redfish, &target, reset("ForceOff")),
        post(&redfish, &target, reset("On")),
        async { drop(turn) },
    );
    assert_eq!((off.status.as_u16(), on.status.as_u16()), (204, 204));
    let mut power = redfish.bmc().watch_power();
    power.wait_for(|power| power.boots == 2).await.unwrap();
    assert_eq!(machine.acts(), [Verb::On, Verb::Off, Verb::On]);
}

#[tokio::test(start_paused = true)]
async fn the_answer_comes_when_it_is_done_or_takes_too_long() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    let target = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    for (word, state) in [("On", "On"), ("ForceOff", "Off"), ("On", "On")] {
        let turn = machine.turn.lock().await;
        let (answer, ()) = tokio::join!(post(&redfish, &target, reset(word)), async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            drop(turn);
        });
        assert_eq!(answer.status, 204, "{word}");
        assert_eq!(get(&redfish, SYSTEM).await.json()["PowerState"], state);
    }
    let turn = machine.turn.lock().await;
    assert_eq!(post(&redfish, &target, reset("ForceOff")).await.status, 204);
    assert_eq!(get(&redfish, SYSTEM).await.json()["PowerState"], "On");
    drop(turn);
    // What fails meanwhile is told.
    machine.refuses.store(true, Ordering::Relaxed);
    assert_eq!(post(&redfish, &target, reset("PowerCycle")).await.status, 500);
}

#[tokio::test]
async fn what_cannot_be_told() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    let target = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    for (body, message) in [
        (json!({}), "ActionParameterMissing"),
        (reset("Explode"), "ActionParameterValueNotInList"),
        (json!({ "ResetType": 1 }), "ActionParameterValueTypeError"),
        (json!({ "ResetType": "On", "X": 1 }), "ActionParameterUnknown"),
    ] {
        let answer = post(&redfish, &target, body.clone()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.messages(), [message], "{body}");
    }
    let other = "/redfish/v1/Systems/System.Embedded.2/Actions/ComputerSystem.Reset";
    let answer = post(&redfish, other, reset("On")).await;
    assert_eq!(answer.status, 404);
    assert_eq!(answer.messages(), ["ResourceMissingAtURI"]);
    assert!(machine.acts().is_empty());
}

#[tokio::test]
async fn what_takes_the_guests_part_is_a_task() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    let target = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    post(&redfish, &target, reset("On")).await;
    machine.acts();
    let answer = post(&redfish, &target, reset("GracefulRestart")).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json()["TaskState"], "Running");
    let monitor = answer.header("location").to_owned();
    let task = answer.json()["@odata.id"].as_str().unwrap().to_owned();
    let mut power = redfish.bmc().watch_power();
    power.wait_for(|power| power.boots == 2).await.unwrap();
    while get(&redfish, &monitor).await.status == 202 {
        tokio::task::yield_now().await;
    }
    assert_eq!(get(&redfish, &monitor).await.status, 204);
    assert_eq!(get(&redfish, &task).await.json()["TaskState"], "Completed");
    assert_eq!(machine.acts(), [Verb::Shutdown, Verb::On]);
    assert_eq!(redfish.bmc().power().state, PowerState::On);
    assert_eq!(redfish.bmc().chassis().restart_cause, Cause::Redfish);
}

#[tokio::test]
async fn boot_override() {
    let redfish = face_of(bmc_of(&Scripted::new(), furnished(false)));
    let set = async |boot: Value| patch(&redfish, SYSTEM, json!({ "Boot": boot })).await;
    let boot = |target, persistence| {
        Some(BootOverride {
            target,
            persistence,
            firmware: BootFirmware::Legacy,
        })
    };
    for (body, wanted) in [
        (
            json!({ "BootSourceOverrideTarget": "Pxe" }),
            boot(BootTarget::Pxe, Persistence::Once),
        ),
        (
            json!({ "BootSourceOverrideEnabled": "Continuous", "BootSourceOverrideTarget": "Hdd" }),
            boot(BootTarget::Disk, Persistence::Continuous),
        ),
        (
            json!({ "BootSourceOverrideEnabled": "Once", "BootSourceOverrideMode": "Legacy" }),
            boot(BootTarget::Disk, Persistence::Once),
        ),
        (
            json!({ "BootSourceOverrideTarget": "Cd" }),
            boot(BootTarget::Cd, Persistence::Once),
        ),
        (json!({ "BootSourceOverrideEnabled": "Disabled" }), None),
        (json!({ "BootSourceOverrideTarget": "None" }), None),
    ] {
        let answer = set(body.clone()).await;
        assert_eq!(answer.status, 200, "{body}");
        assert_eq!(redfish.bmc().boot(), wanted, "{body}");
    }
    // Set by another face, it is seen here.
    redfish
        .bmc()
        .set_boot(boot(BootTarget::Pxe, Persistence::Once))
        .unwrap();
    let shown = &get(&redfish, SYSTEM).await.json()["Boot"];
    assert_eq!(shown["BootSourceOverrideTarget"], "Pxe");
    assert_eq!(shown["BootSourceOverrideEnabled"], "Once");
    // What this machine does not have.
    for target in ["UefiHttp", "BiosSetup", "Floppy"] {
        assert_eq!(
            set(json!({ "BootSourceOverrideTarget": target })).await.status,
            400,
            "{target}"
        );
    }
}

#[tokio::test]
async fn booting_from_a_url_and_into_the_setup() {
    let redfish = face_of(bmc_of(&Scripted::new(), furnished(true)));
    let set = async |boot: Value| patch(&redfish, SYSTEM, json!({ "Boot": boot })).await;
    let target = || redfish.bmc().boot().map(|boot| boot.target);
    assert_eq!(
        set(json!({ "BootSourceOverrideTarget": "BiosSetup" })).await.status,
        200
    );
    assert_eq!(target(), Some(BootTarget::Setup));
    let http = || json!({ "BootSourceOverrideTarget": "UefiHttp" });
    let answer = set(http()).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.messages(), ["PropertyValueError"]);
    for wrong in [
        "https://10.0.0.1/x.efi",
        "file:///x",
        "/x.efi",
        "http://a b/",
        "nothing",
    ] {
        let answer = set(json!({ "HttpBootUri": wrong })).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    assert_eq!((redfish.bmc().boot_url(), target()), (None, Some(BootTarget::Setup)));
    let url = "http://10.0.0.1/x.efi";
    let both = json!({ "BootSourceOverrideTarget": "UefiHttp", "HttpBootUri": url });
    let shown = set(both).await.json();
    assert_eq!(shown["Boot"]["HttpBootUri"], url);
    assert_eq!(target(), Some(BootTarget::UefiHttp));
    // It can't go while it is needed.
    assert_eq!(set(json!({ "HttpBootUri": null })).await.status, 400);
    assert_eq!(
        set(json!({ "BootSourceOverrideEnabled": "Disabled", "HttpBootUri": null }))
            .await
            .status,
        200
    );
    assert_eq!((redfish.bmc().boot_url(), target()), (None, None));
}

#[tokio::test]
async fn what_becomes_of_the_power_when_it_comes_back() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    assert_eq!(get(&redfish, SYSTEM).await.json()["PowerRestorePolicy"], "AlwaysOff");
    let shown = patch(&redfish, SYSTEM, json!({ "PowerRestorePolicy": "LastState" }))
        .await
        .json();
    assert_eq!(shown["PowerRestorePolicy"], "LastState");
    assert_eq!(*machine.restore.lock().unwrap(), RestorePolicy::Previous);
    machine.refuses.store(true, Ordering::Relaxed);
    let both = json!({ "PowerRestorePolicy": "AlwaysOn", "Boot": { "BootSourceOverrideTarget": "Pxe" } });
    assert_eq!(patch(&redfish, SYSTEM, both).await.status, 500);
    assert_eq!(redfish.bmc().boot(), None);
    let wrong = patch(&redfish, SYSTEM, json!({ "PowerRestorePolicy": "Sometimes" })).await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn watchdog_and_light() {
    let redfish = redfish(&Scripted::new());
    let bmc = redfish.bmc();
    let answer = patch(
        &redfish,
        SYSTEM,
        json!({
            "LocationIndicatorActive": true,
            "HostWatchdogTimer": { "TimeoutAction": "PowerCycle", "WarningAction": "DiagnosticInterrupt" },
        }),
    );
    let system = answer.await.json();
    assert_eq!(system["HostWatchdogTimer"]["FunctionEnabled"], true);
    assert_eq!(system["HostWatchdogTimer"]["TimeoutAction"], "PowerCycle");
    assert_eq!(bmc.chassis().identify, Identify::On);
    let settings = bmc.watchdog().state().settings.unwrap();
    assert_eq!((settings.action, settings.warn_by_nmi), (Some(Verb::Cycle), true));
    let off = json!({ "HostWatchdogTimer": { "FunctionEnabled": false } });
    assert_eq!(
        patch(&redfish, SYSTEM, off).await.json()["HostWatchdogTimer"]["TimeoutAction"],
        "None"
    );
    let dark = json!({ "LocationIndicatorActive": false });
    assert_eq!(
        patch(&redfish, CHASSIS, dark).await.json()["LocationIndicatorActive"],
        false
    );
    assert_eq!(bmc.chassis().identify, Identify::Off);
}

#[tokio::test]
async fn a_tpm_is_cleared_at_the_next_power_on() {
    let machine = Scripted::new();
    let redfish = face_of(bmc_of(&machine, furnished(true)));
    let settings = format!("{SYSTEM}/Bios/Settings");
    let set = async |operation: &str| {
        let attributes = json!({ "Attributes": { "Tpm2Operation": operation } });
        patch(&redfish, &settings, attributes).await
    };
    redfish.bmc().act(Verb::On, Cause::Redfish).await.unwrap();
    let mut changes = redfish.bmc().watch();
    while redfish.bmc().log().entries().is_empty() {
        changes.changed().await.unwrap();
    }
    machine.acts();
    assert_eq!(set("Clear").await.json()["Attributes"]["Tpm2Operation"], "Clear");
    assert!(*machine.clears_tpm.lock().unwrap());
    assert_eq!(set("NoAction").await.json()["Attributes"], json!({}));
    assert!(!*machine.clears_tpm.lock().unwrap());
    set("Clear").await;
    // The guest's own reboot does not power it on.
    machine.reboot();
    while redfish.bmc().log().entries().len() < 2 {
        changes.changed().await.unwrap();
    }
    assert!(redfish.bmc().clears_tpm());
    let target = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    post(&redfish, &target, reset("PowerCycle")).await;
    while redfish.bmc().clears_tpm() {
        changes.changed().await.unwrap();
    }
    assert_eq!(get(&redfish, &settings).await.json()["Attributes"], json!({}));
    for wrong in [json!({ "Tpm2Operation": "Maybe" }), json!({ "BootMode": "Uefi" })] {
        let answer = patch(&redfish, &settings, json!({ "Attributes": wrong })).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_machine_without_a_tpm_has_none_to_clear() {
    let redfish = redfish(&Scripted::new());
    let settings = format!("{SYSTEM}/Bios/Settings");
    let clear = json!({ "Attributes": { "Tpm2Operation": "Clear" } });
    assert_eq!(patch(&redfish, &settings, clear).await.status, 400);
}

#[tokio::test]
async fn the_log_and_its_clock() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    let answer = patch(&redfish, MANAGER, json!({ "DateTime": "2001-02-03T04:05:06Z" })).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.json()["DateTime"]
            .as_str()
            .unwrap()
            .starts_with("2001-02-03T04:0")
    );
    assert_eq!(
        patch(&redfish, MANAGER, json!({ "DateTime": "soon" })).await.status,
        400
    );
    let mut changes = redfish.bmc().watch();
    redfish.bmc().act(Verb::On, Cause::Redfish).await.unwrap();
    while redfish.bmc().log().entries().is_empty() {
        changes.changed().await.unwrap();
    }
    let log = format!("{SYSTEM}/LogServices/SEL");
    let entry = get(&redfish, &format!("{log}/Entries/1")).await.json();
    assert_eq!(entry["Message"], "The machine was powered on over Redfish.");
    assert!(entry["Created"].as_str().unwrap().starts_with("2001-02-03"));
    // The same log is found under the manager.
    let same = get(&redfish, &format!("{MANAGER}/LogServices/SEL/Entries/1"))
        .await
        .json();
    assert_eq!(same["Message"], entry["Message"]);
    let clear = format!("{log}/Actions/LogService.ClearLog");
    assert_eq!(post(&redfish, &clear, json!({})).await.status, 204);
    let entries = get(&redfish, &format!("{log}/Entries?$expand=.")).await.json();
    assert_eq!(entries["Members"][0]["MessageId"], "Placemat2.1.0.LogCleared");
    for missing in ["2", "01", "x", "65536"] {
        assert_eq!(
            get(&redfish, &format!("{log}/Entries/{missing}")).await.status,
            404,
            "{missing}"
        );
    }
}
