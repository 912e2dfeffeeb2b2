//! Virtual media: the machine's CD drive, and what is put into it.
//!
//! DMTF has moved it from the manager to the system, where links lead to it. Those who know its old place find it there, too;
//! a link to that is deprecated, and clients that follow links look in both places.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{accepted, collection, enabled, power::refused, resource, with};
use crate::bmc::{
    Drive, Image, MachineError, Secret,
    redfish::{
        caller::Privilege,
        changes::Changes,
        message::Message,
        registry,
        reply::{Outcome, Refusal, Reply},
        route::{Route, View},
        tasks,
    },
};

pub const ROUTES: &[Route] = &[
    Route::resource("/redfish/v1/Systems/System.Embedded.1/VirtualMedia", all),
    Route::resource("/redfish/v1/Systems/System.Embedded.1/VirtualMedia/Cd", read)
        .patch(Privilege::ConfigureManager, change),
    Route::action(
        "/redfish/v1/Systems/System.Embedded.1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia",
        "VirtualMedia.InsertMedia",
        Privilege::ConfigureManager,
        insert,
    ),
    Route::action(
        "/redfish/v1/Systems/System.Embedded.1/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia",
        "VirtualMedia.EjectMedia",
        Privilege::ConfigureManager,
        eject,
    ),
    Route::resource("/redfish/v1/Managers/BMC/VirtualMedia", all),
    Route::resource("/redfish/v1/Managers/BMC/VirtualMedia/Cd", read).patch(Privilege::ConfigureManager, change),
    Route::action(
        "/redfish/v1/Managers/BMC/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia",
        "VirtualMedia.InsertMedia",
        Privilege::ConfigureManager,
        insert,
    ),
    Route::action(
        "/redfish/v1/Managers/BMC/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia",
        "VirtualMedia.EjectMedia",
        Privilege::ConfigureManager,
        eject,
    ),
];

/// By which protocols an image can be had; a file of the host is none that Redfish has a word for.
const PROTOCOLS: &[(&str, &str)] = &[("HTTP", "http"), ("HTTPS", "https")];
/// The image is fetched whole before it is inserted.
const METHODS: &[(&str, ())] = &[("Upload", ())];
/// How long a request waits for an image; what takes longer goes on as a task.
const PATIENCE: Duration = Duration::from_secs(25);
/// The longest URL, user and password.
const LONGEST: usize = 2048;

/// Refuses where the machine has no drive.
fn check_drive(view: &View<'_>) -> Result<(), Refusal> {
    if view.redfish.bmc().identity().cd {
        Ok(())
    } else {
        Err(view.not_found())
    }
}

fn all(view: &View<'_>) -> Result<Value, Refusal> {
    check_drive(view)?;
    let members = [format!("{}/Cd", view.path)];
    Ok(collection("VirtualMedia", view, "Virtual media", members))
}

fn read(view: &View<'_>) -> Result<Value, Refusal> {
    check_drive(view)?;
    let drive = view.redfish.bmc().drive();
    let image = drive.image();
    let protocol = image.and_then(|image| PROTOCOLS.iter().find(|(_, scheme)| *scheme == image.scheme()));
    let action = |name: &str| format!("{}/Actions/VirtualMedia.{name}", view.path);
    Ok(with(
        resource("VirtualMedia", view, "CD drive"),
        json!({
            "MediaTypes": ["CD", "DVD"],
            "Image": image.map(|image| &image.url),
            "ImageName": image.map(Image::name),
            "Inserted": drive.is_loaded(),
            "WriteProtected": true,
            "ConnectedVia": if drive.is_loaded() { "URI" } else { "NotConnected" },
            "TransferProtocolType": protocol.map(|(name, _)| name),
            "TransferMethod": "Upload",
            "UserName": image.and_then(|image| image.user.as_deref()),
            "Password": null,
            "VerifyCertificate": true,
            "EjectPolicy": "Persistent",
            "Status": enabled(),
            "Actions": {
                "#VirtualMedia.InsertMedia": {
                    "target": action("InsertMedia"),
                    "TransferProtocolType@Redfish.AllowableValues": PROTOCOLS.iter().map(|(name, _)| name).collect::<Vec<_>>(),
                    "TransferMethod@Redfish.AllowableValues": ["Upload"],
                },
                "#VirtualMedia.EjectMedia": { "target": action("EjectMedia") },
            },
        }),
    ))
}

