//! Virtual media: inserted and ejected by actions and by changes, and what is refused.

use std::time::Duration;

use axum::http::Method;
use futures::FutureExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::bmc::{
    Drive, Identity, Image,
    redfish::{
        resources::{MANAGER, SYSTEM},
        testing::{READER, ask, face_of, get, patch, post, redfish},
    },
    testing::{Scripted, bmc_of, identity},
};

const URL: &str = "http://10.0.0.1/images/installer.iso";

fn cd() -> String {
    format!("{SYSTEM}/VirtualMedia/Cd")
}

fn insert_at(path: &str) -> String {
    format!("{path}/Actions/VirtualMedia.InsertMedia")
}

fn eject_at(path: &str) -> String {
    format!("{path}/Actions/VirtualMedia.EjectMedia")
}

#[tokio::test]
async fn what_is_being_ejected_is_gone_without_who_asked() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    let bmc = redfish.bmc();
    bmc.insert(Image::open(URL)).unwrap().await.unwrap();
    let turn = machine.turn.lock().await;
    let action = eject_at(&cd());
    let mut asked = Box::pin(post(&redfish, &action, json!({})));
    assert!((&mut asked).now_or_never().is_none());
    drop(asked);
    drop(turn);
    let mut changes = bmc.watch();
    let gone = async {
        while bmc.drive() != Drive::Empty {
            changes.changed().await.unwrap();
        }
    };
    timeout(Duration::from_secs(60), gone).await.unwrap();
    assert_eq!(*machine.medium.lock().unwrap(), None);
}

#[tokio::test]
async fn media_go_in_and_out() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    let nothing = get(&redfish, &cd()).await.json();
    assert_eq!(
        (&nothing["Inserted"], &nothing["Image"], &nothing["ConnectedVia"]),
        (&json!(false), &Value::Null, &json!("NotConnected"))
    );
    let wanted = json!({ "Image": URL, "Inserted": true, "WriteProtected": true, "TransferProtocolType": "HTTP" });
    assert_eq!(post(&redfish, &insert_at(&cd()), wanted.clone()).await.status, 204);
    assert_eq!(machine.medium.lock().unwrap().as_deref(), Some(URL));
    let shown = get(&redfish, &cd()).await.json();
    for (name, value) in [
        ("Inserted", json!(true)),
        ("Image", json!(URL)),
        ("ImageName", json!("installer.iso")),
        ("ConnectedVia", json!("URI")),
        ("WriteProtected", json!(true)),
        ("TransferProtocolType", json!("HTTP")),
    ] {
        assert_eq!(shown[name], value, "{name}");
    }
    // It is one drive, by whichever path.
    let other = format!("{MANAGER}/VirtualMedia/Cd");
    assert_eq!(get(&redfish, &other).await.json()["Image"], URL);
    let again = post(&redfish, &insert_at(&other), wanted).await;
    assert_eq!(
        (again.status.as_u16(), again.messages()),
        (409, vec!["ResourceInUse".into()])
    );
    assert_eq!(post(&redfish, &eject_at(&other), json!({})).await.status, 204);
    assert_eq!(*machine.medium.lock().unwrap(), None);
    let nothing = post(&redfish, &eject_at(&cd()), json!({})).await;
    assert_eq!(nothing.messages(), ["NoOperation"]);
}

#[tokio::test]
async fn a_change_inserts_and_ejects() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    let secret = json!({ "Image": URL, "Inserted": true, "UserName": "ada", "Password": "lovelace" });
    let shown = patch(&redfish, &cd(), secret).await;
    assert_eq!(shown.status, 200);
    let shown = shown.json();
    assert_eq!(
        (&shown["Inserted"], &shown["UserName"], &shown["Password"]),
        (&json!(true), &json!("ada"), &Value::Null)
    );
    assert_eq!(patch(&redfish, &cd(), json!({ "Inserted": true })).await.status, 200);
    let empty = patch(&redfish, &cd(), json!({ "Inserted": false })).await;
    assert_eq!((empty.status.as_u16(), &empty.json()["Image"]), (200, &Value::Null));
    assert_eq!(*machine.medium.lock().unwrap(), None);
    patch(&redfish, &cd(), json!({ "Image": URL })).await;
    assert!(redfish.bmc().drive().is_loaded());
    patch(&redfish, &cd(), json!({ "Image": null })).await;
    assert_eq!(redfish.bmc().drive(), Drive::Empty);
    for wrong in [
        json!({ "Inserted": true }),
        json!({ "Image": null, "Inserted": true }),
        json!({ "Image": URL, "Inserted": false }),
        json!({ "Image": 1 }),
        json!({ "WriteProtected": false }),
        json!({ "MediaTypes": ["Floppy"] }),
    ] {
        assert_eq!(patch(&redfish, &cd(), wrong.clone()).await.status, 400, "{wrong}");
        assert_eq!(redfish.bmc().drive(), Drive::Empty, "{wrong}");
    }
}

