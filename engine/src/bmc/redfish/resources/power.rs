//! Power: the reset actions of system and chassis, and what they can be told.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{CHASSIS, SYSTEM, accepted, resource, with};
use crate::bmc::{
    Cause, MachineError, Verb,
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
    Route::resource(
        "/redfish/v1/Systems/System.Embedded.1/ResetActionInfo",
        system_reset_info,
    ),
    Route::action(
        "/redfish/v1/Systems/System.Embedded.1/Actions/ComputerSystem.Reset",
        "ComputerSystem.Reset",
        Privilege::ConfigureComponents,
        reset_system,
    ),
    Route::resource(
        "/redfish/v1/Chassis/System.Embedded.1/ResetActionInfo",
        chassis_reset_info,
    ),
    Route::action(
        "/redfish/v1/Chassis/System.Embedded.1/Actions/Chassis.Reset",
        "Chassis.Reset",
        Privilege::ConfigureComponents,
        reset_chassis,
    ),
];

/// How long an answer waits for what was asked for, so that the power is then seen as it was to be.
const PATIENCE: Duration = Duration::from_secs(5);

/// What takes the guest's part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Errand {
    /// Have the guest shut down.
    Shutdown,
    /// Have the guest shut down, and power on.
    Restart,
}

impl Errand {
    fn begin(self, view: &View<'_>) -> Outcome {
        let name = match self {
            Self::Shutdown => "The guest shuts down",
            Self::Restart => "The guest shuts down and is powered on",
        };
        let bmc = view.redfish.bmc().clone();
        let work = Box::pin(async move {
            bmc.act(Verb::Shutdown, Cause::Redfish).await?;
            match self {
                Self::Shutdown => Ok(()),
                Self::Restart => bmc.act(Verb::On, Cause::Redfish).await,
            }
        });
        let (task, _) = tasks::begin(view, name, format!("{SYSTEM}/Actions/ComputerSystem.Reset"), work)?;
        Ok(accepted(&task))
    }
}

/// What a machine can be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reset {
    /// What is done at once.
    Verb(Verb),
    /// What takes the guest's part, and so its time.
    Errand(Errand),
}

const SYSTEM_RESETS: &[(&str, Reset)] = &[
    ("On", Reset::Verb(Verb::On)),
    ("ForceOff", Reset::Verb(Verb::Off)),
    ("ForceOn", Reset::Verb(Verb::On)),
    ("GracefulShutdown", Reset::Errand(Errand::Shutdown)),
    ("GracefulRestart", Reset::Errand(Errand::Restart)),
    ("ForceRestart", Reset::Verb(Verb::Reset)),
    ("PowerCycle", Reset::Verb(Verb::Cycle)),
    ("Nmi", Reset::Verb(Verb::Nmi)),
    ("PushPowerButton", Reset::Verb(Verb::Push)),
];

const CHASSIS_RESETS: &[(&str, Reset)] = &[("On", Reset::Verb(Verb::On)), ("ForceOff", Reset::Verb(Verb::Off))];

/// The action of the system, as the system shows it.
pub fn system_reset() -> Value {
    shown(SYSTEM, "ComputerSystem.Reset")
}

/// The action of the chassis.
pub fn chassis_reset() -> Value {
    shown(CHASSIS, "Chassis.Reset")
}

fn shown(path: &str, action: &str) -> Value {
    let resets = if path == SYSTEM { SYSTEM_RESETS } else { CHASSIS_RESETS };
    json!({
        "target": format!("{path}/Actions/{action}"),
        "@Redfish.ActionInfo": format!("{path}/ResetActionInfo"),
        "ResetType@Redfish.AllowableValues": names(resets),
    })
}

fn names(resets: &[(&'static str, Reset)]) -> Vec<&'static str> {
    resets.iter().map(|(name, _)| *name).collect()
}

fn system_reset_info(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(reset_info(view, SYSTEM_RESETS))
}

fn chassis_reset_info(view: &View<'_>) -> Result<Value, Refusal> {
    Ok(reset_info(view, CHASSIS_RESETS))
}

fn reset_info(view: &View<'_>, resets: &[(&'static str, Reset)]) -> Value {
    with(
        resource("ActionInfo", view, "What can be reset, and how"),
        json!({
            "Parameters": [{
                "Name": "ResetType", "Required": true, "DataType": "String", "AllowableValues": names(resets),
            }],
        }),
    )
}

fn reset_system(view: &View<'_>, parameters: &mut Changes) -> Outcome {
    reset(view, parameters, SYSTEM_RESETS)
}

fn reset_chassis(view: &View<'_>, parameters: &mut Changes) -> Outcome {
    reset(view, parameters, CHASSIS_RESETS)
}

fn reset(view: &View<'_>, parameters: &mut Changes, resets: &[(&'static str, Reset)]) -> Outcome {
    let missing = !parameters.has("/ResetType");
    let wanted = parameters.choice("/ResetType", resets);
    if missing {
        parameters.missing("/ResetType");
    }
    parameters.check_all()?;
    let Some(wanted) = wanted else {
        return Err(Refusal::bad(Message::new(registry::MALFORMED_JSON, [])));
    };
    let bmc = view.redfish.bmc();
    let on = bmc.power().is_on();
    let useless = bmc.is_settled()
        && match wanted {
            Reset::Verb(Verb::On) => on,
            Reset::Verb(Verb::Off) | Reset::Errand(Errand::Shutdown) => !on,
            Reset::Verb(_) | Reset::Errand(_) => false,
        };
    let verb = match wanted {
        Reset::Errand(Errand::Shutdown) if useless => return Ok(no_operation()),
        Reset::Errand(_) if !on => return Err(in_standby("a machine that is off can't be restarted by its guest")),
        Reset::Errand(errand) => return errand.begin(view),
        Reset::Verb(verb) => verb,
    };
    // Also what seems useless: what is seen here of the power may be behind what the machine was told, by others too.
    let begun = match bmc.begin(verb, Cause::Redfish) {
        _ if useless => return Ok(no_operation()),
        begun => begun.map_err(|error| refused(&error))?,
    };
    parameters.then(async move {
        let ended = begun.end_within(PATIENCE).await;
        ended.map(|()| Reply::empty()).map_err(|error| refused(&error))
    });
    Ok(Reply::empty())
}

fn no_operation() -> Reply {
    Reply::message(&Message::new(registry::NO_OPERATION, []))
}

fn in_standby(why: &str) -> Refusal {
    let message = Message::new(registry::RESOURCE_IN_STANDBY, []).saying(format_args!("({why}.)"));
    Refusal::new(StatusCode::CONFLICT, message)
}

/// A machine's refusal in Redfish's words.
pub fn refused(error: &MachineError) -> Refusal {
    match error {
        MachineError::Conflict(_) => Refusal::new(
            StatusCode::CONFLICT,
            Message::new(registry::RESOURCE_IN_STANDBY, []).saying(error),
        ),
        MachineError::Unsupported(_) => Refusal::bad(Message::new(registry::GENERAL_ERROR, []).saying(error)),
        MachineError::Failed(_) | MachineError::Unavailable(_) => {
            let message = Message::new(registry::INTERNAL_ERROR, []).saying(error);
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message)
        }
    }
}