/// Takes what tells of an image: `None` where there is none.
fn image(changes: &mut Changes) -> Option<Image> {
    let url = changes.text("/Image");
    let user = changes.text_or_null("/UserName").filter(|user| !user.is_empty());
    let password = changes
        .text_or_null("/Password")
        .filter(|password| !password.is_empty());
    let protocol = changes.choice("/TransferProtocolType", PROTOCOLS);
    changes.choice("/TransferMethod", METHODS);
    if changes.flag("/WriteProtected") == Some(false) {
        changes.wrong("/WriteProtected", "(It is a CD: nothing can write to it.)");
    }
    for (name, value) in [("/Image", &url), ("/UserName", &user), ("/Password", &password)] {
        if value.as_ref().is_some_and(|value| value.len() > LONGEST) {
            changes.wrong(name, format_args!("(It is longer than {LONGEST} bytes.)"));
        }
    }
    let mut image = Image::open(url?);
    match (image.scheme(), protocol) {
        ("http" | "https" | "file", None) => {}
        (scheme, Some(protocol)) if scheme == protocol => {}
        // Without a scheme, it is the protocol that tells.
        ("", Some(protocol)) => image.url = format!("{protocol}://{}", image.url),
        (_, Some(_)) => changes.wrong("/TransferProtocolType", "(It is not the protocol of the image's URL.)"),
        (_, None) => changes.wrong("/Image", "(It must be a URL of http, https or file.)"),
    }
    let authority = image.url.split('/').nth(2).unwrap_or_default();
    if authority.contains('@') {
        changes.wrong("/Image", "(Give the user and the password by UserName and Password.)");
    }
    (image.user, image.password) = (user, password.map(Secret::new));
    Some(image)
}

fn insert(view: &View<'_>, parameters: &mut Changes) -> Outcome {
    check_drive(view)?;
    let missing = !parameters.has("/Image");
    let image = image(parameters);
    if parameters.flag("/Inserted") == Some(false) {
        parameters.wrong("/Inserted", "(What is put into the drive is inserted.)");
    }
    if missing {
        parameters.missing("/Image");
    }
    parameters.check_all()?;
    let Some(image) = image else {
        return Err(Refusal::bad(Message::new(registry::MALFORMED_JSON, [])));
    };
    begin_insert(view, parameters, image)?;
    Ok(Reply::empty())
}

/// Begins to put an image into the drive; the answer is to wait for it.
fn begin_insert(view: &View<'_>, changes: &mut Changes, image: Image) -> Result<(), Refusal> {
    let bmc = view.redfish.bmc();
    let url = image.url.clone();
    let work = bmc.insert(image).map_err(|error| fault(&url, &error))?;
    let drive = view.path.split("/Actions/").next().unwrap_or_default();
    let target = format!("{drive}/Actions/VirtualMedia.InsertMedia");
    let begun = tasks::begin(view, "An image is fetched and put into the CD drive", target, work);
    let (task, outcome) = begun.inspect_err(|_| {
        let bmc = bmc.clone();
        view.redfish.spawn(async move { drop(bmc.eject().await) });
    })?;
    let redfish = view.redfish.clone();
    changes.then(async move {
        match timeout(PATIENCE, outcome).await {
            Ok(Ok(Ok(()))) => Ok(Reply::empty()),
            Ok(Ok(Err(error))) => Err(fault(&url, &error)),
            // It goes on, or ends with the BMC.
            Ok(Err(_)) | Err(_) => Ok(accepted(&redfish.tasks().get(task.id).unwrap_or(task))),
        }
    });
    Ok(())
}

fn eject(view: &View<'_>, parameters: &mut Changes) -> Outcome {
    check_drive(view)?;
    parameters.check_all()?;
    if view.redfish.bmc().drive() == Drive::Empty {
        return Ok(Reply::message(&Message::new(registry::NO_OPERATION, [])));
    }
    begin_eject(view, parameters);
    Ok(Reply::empty())
}

fn begin_eject(view: &View<'_>, changes: &mut Changes) {
    let bmc = view.redfish.bmc().clone();
    changes.then(async move {
        let ejected = bmc.eject().await;
        ejected.map(|()| Reply::empty()).map_err(|error| refused(&error))
    });
}

/// A new image is inserted, none or `Inserted: false` ejects.
fn change(view: &View<'_>, changes: &mut Changes) -> Result<(), Refusal> {
    check_drive(view)?;
    let nothing = changes.is_null("/Image");
    if nothing {
        changes.value("/Image");
    }
    let image = image(changes);
    let inserted = changes.flag("/Inserted");
    match (&image, inserted) {
        (Some(_), Some(false)) => changes.wrong("/Inserted", "(An image that is given is inserted.)"),
        (None, Some(true)) if nothing => changes.wrong("/Inserted", "(There is no image.)"),
        (None, Some(true)) if !view.redfish.bmc().drive().is_loaded() => {
            changes.wrong("/Inserted", "(There is no image: give one.)");
        }
        _ => {}
    }
    changes.check()?;
    match image {
        Some(image) => begin_insert(view, changes, image)?,
        None if nothing || inserted == Some(false) => begin_eject(view, changes),
        None => {}
    }
    Ok(())
}

fn fault(url: &str, error: &MachineError) -> Refusal {
    match error {
        MachineError::Conflict(_) => Refusal::new(
            StatusCode::CONFLICT,
            Message::new(registry::RESOURCE_IN_USE, []).saying(error),
        ),
        MachineError::Unavailable(_) => {
            Refusal::bad(Message::new(registry::COULD_NOT_ESTABLISH_CONNECTION, [url]).saying(error))
        }
        _ => refused(error),
    }
}