#[tokio::test]
async fn what_can_not_be_inserted_is_told() {
    let redfish = redfish(&Scripted::new());
    for (body, message) in [
        (json!({}), "ActionParameterMissing"),
        (json!({ "Image": null }), "ActionParameterValueTypeError"),
        (json!({ "Image": "nfs://10.0.0.1/a.iso" }), "ActionParameterValueError"),
        (json!({ "Image": "installer.iso" }), "ActionParameterValueError"),
        (
            json!({ "Image": "http://ada:x@10.0.0.1/a.iso" }),
            "ActionParameterValueError",
        ),
        (
            json!({ "Image": URL, "TransferProtocolType": "HTTPS" }),
            "ActionParameterValueError",
        ),
        (
            json!({ "Image": URL, "TransferProtocolType": "NFS" }),
            "ActionParameterValueNotInList",
        ),
        (
            json!({ "Image": URL, "TransferMethod": "Stream" }),
            "ActionParameterValueNotInList",
        ),
        (
            json!({ "Image": URL, "WriteProtected": false }),
            "ActionParameterValueError",
        ),
        (json!({ "Image": URL, "Inserted": false }), "ActionParameterValueError"),
        (json!({ "Image": URL, "Drive": "A" }), "ActionParameterUnknown"),
        (
            json!({ "Image": "http://nowhere/a.iso" }),
            "CouldNotEstablishConnection",
        ),
    ] {
        let answer = post(&redfish, &insert_at(&cd()), body.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.messages()),
            (400, vec![message.into()]),
            "{body}"
        );
        assert_eq!(redfish.bmc().drive(), Drive::Empty, "{body}");
    }
    let body = json!({ "Image": URL }).to_string();
    let answer = ask(&redfish, Method::POST, &insert_at(&cd()), &[READER], &body).await;
    assert_eq!(answer.status, 403);
}

#[tokio::test(start_paused = true)]
async fn what_takes_long_is_a_task_that_can_be_given_up() {
    let machine = Scripted::new();
    let redfish = redfish(&machine);
    let slow = "https://slow/a.iso";
    let answer = post(&redfish, &insert_at(&cd()), json!({ "Image": slow })).await;
    assert_eq!(answer.status, 202);
    let monitor = answer.header("location").to_owned();
    let task = answer.json();
    assert_eq!(task["TaskState"], "Running");
    assert_eq!(task["Payload"]["TargetUri"], insert_at(&cd()));
    let shown = get(&redfish, &cd()).await.json();
    assert_eq!((&shown["Image"], &shown["Inserted"]), (&json!(slow), &json!(false)));
    assert_eq!(get(&redfish, &monitor).await.status, 202);
    assert_eq!(post(&redfish, &eject_at(&cd()), json!({})).await.status, 204);
    while get(&redfish, &monitor).await.status == 202 {
        tokio::task::yield_now().await;
    }
    let path = task["@odata.id"].as_str().unwrap();
    assert_eq!(get(&redfish, path).await.json()["TaskState"], "Exception");
    assert_eq!(redfish.bmc().drive(), Drive::Empty);
    assert_eq!(
        post(&redfish, &insert_at(&cd()), json!({ "Image": URL })).await.status,
        204
    );
}

#[tokio::test]
async fn a_machine_without_a_drive_has_no_virtual_media() {
    let none = Identity {
        cd: false,
        ..identity()
    };
    let redfish = face_of(bmc_of(&Scripted::new(), none));
    assert_eq!(get(&redfish, &cd()).await.status, 404);
    assert_eq!(
        post(&redfish, &insert_at(&cd()), json!({ "Image": URL })).await.status,
        404
    );
    assert!(get(&redfish, SYSTEM).await.json().get("VirtualMedia").is_none());
    assert!(get(&redfish, MANAGER).await.json().get("VirtualMedia").is_none());
    let cd = json!({ "Boot": { "BootSourceOverrideTarget": "Cd" } });
    assert_eq!(patch(&redfish, SYSTEM, cd).await.status, 400);
}
